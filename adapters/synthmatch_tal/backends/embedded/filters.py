"""The filters, four times oversampled, for sixteen voices in lockstep.

The ladders are after Huovilainen, "Non-linear digital implementation of the Moog ladder
filter" (DAFx 2004), with one saturation in the feedback; the tangents of the "state variable"
types are the plug-in's own approximation. All types share a noise generator that moves the
cutoff a little. All that is compiled for the filters stands in this module, since numba's
cache watches no other file. Arrays are ``[samples, LANES]``: what one voice does in a sample
depends on what it did in the last, so the compiler works on several voices at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.int32]
_Function = TypeVar("_Function", bound=Callable[..., Any])

LANES = 16
"""Voices that are filtered at a time."""

HISTORY = 10
"""Samples that the decimators look back."""

STATES = 6
"""Numbers that a filter remembers, beside the last input: see :func:`reset`."""

F = np.float32
_NOISE = F(4.6566129e-10)
_MULTIPLIER = np.int32(16807)
_POSITIVE = np.int32(0x7FFFFFFF)
_PI = F(3.1415926535)
# A half-band filter; its coefficients beside the centre, outermost first.
_H9, _H7, _H5, _H3, _H1, _H0 = (F(h / 16384.0) for h in (18, -116, 429, -1277, 5042, 8192))

_f2 = numba.float32[:, ::1]
_SIGNATURE = numba.void(
    numba.int64, numba.int64, _f2, _f2, numba.float32[::1], numba.float32[::1], numba.float32,
    numba.float32[::1], numba.int32[::1], _f2, _f2, _f2, _f2, _f2,
)  # fmt: skip


# Nothing but compiled code calls them: wrappers would only take time to compile.
_HELPER: dict[str, Any] = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def _compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it."""
    return cast(_Function, numba.njit(function, **_HELPER))


@_compiled
def _saturate(x: F) -> F:
    """Return about ``tanh(x)``."""
    x = x * F(2)
    a = abs(x)
    b = F(6) + a * (F(3) + a)
    return (x * b) / (a * b + F(12))


@_compiled
def _pole(cutoff: F, factor: F, trim: F) -> F:
    """Return the coefficient of a ladder's poles for a cutoff from 0 to 1."""
    c = cutoff * factor * F(0.5)
    tuned = F(1.8730) * (c * c * c) + F(0.4955) * (c * c) - F(0.6490) * c + trim
    t = F(-2) * _PI * tuned * c
    t2 = t * t
    series = F(1) + t + t2 * F(0.5) + t2 * t * F(0.16666667) + t2 * t2 * F(0.0416666667)
    return F(1) - (series + t2 * t2 * t * F(0.00833333333))


@_compiled
def _ladder(
    kind: int, n: int, x: Floats, cut: Floats, resonance: Floats, factor: F,
    state: Floats, seeds: Words, u0: Floats, u1: Floats,
) -> None:  # fmt: skip
    """Run types 1 to 7: low-passes of 24, 18, 12, 6 dB, high-pass, band-pass, notch."""
    trim = F(1.4) if kind == 1 else F(0.9988)
    feedback = F(1.05) if kind == 1 else F(1.0)
    rise = F(1.4) if kind == 1 else F(0.9) if kind == 3 else F(0.8) if kind == 4 else F(1.0)
    brighten = F(2.5) if kind == 1 else F(1.5) if kind <= 4 else F(1.0)
    droop = F(1.0) if kind == 5 else F(0.99)
    linear = kind >= 5
    q0, q1, q2, q3, q4 = F(0), F(0), F(0), F(0), F(0)  # of the input and the poles
    if kind == 2:
        q3 = F(1)
    elif kind == 3:
        q2 = F(1)
    elif kind == 4:
        q1 = F(1)
    elif kind == 5:
        q0, q1, q2 = F(1), F(-2), F(1)
    elif kind == 6:
        q2, q3, q4 = F(2), F(-4), F(2)
    elif kind == 7:
        q0, q1, q2, q3 = F(1), F(-2), F(4), F(-4)
    before, after = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    pole, back, level = np.empty((3, LANES), np.float32)
    for lane in range(LANES):
        r = F(1) - resonance[lane]
        r = r * r * r * r if kind == 2 else r * r
        before[lane] = F(4) if kind == 6 else F(1) if kind == 5 else F(1) + (F(1) - r)
        after[lane] = F(1) + resonance[lane] * F(1.1)
    for i in range(n):
        for lane in range(LANES):
            c = cut[i, lane]
            pole[lane] = _pole(c, factor, trim)
            back[lane] = F(4.2) * resonance[lane] * (feedback + rise * c)
            level[lane] = F(1) if kind == 5 else after[lane] + c * resonance[lane] * brighten
        for step in range(4):
            share = F(0.25) * F(step + 1)
            row = HISTORY + 2 * i + (step >> 1)
            target = u0 if step & 1 == 0 else u1
            for lane in range(LANES):
                last = state[5 * LANES + lane]
                u = (last + share * (x[i, lane] - last)) * before[lane]
                seeds[lane] = np.int32(seeds[lane] * _MULTIPLIER)
                noise = F(seeds[lane] & _POSITIVE) * _NOISE * F(0.001) * (F(1) - cut[i, lane])
                k = pole[lane] + noise * cut[i, lane]
                u = u - back[lane] * state[4 * LANES + lane]
                a1 = state[lane] + k * (noise + u - state[lane])
                a2 = state[LANES + lane] + k * (a1 - state[LANES + lane])
                a3 = state[2 * LANES + lane] + k * (a2 - state[2 * LANES + lane])
                a4 = state[3 * LANES + lane] + k * (a3 - state[3 * LANES + lane])
                soft = _saturate(a4)
                soft = soft * droop if soft > F(0) else soft
                state[lane], state[LANES + lane] = a1, a2
                state[2 * LANES + lane], state[3 * LANES + lane] = a3, a4
                state[4 * LANES + lane] = soft
                if linear:
                    out = q0 * u + q1 * a1 + q2 * a2 + q3 * a3 + q4 * a4
                elif kind == 1:
                    out = soft
                else:
                    out = _saturate(q1 * a1 + q2 * a2 + q3 * a3)
                target[row, lane] = out * level[lane]
        for lane in range(LANES):
            state[5 * LANES + lane] = x[i, lane]


@_compiled
def _state_variable(
    kind: int, n: int, x: Floats, cut: Floats, resonance: Floats, factor: F,
    state: Floats, seeds: Words, u0: Floats, u1: Floats,
) -> None:  # fmt: skip
    """Run types 8 to 10: two saturated sections, low-pass, high-pass or band-pass."""
    q1, q2 = np.empty((2, LANES), np.float32)
    for lane in range(LANES):
        r = resonance[lane] * resonance[lane]
        r = r * r * r
        r = r * r * r * r
        q1[lane] = F(1) / (r * F(100000) + F(0.5))
        q2[lane] = F(1) / (r * F(10) + F(0.5))
    for i in range(n):
        for step in range(4):
            share = F(0.25) * F(step + 1)
            row = HISTORY + 2 * i + (step >> 1)
            target = u0 if step & 1 == 0 else u1
            for lane in range(LANES):
                last = state[5 * LANES + lane]
                u = last + share * (x[i, lane] - last)
                f = _PI * cut[i, lane] * factor
                quiet = F(0.001) * (F(1) - cut[i, lane])
                seeds[lane] = np.int32(seeds[lane] * _MULTIPLIER)
                noise = F(seeds[lane] & _POSITIVE) * _NOISE * quiet
                band, low = state[lane], state[LANES + lane]
                low = low + (f + noise) * band
                high = u - low - q2[lane] * band
                band = _saturate((f * high + band) * F(0.1)) * F(10)
                state[lane], state[LANES + lane] = band, low
                u = low if kind == 8 else high if kind == 9 else band
                seeds[lane] = np.int32(seeds[lane] * _MULTIPLIER)
                noise = F(seeds[lane] & _POSITIVE) * _NOISE * quiet
                band, low = state[2 * LANES + lane], state[3 * LANES + lane]
                low = low + (f + noise) * band
                high = u - low - q1[lane] * band
                band = _saturate((f * high + band) * F(0.1)) * F(10)
                state[2 * LANES + lane], state[3 * LANES + lane] = band, low
                target[row, lane] = low if kind == 8 else high if kind == 9 else band
        for lane in range(LANES):
            state[5 * LANES + lane] = x[i, lane]


@_compiled
def _nudged(x: F) -> F:
    """Return about ``tanh(x)``, a little less above 0 than under it."""
    return _saturate(x * F(0.99999) if x > F(0) else x * F(1.00001))


@_compiled
def _moog(
    n: int, x: Floats, cut: Floats, resonance: Floats, factor: F, state: Floats, seeds: Words,
    y: Floats,
) -> None:  # fmt: skip
    """Run type 11: a ladder without delay in its loop, not oversampled."""
    for i in range(n):
        for lane in range(LANES):
            u = x[i, lane] * F(0.25) * (F(1) + resonance[lane] * F(2)) * F(0.5)
            k = resonance[lane] * F(4)
            if cut[i, lane] <= F(0.25):
                low = (F(0.25) - cut[i, lane]) * F(4)
                k = k + low * low
            seeds[lane] = np.int32(seeds[lane] * _MULTIPLIER)
            noise = F(seeds[lane] & _POSITIVE) * _NOISE
            share = F(4) * factor * cut[i, lane] * F(0.5) * (noise * F(0.001) + F(0.999))
            g = max(2.0 * math.tan(math.pi * share), 0.0)
            b, a = F(g / (g + 2.0)), F((g - 2.0) / (g + 2.0))
            s1, s2 = state[lane], state[LANES + lane]
            s3, s4 = state[2 * LANES + lane], state[3 * LANES + lane]
            b4 = b * b * b * b
            out = (b4 * u + s4 + b * (s3 + b * (s2 + b * s1))) / (F(1) + b4 * k)
            past = u - k * out
            future = b * past + s1
            state[lane] = _nudged(b * past - a * future)
            past, future = future, b * future + s2
            state[LANES + lane] = b * past - a * future
            past, future = future, b * future + s3
            state[2 * LANES + lane] = _nudged(b * past - a * future)
            state[3 * LANES + lane] = b * future - a * out
            y[i, lane] = out * F(12)


@_compiled
def _halve(n: int, u0: Floats, u1: Floats, out: Floats, other: Floats) -> None:
    """Write every sample of twice the rate, alternately to ``out`` and ``other``.

    ``u0`` and ``u1`` hold the even and odd samples after ``HISTORY`` older ones.
    """
    for i in range(n):
        j = i + HISTORY
        target = out if i & 1 == 0 else other
        row = HISTORY + (i >> 1)
        for lane in range(LANES):
            target[row, lane] = (
                _H9 * (u0[j, lane] + u0[j - 9, lane])
                + _H7 * (u0[j - 1, lane] + u0[j - 8, lane])
                + _H5 * (u0[j - 2, lane] + u0[j - 7, lane])
                + _H3 * (u0[j - 3, lane] + u0[j - 6, lane])
                + _H1 * (u0[j - 4, lane] + u0[j - 5, lane])
                + _H0 * u1[j - 5, lane]
            )


@_compiled
def _remember(buffer: Floats, n: int) -> None:
    """Move the last samples to the front, where the next call looks for the history."""
    for i in range(HISTORY):
        for lane in range(LANES):
            buffer[i, lane] = buffer[n + i, lane]


@numba.njit(_SIGNATURE, nogil=True, cache=True, error_model="numpy")
def run(
    kind: int, n: int, x: Floats, cut: Floats, resonance: Floats, drive: Floats, factor: F,
    state: Floats, seeds: Words, u0: Floats, u1: Floats, v0: Floats, v1: Floats, y: Floats,
) -> None:  # fmt: skip
    """Filter ``n`` samples ``x [n, LANES]`` (which the drive then has multiplied) into ``y``.

    Parameters
    ----------
    kind : int
        Type of the filter, 1 to 12.
    n : int
        Samples.
    x, cut, y : float32 [n or more, LANES]
        Input, cutoff from 0 to 1, output.
    resonance, drive : float32 [LANES]
        From 0 to 1, and from 0 to 10.
    factor : float
        44,100 over four times the sample rate, at most 1.
    state : float32 [STATES * LANES]
        What is remembered.
    seeds : int32 [LANES]
        Of the noise.
    u0, u1, v0, v1 : float32 [HISTORY + 2 n or n, LANES]
        Where four and two times the rate are kept.
    """
    for i in range(n):
        for lane in range(LANES):
            x[i, lane] = x[i, lane] * (drive[lane] + F(1))
    if kind == 12:
        y[:n] = x[:n] * F(3)
    elif kind == 11:
        _moog(n, x, cut, resonance, factor, state, seeds, y)
    else:
        if kind > 7:
            _state_variable(kind, n, x, cut, resonance, factor, state, seeds, u0, u1)
        else:
            _ladder(kind, n, x, cut, resonance, factor, state, seeds, u0, u1)
        _halve(2 * n, u0, u1, v0, v1)
        _remember(u0, 2 * n)
        _remember(u1, 2 * n)
        for i in range(n):
            j = i + HISTORY
            for lane in range(LANES):
                y[i, lane] = (
                    _H9 * (v0[j, lane] + v0[j - 9, lane])
                    + _H7 * (v0[j - 1, lane] + v0[j - 8, lane])
                    + _H5 * (v0[j - 2, lane] + v0[j - 7, lane])
                    + _H3 * (v0[j - 3, lane] + v0[j - 6, lane])
                    + _H1 * (v0[j - 4, lane] + v0[j - 5, lane])
                    + _H0 * v1[j - 5, lane]
                )
        _remember(v0, n)
        _remember(v1, n)
    for i in range(n):
        for lane in range(LANES):
            y[i, lane] = y[i, lane] / (drive[lane] * F(0.5) + F(1))


def reset(kind: int, state: Floats, first: Floats, factor: float) -> None:
    """Set the state of a filter as the plug-in does when a voice falls silent.

    The poles of a ladder stand at 0.4 and their outputs at 0; one with both at a common
    value goes on like it if that value is 0.4 over 1 less the coefficient.

    Parameters
    ----------
    kind : int
        Type of the filter.
    state : float32 [STATES * LANES]
        Is written; the last input is kept.
    first : float32 [LANES]
        The cutoff in the first sample.
    factor : float
        As in :func:`run`.
    """
    if kind > 10:  # never reset: a fresh one is at 0
        return
    if kind > 7:
        state[: 4 * LANES] = 0.4
        return
    trim = 1.4 if kind == 1 else 0.9988
    plain = cast(Any, _pole).py_func  # not compiled for itself
    pole = np.array([plain(F(c), F(factor), F(trim)) for c in first])
    state[: 4 * LANES] = np.tile(0.4 / (1 - pole), 4)
    state[4 * LANES : 5 * LANES] = 0.4
