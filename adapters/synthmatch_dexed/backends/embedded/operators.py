"""The operators: frequencies, levels and blocks of samples, compiled; see :mod:`.kernel`.

The casts to 32 bits let the compiler work on several samples at once.
"""

from __future__ import annotations

import math

import numpy as np

from ...compiling import Ints, Word, Words, compiled
from .tables import BLOCK, OCTAVE, Waves

CYCLE = OCTAVE - 1
SILENT = 16384  # the gain of the logarithmic tables counts downwards from here


@compiled
def phase_increment(pitch: int, increments: Ints) -> int:
    """Return the phase increment, modulo one cycle, of a logarithmic frequency."""
    index, rest = (pitch & CYCLE) >> 14, pitch & 0x3FFF
    low = increments[index]
    step = low + (((increments[index + 1] - low) * rest) >> 14)
    return int((step >> ((20 - (pitch >> 24)) & 31)) & CYCLE)


@compiled
def dimmed(level: int, depth: int, sensitivity: int) -> int:
    """Return a level (Q24) under amplitude modulation of a depth (Q24)."""
    amount = (depth * sensitivity) >> 24
    share = int(math.exp(amount / 262144 * 0.07 + 12.2)) << 4
    return level - ((level * share) >> 28)


@compiled
def power(level: int, waves: Waves) -> int:
    """Return ``2 ** level`` in Q24 of a level in Q24."""
    index, rest = (level & CYCLE) >> 14, level & 0x3FFF
    power = waves.power[index] + ((waves.power_slope[index] * rest) >> 14)
    return int(power >> (6 - (level >> 24)))


@compiled
def _mark1(index: Word, gain: Word, waves: Waves) -> Word:
    """Return a sine times a gain by adding logarithms, as the chip does: 13 bits and sign."""
    total = Word(waves.log_sine[np.uintp(index & Word(4095))] + gain)
    octaves = Word(Word(total >> Word(10)) & Word(31))
    size = Word(waves.exponential[np.uintp(total & Word(1023))] >> octaves)
    return Word(size ^ Word(-Word(total >> Word(15))))


@compiled
def _modern(phase: Word, gain: Word, waves: Waves) -> Word:
    """Return a sine by interpolation times a gain in Q24."""
    index = np.uintp(Word(phase >> Word(14)) & Word(1023))
    rest = Word(phase & Word(0x3FFF))
    sine = Word(waves.sine[index] + Word(Word(waves.sine_slope[index] * rest) >> Word(14)))
    return Word((np.int64(sine) * np.int64(gain)) >> 24)


@compiled
def play_mark1(
    out: Words, bend: Words, phase: Word, step: Word, gain: Word, ramp: Word, waves: Waves
) -> None:
    """Render a block of an operator whose phase others bend."""
    for i in range(BLOCK):
        bent = Word(Word(phase + Word(Word(i) * step)) + bend[i])
        loud = Word(gain + Word(Word(Word(i) + Word(1)) * ramp))
        out[i] = Word(_mark1(Word(bent >> Word(12)), loud, waves) << Word(13))


@compiled
def play_modern(
    out: Words, bend: Words, phase: Word, step: Word, gain: Word, ramp: Word, waves: Waves
) -> None:
    """Render a block of an operator whose phase others bend."""
    for i in range(BLOCK):
        bent = Word(Word(phase + Word(Word(i) * step)) + bend[i])
        loud = Word(gain + Word(Word(Word(i) + Word(1)) * ramp))
        out[i] = _modern(bent, loud, waves)


@compiled
def play_mark1_loop(
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


@compiled
def play_modern_loop(
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


@compiled
def add(out: Words, buffers: Words, operators: int) -> None:
    """Add the buffers of the operators (a bit mask)."""
    for op in range(6):
        if operators >> op & 1:
            for i in range(BLOCK):
                out[i] += buffers[op, i]
