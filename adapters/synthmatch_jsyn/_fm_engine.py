"""The samples of ``fm``: the equations of :mod:`synthmatch_jsyn.fm`, compiled."""

from __future__ import annotations

import math

import numpy as np

from ._engine import Audio, Floats, kernel, on_threads, quarter_triangle, sawtooth, sine

SHAPES = ("sine", "square", "triangle", "sawtooth", "none")
_SINE, _SQUARE, _TRIANGLE, _SAWTOOTH, _NONE = range(5)
_NATIVE_RATE = 16_384.0  # the modulation index counts in samples of this rate
_ZEROS = 8.0  # zero crossings of the low-pass on each side, as in julius
_FADE = 0.005  # seconds from the release of the key to silence
_BLOCK = 512  # samples that are filtered at a time


@kernel()
def _to_wave(x: Floats, shape: int) -> None:
    """Turn phases in cycles into samples of a wave, in place."""
    if shape == _SINE:
        for i in range(len(x)):
            x[i] = sine(x[i])
    elif shape == _SQUARE:
        for i in range(len(x)):
            half = x[i] - np.floor(x[i]) - 0.5
            x[i] = 0.0 if half == 0.0 or half == -0.5 else math.copysign(1.0, -half)
    elif shape == _TRIANGLE:
        for i in range(len(x)):
            x[i] = 4.0 * quarter_triangle(x[i])
    elif shape == _SAWTOOTH:
        for i in range(len(x)):
            x[i] = sawtooth(x[i])
    else:
        x[:] = 1.0


@kernel()
def _fill_taps(taps: Floats, cutoff: float) -> None:
    """Fill ``taps`` with half of a windowed sinc, up to its centre; the whole sums to 1.

    ``cutoff`` is in cycles a sample.
    """
    half = len(taps) - 1
    total = 0.0
    for k in range(half):
        x = 2.0 * cutoff * (k - half)
        taps[k] = sine(0.5 * x) / (math.pi * x) * (0.5 - 0.5 * sine(k / (2.0 * half) + 0.25))
        total += 2.0 * taps[k]
    taps[half] = 1.0
    taps /= total + 1.0


@kernel()
def _convolve(out: Floats, x: Floats, taps: Floats) -> None:
    """Fill ``out [m]`` with ``x [m + 2 h]`` filtered by ``taps [h + 1]`` and their mirror."""
    half = len(taps) - 1
    for j in range(len(out)):
        out[j] = taps[half] * x[j + half]
    for k in range(half):
        tap, before, after = taps[k], x[k:], x[2 * half - k :]
        for j in range(len(out)):
            out[j] += tap * (before[j] + after[j])


@kernel("void(float64[:,::1], float64, float64, float64, float64, float32[:,::1])")
def _render_rows(
    patches: Floats, ratio: float, held: float, total: float, rate: float, out: Audio
) -> None:
    samples = out.shape[1]
    last = max(samples - 1.0, 1.0)
    index = np.arange(float(samples))
    lfo, block = np.empty(samples), np.empty(_BLOCK)
    widest = int(_ZEROS / (np.min(patches[:, 8]) / rate) / 2.0)
    padded = np.empty(samples + 2 * widest)
    for row in range(len(patches)):
        wave, carrier, depth, lfo_rate, lfo_wave, am_wave, am_rate, amount, cutoff = patches[row]
        filtered = wave != _SINE and cutoff < 0.5 * rate
        half = int(_ZEROS / (cutoff / rate) / 2.0) if filtered else 0
        x = padded[: samples + 2 * half]
        signal = x[half : half + samples]

        for i in range(samples):
            lfo[i] = lfo_rate * total * index[i] / last
        _to_wave(lfo, int(lfo_wave))
        swing = depth * ratio * (_NATIVE_RATE / rate) / (2.0 * math.pi)
        area = 0.0
        for i in range(samples):
            area += lfo[i]
            signal[i] = swing * area
        for i in range(samples):
            signal[i] += carrier * ratio * total * index[i] / last
        _to_wave(signal, int(wave))

        if am_wave != _NONE:
            for i in range(samples):
                lfo[i] = am_rate * total * index[i] / last
            _to_wave(lfo, int(am_wave))
            for i in range(samples):
                signal[i] *= amount * (lfo[i] + 1.0) / 2.0 + 1.0 - amount

        x[:half] = signal[0]
        x[half + samples :] = signal[-1]
        taps = np.ones(half + 1)
        if filtered:
            _fill_taps(taps, cutoff / rate)
        for start in range(0, samples, _BLOCK):
            stop = min(start + _BLOCK, samples)
            y = block[: stop - start]
            _convolve(y, x[start : stop + 2 * half], taps)
            if held < total:
                for j in range(len(y)):
                    gain = 1.0 - (total * index[start + j] / last - held) / _FADE
                    y[j] *= min(max(gain, 0.0), 1.0)
            for j in range(len(y)):
                out[row, start + j] = y[j]


def render(
    patches: Floats, *, ratio: float, held: float, total: float, samples: int, sample_rate: int
) -> Audio:
    """Return ``float32 [n, samples]`` for native values ``patches [n, 9]``.

    Waves are numbered in the order of ``SHAPES``; ``ratio`` transposes; times are in seconds.
    """
    out = np.empty((len(patches), samples), dtype=np.float32)

    def rows(first: int, last: int) -> None:
        _render_rows(patches[first:last], ratio, held, total, float(sample_rate), out[first:last])

    on_threads(rows, *out.shape)
    return out
