"""The 155 parameters of Dexed, the views of them in use, and vectors as voices.

Parameters have the names that pedalboard gives the plug-in's, which are the plug-in's own
in lower case (``OP1 EG RATE 1`` is ``op1_eg_rate_1``), and the values the plug-in shows:
algorithms count from 1, detune runs from -7 to 7, transposition from -24 to 24 semitones.
They stand in the plug-in's order. Dexed 1.0 has a 156th, mono mode, which says nothing
about a single note.

Views
-----
``voice``
    The 145 numbers of a DX7 voice, what a voice dump holds. The ten parameters of the
    plug-in beside them are frozen: filter open, gain 1, tuning 0, all operators on.
``dexed-t6``
    Sound2Synth (Chen et al., IJCAI 2022), section 3 and appendix A: 155 parameters, of
    which algorithm and output are fixed, 87 continuous in 64 classes, 66 discrete. The
    kinds match these counts; as in the authors' published code the break points are
    discrete, here with 100 classes for the 88 there. The engine has neither filter nor
    master tuning, so cutoff, resonance and tuning, which no voice dump holds, are frozen
    at neutral: for one algorithm 84 continuous and 66 discrete parameters are free.
``dx7-144``
    InverSynth II (Barkan et al., ISMIR 2023), table 3: 54 categorical and 90 continuous
    parameters. They are those of ``voice`` but for the transposition, which the setting
    freezes.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, IntArray, Parameter, ParameterSpace, Patch, Value

from .voices import LARGEST, RANGES, SOUND, SWITCHES_ON, VOICE, VoiceArray, name_codes

SYNTH = "dexed"

_FILTER = ("cutoff", "resonance", "master_tune_adj")
_SWITCHES = tuple(f"op{op}_switch" for op in range(1, 7))
NEUTRAL: Mapping[str, Value] = MappingProxyType(
    {
        "cutoff": 1.0,
        "resonance": 0.0,
        "output": 1.0,
        "master_tune_adj": 0.0,
        **dict.fromkeys(_SWITCHES, True),
    }
)
"""The plug-in's parameters that a DX7 voice does not have, where they change nothing."""

_CURVES = ("-LN", "-EX", "+EX", "+LN")
_LABELS: Mapping[str, tuple[Value, ...]] = {
    "osc_key_sync": (False, True),
    "lfo_key_sync": (False, True),
    "lfo_wave": ("triangle", "saw down", "saw up", "square", "sine", "sample & hold"),
    "l_key_scale": _CURVES,
    "r_key_scale": _CURVES,
    "mode": ("ratio", "fixed"),
}
_LOWEST = {"algorithm": 1, "osc_detune": -7, "transpose": -24}  # as shown; the others count from 0
_UNITS = {"osc_detune": "steps", "transpose": "semitones", "f_coarse": "ratio", "f_fine": "%"}
_DEFAULTS: Mapping[str, float] = {
    "osc_key_sync": True,
    "lfo_speed": 35,
    "lfo_key_sync": True,
    "p_mode_sens": 3,
    "eg_level_4": 0,
    "f_coarse": 1,
    "osc_detune": 0,
    "transpose": 0,
    "op1_output_level": 99,
    **{f"{stage}eg_rate_{i}": 99 for stage in ("", "pitch_") for i in (1, 2, 3, 4)},
    **{f"eg_level_{i}": 99 for i in (1, 2, 3)},
    **{f"pitch_eg_level_{i}": 50 for i in (1, 2, 3, 4)},
}
_OPERATOR_ORDER = (
    *(f"eg_{what}_{i}" for what in ("rate", "level") for i in (1, 2, 3, 4)),
    *("output_level", "mode", "f_coarse", "f_fine", "osc_detune", "break_point"),
    *("l_scale_depth", "r_scale_depth", "l_key_scale", "r_key_scale"),
    *("rate_scaling", "a_mod_sens", "key_velocity", "switch"),
)
_ORDER = (
    *("cutoff", "resonance", "output", "master_tune_adj", "algorithm", "feedback"),
    *("osc_key_sync", "lfo_speed", "lfo_delay", "lfo_pm_depth", "lfo_am_depth", "lfo_key_sync"),
    *("lfo_wave", "transpose", "p_mode_sens"),
    *(f"pitch_eg_{what}_{i}" for what in ("rate", "level") for i in (1, 2, 3, 4)),
    *(f"op{op}_{name}" for op in range(1, 7) for name in _OPERATOR_ORDER),
)


OPERATORS = {f"operator {op}": op - 1 for op in range(1, 7)}
"""Index of an operator by the name of its group."""

_SMALL = frozenset(name for name, largest in RANGES.items() if largest < 99)
_BREAK_POINTS = frozenset(name for name in RANGES if name.endswith("break_point"))


def _group(name: str) -> str:
    if name.startswith("op") and name[2].isdigit():
        return f"operator {name[2]}"
    if name.startswith("pitch_eg"):
        return "pitch envelope"
    return "LFO" if name.startswith("lfo") or name == "p_mode_sens" else "global"


def _parameter(name: str, labels: Collection[str], classes: int | None) -> Parameter:
    """Return a parameter: categorical if in ``labels``, in ``classes`` classes if ordinal."""
    group = _group(name)
    if name in _SWITCHES:
        return Parameter.categorical(name, (False, True), default=True, group=group)
    if name not in RANGES:
        low = -1.0 if name == "master_tune_adj" else 0.0
        return Parameter.continuous(name, low, 1.0, default=float(NEUTRAL[name]), group=group)
    field = name.partition("_")[2] if group.startswith("operator") else name
    default = _DEFAULTS.get(name, _DEFAULTS.get(field))
    if field in _LABELS:
        return Parameter.categorical(name, _LABELS[field], default=default, group=group)
    low = _LOWEST.get(field, 0)
    choices = range(low, low + RANGES[name] + 1)
    unit = _UNITS.get(field, "")
    if name in labels:
        return Parameter.categorical(name, choices, default=default, group=group, unit=unit)
    return Parameter.ordinal(
        name, choices, default=default, classes=classes, group=group, unit=unit
    )


@functools.cache
def dexed_space(name: str = "voice") -> ParameterSpace:
    """Return a view of the space: ``voice``, ``dexed-t6`` or ``dx7-144``.

    Raises
    ------
    ParameterError
        If there is no such view.
    """
    labels: Collection[str] = ("algorithm",)
    classes = None
    frozen = dict(NEUTRAL)
    if name == "dexed-t6":
        labels, classes = _SMALL | _BREAK_POINTS, 64
        frozen = {key: value for key, value in NEUTRAL.items() if key not in _SWITCHES}
    elif name == "dx7-144":
        labels = _SMALL
    elif name != "voice":
        raise ParameterError(f"Dexed has the views voice, dexed-t6 and dx7-144, not {name!r}")
    return ParameterSpace(SYNTH, [_parameter(n, labels, classes) for n in _ORDER], frozen)


@functools.cache
def whole() -> ParameterSpace:
    """Return the space of all 155 parameters with none frozen, for checking patches."""
    return ParameterSpace(SYNTH, dexed_space().parameters)


# Where the numbers of a voice, and the switches from bit 5 to bit 0, stand in the space.
_COLUMNS: IntArray = np.array([_ORDER.index(name) for name in RANGES], dtype=np.int64)
_CHOICES: IntArray = LARGEST[:SOUND] + 1
_SWITCH_COLUMNS: IntArray = np.array([_ORDER.index(name) for name in _SWITCHES], dtype=np.int64)
_SWITCH_BITS: IntArray = 1 << np.arange(5, -1, -1, dtype=np.int64)


def to_voices(space: ParameterSpace, vectors: FloatArray, name: str = "") -> VoiceArray:
    """Return voices ``int64 [n, 156]``, switches last, of unit-cube vectors ``[n, d]``."""
    full = space.expand(vectors)
    voices = np.empty((len(full), VOICE + 1), dtype=np.int64)
    inside = (full[:, _COLUMNS] * _CHOICES).astype(np.int64)
    voices[:, :SOUND] = np.minimum(inside, _CHOICES - 1)
    voices[:, SOUND:VOICE] = name_codes(name)
    voices[:, VOICE] = (full[:, _SWITCH_COLUMNS] >= 0.5) @ _SWITCH_BITS
    return voices


def to_vectors(space: ParameterSpace, voices: VoiceArray) -> FloatArray:
    """Return vectors ``[n, d]`` of voices ``[n, 145 or more]``; frozen parameters are dropped.

    Without a 156th number all operators are on; the filter and such are neutral.
    """
    switches = voices[:, VOICE] if voices.shape[1] > VOICE else np.full(len(voices), SWITCHES_ON)
    full = np.tile(_neutral_vector(), (len(voices), 1))
    full[:, _COLUMNS] = (voices[:, :SOUND] + 0.5) / _CHOICES
    full[:, _SWITCH_COLUMNS] = ((switches[:, None] & _SWITCH_BITS) > 0) * 0.5 + 0.25
    chosen: FloatArray = full[:, _places(space.names)]
    return chosen


@functools.cache
def _neutral_vector() -> FloatArray:
    """Return the vector ``[155]`` of the default patch, with the plug-in's parameters neutral."""
    return whole().encode(NEUTRAL)


@functools.lru_cache(maxsize=64)
def _places(names: tuple[str, ...]) -> IntArray:
    """Return where parameters stand among all 155."""
    return np.array([_ORDER.index(name) for name in names], dtype=np.int64)


def to_voice(patch: Mapping[str, Value], name: str = "") -> VoiceArray:
    """Return the voice ``int64 [156]`` of a patch; what a voice does not have is dropped."""
    voice: VoiceArray = to_voices(whole(), whole().encode(patch)[None], name)[0]
    return voice


def to_patch(voice: VoiceArray) -> Patch:
    """Return the patch of one voice ``[145 or more]``, with the rest of Dexed neutral."""
    return whole().decode(to_vectors(whole(), voice[None])[0])
