"""Envelopes and LFOs: what moves pitches, widths, cutoffs and levels, sample by sample.

The columns of the rows are those of :mod:`.programme`. Numba computes with 64 bits unless it is
told otherwise; the casts to 32 keep the plug-in's rounding, which its envelopes and phases show.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

from . import programme as pg
from .compiling import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

F = np.float32
_NOISE = F(4.6566129e-10)

# The running state of a voice: three envelopes, two LFOs.
VALUE, FADE = 0, 1
AMP, FILTER, FREE = 0, 2, 4
LFO1, LFO2 = 6, 9
PHASE, SMOOTH, DRAWN = 0, 1, 2
FREE_LAST = 12
STATES = 13
# And in whole numbers: the stages of the envelopes, the generators of the LFOs.
STAGES, DICE, HISS = 0, 3, 5
COUNTS = 7

# What is written, one row of a block each; the last rows are room to work in.
NOTE1, NOTE2, WIDTH, BEND, CUT, LEVEL, OUTPUT, _VALUE1, _VALUE2, _ENVELOPE = range(10)
CONTROLS = 10

_f2 = numba.float32[:, ::1]
_WAVES = numba.types.Array(numba.float32, 2, "C", readonly=True)
_SIGNATURE = numba.void(
    _f2, numba.int64[:, ::1], _f2, numba.int64[:, ::1], numba.int64, numba.int64, numba.float32,
    _WAVES, numba.float32[:, :, ::1], numba.int64[::1],
)  # fmt: skip


@compiled
def _envelope(
    p: Floats, at: int, state: Floats, where: int, counts: Ints, which: int, n: int, held: int,
    pace: F, instant: bool, out: Floats,
) -> None:  # fmt: skip
    """Advance an envelope by ``n`` samples and write its values.

    Stages 0 to 4 are attack, decay, sustain, release and silence. A release fades in. With
    ``instant`` an attack that takes no time reads as 1 at once.
    """
    value, fade = state[where + VALUE], state[where + FADE]
    stage = counts[STAGES + which]
    rise, aim, fall = p[at + pg.ATTACK], p[at + pg.AIM], p[at + pg.DECAY]
    sustain, release = p[at + pg.SUSTAIN], p[at + pg.RELEASE]
    whole = instant and p[at + pg.INSTANT] == F(1)
    i = 0
    until = min(max(held, 0), n)
    while i < until:
        if stage == 0:
            value = value + rise * (aim - value)
            if value > F(1):
                value = F(1)
                stage = 1
            out[i] = F(1) if whole and stage == 0 else value
            i += 1
        elif stage == 1:
            value = value - fall * (value + pace)
            out[i] = value
            if value <= sustain:
                out[i] = sustain
                stage = 2
            i += 1
        else:
            value = sustain if stage == 2 else F(0)
            while i < until:
                out[i] = value
                i += 1
    if i < n and stage != 3:
        stage = 3 if value > F(0) else 4
        fade = F(1)
    while i < n:
        if stage == 3:
            fade = max(fade - pace, F(0))
            value = value - release * ((value + pace) * (F(1) - fade))
            out[i] = value
            if value < F(0):
                value = F(0)
                out[i] = value
            if value <= F(0):
                stage = 4
            i += 1
        else:
            value = F(0)
            while i < n:
                out[i] = value
                i += 1
    state[where + VALUE], state[where + FADE] = value, fade
    counts[STAGES + which] = stage


@compiled
def _draw(seed: np.int64) -> np.int64:
    """Return the next number of the generator of the plug-in's noise, 32 bits."""
    return np.int64(np.int32(seed * 16807))


@compiled
def _hurry(value: F, amount: F) -> F:
    """Return the factor that one LFO puts on the rate of the other."""
    m = F(0.5) * (value * amount + amount)
    m = m * m * m
    return F(1) + m * (F(0.01) if m < F(0) else F(100))


@compiled
def _wave(wave: int, phase: F, waves: Floats) -> F:
    """Return a value of one of the four tables at a phase from 0 to 255."""
    index = np.uint32(phase)
    rest = phase - F(index)
    value: F = waves[wave, index] * (F(1) - rest) + waves[wave, index + np.uint32(1)] * rest
    return value


@compiled
def _lfo(
    which: int, wave: int, base: F, state: Floats, where: int, counts: Ints, n: int,
    other: Floats, amount: F, waves: Floats, out: Floats,
) -> None:  # fmt: skip
    """Advance an LFO by ``n`` samples; write its values, smoothed over twenty, from ``out[1]``.

    With an ``amount`` other than 0 the ``other`` LFO moves its rate.
    """
    phase, smooth, drawn = state[where + PHASE], state[where + SMOOTH], state[where + DRAWN]
    dice, hiss = counts[DICE + which], counts[HISS + which]
    step = base
    out[0] = smooth
    for i in range(n):
        if amount != F(0):
            step = base * _hurry(other[i], amount)
        wrapped = phase > F(255)
        if wrapped:
            phase = phase - F(255)
            if phase > F(255):  # faster than the sample rate
                phase = phase % F(255)
        if wave < 4:
            value = _wave(wave, phase, waves)
        elif wave == 4:
            if wrapped:
                dice = _draw(dice)
                drawn = F(dice) * _NOISE
            value = drawn
        else:
            hiss = _draw(hiss)
            value = F(hiss) * _NOISE
        phase = phase + step
        smooth = (smooth * F(19) + value) * F(0.05)
        out[i + 1] = smooth
    state[where + PHASE], state[where + SMOOTH], state[where + DRAWN] = phase, smooth, drawn
    counts[DICE + which], counts[HISS + which] = dice, hiss


@compiled
def _add(out: Floats, n: int, values: Floats, scale: F, offset: F) -> None:
    """Add ``scale * (values + offset)``."""
    for i in range(n):
        out[i] += scale * (values[i] + offset)


@compiled
def _route(to: int, amount: F, n: int, values: Floats, out: Floats) -> None:
    """Add an LFO to where it goes; its last destinations are its own business."""
    half = F(0.5)
    if to == 2:
        _add(out[CUT], n, values, half * amount, F(1))
    if to == 3 or to == 8:
        _add(out[NOTE1], n, values, F(48) * amount, F(0))
    if to == 4 or to == 8:
        _add(out[NOTE2], n, values, F(48) * amount, F(0))


@compiled
def _voice(
    p: Floats, c: Ints, state: Floats, counts: Ints, n: int, held: int, pace: F, waves: Floats,
    out: Floats,
) -> int:  # fmt: skip
    """Advance a voice by ``n`` samples at most and return how many."""
    to1, to2, to3 = c[pg.LFO1_TO], c[pg.LFO2_TO], c[pg.FREE_TO]
    amount1, amount2, depth = p[pg.LFO1_AMOUNT], p[pg.LFO2_AMOUNT], p[pg.FREE_AMOUNT]
    level = out[LEVEL]
    _envelope(p, pg.AMP, state, AMP, counts, 0, n, held, pace, False, level)
    if counts[STAGES] == 4:  # it sounds up to the first sample that is silent
        ended = max(min(held, n), 0)
        while ended < n and level[ended] > F(0):
            ended += 1
        n = min(ended + 1, n)
    for row, start in (
        (NOTE1, p[pg.BASE1]), (NOTE2, p[pg.BASE2]), (WIDTH, p[pg.WIDTH]), (BEND, p[pg.BEND]),
        (CUT, p[pg.CUTOFF]), (OUTPUT, p[pg.VOLUME]),
    ):  # fmt: skip
        for i in range(n):
            out[row, i] = start
    on1, on2 = to1 > 1 and amount1 != F(0), to2 > 1 and amount2 != F(0)
    values1, values2 = out[_VALUE1], out[_VALUE2]
    first = on2 and to2 == 7 and not (on1 and to1 == 7)  # what moves the other runs before it
    part = 1 if on1 and on2 and to1 == 7 and to2 == 7 else max(n, 1)  # each moves the other
    values2[0] = state[LFO2 + SMOOTH]
    for start in range(0, n, part):
        for turn in range(2):
            second = (turn == 1) != first
            if second and on2:
                _lfo(
                    1, c[pg.LFO2_WAVE], p[pg.LFO2_STEP], state, LFO2, counts, part,
                    values1[start + 1 :], amount1 if on1 and to1 == 7 else F(0), waves,
                    values2[start:],
                )  # fmt: skip
            elif on1 and not second:
                _lfo(
                    0, c[pg.LFO1_WAVE], p[pg.LFO1_STEP], state, LFO1, counts, part,
                    values2[start:], amount2 if on2 and to2 == 7 else F(0), waves,
                    values1[start:],
                )  # fmt: skip
    if on1:
        _route(to1, amount1, n, values1, out)
        if to1 == 5 or to1 == 6:
            target = out[WIDTH] if to1 == 5 else out[BEND]
            _add(target, n, values1, F(0.5) * abs(amount1), F(1))
    if on2:
        _route(to2, amount2, n, values2, out)
        if to2 == 5:  # both channels together
            for i in range(n):
                out[OUTPUT, i] *= F(1) - F(0.5) * abs(amount2)
        elif to2 == 6:
            for i in range(n):
                out[OUTPUT, i] *= F(1) - (values2[i + 1] + F(1)) * F(0.5) * amount2
    envelope = out[_ENVELOPE]
    if p[pg.CONTOUR] != F(0):
        _envelope(p, pg.FILTER, state, FILTER, counts, 1, n, held, pace, True, envelope)
        _add(out[CUT], n, envelope, p[pg.CONTOUR], F(0))
    if to3 > 1 and depth != F(0):
        _envelope(p, pg.FREE, state, FREE, counts, 2, n, held, pace, True, envelope)
        if n > 0:
            state[FREE_LAST] = envelope[n - 1]
        if to3 == 2:
            _add(out[CUT], n, envelope, depth, F(0))
        elif to3 < 5:
            _add(out[NOTE1] if to3 == 3 else out[NOTE2], n, envelope, F(48) * depth, F(0))
        else:
            _add(out[WIDTH] if to3 == 5 else out[BEND], n, envelope, abs(depth), F(0))
    touch = p[pg.TOUCH]
    for i in range(n):
        level[i] *= touch
        out[WIDTH, i] = min(out[WIDTH, i], F(1))
        out[CUT, i] = min(out[CUT, i] * out[CUT, i], F(1))
    return n


@kernel(_SIGNATURE, error_model="numpy")
def run(
    p: Floats, c: Ints, state: Floats, counts: Ints, n: int, held: int, pace: F, waves: Floats,
    out: Floats, played: Ints,
) -> None:  # fmt: skip
    """Advance voices by ``n`` samples, those that have ended before excepted.

    Parameters
    ----------
    p, c : float32 [v, pg.NUMBERS], int64 [v, pg.CHOICES]
        The programmes.
    state, counts : float32 [v, STATES], int64 [v, COUNTS]
        What is remembered.
    n : int
        Samples.
    held : int
        How many of them the key is held.
    pace : float
        0.004 times 44,100 over the sample rate.
    waves : float32 [4, 257]
        Of the LFOs.
    out : float32 [v, CONTROLS, more than n]
        Notes of both oscillators (MIDI, an octave lower than they sound), pulse width, FM,
        cutoff, amplitude, and the factor on the output.
    played : int64 [v]
        How many samples each voice sounded, fewer than ``n`` where it ended.
    """
    for v in range(len(p)):
        if held <= 0 and state[v, AMP + VALUE] <= F(0):
            played[v] = 0
        else:
            played[v] = _voice(p[v], c[v], state[v], counts[v], n, held, pace, waves, out[v])


@kernel(numba.float32[::1](numba.float32[::1], numba.float32, numba.int64))
def settle(goals: Floats, weight: F, samples: int) -> Floats:
    """Return where a knob that is smoothed over ``weight`` samples comes to rest.

    In single precision it stops just short of its goal.
    """
    levels = np.empty_like(goals)
    inverse = F(1) / (weight + F(1))
    for v in range(len(goals)):
        level = goals[v] * F(0.998)
        for _ in range(samples):
            level = (weight * level + goals[v]) * inverse
        levels[v] = level
    return levels
