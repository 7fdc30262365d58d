"""The render kernel: programmes to samples, in integers, compiled by numba.

The columns of the rows are those of :mod:`.programme`. Envelopes, LFO and pitch are computed
once per block of 64 samples, over which operators ramp their gain. Rounding and the order of
operations are Dexed's, and so are its oddities.
"""

from __future__ import annotations

import numba
import numpy as np

from synthmatch.compiling import kernel

from ...compiling import Flags, Floats, Ints, Word, Words, compiled
from . import programme as pg
from .envelopes import STAGE, advance_pitch_envelope, trace_envelope
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
_FADED = 1e-9

_TABLE = numba.types.Array(numba.int32, 1, "C", readonly=True)
_WAVES = numba.types.NamedUniTuple(_TABLE, len(Waves._fields), Waves)  # type: ignore[no-untyped-call]
_SIGNATURE = numba.void(
    numba.int64[:, ::1], numba.int64[:, :, ::1], numba.int64, numba.boolean, numba.float32,
    numba.types.Array(numba.int64, 1, "C", readonly=True), _WAVES, numba.int64[::1],
    numba.float32[:, ::1],
)  # fmt: skip


@compiled
def _emit(mix: Words, out: Floats, first: int) -> None:
    """Write a block to the output: 16 bits, clipped.

    A negative overload becomes a positive one, as in Dexed.
    """
    for i in range(min(BLOCK, len(out) - first)):
        value = mix[i] >> 13
        value = 0x8000 if value < -0x8000 else min(value, 0x7FFF)
        out[first + i] = np.float32(value) * np.float32(2.0**-15)


@compiled
def _remove_offset(sounds: Floats, silent: Flags, begins: Flags, blocker: np.float32) -> None:
    """Remove the offset of four ``sounds [4, n]``, given their ``silent [4, blocks]`` blocks.

    Every sample has to wait for the one before, but not for those of the other sounds. What
    the filter still has after a sound fades away, but is cut at -180 dB. Where a part of the
    sound ``begins [blocks]``, the filter does so too.
    """
    a = b = c = d = np.float32(0)
    last_a = last_b = last_c = last_d = np.float32(0)
    for block in range(silent.shape[1]):
        first = block * BLOCK
        if begins[block]:
            a = b = c = d = np.float32(0)
            last_a = last_b = last_c = last_d = np.float32(0)
        for i in range(first, min(first + BLOCK, sounds.shape[1])):
            now_a, now_b, now_c, now_d = sounds[0, i], sounds[1, i], sounds[2, i], sounds[3, i]
            a = now_a - last_a + blocker * a
            b = now_b - last_b + blocker * b
            c = now_c - last_c + blocker * c
            d = now_d - last_d + blocker * d
            last_a, last_b, last_c, last_d = now_a, now_b, now_c, now_d
            if i == first:
                a = np.float32(0) if silent[0, block] and abs(a) < _FADED else a
                b = np.float32(0) if silent[1, block] and abs(b) < _FADED else b
                c = np.float32(0) if silent[2, block] and abs(c) < _FADED else c
                d = np.float32(0) if silent[3, block] and abs(d) < _FADED else d
            sounds[0, i], sounds[1, i], sounds[2, i], sounds[3, i] = a, b, c, d


@compiled
def _pass_block(phases: Words, steps: Words) -> None:
    """Advance the phases of the operators by a block."""
    for op in range(6):
        phases[op] = (phases[op] + (steps[op] << 6)) & CYCLE


@compiled
def _voice(
    shared: Ints, rows: Ints, release: int, mark1: bool, increments: Ints, waves: Waves,
    wanted_blocks: Ints, out: Floats, silent: Flags,
) -> None:  # fmt: skip
    """Render blocks of one voice into ``out``, with its offset, and note which are ``silent``.

    Through the others only time passes: what is modulated by its own past stands still.
    """
    looped, loop = shared[pg.LOOPED], shared[pg.LOOP] if mark1 else 1
    fed_back = shared[pg.FEEDBACK] < 16
    shift = shared[pg.FEEDBACK] + 1
    if mark1 and (loop > 1 or shared[pg.CARRIERS] == 63):
        shift += 2
    inside = (1 << loop) - 2 if fed_back else 0  # operators that a loop plays beside its first
    heads = shared[pg.CARRIERS] | (1 if inside else 0)

    blocks, released = wanted_blocks[-1] + 1, -(-release // BLOCK)
    levels, over = np.empty((6, blocks), np.int32), np.empty((6, blocks), np.bool_)
    for op in range(6):
        trace_envelope(rows[op], released, levels[op], over[op])
    pitch_state = np.array([shared[pg.PITCH_TARGET + 3], 0])
    lfo_state = np.array([shared[pg.LFO_PHASE], shared[pg.LFO_NOISE], 0])
    # Two more than there are operators: a loop looks at three, whether it plays them or not.
    phases, steps, starts, gains = np.zeros((4, 8), np.int32)
    phases[:6] = rows[:, pg.PHASE]
    gains[:] = SILENT - 1 if mark1 else 0
    buffers, memory = np.zeros((6, BLOCK), np.int32), np.zeros(2, np.int32)
    bend, result, mix = np.zeros((3, BLOCK), np.int32)
    held = True
    last_vibrato, place = 0, 0  # what comes next in ``out``, in blocks

    for block in range(blocks):
        if block == released:
            held = False
            pitch_state[STAGE] = 3
        vibrato, tremolo = advance_lfo(lfo_state, shared, waves)
        vibrato += advance_pitch_envelope(pitch_state, shared, held)
        if block == 0 or vibrato != last_vibrato:
            last_vibrato = vibrato
            for op in range(6):
                if shared[pg.SWITCHES] >> op & 1:
                    pitch = rows[op, pg.FREQUENCY] + (0 if rows[op, pg.FIXED] else vibrato)
                    steps[op] = phase_increment(pitch, increments)
        here = wanted_blocks[place] == block
        if not here and wanted_blocks[place] != block + 1:
            _pass_block(phases, steps)
            continue

        active = 0
        still = not held
        for op in range(6):
            level = int(levels[op, block])
            if heads >> op & 1 and (not over[op, block] or level >= _STILL):
                still = False
            if shared[pg.SWITCHES] >> op & 1:
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
            out[place * BLOCK :] = 0
            silent[place:] = True
            return
        if not here:
            _pass_block(phases, steps)
            continue

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
        _pass_block(phases, steps)
        silent[place] = wanted & heads == 0
        _emit(mix, out, place * BLOCK)
        place += 1


@kernel(_SIGNATURE)
def render(
    shared: Ints, rows: Ints, release: int, mark1: bool, blocker: np.float32, increments: Ints,
    waves: Waves, blocks: Ints, out: Floats,
) -> None:  # fmt: skip
    """Render the programmes ``shared`` and ``rows`` of n voices into ``out`` [n, samples].

    The key is released in the first block that starts at sample ``release`` or later;
    ``blocker`` is the pole of the filter that removes the offset. ``blocks`` are the numbers
    of those that are rendered, ascending, one after another in ``out``. See :mod:`.tables`
    for the ``increments`` and ``waves``, :mod:`.programme` for the rest.
    """
    count, samples = out.shape
    silent = np.empty((count + 3, len(blocks)), np.bool_)
    begins = np.ones(len(blocks), np.bool_)
    begins[1:] = blocks[1:] != blocks[:-1] + 1
    for v in range(count):
        _voice(
            shared[v], rows[v], release, mark1, increments, waves, blocks, out[v], silent[v]
        )  # fmt: skip
    whole = count & ~3
    for v in range(0, whole, 4):
        _remove_offset(out[v : v + 4], silent[v : v + 4], begins, blocker)
    if whole < count:
        rest = np.zeros((4, samples), np.float32)
        rest[: count - whole] = out[whole:]
        silent[count:] = True
        _remove_offset(rest, silent[whole : whole + 4], begins, blocker)
        out[whole:] = rest[: count - whole]
