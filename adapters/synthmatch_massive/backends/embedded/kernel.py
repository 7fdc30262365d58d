"""The compiled loops of a voice and of the reverb.

Filters are state-variable ones by the trapezoidal rule (Zavalishin, The Art of VA Filter
Design, chapter 4), two in series for the low-pass. The reverb is Schroeder's: four combs
and two all-passes (Natural Sounding Artificial Reverberation, JAES 1962).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

from . import programme as pg
from .wavetables import SIZE

_EVERY = 16  # samples between two looks at the cutoff
_HIGHEST = 0.49  # of the sample rate, of a cutoff
_MULTIPLIER, _INCREMENT = 6364136223846793005, 1442695040888963407  # Knuth's MMIX
_COMBS = np.array([0.0297, 0.0371, 0.0411, 0.0437])  # s, Schroeder's
_ALL_PASSES = np.array([0.005, 0.0017])  # s
_BACK = np.array([0.867, 0.836, 0.819, 0.808])  # of the combs: 60 dB in 1.5 s or so
_DULL = 0.3  # of the combs' feedback
_THROUGH = 0.7

_SIGNATURE = numba.void(
    numba.float64[:, ::1], numba.float32[:, :, ::1], numba.int64, numba.float64,
    numba.float32[:, ::1],
)  # fmt: skip


@numba.njit(error_model="numpy")
def _voice(
    x: npt.NDArray[np.float64],
    wave: npt.NDArray[np.float32],
    held: int,
    out: npt.NDArray[np.float32],
) -> None:
    """Write a dry voice."""
    phase1, phase2 = 0.0, 0.0
    seed = np.uint64(1)
    a1, a2, b1, b2, c1, c2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # what the filters remember
    level, sweep, fade = 0.0, 0.0, 1.0
    rising, sweeping = True, True
    g2 = math.tan(math.pi * min(x[pg.CUT2], _HIGHEST))
    d2 = x[pg.DAMP2]
    h2 = 1 / (1 + g2 * (g2 + d2))
    d1 = x[pg.DAMP1]
    g1, h1, h0 = 0.0, 1.0, 1.0
    for i in range(len(out)):
        if i % _EVERY == 0:
            cut = x[pg.CUT1] * 2 ** (x[pg.SWEEP] * sweep)
            g1 = math.tan(math.pi * min(cut, _HIGHEST))
            h1 = 1 / (1 + g1 * (g1 + d1))
            h0 = 1 / (1 + g1 * (g1 + 1.4142))
        at1, at2 = phase1 * SIZE, phase2 * SIZE
        k1, k2 = int(at1), int(at2)
        one = wave[0, k1] + (at1 - k1) * (wave[0, k1 + 1] - wave[0, k1])
        two = wave[1, k2] + (at2 - k2) * (wave[1, k2 + 1] - wave[1, k2])
        phase1 += x[pg.STEP1]
        phase1 -= int(phase1)
        phase2 += x[pg.STEP2]
        phase2 -= int(phase2)
        seed = seed * np.uint64(_MULTIPLIER) + np.uint64(_INCREMENT)
        hiss = float(seed >> np.uint64(40)) * (2.0 / (1 << 24)) - 1.0
        y = x[pg.GAIN1] * one + x[pg.GAIN2] * two + x[pg.NOISE] * hiss
        high = (y - (g1 + 1.4142) * a1 - a2) * h0  # the first without resonance
        band = g1 * high + a1
        y = g1 * band + a2
        a1, a2 = g1 * high + band, g1 * band + y
        high = (y - (g1 + d1) * b1 - b2) * h1
        band = g1 * high + b1
        y = g1 * band + b2
        b1, b2 = g1 * high + band, g1 * band + y
        high = (y - (g2 + d2) * c1 - c2) * h2
        band = g2 * high + c1
        low = g2 * band + c2
        c1, c2 = g2 * high + band, g2 * band + low
        if rising:
            level += x[pg.ATTACK]
            if level >= 1:
                level, rising = 1.0, False
        else:
            level *= x[pg.FALL]
        if sweeping:
            sweep += x[pg.CUT_ATTACK]
            if sweep >= 1:
                sweep, sweeping = 1.0, False
        else:
            sweep *= x[pg.CUT_FALL]
        if i >= held:
            fade *= x[pg.FADE]
        out[i] = high * level * fade


@numba.njit(error_model="numpy")
def _reverberate(dry: npt.NDArray[np.float32], wet: float, rate: float) -> None:
    """Mix a sound with its reverb."""
    n = len(dry)
    heard = np.zeros(n)
    for k in range(4):
        size = max(int(_COMBS[k] * rate), 1)
        line = np.zeros(size)
        at, dull = 0, 0.0
        for i in range(n):
            late = line[at]
            dull = late + _DULL * (dull - late)
            line[at] = dry[i] + _BACK[k] * dull
            heard[i] += 0.5 * late
            at = at + 1 if at + 1 < size else 0
    for k in range(2):
        size = max(int(_ALL_PASSES[k] * rate), 1)
        line = np.zeros(size)
        at = 0
        for i in range(n):
            late = line[at]
            kept = heard[i] + _THROUGH * late
            line[at] = kept
            heard[i] = late - _THROUGH * kept
            at = at + 1 if at + 1 < size else 0
    for i in range(n):
        dry[i] = (1 - wet) * dry[i] + wet * heard[i]


@kernel(_SIGNATURE, error_model="numpy")
def run(
    numbers: npt.NDArray[np.float64],
    waves: npt.NDArray[np.float32],
    held: int,
    rate: float,
    out: npt.NDArray[np.float32],
) -> None:
    """Write voices to ``out [n, samples]``.

    Parameters
    ----------
    numbers, waves
        A :class:`~synthmatch_massive.backends.embedded.programme.Programme`.
    held : int
        Samples until the key is released.
    rate : float
        In Hz.
    out : float32 [n, samples]
        Is written.
    """
    for v in range(len(out)):
        _voice(numbers[v], waves[v], held, out[v])
        if numbers[v, pg.WET] > 0:
            _reverberate(out[v], numbers[v, pg.WET], rate)
