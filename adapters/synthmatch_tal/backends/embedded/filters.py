"""The filters, four times oversampled, for many voices in lockstep.

The ladders are after Huovilainen, "Non-linear digital implementation of the Moog ladder
filter" (DAFx 2004), with one saturation in the feedback; the tangents of the "state variable"
types are the plug-in's own approximation. All types share a noise generator that moves the
cutoff a little.

What a voice does in a sample depends on what it did in the last, so the compiler works on
several voices at once: samples are ``[samples, parts, WIDTH]``, and a loop over ``WIDTH``
becomes a few instructions. Types that differ in numbers alone are a family, whose voices run
together; what they are given and remember stands in the rows of ``[parts, ROWS * WIDTH]``.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

from .compiling import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]

WIDTH = 16
"""Voices of a part, which the inner loops run over."""

PARTS = 2
"""Parts that are filtered at a time: what one waits for, the other leaves time for."""

LADDER, STATE_VARIABLE, MOOG, NONE = range(4)
FAMILIES = np.array([LADDER] * 8 + [STATE_VARIABLE] * 3 + [MOOG, NONE])
"""Which voices may run together, by their type, 1 to 12."""

HISTORY = 10
"""Samples that the decimators look back."""

CHUNK = 16
"""Samples that are filtered at a time, which stay in the processor's nearest memory."""

# Rows of what a voice remembers and is given, WIDTH numbers each: four states (of a ladder
# also the last of them saturated), the last input, what the drive multiplies and divides by.
_S1, _S2, _S3, _S4, SOFT, _LAST, KIND, RESONANCE, GAIN, LOSS = range(0, 10 * WIDTH, WIDTH)
# Of ladders, see :mod:`.filter_types`; the last five are the shares of the input and the poles.
BEFORE, AFTER, TRIM, FEEDBACK, RISE, BRIGHTEN, DROOP, LIMP, LINEAR = range(
    10 * WIDTH, 19 * WIDTH, WIDTH
)
Q0, Q1, Q2, Q3, Q4 = range(19 * WIDTH, 24 * WIDTH, WIDTH)
# Of the sample that is filtered.
_NOW, _MOVE, _CUT, _QUIET, _POLE, _BACK, _LEVEL = range(24 * WIDTH, 31 * WIDTH, WIDTH)
ROWS = 31

F = np.float32
_NOISE = F(4.6566129e-10)
_MULTIPLIER = np.int32(16807)
_POSITIVE = np.int32(0x7FFFFFFF)
_FAINT = F(1e-25)  # under what is heard, above what processors are slow to compute with
_PI = F(3.1415926535)
# A half-band filter; its coefficients beside the centre, outermost first.
_H9, _H7, _H5, _H3, _H1, _H0 = (F(h / 16384.0) for h in (18, -116, 429, -1277, 5042, 8192))

_f2, _f3 = numba.float32[:, ::1], numba.float32[:, :, ::1]
_SIGNATURE = numba.void(
    numba.int64, numba.int64, numba.int64, _f2, numba.float32[:, :], numba.float32, _f2,
    numba.int32[::1], numba.float32[:, :, :, ::1], _f3, _f3, _f3, _f3, _f2,
)  # fmt: skip


@compiled
def _saturate(x: F) -> F:
    """Return about ``tanh(x)``."""
    x = x * F(2)
    a = abs(x)
    b = F(6) + a * (F(3) + a)
    return (x * b) / (a * b + F(12))


@compiled
def pole_of(cutoff: F, factor: F, trim: F) -> F:
    """Return the coefficient of a ladder's poles for a cutoff from 0 to 1."""
    c = cutoff * factor * F(0.5)
    tuned = F(1.8730) * (c * c * c) + F(0.4955) * (c * c) - F(0.6490) * c + trim
    t = F(-2) * _PI * tuned * c
    t2 = t * t
    series = F(1) + t + t2 * F(0.5) + t2 * t * F(0.16666667) + t2 * t2 * F(0.0416666667)
    return F(1) - (series + t2 * t2 * t * F(0.00833333333))


@compiled
def _ladder(
    n: int, parts: int, x: Floats, cut: Floats, factor: F, m: Floats, seeds: Words,
    u0: Floats, u1: Floats,
) -> None:  # fmt: skip
    """Run types 1 to 7: low-passes of 24, 18, 12, 6 dB, high-pass, band-pass, notch."""
    seed = seeds[0]
    for i in range(n):
        for part in range(parts):
            for lane in range(WIDTH):
                c = cut[i, part, lane]
                resonance = m[part, RESONANCE + lane]
                m[part, _NOW + lane] = x[i, part, lane] * m[part, GAIN + lane]
                m[part, _MOVE + lane] = m[part, _NOW + lane] - m[part, _LAST + lane]
                m[part, _CUT + lane] = c
                m[part, _QUIET + lane] = F(1) - c
                m[part, _POLE + lane] = pole_of(c, factor, m[part, TRIM + lane])
                feedback = m[part, FEEDBACK + lane] + m[part, RISE + lane] * c
                m[part, _BACK + lane] = F(4.2) * resonance * feedback
                bright = c * resonance * m[part, BRIGHTEN + lane]
                m[part, _LEVEL + lane] = m[part, AFTER + lane] + bright
        for step in range(4):
            share = F(0.25) * F(step + 1)
            row = HISTORY + 2 * i + (step >> 1)
            target = u0 if step & 1 == 0 else u1
            seed = np.int32(seed * _MULTIPLIER)
            hiss = F(seed & _POSITIVE) * _NOISE * F(0.001)
            for part in range(parts):
                for lane in range(WIDTH):
                    u = m[part, _LAST + lane] + share * m[part, _MOVE + lane]
                    u = u * m[part, BEFORE + lane]
                    noise = hiss * m[part, _QUIET + lane]
                    k = m[part, _POLE + lane] + noise * m[part, _CUT + lane]
                    u = u - m[part, _BACK + lane] * m[part, SOFT + lane]
                    a1 = m[part, _S1 + lane]
                    a1 = a1 + k * (noise + u - a1)
                    a2 = m[part, _S2 + lane]
                    a2 = a2 + k * (a1 - a2)
                    a3 = m[part, _S3 + lane]
                    a3 = a3 + k * (a2 - a3)
                    a4 = m[part, _S4 + lane]
                    a4 = a4 + k * (a3 - a4)
                    soft = _saturate(a4)
                    soft = soft * m[part, DROOP + lane] if soft > F(0) else soft
                    m[part, _S1 + lane], m[part, _S2 + lane] = a1, a2
                    m[part, _S3 + lane], m[part, _S4 + lane] = a3, a4
                    m[part, SOFT + lane] = soft
                    linear = m[part, Q0 + lane] * u + m[part, Q1 + lane] * a1
                    linear = linear + m[part, Q2 + lane] * a2 + m[part, Q3 + lane] * a3
                    linear = linear + m[part, Q4 + lane] * a4
                    bent = _saturate(linear)
                    bent = bent * m[part, LIMP + lane] if bent > F(0) else bent
                    out = linear if m[part, LINEAR + lane] > F(0) else bent
                    target[row, part, lane] = out * m[part, _LEVEL + lane]
        for part in range(parts):
            for lane in range(WIDTH):
                m[part, _LAST + lane] = m[part, _NOW + lane]
    seeds[0] = seed


@compiled
def _state_variable(
    n: int, parts: int, x: Floats, cut: Floats, factor: F, m: Floats, seeds: Words,
    u0: Floats, u1: Floats,
) -> None:  # fmt: skip
    """Run types 8 to 10: two saturated sections, low-pass, high-pass or band-pass."""
    seed = seeds[0]
    for i in range(n):
        for part in range(parts):
            for lane in range(WIDTH):
                m[part, _NOW + lane] = x[i, part, lane] * m[part, GAIN + lane]
                m[part, _MOVE + lane] = m[part, _NOW + lane] - m[part, _LAST + lane]
                m[part, _POLE + lane] = _PI * cut[i, part, lane] * factor
                m[part, _QUIET + lane] = F(0.001) * (F(1) - cut[i, part, lane])
        for step in range(4):
            share = F(0.25) * F(step + 1)
            row = HISTORY + 2 * i + (step >> 1)
            target = u0 if step & 1 == 0 else u1
            seed = np.int32(seed * _MULTIPLIER)
            hiss1 = F(seed & _POSITIVE) * _NOISE
            seed = np.int32(seed * _MULTIPLIER)
            hiss2 = F(seed & _POSITIVE) * _NOISE
            for part in range(parts):
                for lane in range(WIDTH):
                    kind, quiet = m[part, KIND + lane], m[part, _QUIET + lane]
                    f = m[part, _POLE + lane]
                    u = m[part, _LAST + lane] + share * m[part, _MOVE + lane]
                    band, low = m[part, _S1 + lane], m[part, _S2 + lane]
                    low = low + (f + hiss1 * quiet) * band
                    high = u - low - m[part, AFTER + lane] * band
                    band = _saturate((f * high + band) * F(0.1)) * F(10)
                    m[part, _S1 + lane], m[part, _S2 + lane] = band, low
                    u = low if kind == F(8) else high if kind == F(9) else band
                    band, low = m[part, _S3 + lane], m[part, _S4 + lane]
                    low = low + (f + hiss2 * quiet) * band
                    high = u - low - m[part, BEFORE + lane] * band
                    band = _saturate((f * high + band) * F(0.1)) * F(10)
                    m[part, _S3 + lane], m[part, _S4 + lane] = band, low
                    u = low if kind == F(8) else high if kind == F(9) else band
                    target[row, part, lane] = u
        for part in range(parts):
            for lane in range(WIDTH):
                m[part, _LAST + lane] = m[part, _NOW + lane]
    seeds[0] = seed


@compiled
def _nudged(x: F) -> F:
    """Return about ``tanh(x)``, a little less above 0 than under it."""
    return _saturate(x * F(0.99999) if x > F(0) else x * F(1.00001))


@compiled
def _moog(
    n: int, parts: int, x: Floats, cut: Floats, factor: F, m: Floats, seeds: Words, y: Floats
) -> None:
    """Run type 11: a ladder without delay in its loop, not oversampled."""
    seed = seeds[0]
    for i in range(n):
        seed = np.int32(seed * _MULTIPLIER)
        noise = F(seed & _POSITIVE) * _NOISE
        for part in range(parts):
            for lane in range(WIDTH):
                if m[part, KIND + lane] > F(0):  # else nobody is here
                    share = F(4) * factor * cut[i, part, lane] * F(0.5)
                    share = share * (noise * F(0.001) + F(0.999))
                    g = max(2.0 * math.tan(math.pi * share), 0.0)
                    m[part, _POLE + lane] = F(g / (g + 2.0))
                    m[part, _BACK + lane] = F((g - 2.0) / (g + 2.0))
            for lane in range(WIDTH):
                resonance = m[part, RESONANCE + lane]
                u = x[i, part, lane] * m[part, GAIN + lane]
                u = u * F(0.25) * (F(1) + resonance * F(2)) * F(0.5)
                near = max(F(0.25) - cut[i, part, lane], F(0)) * F(4)
                k = resonance * F(4) + near * near
                b, a = m[part, _POLE + lane], m[part, _BACK + lane]
                s1, s2 = m[part, _S1 + lane], m[part, _S2 + lane]
                s3, s4 = m[part, _S3 + lane], m[part, _S4 + lane]
                b4 = b * b * b * b
                out = (b4 * u + s4 + b * (s3 + b * (s2 + b * s1))) / (F(1) + b4 * k)
                past = u - k * out
                future = b * past + s1
                m[part, _S1 + lane] = _nudged(b * past - a * future)
                past, future = future, b * future + s2
                m[part, _S2 + lane] = b * past - a * future
                past, future = future, b * future + s3
                m[part, _S3 + lane] = _nudged(b * past - a * future)
                m[part, _S4 + lane] = b * future - a * out
                y[i, part, lane] = out * F(12)
    seeds[0] = seed


@compiled
def _half_band(u0: Floats, u1: Floats, j: int, out: Floats, i: int, parts: int) -> None:
    """Write a sample of half the rate; ``u0`` and ``u1`` are the even and the odd samples."""
    for part in range(parts):
        for lane in range(WIDTH):
            out[i, part, lane] = (
                _H9 * (u0[j, part, lane] + u0[j - 9, part, lane])
                + _H7 * (u0[j - 1, part, lane] + u0[j - 8, part, lane])
                + _H5 * (u0[j - 2, part, lane] + u0[j - 7, part, lane])
                + _H3 * (u0[j - 3, part, lane] + u0[j - 6, part, lane])
                + _H1 * (u0[j - 4, part, lane] + u0[j - 5, part, lane])
                + _H0 * u1[j - 5, part, lane]
            )


@compiled
def _remember(buffer: Floats, n: int) -> None:
    """Move the last samples to the front, where the next call looks for the history."""
    for i in range(HISTORY):
        for part in range(buffer.shape[1]):
            for lane in range(WIDTH):
                buffer[i, part, lane] = buffer[n + i, part, lane]


@kernel(_SIGNATURE, error_model="numpy")
def run(
    family: int, n: int, voices: int, x: Floats, cut: Floats, factor: F, m: Floats,
    seeds: Words, tiles: Floats, u0: Floats, u1: Floats, v0: Floats, v1: Floats, y: Floats,
) -> None:  # fmt: skip
    """Filter ``n`` samples ``x``.

    Parameters
    ----------
    family : int
        One of :data:`FAMILIES`.
    n, voices : int
        Samples, and voices.
    x, cut, y : float32 [voices or more, n or more]
        Input, cutoff from 0 to 1, output.
    factor : float
        44,100 over four times the sample rate, at most 1.
    m : float32 [parts, ROWS * WIDTH]
        What is remembered, and what :func:`.filter_types.load` has written.
    seeds : int32 [1]
        Of the noise, which is the same for all.
    tiles : float32 [3, CHUNK, parts, WIDTH]
        Where input, cutoff and output of a few samples are kept.
    u0, u1, v0, v1 : float32 [HISTORY + 2 CHUNK or CHUNK, parts, WIDTH]
        Where four and two times the rate are kept.
    """
    parts = (voices + WIDTH - 1) // WIDTH
    given, moving, out = tiles[0], tiles[1], tiles[2]
    columns = tiles.reshape(3 * CHUNK, len(m) * WIDTH)
    for first in range(0, n, CHUNK):
        count = min(CHUNK, n - first)
        for voice in range(voices):
            column, one, two = columns[:, voice], x[voice, first:], cut[voice, first:]
            for i in range(count):
                column[i] = one[i]
                column[CHUNK + i] = two[i]
        for part in range(parts):  # else what fades away takes ten times as long
            for lane in range(5 * WIDTH):
                m[part, lane] = m[part, lane] if abs(m[part, lane]) > _FAINT else F(0)
        if family == NONE:
            for i in range(count):
                for part in range(parts):
                    for lane in range(WIDTH):
                        out[i, part, lane] = given[i, part, lane] * m[part, GAIN + lane] * F(3)
        elif family == MOOG:
            _moog(count, parts, given, moving, factor, m, seeds, out)
        else:
            if family == STATE_VARIABLE:
                _state_variable(count, parts, given, moving, factor, m, seeds, u0, u1)
            else:
                _ladder(count, parts, given, moving, factor, m, seeds, u0, u1)
            for i in range(2 * count):
                v = v0 if i & 1 == 0 else v1
                _half_band(u0, u1, i + HISTORY, v, HISTORY + (i >> 1), parts)
            _remember(u0, 2 * count)
            _remember(u1, 2 * count)
            for i in range(count):
                _half_band(v0, v1, i + HISTORY, out, i, parts)
            _remember(v0, count)
            _remember(v1, count)
        for i in range(count):
            for part in range(parts):
                for lane in range(WIDTH):
                    out[i, part, lane] = out[i, part, lane] / m[part, LOSS + lane]
        for voice in range(voices):
            column, one = columns[:, voice], y[voice, first:]
            for i in range(count):
                one[i] = column[2 * CHUNK + i]
