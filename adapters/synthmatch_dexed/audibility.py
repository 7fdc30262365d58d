"""Which numbers of a voice can be heard.

A number is inaudible if the sound stays the same, to the last bit of the embedded engine, at
every note, velocity and length, whatever value it takes, and whatever the other inaudible
numbers take at the same time. So something always stays audible that vouches for the rest:
of an operator of output level 0 that level, of an LFO without depth the depth. In doubt a
number counts as audible.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .backends.embedded.programme import LEVELS, VELOCITY, keyboard_level
from .backends.embedded.tables import FEEDBACK_LOOPS, routing
from .voices import COLUMN, COMMON, OPERATOR, SOUND, VOICE, VoiceArray

BoolArray = npt.NDArray[np.bool_]

FIELD = {name: i for i, name in enumerate(OPERATOR)}
"""Where a number stands among the 21 of an operator."""
SHARED = {name: i for i, name in enumerate(COMMON)}
"""Where a number stands among the 19 that the operators share."""

_LOUDEST = 127  # what an output level and its scaling make at most
_HARDEST = 224  # what velocity adds to an operator at most
_UNHEARD = 25  # an envelope under this level, in 1/256 octaves, plays in neither engine
_OFFSET = 4256  # of the levels of envelopes
_TOP = 4032  # what envelope level 99 adds
_LOOPS = np.array([FEEDBACK_LOOPS.get(algorithm, 1) for algorithm in range(32)])

BITS = 1 << np.arange(6)
"""Of operators 6 to 1 in a mask."""


class Roles(NamedTuple):
    """What the operators of ``n`` voices do; axis 1 runs from operator 6 to operator 1.

    Attributes
    ----------
    operators, shared : int64 [n, 6, 21], [n, 19]
        The numbers of the voices.
    on : bool [n, 6]
        Whether an operator is switched on.
    silent : bool [n, 6]
        Whether it never plays, and it itself vouches for that.
    audible : bool [n, 6]
        Whether it can be heard, by itself or through what it modulates.
    looped : bool [n, 6]
        Whether it plays in a loop of several operators, of which all numbers count.
    feedback : bool [n]
        Whether the amount of feedback counts.
    """

    operators: VoiceArray
    shared: VoiceArray
    on: BoolArray
    silent: BoolArray
    audible: BoolArray
    looped: BoolArray
    feedback: BoolArray

    def field(self, name: str) -> VoiceArray:
        """Return a number ``[n, 6]`` of the operators."""
        return self.operators[:, :, FIELD[name]]

    def common(self, name: str) -> VoiceArray:
        """Return a number ``[n]`` that operators share."""
        return self.shared[:, SHARED[name]]


def envelope_levels(operators: VoiceArray) -> VoiceArray:
    """Return the four levels ``[n, 6, 4]`` of envelopes as they sound: pairs are alike."""
    return LEVELS[operators[:, :, 4:8]] >> 1


def roles_of(voices: VoiceArray) -> Roles:
    """Return what the operators of voices ``[n, 156]`` do."""
    operators = voices[:, :126].reshape(-1, 6, 21)
    shared = voices[:, 126:SOUND]
    on = (voices[:, VOICE, None] & BITS) > 0
    algorithm = shared[:, SHARED["algorithm"]]
    fed_back = shared[:, SHARED["feedback"]] > 0
    wiring = routing()

    loudest = _loudness(operators, shared, operators[:, :, FIELD["key_velocity"]])
    highest = (envelope_levels(operators).max(axis=2) << 6) + loudest
    silent = ~on | (highest - _OFFSET < _UNHEARD)

    carriers = (wiring.carriers[algorithm, None] & BITS) > 0
    modulators = wiring.modulators[algorithm]
    audible = carriers & ~silent
    for op in range(5, -1, -1):  # operators modulate only those of lower number
        modulating = ((modulators & BITS[op]) > 0) & audible
        audible[:, op] |= modulating.any(axis=1) & ~silent[:, op]

    # Where several operators play in one loop, even a silent one leaves a trace.
    loops = (_LOOPS[algorithm] > 1) & ~silent[:, 0]
    looped = (loops & fed_back)[:, None] & (np.arange(6) < _LOOPS[algorithm, None])
    first = wiring.feedback[algorithm, 0]
    feedback = audible[np.arange(len(voices)), first] | loops
    return Roles(operators, shared, on, silent, audible | looped, looped, feedback)


def _loudness(operators: VoiceArray, shared: VoiceArray, touch: VoiceArray) -> VoiceArray:
    """Return how loud operators ``[n, 6]`` get at most at any note, in 1/32 steps of level."""
    scaled = np.zeros(operators.shape[:2], dtype=np.int64)
    for pitch in (0, 127):  # scaling grows with the distance from the break point
        keys = pitch + shared[:, SHARED["transpose"]] - 24
        scaled = np.maximum(scaled, keyboard_level(keys, operators))
    level = np.minimum(_LOUDEST, LEVELS[operators[:, :, FIELD["output_level"]]] + scaled)
    struck = ((touch * (VELOCITY[63] - 239) + 7) >> 3) << 4
    result: VoiceArray = (level << 5) + struck
    return result


def audible_numbers(voices: VoiceArray) -> tuple[BoolArray, BoolArray]:
    """Return which numbers of voices can be heard.

    Parameters
    ----------
    voices : int64 [n, 156]
        Voices and switches.

    Returns
    -------
    sounds : bool [n, 145]
        For the numbers of the voices.
    switches : bool [n, 6]
        For the switches of operators 6 to 1.
    """
    roles = roles_of(voices)
    operators = np.where(roles.audible[:, :, None], _of_audible(roles), _of_silent(roles))
    operators |= roles.looped[:, :, None]
    shared = _of_common(roles)
    vouching = roles.silent & operators[:, :, FIELD["break_point"]]
    shared[:, SHARED["transpose"]] = (roles.audible | vouching).any(axis=1)
    sounds = np.hstack([operators.reshape(-1, 126), shared])
    return sounds, roles.audible | (roles.silent & ~roles.on)


def sides_without_scaling(operators: VoiceArray) -> tuple[BoolArray, BoolArray]:
    """Return whether keyboard scaling does nothing left and right of the break point, [n, 6].

    Nothing is louder than output level 99.
    """
    full = LEVELS[operators[:, :, FIELD["output_level"]]] == _LOUDEST
    left, right = (
        (operators[:, :, FIELD[f"{side}_scale_depth"]] == 0)
        | (full & (operators[:, :, FIELD[f"{side}_key_scale"]] >= 2))
        for side in ("l", "r")
    )
    return left, right


def _of_audible(roles: Roles) -> BoolArray:
    """Return which numbers ``[n, 6, 21]`` of operators count where they are heard."""
    audible = np.ones(roles.operators.shape, dtype=np.bool_)
    levels = envelope_levels(roles.operators)
    first, second, third = levels[:, :, 0], levels[:, :, 1], levels[:, :, 2]
    rates = roles.operators[:, :, 0:4]
    # A stage that changes nothing only lasts; it counts if another one comes before the end.
    audible[:, :, FIELD["eg_rate_3"]] = second != third
    still = (first == second) & (second == third) & (roles.field("eg_level_1") > 0)
    audible[:, :, FIELD["eg_rate_2"]] = ~still
    # Nothing is quicker than rate 99.
    audible[:, :, FIELD["rate_scaling"]] = ((rates < 99) & audible[:, :, 0:4]).any(axis=2)
    left, right = sides_without_scaling(roles.operators)
    audible[:, :, FIELD["break_point"]] = ~(left & right)
    for side, without in (("l", left), ("r", right)):
        flat = roles.field(f"{side}_scale_depth") == 0
        audible[:, :, FIELD[f"{side}_scale_depth"]] = flat | ~without
        audible[:, :, FIELD[f"{side}_key_scale"]] = ~flat
    return audible


def _of_silent(roles: Roles) -> BoolArray:
    """Return which numbers ``[n, 6, 21]`` vouch that an operator is silent."""
    audible = np.zeros(roles.operators.shape, dtype=np.bool_)
    vouching = roles.silent & roles.on
    shared, touch = roles.shared, roles.field("key_velocity")
    low = _TOP + _loudness(roles.operators, shared, touch) - _OFFSET < _UNHEARD
    softly = _TOP + _loudness(roles.operators, shared, touch * 0) + _HARDEST - _OFFSET < _UNHEARD
    audible[:, :, FIELD["output_level"]] = vouching
    audible[:, :, FIELD["key_velocity"]] = vouching & ~softly
    audible[:, :, FIELD["eg_level_1"] : FIELD["eg_level_4"] + 1] = (vouching & ~low)[:, :, None]
    for side in ("l", "r"):
        flat = roles.field(f"{side}_scale_depth") == 0
        louder = ~flat & (roles.field(f"{side}_key_scale") >= 2)
        audible[:, :, FIELD[f"{side}_scale_depth"]] = vouching & (flat | louder)
        audible[:, :, FIELD[f"{side}_key_scale"]] = vouching & ~flat
        audible[:, :, FIELD["break_point"]] |= vouching & louder
    return audible


def _of_common(roles: Roles) -> BoolArray:
    """Return which of the numbers ``[n, 19]`` count that operators share, but transposition."""
    audible = np.zeros(roles.shared.shape, dtype=np.bool_)

    def mark(name: str, counts: npt.ArrayLike) -> None:
        audible[:, SHARED[name]] = counts

    moved = (roles.audible & (roles.field("mode") == 0)).any(axis=1)  # by vibrato
    dimmed = (roles.audible & (roles.field("a_mod_sens") > 0)).any(axis=1)
    deep, sensitive = roles.common("lfo_pm_depth") > 0, roles.common("p_mode_sens") > 0
    mark("lfo_pm_depth", moved & (sensitive | ~deep))
    mark("p_mode_sens", moved & deep)
    mark("lfo_am_depth", dimmed)
    runs = (moved & deep & sensitive) | (dimmed & (roles.common("lfo_am_depth") > 0))
    for name in ("lfo_speed", "lfo_delay", "lfo_key_sync", "lfo_wave"):
        mark(name, runs)
    levels = roles.shared[:, 4:8]
    audible[:, 4:8] = moved[:, None]
    # The pitch starts at level 4; stages 1 to 3 that change nothing take no time.
    audible[:, 0:3] = moved[:, None] & (levels[:, 0:3] != levels[:, [3, 0, 1]])
    mark("pitch_eg_rate_4", moved & (levels != levels[:, :1]).any(axis=1))
    mark("algorithm", ~roles.silent.all(axis=1))
    mark("feedback", roles.feedback)
    return audible


def audible_columns(names: tuple[str, ...], voices: VoiceArray) -> BoolArray:
    """Return which of the parameters ``names`` can be heard, ``[n, d]``, in voices ``[n, 156]``.

    Of the plug-in's own parameters these can only be the switches.
    """
    sounds, switches = audible_numbers(voices)
    every = np.hstack([sounds, switches])
    places = [COLUMN[name] if name in COLUMN else SOUND + 6 - int(name[2]) for name in names]
    chosen: BoolArray = every[:, places]
    return chosen
