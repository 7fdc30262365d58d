"""The render kernel: programmes to samples, in integers, compiled by numba.

All that is compiled stands in this one module, since numba's cache watches no other file. The
columns of the rows are those of :mod:`.programme`. Envelopes, LFO and pitch are computed once per
block of 64 samples, over which operators ramp their gain. Rounding and the order of operations
are Dexed's, and so are its oddities. Numba computes with 64 bits unless it is told otherwise; the
casts to 32 let the compiler work on several samples at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from .._tables import BLOCK, OCTAVE, Waves
from . import programme as pg

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Word = np.int32
_Function = TypeVar("_Function", bound=Callable[..., Any])

_CYCLE = OCTAVE - 1
_WORD = (1 << 32) - 1
_SILENT = 16384  # the gain of the logarithmic tables counts downwards from here
_MARK1_AUDIBLE, _MODERN_AUDIBLE = _SILENT - 100, 1120
_STILL = 100 << 14  # an envelope under this level is inaudible in both engines

_LEVEL, _STAGE, _WAIT = 0, 1, 2  # the running state of an envelope
_PHASE, _NOISE, _DELAY = 0, 1, 2  # and of the LFO

_TABLE = numba.types.Array(numba.int32, 1, "C", readonly=True)
_WAVES = numba.types.NamedUniTuple(_TABLE, len(Waves._fields), Waves)  # type: ignore[no-untyped-call]
_SIGNATURE = numba.void(
    numba.int64[:, ::1], numba.int64[:, :, ::1], numba.int64, numba.boolean, numba.float32,
    numba.types.Array(numba.int64, 1, "C", readonly=True), _WAVES, numba.float32[:, ::1],
)  # fmt: skip


def _compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it."""
    return cast(_Function, numba.njit(function))


@_compiled
def _enter(states: Ints, rows: Ints, op: int, stage: int) -> None:
    """Let an operator's envelope enter a stage."""
    states[op, _STAGE] = stage
    states[op, _WAIT] = 0
    if stage < 4 and (
        rows[op, pg.TARGET + stage] == states[op, _LEVEL]
        or (stage == 0 and rows[op, pg.DELAYED] == 1)
    ):
        states[op, _WAIT] = rows[op, pg.STANDING + stage]


@_compiled
def _envelope(states: Ints, rows: Ints, op: int, held: bool) -> int:
    """Advance an operator's envelope by one block and return its level, Q24."""
    if states[op, _WAIT] > 0:
        states[op, _WAIT] -= BLOCK
        if states[op, _WAIT] <= 0:
            _enter(states, rows, op, states[op, _STAGE] + 1)
    level, stage = states[op, _LEVEL], states[op, _STAGE]
    if states[op, _WAIT] == 0 and (stage < 3 or (stage == 3 and not held)):
        target, step = rows[op, pg.TARGET + stage], rows[op, pg.STEP + stage]
        if target > level:
            level = max(level, 1716 << 16)
            level = min(target, level + (((17 << 24) - level) >> 24) * step)
        else:
            level = max(target, level - step)
        states[op, _LEVEL] = level
        if level == target:
            _enter(states, rows, op, stage + 1)
    return int(level)


@_compiled
def _pitch_envelope(state: Ints, shared: Ints, held: bool) -> int:
    """Advance the pitch envelope by one block and return its logarithmic frequency."""
    level, stage = state[_LEVEL], state[_STAGE]
    if stage < 3 or (stage == 3 and not held):
        target, step = shared[pg.PITCH_TARGET + stage], shared[pg.PITCH_STEP + stage]
        level = min(target, level + step) if target > level else max(target, level - step)
        state[_LEVEL] = level
        if level == target:
            state[_STAGE] = stage + 1
    return int(level)


@_compiled
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


@_compiled
def _lfo(state: Ints, shared: Ints, waves: Waves) -> tuple[int, int]:
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


@_compiled
def _increment(pitch: int, increments: Ints) -> int:
    """Return the phase increment, modulo one cycle, of a logarithmic frequency."""
    index, rest = (pitch & _CYCLE) >> 14, pitch & 0x3FFF
    low = increments[index]
    step = low + (((increments[index + 1] - low) * rest) >> 14)
    return int((step >> ((20 - (pitch >> 24)) & 31)) & _CYCLE)


@_compiled
def _dimmed(level: int, depth: int, sensitivity: int) -> int:
    """Return a level (Q24) under amplitude modulation of a depth (Q24)."""
    amount = (depth * sensitivity) >> 24
    share = int(math.exp(amount / 262144 * 0.07 + 12.2)) << 4
    return level - ((level * share) >> 28)


@_compiled
def _power(level: int, waves: Waves) -> int:
    """Return ``2 ** level`` in Q24 of a level in Q24."""
    index, rest = (level & _CYCLE) >> 14, level & 0x3FFF
    power = waves.power[index] + ((waves.power_slope[index] * rest) >> 14)
    return int(power >> (6 - (level >> 24)))


@_compiled
def _mark1(index: Word, gain: Word, waves: Waves) -> Word:
    """Return a sine times a gain by adding logarithms, as the chip does: 13 bits and sign."""
    total = Word(waves.log_sine[np.uintp(index & Word(4095))] + gain)
    octaves = Word(Word(total >> Word(10)) & Word(31))
    size = Word(waves.exponential[np.uintp(total & Word(1023))] >> octaves)
    return Word(size ^ Word(-Word(total >> Word(15))))


@_compiled
def _modern(phase: Word, gain: Word, waves: Waves) -> Word:
    """Return a sine by interpolation times a gain in Q24."""
    index = np.uintp(Word(phase >> Word(14)) & Word(1023))
    rest = Word(phase & Word(0x3FFF))
    sine = Word(waves.sine[index] + Word(Word(waves.sine_slope[index] * rest) >> Word(14)))
    return Word((np.int64(sine) * np.int64(gain)) >> 24)


@_compiled
def _mark1_operator(
    out: Words, bend: Words, phase: Word, step: Word, gain: Word, ramp: Word, waves: Waves
) -> None:
    """Render a block of an operator whose phase others bend."""
    for i in range(BLOCK):
        bent = Word(Word(phase + Word(Word(i) * step)) + bend[i])
        loud = Word(gain + Word(Word(Word(i) + Word(1)) * ramp))
        out[i] = Word(_mark1(Word(bent >> Word(12)), loud, waves) << Word(13))


@_compiled
def _modern_operator(
    out: Words, bend: Words, phase: Word, step: Word, gain: Word, ramp: Word, waves: Waves
) -> None:
    """Render a block of an operator whose phase others bend."""
    for i in range(BLOCK):
        bent = Word(Word(phase + Word(Word(i) * step)) + bend[i])
        loud = Word(gain + Word(Word(Word(i) + Word(1)) * ramp))
        out[i] = _modern(bent, loud, waves)


@_compiled
def _mark1_loop(
    out: Words, memory: Words, shift: int, phases: Words, steps: Words, gain: Word, gains: Words,
    ramp: Word, loop: int, waves: Waves,
) -> None:  # fmt: skip
    """Render a block of one to three operators that modulate each other in a loop.

    Only the first ramps its gain; the others have that of the end. The memory holds the last two
    samples without their 13 zeros.
    """
    phase, phase2, phase3 = phases[0], phases[1], phases[2]
    before, last = memory[0], memory[1]
    up = Word(13 - shift)
    for i in range(BLOCK):
        bent = Word(Word(phase + Word(before << up)) + Word(last << up))
        before = last
        gain = Word(gain + ramp)
        last = _mark1(Word(bent >> Word(12)), gain, waves)
        if loop > 1:
            last = _mark1(Word(Word(phase2 >> Word(12)) + Word(last + last)), gains[1], waves)
        if loop > 2:
            last = _mark1(Word(Word(phase3 >> Word(12)) + Word(last + last)), gains[2], waves)
        out[i] = Word(last << Word(13))
        phase = Word(phase + steps[0])
        phase2 = Word(phase2 + steps[1])
        phase3 = Word(phase3 + steps[2])
    memory[0], memory[1] = before, last


@_compiled
def _modern_loop(
    out: Words, memory: Words, shift: int, phase: Word, step: Word, gain: Word, ramp: Word,
    waves: Waves,
) -> None:  # fmt: skip
    """Render a block of an operator that modulates itself."""
    before, last = memory[0], memory[1]
    for i in range(BLOCK):
        bent = Word(phase + Word(Word(before + last) >> Word(shift)))
        before = last
        gain = Word(gain + ramp)
        last = _modern(bent, gain, waves)
        out[i] = last
        phase = Word(phase + step)
    memory[0], memory[1] = before, last


@_compiled
def _add(out: Words, buffers: Words, operators: int) -> None:
    """Add the buffers of the operators (a bit mask)."""
    for op in range(6):
        if operators >> op & 1:
            for i in range(BLOCK):
                out[i] += buffers[op, i]


@_compiled
def _emit(mix: Words, memory: Floats, blocker: np.float32, out: Floats, first: int) -> None:
    """Write a block to the output: 16 bits, clipped, with the offset removed.

    A negative overload becomes a positive one, as in Dexed.
    """
    last, level = memory[0], memory[1]
    for i in range(min(BLOCK, len(out) - first)):
        value = mix[i] >> 13
        value = 0x8000 if value < -0x8000 else min(value, 0x7FFF)
        sample = np.float32(value) * np.float32(2.0**-15)
        level = sample - last + blocker * level
        last = sample
        out[first + i] = level
    memory[0], memory[1] = last, level


@_compiled
def _emit_nothing(memory: Floats, blocker: np.float32, out: Floats, first: int) -> None:
    """Write a silent block to the output, over which the removed offset still dies away."""
    level = blocker * memory[1] - memory[0]
    if abs(level) < 1e-9:
        level = np.float32(0)
    for i in range(first, min(first + BLOCK, len(out))):
        out[i] = level
        memory[1] = level
        level = blocker * level
    memory[0] = 0


@_compiled
def _voice(
    shared: Ints, rows: Ints, release: int, mark1: bool, blocker: np.float32, increments: Ints,
    waves: Waves, out: Floats,
) -> None:  # fmt: skip
    """Render one voice into ``out``."""
    looped, loop = shared[pg.LOOPED], shared[pg.LOOP] if mark1 else 1
    fed_back = shared[pg.FEEDBACK] < 16
    shift = shared[pg.FEEDBACK] + 1
    if mark1 and (loop > 1 or shared[pg.CARRIERS] == 63):
        shift += 2
    inside = (1 << loop) - 2 if fed_back else 0  # operators that a loop plays beside its first
    heads = shared[pg.CARRIERS] | (1 if inside else 0)

    states = np.zeros((6, 3), np.int64)
    for op in range(6):
        _enter(states, rows, op, 0)
    pitch_state = np.array([shared[pg.PITCH_TARGET + 3], 0])
    lfo_state = np.array([shared[pg.LFO_PHASE], shared[pg.LFO_NOISE], 0])
    # Two more than there are operators: a loop looks at three, whether it plays them or not.
    phases, steps, starts, gains = np.zeros((4, 8), np.int32)
    phases[:6] = rows[:, pg.PHASE]
    gains[:] = _SILENT - 1 if mark1 else 0
    buffers, memory = np.zeros((6, BLOCK), np.int32), np.zeros(2, np.int32)
    bend, result, mix = np.zeros((3, BLOCK), np.int32)
    offset = np.zeros(2, np.float32)
    held = True

    for first in range(0, len(out), BLOCK):
        if held and first >= release:
            held = False
            pitch_state[_STAGE] = 3
            for op in range(6):
                _enter(states, rows, op, 3)
        vibrato, tremolo = _lfo(lfo_state, shared, waves)
        vibrato += _pitch_envelope(pitch_state, shared, held)

        active = 0
        still = not held
        for op in range(6):
            level = _envelope(states, rows, op, held)
            if heads >> op & 1 and (states[op, _STAGE] < 4 or level >= _STILL):
                still = False
            if shared[pg.SWITCHES] >> op & 1:
                pitch = rows[op, pg.FREQUENCY] + (0 if rows[op, pg.FIXED] else vibrato)
                steps[op] = _increment(pitch, increments)
                if rows[op, pg.SENSITIVITY] != 0:
                    level = _dimmed(level, tremolo, rows[op, pg.SENSITIVITY])
            else:
                level = 0
            starts[op] = gains[op]
            if mark1:
                gains[op] = _SILENT - (level >> 14)
                audible = min(starts[op], gains[op]) <= _MARK1_AUDIBLE
            else:
                gains[op] = _power(level - 14 * OCTAVE, waves)
                audible = max(starts[op], gains[op]) >= _MODERN_AUDIBLE
            active |= audible << op
        if still and active & heads == 0:
            for rest in range(first, len(out), BLOCK):
                _emit_nothing(offset, blocker, out, rest)
            return

        # What is heard, what modulates that, and an operator with a memory.
        wanted = heads
        for op in range(5, -1, -1):
            if (wanted & active) >> op & 1:
                wanted |= rows[op, pg.MODULATORS]
        wanted = (wanted | fed_back << looped) & active
        if wanted & 1:
            wanted &= ~inside

        mix[:] = 0
        for op in range(6):
            if wanted >> op & 1:
                phase, step, gain = phases[op], steps[op], starts[op]
                ramp = Word((gains[op] - gain + BLOCK // 2) >> 6)
                if op == looped and fed_back and mark1:
                    part = slice(op, op + 3)
                    _mark1_loop(
                        result, memory, shift, phases[part], steps[part], gain, gains[part], ramp,
                        loop, waves,
                    )  # fmt: skip
                elif op == looped and fed_back:
                    _modern_loop(result, memory, shift, phase, step, gain, ramp, waves)
                else:
                    bend[:] = 0
                    _add(bend, buffers, rows[op, pg.MODULATORS] & active)
                    if mark1:
                        _mark1_operator(result, bend, phase, step, gain, ramp, waves)
                    else:
                        _modern_operator(result, bend, phase, step, gain, ramp, waves)
                buffers[op] = result
        _add(mix, buffers, wanted & heads)
        for op in range(6):
            phases[op] = (phases[op] + (steps[op] << 6)) & _CYCLE
        if wanted & heads:
            _emit(mix, offset, blocker, out, first)
        else:
            _emit_nothing(offset, blocker, out, first)


@numba.njit(_SIGNATURE, nogil=True, cache=True)
def render(
    shared: Ints, rows: Ints, release: int, mark1: bool, blocker: np.float32, increments: Ints,
    waves: Waves, out: Floats,
) -> None:  # fmt: skip
    """Render the programmes ``shared`` and ``rows`` of n voices into ``out`` [n, samples].

    The key is released in the first block that starts at sample ``release`` or later;
    ``blocker`` is the pole of the filter that removes the offset. See :mod:`.._tables` for the
    ``increments`` and ``waves``, :mod:`.programme` for the rest.
    """
    for v in range(len(out)):
        _voice(shared[v], rows[v], release, mark1, blocker, increments, waves, out[v])
