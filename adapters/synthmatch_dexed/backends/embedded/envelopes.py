"""The envelopes of the operators and of the pitch, compiled; see :mod:`.kernel`."""

from __future__ import annotations

from ...compiling import Flags, Ints, Words, compiled
from . import programme as pg
from .tables import BLOCK

LEVEL, STAGE = 0, 1  # the running state of the pitch envelope


@compiled
def _wait(row: Ints, stage: int, level: int) -> int:
    """Return how many samples an operator's envelope stands still when it enters a stage."""
    if stage < 4 and (row[pg.TARGET + stage] == level or (stage == 0 and row[pg.DELAYED] == 1)):
        return int(row[pg.STANDING + stage])
    return 0


@compiled
def trace_envelope(row: Ints, release: int, levels: Words, over: Flags) -> None:
    """Fill in the level (Q24) of an operator's envelope in every block, and whether it is over.

    ``row`` is that of the operator. The key is released in block ``release``.
    """
    level, stage, wait, held = 0, 0, _wait(row, 0, 0), True
    for block in range(len(levels)):
        if block == release:
            held, stage = False, 3
            wait = _wait(row, stage, level)
        if wait > 0:
            wait -= BLOCK
            if wait <= 0:
                stage += 1
                wait = _wait(row, stage, level)
        if wait == 0 and (stage < 3 or (stage == 3 and not held)):
            target, step = row[pg.TARGET + stage], row[pg.STEP + stage]
            if target > level:
                level = max(level, 1716 << 16)
                level = min(target, level + (((17 << 24) - level) >> 24) * step)
            else:
                level = max(target, level - step)
            if level == target:
                stage += 1
                wait = _wait(row, stage, level)
        levels[block] = level
        over[block] = stage >= 4


@compiled
def advance_pitch_envelope(state: Ints, shared: Ints, held: bool) -> int:
    """Advance the pitch envelope by one block and return its logarithmic frequency."""
    level, stage = state[LEVEL], state[STAGE]
    if stage < 3 or (stage == 3 and not held):
        target, step = shared[pg.PITCH_TARGET + stage], shared[pg.PITCH_STEP + stage]
        level = min(target, level + step) if target > level else max(target, level - step)
        state[LEVEL] = level
        if level == target:
            state[STAGE] = stage + 1
    return int(level)
