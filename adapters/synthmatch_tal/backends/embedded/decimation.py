"""From a multiple of a rate down to it, without what the lower rate cannot hold."""

from __future__ import annotations

import functools

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

Floats = npt.NDArray[np.float32]

_LATE = 24  # samples of the result that the filter reaches back and ahead
_BAND = 0.93  # of the lower rate's band, that is kept
_WINDOW = 9.0  # beta of Kaiser's
_BLOCK = 512  # samples of the result, which stay in the processor's nearest memory
_UNROLLED = 4  # taps at once

_f2 = numba.float32[:, ::1]
_TAPS = numba.types.Array(numba.float32, 2, "C", readonly=True)
_SIGNATURE = numba.void(_f2, numba.int64, _TAPS, numba.int64[::1], _f2)


def decimate(audio: Floats, factor: int) -> Floats:
    """Return ``float32 [n, samples // factor]`` of ``audio [n, samples]``."""
    if factor == 1:
        return audio
    reduced = np.empty((len(audio), audio.shape[1] // factor), np.float32)
    decimate_into(np.ascontiguousarray(audio), factor, np.arange(len(audio)), reduced)
    return reduced


def decimate_into(audio: Floats, factor: int, rows: npt.NDArray[np.int64], reduced: Floats) -> None:
    """Write ``audio [n, samples]`` to the ``rows [n]`` of ``reduced [m, samples // factor]``."""
    _run(audio, factor, _phases(factor), rows, reduced)


@functools.cache
def _phases(factor: int) -> Floats:
    """Return the low-pass, symmetric and of gain 1, as its phases ``[factor, taps]``."""
    from scipy.signal import firwin

    taps = firwin(2 * _LATE * factor + 1, _BAND / factor, window=("kaiser", _WINDOW))
    width = -(-(2 * _LATE + 1) // _UNROLLED) * _UNROLLED
    padded = np.zeros(width * factor, np.float32)
    padded[: len(taps)] = taps
    table = np.ascontiguousarray(padded.reshape(width, factor).T)
    table.setflags(write=False)
    return table


@kernel(_SIGNATURE, error_model="numpy", fastmath={"contract", "reassoc"})
def _run(
    audio: Floats, factor: int, phases: Floats, rows: npt.NDArray[np.int64], out: Floats
) -> None:
    """Filter each phase of each row for itself, blocks of the result at a time."""
    samples, width = out.shape[1], phases.shape[1]
    part = np.empty(_BLOCK + width, np.float32)
    total = np.empty(_BLOCK, np.float32)
    for k in range(len(rows)):
        for first in range(0, samples, _BLOCK):
            n = min(_BLOCK, samples - first)
            total[:] = np.float32(0)
            low = max(_LATE - first, 0)  # of what lies inside the sound
            high = min(_BLOCK + width, audio.shape[1] // factor - first + _LATE)
            for phase in range(factor):
                part[:low] = np.float32(0)
                part[high:] = np.float32(0)
                start = (first + low - _LATE) * factor + phase
                inside = audio[k, start : (first + high - _LATE) * factor : factor]
                for i in range(high - low):
                    part[low + i] = inside[i]
                for tap in range(0, width, _UNROLLED):
                    a, b = phases[phase, tap], phases[phase, tap + 1]
                    c, d = phases[phase, tap + 2], phases[phase, tap + 3]
                    one, two = part[tap : tap + _BLOCK], part[tap + 1 : tap + 1 + _BLOCK]
                    three, four = part[tap + 2 : tap + 2 + _BLOCK], part[tap + 3 : tap + 3 + _BLOCK]
                    for i in range(_BLOCK):
                        total[i] += (a * one[i] + b * two[i]) + (c * three[i] + d * four[i])
            for i in range(n):
                out[rows[k], first + i] = total[i]
