"""One label for voices that sound alike.

Applied in this order, each to what the one before has left:

1. What is inaudible becomes the default; operators that cannot be heard become those of
   output level 0.
2. Of numbers that the engine plays alike (pairs of envelope levels, rates of one speed,
   coarse frequencies of fixed operators, sensitivities to an LFO without depth) the largest
   or the default one stands for all.
3. Operators that the algorithm lets change places stand in one order.

The sound stays the same to the last bit. So transposition never moves into the ratios: the
engine's twelve semitones are a little less than its octave, and what is detuned, and what
follows the keyboard, would not come along.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
import numpy.typing as npt

from .audibility import (
    BITS,
    FIELD,
    SHARED,
    BoolArray,
    audible_numbers,
    envelope_levels,
    roles_of,
    sides_without_scaling,
)
from .backends.embedded.programme import LEVELS
from .backends.embedded.tables import PITCH_RATES, routing
from .voices import SOUND, VOICE, VoiceArray, init_voice

_QUIET = init_voice()[:21]  # operator 6 of the initial voice: output level 0
_COMMON = init_voice()[126:SOUND]
_IN_TUNE = 7  # detuning
_SORTED_BY = tuple(
    FIELD[name]
    for name in ("mode", "f_coarse", "f_fine", "osc_detune", "output_level", "key_velocity")
)


def _largest_alike(classes: npt.ArrayLike) -> VoiceArray:
    """Return for each index the largest one of the same class."""
    each = np.asarray(classes)
    return np.array([np.flatnonzero(each == one)[-1] for one in each])


_LEVEL = _largest_alike(LEVELS >> 1)
_RATE = _largest_alike(np.arange(100) * 41 >> 6)
_PITCH_RATE = _largest_alike(PITCH_RATES)


def canonical_voices(voices: VoiceArray) -> VoiceArray:
    """Return voices ``[n, 156]`` as the one that stands for all that sound alike.

    Applying it twice changes nothing more.
    """
    made = voices.copy()
    operators, shared = made[:, :126].reshape(-1, 6, 21), made[:, 126:SOUND]
    _settle(made, operators, shared)
    _unify(made, operators, shared)
    _settle(made, operators, shared)
    _sort_operators(operators, shared)
    return made


def _settle(voices: VoiceArray, operators: VoiceArray, shared: VoiceArray) -> None:
    """Give what cannot be heard its default."""
    roles = roles_of(voices)
    operators[~roles.audible] = _QUIET
    # One that is off is not heard, but for the traces it leaves in a loop.
    voices[:, VOICE] |= (~roles.audible * BITS).sum(axis=1)
    # Without depth an LFO's sensitivity, without sensitivity its depth is nothing.
    still = (shared[:, SHARED["lfo_pm_depth"]] == 0) | (shared[:, SHARED["p_mode_sens"]] == 0)
    shared[still, SHARED["lfo_pm_depth"]] = 0
    audible, _ = audible_numbers(voices)
    of_operators = audible[:, :126].reshape(-1, 6, 21) | ~roles.audible[:, :, None]
    np.copyto(operators, _QUIET, where=~of_operators)
    np.copyto(shared, _COMMON, where=~audible[:, 126:])
    nothing = ~roles.audible.any(axis=1)
    shared[nothing] = _COMMON


def _unify(voices: VoiceArray, operators: VoiceArray, shared: VoiceArray) -> None:
    """Let one number stand for those that the engine plays alike."""
    roles = roles_of(voices)
    plain = roles.audible & ~roles.looped

    def replace(name: str, values: VoiceArray, where: BoolArray) -> None:
        column = operators[:, :, FIELD[name]]
        np.copyto(column, values, where=plain & where)

    levels = envelope_levels(operators)
    starts = roles.field("eg_level_1") > 0
    first, second, third = levels[:, :, 0], levels[:, :, 1], levels[:, :, 2]
    # A stage that changes nothing lasts by its rate, not by its speed. Two different levels
    # can be too low to differ at some note; that is silent only if the third is as low.
    moves = (first != second) & (third <= np.maximum(first, second))
    always = np.ones(plain.shape, dtype=np.bool_)
    for stage, where in (("1", starts), ("2", starts & moves), ("3", always), ("4", always)):
        replace(f"eg_rate_{stage}", _RATE[roles.field(f"eg_rate_{stage}")], where)
    for stage in "1234":
        replace(f"eg_level_{stage}", _LEVEL[roles.field(f"eg_level_{stage}")], always)
    fixed = roles.field("mode") == 1
    replace("f_coarse", roles.field("f_coarse") & 3, fixed)
    replace("osc_detune", np.maximum(roles.field("osc_detune"), _IN_TUNE), fixed)
    flat = (roles.common("lfo_am_depth") == 0)[:, None]
    replace("a_mod_sens", np.minimum(roles.field("a_mod_sens"), 1), flat & always)
    for side, without in zip("lr", sides_without_scaling(operators), strict=True):
        replace(f"{side}_scale_depth", np.zeros_like(levels[:, :, 0]), without)
    shared[:, 0:4] = _PITCH_RATE[shared[:, 0:4]]


@functools.cache
def _exchanges(algorithm: int, fed_back: bool) -> npt.NDArray[np.int64]:
    """Return the orders ``[m, 6]`` of operators that an algorithm plays alike."""
    wiring = routing()
    masks, carriers = wiring.modulators[algorithm], int(wiring.carriers[algorithm])
    first = int(wiring.feedback[algorithm, 0])
    edges = {(a, b) for b in range(6) for a in range(6) if masks[b] >> a & 1}
    kept = []
    for order in itertools.permutations(range(6)):
        same = {(order[a], order[b]) for a, b in edges} == edges
        same = same and all(carriers >> order[op] & 1 == carriers >> op & 1 for op in range(6))
        if same and not (fed_back and order[first] != first):
            kept.append(order)
    return np.array(kept)


def _sort_operators(operators: VoiceArray, shared: VoiceArray) -> None:
    """Bring operators that may change places into one order, which looks at operator 1 first."""
    rest = [field for field in range(operators.shape[2]) if field not in _SORTED_BY]
    keys = operators[:, :, [*_SORTED_BY, *rest]].reshape(-1, operators.shape[2])
    places = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1, 6)
    ranks = (places[:, :, None] > places[:, None, :]).sum(axis=2)
    kinds = shared[:, SHARED["algorithm"]] * 2 + (shared[:, SHARED["feedback"]] > 0)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        orders = _exchanges(kind // 2, kind % 2 > 0)
        codes = ranks[rows][:, orders] @ 6 ** np.arange(6)
        best = orders[codes.argmin(axis=1)]
        operators[rows] = np.take_along_axis(operators[rows], best[:, :, None], axis=1)
