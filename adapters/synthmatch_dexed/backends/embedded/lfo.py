"""The LFO, compiled; see :mod:`.kernel`."""

from __future__ import annotations

from ...compiling import Ints, compiled
from . import programme as pg
from .tables import OCTAVE, Waves

_CYCLE = OCTAVE - 1
_WORD = (1 << 32) - 1
_PHASE, _NOISE, _DELAY = 0, 1, 2  # the running state


@compiled
def _wave(shape: int, phase: int, noise: int, waves: Waves) -> int:
    """Return a value of the LFO, 0 to ``2**24``."""
    if shape == 0:  # triangle
        return (phase >> 7 if phase < 1 << 31 else ~(phase >> 7)) & _CYCLE
    if shape == 1:  # saw down
        return (phase ^ 0x7FFFFFFF) >> 8
    if shape == 2:  # saw up
        return (phase ^ 0x80000000) >> 8
    if shape == 3:  # square
        return OCTAVE if phase < 1 << 31 else 0
    if shape == 4:  # sine
        index, rest = phase >> 22, (phase >> 8) & 0x3FFF
        sine = waves.sine[index] + ((waves.sine_slope[index] * rest) >> 14)
        return int((1 << 23) + (sine >> 1))
    return ((noise ^ 0x80) + 1) << 16  # sample and hold


@compiled
def advance_lfo(state: Ints, shared: Ints, waves: Waves) -> tuple[int, int]:
    """Advance the LFO by one block; return what it adds to pitches, and the depth of tremolo."""
    state[_PHASE] = (state[_PHASE] + shared[pg.LFO_STEP]) & _WORD
    if state[_PHASE] < shared[pg.LFO_STEP]:
        state[_NOISE] = (state[_NOISE] * 179 + 17) & 0xFF
    value = _wave(shared[pg.WAVE], state[_PHASE], state[_NOISE], waves)

    fading = state[_DELAY] >= 1 << 31
    delay = state[_DELAY] + shared[pg.DELAY_STEP + (1 if fading else 0)]
    fade = OCTAVE
    if delay <= _WORD:
        state[_DELAY] = delay
        fade = (delay >> 7) & _CYCLE if delay >= 1 << 31 else 0

    swing = shared[pg.PITCH_SENSITIVITY] * (value - (1 << 23))
    vibrato = abs((shared[pg.PITCH_DEPTH] * fade * swing) >> 39)
    tremolo = (((shared[pg.AMPLITUDE_DEPTH] * fade) >> 8) * (OCTAVE - value)) >> 24
    return vibrato if swing >= 0 else -vibrato, tremolo
