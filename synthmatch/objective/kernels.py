"""The inner loops of the objective, compiled; they hold no lock, so threads run side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Return ``function`` compiled, and kept on disk where a folder for that can be written."""
    loosely = {"contract", "reassoc", "nsz", "arcp"}
    try:
        kept: Any = numba.njit(function, cache=True, nogil=True, fastmath=loosely)
    except RuntimeError:  # no folder for the compiled code: compile anew in every process
        kept = numba.njit(function, nogil=True, fastmath=loosely)
    compiled: _Function = kept
    return compiled


@_compiled
def window_frames(
    sound: np.ndarray[Any, Any],
    first: int,
    hop: int,
    window: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [frames, size]`` with windowed frames of ``sound [n]``, every ``hop``."""
    frames, size = out.shape
    for frame in range(frames):
        start = first + frame * hop
        for k in range(size):
            out[frame, k] = sound[start + k] * window[k]


@_compiled
def mel_power(
    spectrum: np.ndarray[Any, Any],
    starts: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> float:
    """Fill ``out [frames, bands]`` with mel power of ``spectrum [frames, bins]``; return its sum.

    Band ``b`` adds ``lengths[b]`` bins from ``starts[b]``, by its row of ``weights``.
    """
    total = 0.0
    power = np.empty(spectrum.shape[1], dtype=np.float32)
    for frame in range(len(spectrum)):
        row = spectrum[frame]
        for k in range(len(row)):
            power[k] = row[k].real * row[k].real + row[k].imag * row[k].imag
        part = np.float32(0.0)
        for band in range(len(starts)):
            start = starts[band]
            value = np.float32(0.0)
            for k in range(lengths[band]):
                value += power[start + k] * weights[band, k]
            out[frame, band] = value
            part += value
        total += float(part)
    return total


@_compiled
def compress(
    power: np.ndarray[Any, Any],
    scale: float,
    logarithms: np.ndarray[Any, Any],
    roots: np.ndarray[Any, Any],
) -> None:
    """Fill in ``log(p + 1)`` and the fourth roots of ``p = power [n] * scale``.

    The logarithm is that of the exponent, and of the mantissa ``m`` within [0.75, 1.5) the
    series ``2 atanh((m - 1) / (m + 1))`` to its ninth power, exact to 1e-7.
    """
    factor = np.float32(scale)
    for i in range(len(power)):
        p = power[i] * factor
        bits = np.float32(p + np.float32(1.0)).view(np.int32)
        exponent = np.int32(np.int32(bits - np.int32(0x3F400000)) >> np.int32(23))
        mantissa = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32)
        z = (mantissa - np.float32(1.0)) / (mantissa + np.float32(1.0))
        zz = z * z
        series = np.float32(0.2222222222) * zz + np.float32(0.2857142857)
        series = series * zz + np.float32(0.4)
        series = series * zz + np.float32(0.6666666667)
        series = series * zz + np.float32(2.0)
        logarithms[i] = np.float32(exponent) * np.float32(0.6931471806) + series * z
        roots[i] = np.sqrt(np.sqrt(p))


@_compiled
def envelopes(
    power: np.ndarray[Any, Any],
    scale: float,
    counts: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out`` with the fourth roots of the power of every so many frames, one after another.

    ``power [frames, bands]`` is added up over the bands, times ``scale``, and over ``counts``
    frames at a time, the last time over what is left.
    """
    frames = len(power)
    sums = np.empty(frames, dtype=np.float32)
    for frame in range(frames):
        total = np.float32(0.0)
        for band in range(power.shape[1]):
            total += power[frame, band]
        sums[frame] = total * np.float32(scale)
    at = 0
    for count in counts:
        for first in range(0, frames, count):
            total = np.float32(0.0)
            for frame in range(first, min(first + count, frames)):
                total += sums[frame]
            out[at] = np.sqrt(np.sqrt(total))
            at += 1


@_compiled
def dissimilarity(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Return ``sum |a - b| / sum (a + b)`` of two rows ``[n]``; 0 where both are 0."""
    difference, total = 0.0, 0.0
    for first in range(0, len(a), 4096):
        apart, together = np.float32(0.0), np.float32(0.0)
        for i in range(first, min(first + 4096, len(a))):
            apart += abs(a[i] - b[i])
            together += a[i] + b[i]
        difference += float(apart)
        total += float(together)
    return difference / total if total > 0.0 else 0.0
