"""The render kernel: programmes to samples, in integers, compiled by numba.

The columns of the rows are those of :mod:`.programme`. Envelopes, LFO and pitch are computed
once per block of 64 samples, over which operators ramp their gain. Rounding and the order of
operations are Dexed's, and so are its oddities.
"""

from __future__ import annotations

import numba
import numpy as np

from ...compiling import Floats, Ints, Word, Words, compiled, compiled_now
from . import programme as pg
from .envelopes import STAGE, advance_envelope, advance_pitch_envelope, enter
from .lfo import advance_lfo
from .operators import (
    CYCLE,
    SILENT,
    add,
    dimmed,
    phase_increment,
    play_mark1,
    play_mark1_loop,
    play_modern,
    play_modern_loop,
    power,
)
from .tables import BLOCK, OCTAVE, Waves

_MARK1_AUDIBLE, _MODERN_AUDIBLE = SILENT - 100, 1120
_STILL = 100 << 14  # an envelope under this level is inaudible in both engines

_TABLE = numba.types.Array(numba.int32, 1, "C", readonly=True)
_WAVES = numba.types.NamedUniTuple(_TABLE, len(Waves._fields), Waves)  # type: ignore[no-untyped-call]
_SIGNATURE = numba.void(
    numba.int64[:, ::1], numba.int64[:, :, ::1], numba.int64, numba.boolean, numba.float32,
    numba.types.Array(numba.int64, 1, "C", readonly=True), _WAVES, numba.float32[:, ::1],
)  # fmt: skip


@compiled
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


@compiled
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


@compiled
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
        enter(states, rows, op, 0)
    pitch_state = np.array([shared[pg.PITCH_TARGET + 3], 0])
    lfo_state = np.array([shared[pg.LFO_PHASE], shared[pg.LFO_NOISE], 0])
    # Two more than there are operators: a loop looks at three, whether it plays them or not.
    phases, steps, starts, gains = np.zeros((4, 8), np.int32)
    phases[:6] = rows[:, pg.PHASE]
    gains[:] = SILENT - 1 if mark1 else 0
    buffers, memory = np.zeros((6, BLOCK), np.int32), np.zeros(2, np.int32)
    bend, result, mix = np.zeros((3, BLOCK), np.int32)
    offset = np.zeros(2, np.float32)
    held = True

    for first in range(0, len(out), BLOCK):
        if held and first >= release:
            held = False
            pitch_state[STAGE] = 3
            for op in range(6):
                enter(states, rows, op, 3)
        vibrato, tremolo = advance_lfo(lfo_state, shared, waves)
        vibrato += advance_pitch_envelope(pitch_state, shared, held)

        active = 0
        still = not held
        for op in range(6):
            level = advance_envelope(states, rows, op, held)
            if heads >> op & 1 and (states[op, STAGE] < 4 or level >= _STILL):
                still = False
            if shared[pg.SWITCHES] >> op & 1:
                pitch = rows[op, pg.FREQUENCY] + (0 if rows[op, pg.FIXED] else vibrato)
                steps[op] = phase_increment(pitch, increments)
                if rows[op, pg.SENSITIVITY] != 0:
                    level = dimmed(level, tremolo, rows[op, pg.SENSITIVITY])
            else:
                level = 0
            starts[op] = gains[op]
            if mark1:
                gains[op] = SILENT - (level >> 14)
                audible = min(starts[op], gains[op]) <= _MARK1_AUDIBLE
            else:
                gains[op] = power(level - 14 * OCTAVE, waves)
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
                    play_mark1_loop(
                        result, memory, shift, phases[part], steps[part], gain, gains[part], ramp,
                        loop, waves,
                    )  # fmt: skip
                elif op == looped and fed_back:
                    play_modern_loop(result, memory, shift, phase, step, gain, ramp, waves)
                else:
                    bend[:] = 0
                    add(bend, buffers, rows[op, pg.MODULATORS] & active)
                    if mark1:
                        play_mark1(result, bend, phase, step, gain, ramp, waves)
                    else:
                        play_modern(result, bend, phase, step, gain, ramp, waves)
                buffers[op] = result
        add(mix, buffers, wanted & heads)
        for op in range(6):
            phases[op] = (phases[op] + (steps[op] << 6)) & CYCLE
        if wanted & heads:
            _emit(mix, offset, blocker, out, first)
        else:
            _emit_nothing(offset, blocker, out, first)


@compiled_now(_SIGNATURE)
def render(
    shared: Ints, rows: Ints, release: int, mark1: bool, blocker: np.float32, increments: Ints,
    waves: Waves, out: Floats,
) -> None:  # fmt: skip
    """Render the programmes ``shared`` and ``rows`` of n voices into ``out`` [n, samples].

    The key is released in the first block that starts at sample ``release`` or later;
    ``blocker`` is the pole of the filter that removes the offset. See :mod:`.tables` for the
    ``increments`` and ``waves``, :mod:`.programme` for the rest.
    """
    for v in range(len(out)):
        _voice(shared[v], rows[v], release, mark1, blocker, increments, waves, out[v])
