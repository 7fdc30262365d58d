"""The envelopes of the operators and of the pitch, compiled; see :mod:`.kernel`."""

from __future__ import annotations

from ...compiling import Ints, compiled
from . import programme as pg
from .tables import BLOCK

LEVEL, STAGE = 0, 1  # the running state of an envelope
_WAIT = 2


@compiled
def enter(states: Ints, rows: Ints, op: int, stage: int) -> None:
    """Let an operator's envelope enter a stage."""
    states[op, STAGE] = stage
    states[op, _WAIT] = 0
    if stage < 4 and (
        rows[op, pg.TARGET + stage] == states[op, LEVEL]
        or (stage == 0 and rows[op, pg.DELAYED] == 1)
    ):
        states[op, _WAIT] = rows[op, pg.STANDING + stage]


@compiled
def advance_envelope(states: Ints, rows: Ints, op: int, held: bool) -> int:
    """Advance an operator's envelope by one block and return its level, Q24."""
    if states[op, _WAIT] > 0:
        states[op, _WAIT] -= BLOCK
        if states[op, _WAIT] <= 0:
            enter(states, rows, op, states[op, STAGE] + 1)
    level, stage = states[op, LEVEL], states[op, STAGE]
    if states[op, _WAIT] == 0 and (stage < 3 or (stage == 3 and not held)):
        target, step = rows[op, pg.TARGET + stage], rows[op, pg.STEP + stage]
        if target > level:
            level = max(level, 1716 << 16)
            level = min(target, level + (((17 << 24) - level) >> 24) * step)
        else:
            level = max(target, level - step)
        states[op, LEVEL] = level
        if level == target:
            enter(states, rows, op, stage + 1)
    return int(level)


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
