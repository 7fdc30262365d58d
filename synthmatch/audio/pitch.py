"""Pitch of a recorded note: SWIPE' over time, and one answer for the whole sound.

SWIPE' (Camacho and Harris, "A sawtooth waveform inspired pitch estimator for speech and
music", JASA 124, 2008) correlates the square root of the spectrum with that of a sawtooth of
each candidate pitch. Here the correlations of all frames are averaged by level before the best
candidate is picked, which suits a recording of one note: octave errors of single frames, the
attack and the fading tail do not count for much.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse
import soxr

from .framing import Floats, frames, hann, magnitudes

RATE = 32_000  # Hz at which pitch is analysed
HOP = 800  # samples at that rate: 25 ms
_LOWEST, _HIGHEST = 24.0, 109.0  # MIDI notes searched, C1 to C#8
_STEPS = 4  # candidates to a semitone
_ERB_STEP = 0.05  # spacing of the frequency axis in ERB
_SIZE = 8192  # samples of the windows that the pitch is refined with, 256 ms
_BLOCK = 128  # frames whose spectra are held at a time
_REACH = 2.0 ** (0.4 / 12.0)  # how far refining may go: 40 cents
_PITCHED = 0.25  # least correlation of a sound that has a pitch

FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class PitchTrack:
    """Pitch over time.

    Attributes
    ----------
    candidates : ndarray
        MIDI notes ``[c]``, evenly spaced.
    strengths : ndarray
        Correlation with a sawtooth, at most 1, ``[frames, c]``; a frame every 25 ms.
    levels : ndarray
        RMS of the 50 ms around each frame ``[frames]``.
    power : ndarray
        Mean power spectrum ``[_SIZE // 2 + 1]`` of the sound.
    seconds : float
        Length of the sound.
    """

    candidates: FloatArray
    strengths: FloatArray
    levels: FloatArray
    power: FloatArray
    seconds: float

    def pitch(self) -> float | None:
        """Return the MIDI note of the whole sound, fractions being cents; None if it has none."""
        total = float(self.levels.sum())
        if total == 0.0:
            return None
        mean = self.levels @ self.strengths / total
        best = int(mean.argmax())
        if mean[best] < _PITCHED:
            return None
        note = float(self.candidates[best])
        few_periods = self.seconds * float(_hertz(note)) < 10.0
        return note if few_periods else _refined(note, self.power)


def _refined(note: float, power: FloatArray) -> float:
    """Return ``note`` corrected, by at most 40 cents, to the centres of its partials.

    The kernels of SWIPE' are wide, so sounds with few partials come out up to 30 cents off.
    The first eight partials count by their energy over the square of their number; in bells
    and strings the higher ones are out of tune.
    """
    width = RATE / _SIZE
    hertz = start = float(_hertz(note))
    for _ in range(4):
        moment = energy = 0.0
        for k in range(1, 9):
            reach = max(0.03 * k * hertz, 2.0 * width)  # 50 cents, or the window's main lobe
            low = max(1, math.ceil((k * hertz - reach) / width))
            bins = np.arange(low, min(len(power) - 1, int((k * hertz + reach) / width)) + 1)
            energy += float(power[bins].sum()) / k**2
            moment += float((power[bins] * bins).sum()) * width / k**3
        if energy > 0.0:
            hertz = float(np.clip(moment / energy, start / _REACH, start * _REACH))
    return 69.0 + 12.0 * math.log2(hertz / 440.0)


def pitch_track(samples: Floats, sample_rate: int) -> PitchTrack:
    """Return the SWIPE' pitch track of ``samples [n]``."""
    x = samples if sample_rate == RATE else soxr.resample(samples, sample_rate, RATE)
    notes, axis, kernels = _kernels()
    count = len(x) // HOP + 1
    strengths = np.zeros((count, len(notes)))
    for size, chosen, weight in _windows():
        windows, kernel = frames(x, size, HOP, "constant"), kernels[chosen]
        for first in range(0, count, _BLOCK):
            rows = slice(first, first + _BLOCK)
            spectrum = _spectrum(windows[rows], axis)
            norm = np.linalg.norm(spectrum, axis=1, keepdims=True)
            spectrum /= np.maximum(norm, np.finfo(np.float32).tiny)
            strengths[rows, chosen] += weight * (kernel @ spectrum.T).T
    power = (frames(x, 2 * HOP, HOP, "constant") ** 2).mean(axis=-1, dtype=np.float64)
    spectrum = (magnitudes(x, _SIZE, _SIZE // 4, "constant") ** 2).mean(axis=0, dtype=np.float64)
    return PitchTrack(notes, strengths, np.sqrt(power), spectrum, len(x) / RATE)


def _spectrum(windows: Floats, axis: FloatArray) -> Floats:
    """Return the root of the magnitude spectrum on the frequency ``axis``, ``[frames, f]``."""
    size = windows.shape[1]
    length = max(size, 1024)  # zero-padded, so that interpolating between bins does no harm
    windowed = windows * hann(size).astype(windows.dtype)
    magnitude = np.abs(scipy.fft.rfft(windowed, length, axis=-1))
    place = axis * length / RATE
    lower = np.minimum(place.astype(np.int64), magnitude.shape[1] - 2)
    part = (place - lower).astype(magnitude.dtype)
    between = magnitude[:, lower] * (1 - part) + magnitude[:, lower + 1] * part
    return np.asarray(np.sqrt(between))


@functools.lru_cache(maxsize=1)
def _windows() -> tuple[tuple[int, slice, FloatArray], ...]:
    """Return sizes, the candidates each is for, and its weight for them.

    A Hann window of ``size`` samples suits the pitch best that has 8 periods in it; as in the
    paper, each pitch is analysed with the two nearest powers of two, weighted by nearness.
    """
    notes = _kernels()[0]
    ideal = np.log2(8.0 * RATE / _hertz(notes))
    out = []
    for power in range(int(np.floor(ideal[-1])), int(np.ceil(ideal[0])) + 1):
        weight = np.maximum(0.0, 1.0 - np.abs(ideal - power))
        inside = np.flatnonzero(weight)
        if inside.size:
            chosen = slice(int(inside[0]), int(inside[-1]) + 1)
            out.append((2**power, chosen, weight[chosen]))
    return tuple(out)


@functools.lru_cache(maxsize=1)
def _kernels() -> tuple[FloatArray, FloatArray, scipy.sparse.csr_array]:
    """Return candidate notes ``[c]``, frequencies ``[f]`` in Hz, and kernels ``[c, f]``.

    The kernels of the paper: cosine lobes at the first and the prime harmonics, decaying as
    the root of frequency, normalised by their positive part. Two fifths of them are zeros;
    kept sparse, they do not wait for BLAS threads.
    """
    notes = np.arange(_LOWEST * _STEPS, _HIGHEST * _STEPS + 1) / _STEPS
    pitch = _hertz(notes)
    low, high = float(_to_erb(pitch[0] / 4.0)), float(_to_erb(RATE / 2.0))
    axis = _from_erb(np.arange(low, high, _ERB_STEP))
    ratio = axis[:, None] / pitch
    nearest = np.rint(ratio).astype(np.int64)
    beside = nearest + np.where(ratio > nearest, 1, -1)
    counts = np.append(_first_and_primes(int(ratio.max()) + 2), 0.0)  # the 0 is for index -1
    last = np.floor(axis[-1] / pitch - 0.75)
    at, next_to = (counts[k] * (k <= last) for k in (nearest, beside))
    lobe = np.where(np.abs(ratio - nearest) < 0.25, at, 0.5 * (at + next_to))
    kernels = lobe * np.cos(2.0 * np.pi * ratio) / np.sqrt(axis)[:, None]
    kernels /= np.linalg.norm(np.maximum(kernels, 0.0), axis=0)
    return notes, axis, scipy.sparse.csr_array(kernels.T.astype(np.float32))


def _first_and_primes(limit: int) -> FloatArray:
    """Return 1.0 at 1 and at the primes up to ``limit``, else 0.0, ``[limit + 1]``."""
    sieve = np.ones(limit + 1)
    sieve[0] = 0.0
    for k in range(2, int(limit**0.5) + 1):
        if sieve[k]:
            sieve[k * k :: k] = 0.0
    return sieve


def _hertz(notes: npt.ArrayLike) -> FloatArray:
    return np.asarray(440.0 * 2.0 ** ((np.asarray(notes) - 69.0) / 12.0))


def _to_erb(hertz: npt.ArrayLike) -> FloatArray:
    """Return the number of equivalent rectangular bandwidths (Glasberg and Moore, 1990)."""
    return np.asarray(21.4 * np.log10(1.0 + np.asarray(hertz) / 229.0))


def _from_erb(erb: npt.ArrayLike) -> FloatArray:
    return np.asarray((10.0 ** (np.asarray(erb) / 21.4) - 1.0) * 229.0)
