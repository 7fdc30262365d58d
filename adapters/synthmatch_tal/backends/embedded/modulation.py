"""Envelopes and LFOs: what moves pitches, widths, cutoffs and levels, sample by sample.

All that is compiled for them stands in this module, since numba's cache watches no other file.
The columns of the rows are those of :mod:`.programme`. Numba computes with 64 bits unless it is
told otherwise; the casts to 32 keep the plug-in's rounding, which its envelopes and phases show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from . import programme as pg

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
_Function = TypeVar("_Function", bound=Callable[..., Any])

F = np.float32
_NOISE = F(4.6566129e-10)

# The running state of a voice: three envelopes of four numbers, two LFOs of four.
VALUE, FADE, HEARD, HELD_BACK = 0, 1, 2, 3
AMP, FILTER, FREE = 0, 4, 8
LFO1, LFO2 = 12, 16
PHASE, SMOOTH, DRAWN, STEP = 0, 1, 2, 3
STATES = 20
# And in whole numbers: the stages of the envelopes, the generators of the LFOs.
AMP_STAGE, FILTER_STAGE, FREE_STAGE = 0, 1, 2
DICE, HISS = 3, 5  # of both LFOs
COUNTS = 7

# What is written, one row of a block each.
NOTE1, NOTE2, WIDTH, BEND, CUT, LEVEL, OUTPUT = range(7)
CONTROLS = 7

_f1 = numba.float32[::1]
_i1 = numba.int64[::1]
_WAVES = numba.types.Array(numba.float32, 2, "C", readonly=True)
_SIGNATURE = numba.int64(
    numba.float32[:], numba.int64[:], numba.float32[:], numba.int64[:], numba.int64, numba.int64,
    numba.float32, _WAVES, numba.float32[:, ::1],
)  # fmt: skip


def _compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it."""
    return cast(_Function, numba.njit(function, error_model="numpy"))


@_compiled
def _envelope(
    p: Floats, rates: int, state: Floats, at: int, counts: Ints, stage_at: int, held: bool,
    pace: F,
) -> F:  # fmt: skip
    """Advance an envelope by one sample and return its value.

    Stages 0 to 4 are attack, decay, sustain, release and silence. A release fades in.
    """
    value = state[at + VALUE]
    stage = counts[stage_at]
    if not held and value > F(0) and stage != 3:
        stage = 3
        state[at + FADE] = F(1)
    if not held and value <= F(0):
        stage = 4
    heard = F(0)
    if stage == 0:
        value = value + p[rates + pg.ATTACK] * (p[rates + pg.AIM] - value)
        if value > F(1):
            value = F(1)
            stage = 1
        heard = value
    elif stage == 1:
        value = value - p[rates + pg.DECAY] * (value + pace)
        heard = value
        if heard <= p[rates + pg.SUSTAIN]:
            heard = p[rates + pg.SUSTAIN]
            stage = 2
    elif stage == 2:
        value = p[rates + pg.SUSTAIN]
        heard = value
    elif stage == 3:
        fade = max(state[at + FADE] - pace, F(0))
        state[at + FADE] = fade
        value = value - p[rates + pg.RELEASE] * ((value + pace) * (F(1) - fade))
        if value < F(0):
            value = F(0)
            stage = 4
        heard = value
    else:
        value = F(0)
    state[at + VALUE] = value
    state[at + HEARD] = heard
    counts[stage_at] = stage
    return heard


@_compiled
def _quick(p: Floats, rates: int, heard: F, stage: int) -> F:
    """Return 1 at once where the attack of an envelope takes no time."""
    return F(1) if stage == 0 and p[rates + pg.INSTANT] == F(1) else heard


@_compiled
def _draw(seed: int) -> int:
    """Return the next number of the generator of the plug-in's noise, 32 bits."""
    return np.int64(np.int32(seed * 16807))


@_compiled
def _lfo(
    wave: int, state: Floats, at: int, counts: Ints, which: int, step: F, waves: Floats
) -> F:
    """Advance an LFO by one sample and return its value, smoothed over twenty."""
    phase = state[at + PHASE]
    wrapped = phase > F(255)
    if wrapped:
        phase = phase - F(255)
        if phase > F(255):  # faster than the sample rate
            phase = phase % F(255)
    index = int(phase)
    rest = phase - F(index)
    state[at + PHASE] = phase + step
    if wave < 4:
        value = waves[wave, index] * (F(1) - rest) + waves[wave, index + 1] * rest
    elif wave == 4:
        if wrapped:
            counts[DICE + which] = _draw(counts[DICE + which])
            state[at + DRAWN] = F(counts[DICE + which]) * _NOISE
        value = state[at + DRAWN]
    else:
        counts[HISS + which] = _draw(counts[HISS + which])
        value = F(counts[HISS + which]) * _NOISE
    smooth = (state[at + SMOOTH] * F(19) + value) * F(0.05)
    state[at + SMOOTH] = smooth
    return smooth


@_compiled
def _hurry(value: F, amount: F) -> F:
    """Return the factor that one LFO puts on the rate of the other."""
    m = F(0.5) * (value * amount + amount)
    m = m * m * m
    return F(1) + m * (F(0.01) if m < F(0) else F(100))


@numba.njit(_SIGNATURE, nogil=True, cache=True, error_model="numpy")
def run(
    p: Floats, c: Ints, state: Floats, counts: Ints, n: int, held: int, pace: F, waves: Floats,
    out: Floats,
) -> int:  # fmt: skip
    """Advance a voice by up to ``n`` samples and return how many it played until it ended.

    Parameters
    ----------
    p, c : float32 [pg.NUMBERS], int64 [pg.CHOICES]
        The programme.
    state, counts : float32 [STATES], int64 [COUNTS]
        What is remembered.
    n : int
        Samples.
    held : int
        How many of them the key is held.
    pace : float
        0.004 times 44,100 over the sample rate.
    waves : float32 [4, 257]
        Of the LFOs.
    out : float32 [CONTROLS, n or more]
        Notes of both oscillators (MIDI, an octave lower than heard), pulse width, FM,
        cutoff, amplitude, and the factor on the output.
    """
    to1, to2, away = c[pg.LFO1_TO], c[pg.LFO2_TO], c[pg.FREE_TO]
    amount1, amount2, depth = p[pg.LFO1_AMOUNT], p[pg.LFO2_AMOUNT], p[pg.FREE_AMOUNT]
    on1, on2 = to1 > 1 and amount1 != F(0), to2 > 1 and amount2 != F(0)
    on3 = away > 1 and depth != F(0)
    contour = p[pg.CONTOUR]
    value1, value2 = state[LFO1 + SMOOTH], state[LFO2 + SMOOTH]
    free = state[FREE + HELD_BACK]
    loudness, pan = p[pg.VOLUME], F(1)
    if to2 == 5:  # both channels together
        pan = F(1) - F(0.5) * abs(amount2)
    for i in range(n):
        down = i < held
        if not down and state[AMP + VALUE] <= F(0):
            return i
        if on3:
            free = _envelope(p, pg.FREE, state, FREE, counts, FREE_STAGE, down, pace)
            free = _quick(p, pg.FREE, free, counts[FREE_STAGE])
            state[FREE + HELD_BACK] = free
        note1, note2 = p[pg.BASE1], p[pg.BASE2]
        width, bend, cut = p[pg.WIDTH], p[pg.BEND], p[pg.CUTOFF]
        if on1:
            unipolar = F(0.5) * (value1 + F(1))
            if to1 == 2:
                cut = cut + unipolar * amount1
            elif to1 == 5:
                width = width + unipolar * abs(amount1)
            elif to1 == 6:
                bend = bend + unipolar * abs(amount1)
            elif to1 != 7:
                swing = value1 * F(48) * amount1
                note1 = note1 + (swing if to1 != 4 else F(0))
                note2 = note2 + (swing if to1 != 3 else F(0))
        if on2:
            if to2 == 2:
                cut = cut + F(0.5) * (value2 + F(1)) * amount2
            elif to2 == 3 or to2 == 4 or to2 == 8:
                swing = value2 * F(48) * amount2
                note1 = note1 + (swing if to2 != 4 else F(0))
                note2 = note2 + (swing if to2 != 3 else F(0))
        if contour != F(0):
            heard = _envelope(p, pg.FILTER, state, FILTER, counts, FILTER_STAGE, down, pace)
            cut = cut + contour * _quick(p, pg.FILTER, heard, counts[FILTER_STAGE])
        if on3:
            if away == 2:
                cut = cut + free * depth
            elif away == 3:
                note1 = note1 + F(48) * free * depth
            elif away == 4:
                note2 = note2 + F(48) * free * depth
            elif away == 5:
                width = width + free * abs(depth)
            else:
                bend = bend + free * abs(depth)
        out[NOTE1, i], out[NOTE2, i] = note1, note2
        out[WIDTH, i] = min(width, F(1))
        out[BEND, i] = bend
        out[CUT, i] = min(cut * cut, F(1))
        heard = _envelope(p, pg.AMP, state, AMP, counts, AMP_STAGE, down, pace)
        out[LEVEL, i] = heard * p[pg.TOUCH]
        if on1 or (on2 and to2 == 7):
            step = p[pg.LFO1_STEP]
            if on2 and to2 == 7:
                step = step * _hurry(value2, amount2)
            value1 = _lfo(c[pg.LFO1_WAVE], state, LFO1, counts, 0, step, waves)
        if on2:
            step = p[pg.LFO2_STEP]
            if on1 and to1 == 7:
                step = step * _hurry(value1, amount1)
            value2 = _lfo(c[pg.LFO2_WAVE], state, LFO2, counts, 1, step, waves)
        out[OUTPUT, i] = loudness * pan
        if to2 == 6:
            out[OUTPUT, i] = loudness * (F(1) - (value2 + F(1)) * F(0.5) * amount2)
    return n
