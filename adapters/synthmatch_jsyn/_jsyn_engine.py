"""The samples of ``jsyn``: the equations of :mod:`synthmatch_jsyn.jsyn`, compiled.

Everything but the filter is a closed form in time, so nothing drifts over long notes.
"""

from __future__ import annotations

import math

import numpy as np

from ._engine import Audio, Floats, kernel, on_threads, quarter_triangle, sawtooth, sine

_BLOCK = 512  # samples that go through the whole synth before the next ones do
_FALL = math.log(10.0) * 90.0 / 20.0  # JSyn's decay and release times are those of 90 dB
_FLOOR = math.exp(-_FALL)
_HIGHEST_CUTOFF = 0.499  # of the sample rate, as in JSyn
_SILENT = 1e-60  # a filter this quiet is stopped before it reaches slow denormal numbers


@kernel()
def _fill_phases(
    out: Floats, index: Floats, rate: float, carrier: float, lfo: float, depth: float, eq1: bool
) -> None:
    """Fill ``out`` with the phase in cycles at sample numbers ``index``."""
    step = lfo / rate
    if eq1:
        swing = depth / (2.0 * math.pi)
        for j in range(len(out)):
            out[j] = carrier * index[j] / rate + swing * sine(step * index[j])
    else:
        swing = depth / (2.0 * math.pi * lfo)
        for j in range(len(out)):
            out[j] = carrier * index[j] / rate + swing * (1.0 - sine(step * index[j] + 0.25))


@kernel()
def _oscillators(
    mix: Floats, phase: Floats, index: Floats, rate: float, patch: Floats, ratio: float, eq1: bool
) -> None:
    """Fill ``mix`` with a quarter of the sum of the four oscillators."""
    for wave in range(4):
        carrier, lfo, amplitude, depth = patch[4 * wave : 4 * wave + 4]
        a = 0.25 * amplitude
        _fill_phases(phase, index, rate, carrier * ratio, lfo, depth * (1.0 if eq1 else ratio), eq1)
        if wave == 0:
            for j in range(len(mix)):
                mix[j] = a * sine(phase[j])
        elif wave == 1:
            for j in range(len(mix)):
                mix[j] += a * sawtooth(phase[j])
        elif wave == 2:
            for j in range(len(mix)):
                mix[j] += a if phase[j] - np.floor(phase[j]) < 0.5 else -a
        else:
            for j in range(len(mix)):
                mix[j] += 4.0 * a * quarter_triangle(phase[j])


@kernel()
def _envelope(segments: Floats, samples: int, rate: float, adsr: Floats, held: float) -> None:
    """Fill ``segments [6, 4]``: attack, decay, sustain, release, silence, and the end.

    Each is its first sample, the level there, and the factor and step to the next level,
    ``level * factor + step``.
    """
    attack, decay, sustain, release = adsr
    segments[:] = 0.0
    for k, end in enumerate(
        (min(attack, held), min(attack - decay * math.log(sustain) / _FALL, held), held)
    ):
        segments[k + 1, 0] = min(math.ceil(end * rate), samples)
    segments[4, 0] = min(math.ceil((held + release) * rate), samples)
    segments[5, 0] = samples

    segments[0, 2:] = (1.0, 1.0 / (attack * rate))
    segments[1, 1] = math.exp(-_FALL * (segments[1, 0] / rate - attack) / decay)
    segments[1, 2] = math.exp(-_FALL / (decay * rate))
    segments[2, 1:3] = (sustain, 1.0)
    if held < attack:
        level = held / attack
    else:
        level = max(sustain, math.exp(-_FALL * (held - attack) / decay))
    # level * (floor^x - floor) / (1 - floor), where x runs from 0 to 1 during the release
    scale = level / (1.0 - _FLOOR)
    offset = scale * _FLOOR
    segments[3, 1] = scale * math.exp(-_FALL * (segments[3, 0] / rate - held) / release) - offset
    segments[3, 2] = math.exp(-_FALL / (release * rate))
    segments[3, 3] = offset * (segments[3, 2] - 1.0)


@kernel("void(float64[:,::1], float64, float64, float64, boolean, boolean, float32[:,::1])")
def _render_rows(
    patches: Floats, ratio: float, held: float, rate: float, eq1: bool, smooth: bool, out: Audio
) -> None:
    samples = out.shape[1]
    mixes, phases, count = np.empty(_BLOCK), np.empty(_BLOCK), np.arange(float(_BLOCK))
    segments = np.empty((6, 4))
    for row in range(len(patches)):
        patch = patches[row]
        cutoff, q, gate = patch[20], patch[21], patch[22]
        _envelope(segments, samples, rate, patch[16:20], held)
        w = 2.0 * math.pi * min(cutoff / rate, _HIGHEST_CUTOFF)
        alpha = math.sin(w) / (2.0 * q)
        b0 = 0.5 * (1.0 - math.cos(w)) / (1.0 + alpha)
        a1 = -2.0 * math.cos(w) / (1.0 + alpha)
        a2 = (1.0 - alpha) / (1.0 + alpha)
        x1 = x2 = y1 = y2 = level = 0.0
        for start in range(0, samples, _BLOCK):
            stop = min(start + _BLOCK, samples)
            mix, index = mixes[: stop - start], count[: stop - start] + start
            _oscillators(mix, phases[: stop - start], index, rate, patch, ratio, eq1)
            for s in range(5):
                first, last = int(segments[s, 0]), int(segments[s + 1, 0])
                if start <= first < stop:
                    level = segments[s, 1]
                factor, step = segments[s, 2], segments[s, 3]
                for j in range(max(first - start, 0), min(last, stop) - start):
                    x = level * mix[j]
                    level = level * factor + step
                    y = b0 * (x + 2.0 * x1 + x2) - a2 * y2 - a1 * y1
                    x2, x1, y2, y1 = x1, x, y1, y
                    mix[j] = y
            if abs(y1) + abs(y2) < _SILENT:
                y1 = y2 = 0.0
            for j in range(stop - start):
                cycles = gate * index[j] / rate
                if smooth:
                    out[row, start + j] = mix[j] * (0.5 + 0.5 * sine(cycles))
                else:
                    out[row, start + j] = mix[j] if cycles - np.floor(cycles) < 0.5 else 0.0


def render(
    patches: Floats,
    *,
    ratio: float,
    held: float,
    samples: int,
    sample_rate: int,
    phase_modulation: bool,
    sine_gater: bool,
) -> Audio:
    """Return ``float32 [n, samples]`` for native values ``patches [n, 23]``.

    ``ratio`` transposes; ``held`` is in seconds.
    """
    out = np.empty((len(patches), samples), dtype=np.float32)

    def rows(first: int, last: int) -> None:
        _render_rows(
            patches[first:last],
            ratio,
            held,
            float(sample_rate),
            phase_modulation,
            sine_gater,
            out[first:last],
        )

    on_threads(rows, *out.shape)
    return out
