"""Single-cycle waves of the two oscillators, band-limited, by position in their tables.

A table is a row of spectra that the position moves through. They are sums of partials whose
amplitudes are formulas of this package's own: nothing of Massive's tables is in them.

``bright``, of oscillator 1
    Sine, triangle, square, sawtooth, then sawtooths that lean on ever higher partials.
``vocal``, of oscillator 2
    Sine, then pulses of ever smaller width under two formants that wander apart.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Waves = npt.NDArray[np.float32]

SIZE = 2048
"""Samples of a cycle; one more follows, equal to the first."""

PARTIALS = 512
"""The most partials of a wave."""

_FRAMES = 9


def waves(positions: npt.NDArray[np.float64], highest: npt.NDArray[np.int64]) -> Waves:
    """Return the waves of oscillators 1 and 2 of voices, ``float32 [n, 2, SIZE + 1]``.

    Parameters
    ----------
    positions : float64 [n, 2]
        In the tables, 0 to 1.
    highest : int64 [n, 2]
        The highest partial that each may have.
    """
    at = np.clip(positions, 0.0, 1.0) * (_FRAMES - 1)
    frame = np.minimum(at.astype(np.int64), _FRAMES - 2)
    share = (at - frame)[..., None]
    tables, rows = _spectra(), np.arange(2)[None]
    spectra = (1 - share) * tables[rows, frame] + share * tables[rows, frame + 1]
    spectra = spectra * (np.arange(1, PARTIALS + 1) <= highest[..., None])
    full = np.zeros((*spectra.shape[:-1], SIZE // 2 + 1), np.complex128)
    full[..., 1 : PARTIALS + 1] = spectra * (-0.5j * SIZE)  # sines
    cycle = np.fft.irfft(full, SIZE)
    return np.concatenate([cycle, cycle[..., :1]], axis=-1).astype(np.float32)


@functools.cache
def _spectra() -> npt.NDArray[np.float64]:
    """Return amplitudes of sines, ``[2, frames, PARTIALS]``, each frame of the same energy."""
    k = np.arange(1, PARTIALS + 1, dtype=np.float64)
    odd = k % 2 == 1
    sine, saw = (k == 1).astype(np.float64), 1 / k
    triangle = np.where(odd, np.where(k % 4 == 1, 1, -1) / k**2, 0)
    square = np.where(odd, saw, 0)
    leaning = [
        saw * (1 + 6 * np.exp(-(((k - peak) / (0.3 * peak)) ** 2))) for peak in (3, 6, 11, 20, 36)
    ]
    bright = [sine, triangle, square, saw, *leaning]
    vocal = [sine]
    for step in np.linspace(0, 1, _FRAMES - 1):
        width = 0.5 - 0.42 * step
        pulse = 2 * np.sin(np.pi * k * width) / k
        low, high = 2 + 3 * np.sin(np.pi * step), 5 + 14 * step
        formants = sum(np.exp(-(((k - peak) / (1 + 0.15 * peak)) ** 2)) for peak in (low, high))
        vocal.append(pulse * (0.25 + formants))
    table = np.array([bright, vocal])
    table /= np.sqrt((table**2).sum(axis=-1, keepdims=True))
    table.setflags(write=False)
    return table
