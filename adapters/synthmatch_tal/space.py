"""The parameters of TAL-NoiseMaker, the views of them in use, and vectors as presets.

Parameters have the names that the plug-in gives them, and stand in its order. Knobs have the
values of its presets, 0 to 1; lists have the labels of its menus, and tunings semitones. The
two that the plug-in calls "unused", and its buttons, are left out.

Views
-----
``dry``
    What the embedded engine plays: one voice without effects, whose LFOs in sync run at 120
    beats a minute, from the first beat of a song. Frozen where they change nothing are
    chorus, reverb and delay, the drawn envelope, which needs its curve, the detuning of
    voices, which is random, the pitch wheel, and what concerns several notes: voices and
    portamento.
``plugin``
    All parameters, for the plug-in alone. The drawn envelope has the curve of a new preset.
``tal-core``
    36 parameters of a dry sound, knobs and lists mixed. The rest is frozen at neutral; lists
    leave out what draws random numbers other than noise.
``tal-9``
    The nine of InverSynth II (Barkan et al., ISMIR 2023), all in classes; see
    :mod:`synthmatch_tal.settings`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, Parameter, ParameterSpace, Patch, Value

SYNTH = "tal"

_WAVES1 = ("saw", "pulse", "noise")
_WAVES2 = ("saw", "pulse", "triangle", "sine", "noise")
_LFO_WAVES = ("sine", "triangle", "saw", "square", "sample & hold", "noise")
_LFO1_TO = ("off", "filter", "osc1", "osc2", "pw", "fm", "lfo2 rate", "osc1 & 2")
_LFO2_TO = ("off", "filter", "osc1", "osc2", "pan", "volume", "lfo1 rate", "osc1 & 2")
_FREE_TO = ("off", "filter", "osc1", "osc2", "pw", "fm")
_FILTERS = (
    *("LP 24dB", "LP 18dB", "LP 12dB", "LP 6dB", "HP 12dB", "BP 12dB", "notch"),
    *("LP SV 24dB", "HP SV 24dB", "BP SV 24dB", "LP Moog 24dB", "off"),
)
LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "filtertype": _FILTERS,
        "osc1waveform": _WAVES1,
        "osc2waveform": _WAVES2,
        "lfo1waveform": _LFO_WAVES,
        "lfo2waveform": _LFO_WAVES,
        "lfo1destination": _LFO1_TO,
        "lfo2destination": _LFO2_TO,
        "freeaddestination": _FREE_TO,
        "portamentomode": ("off", "auto", "on"),
        "voices": ("mono", "2", "3", "4", "5", "6"),
        "envelopeeditordest1": (
            *("off", "filter", "osc1", "osc2", "osc1 & 2", "fm", "ring modulation", "volume"),
        ),
        "envelopeeditorspeed": ("x1", "x2", "x4", "x8", "x16", "x32"),
    }
)
"""Menus of the plug-in, in the order of the values that its presets hold."""

SWITCHES = frozenset(
    [
        *("oscsync", "lfo1sync", "lfo1keytrigger", "lfo2sync", "lfo2keytrigger"),
        *("chorus1enable", "chorus2enable", "delaysync", "delayfactorl", "delayfactorr"),
        *("envelopeoneshot", "envelopefixtempo"),
    ]
)
_TUNES = frozenset(["osc1tune", "osc2tune"])
_OCTAVES = (-12, 0, 12, 24)

ORDER = (
    *("volume", "filtertype", "cutoff", "resonance", "keyfollow", "filtercontour"),
    *("filterattack", "filterdecay", "filtersustain", "filterrelease"),
    *("ampattack", "ampdecay", "ampsustain", "amprelease"),
    *("osc1volume", "osc2volume", "osc3volume", "oscmastertune", "osc1tune", "osc2tune"),
    *("osc1finetune", "osc2finetune", "osc1waveform", "osc2waveform", "oscsync"),
    *("lfo1waveform", "lfo2waveform", "lfo1rate", "lfo2rate", "lfo1amount", "lfo2amount"),
    *("lfo1destination", "lfo2destination", "lfo1phase", "lfo2phase"),
    *("osc2fm", "osc2phase", "osc1pw", "osc1phase", "transpose"),
    *("freeadattack", "freeaddecay", "freeadamount", "freeaddestination"),
    *("lfo1sync", "lfo1keytrigger", "lfo2sync", "lfo2keytrigger"),
    *("portamento", "portamentomode", "voices"),
    *("velocityvolume", "velocitycontour", "velocitycutoff"),
    *("pitchwheelcutoff", "pitchwheelpitch", "ringmodulation"),
    *("chorus1enable", "chorus2enable", "reverbwet", "reverbdecay", "reverbpredelay"),
    *("reverbhighcut", "reverblowcut", "oscbitcrusher", "highpass", "detune", "vintagenoise"),
    *("envelopeeditordest1", "envelopeeditorspeed", "envelopeeditoramount"),
    *("envelopeoneshot", "envelopefixtempo", "filterdrive"),
    *("delaywet", "delaytime", "delaysync", "delayfactorl", "delayfactorr"),
    *("delayhighshelf", "delaylowshelf", "delayfeedback"),
)
"""The names of all parameters."""

_CENTRED = (
    *("filtercontour", "oscmastertune", "osc1finetune", "osc2finetune", "lfo1amount"),
    *("lfo2amount", "osc1pw", "freeadamount", "reverbdecay", "delaytime", "delayfeedback"),
)
_DEFAULTS: Mapping[str, Value] = {
    **dict.fromkeys(_CENTRED, 0.5),
    **dict.fromkeys(("cutoff", "filtersustain", "ampsustain", "reverblowcut"), 1.0),
    **{"volume": 0.4, "osc1volume": 0.8, "oscbitcrusher": 1.0},
    **{"osc1tune": 0, "osc2tune": 0, "transpose": 0},
    **dict.fromkeys(("lfo1keytrigger", "lfo2keytrigger"), True),
}
_GROUPS = (
    ("osc1", "oscillator 1"), ("osc2", "oscillator 2"), ("osc3", "sub-oscillator"),
    ("oscmaster", "oscillators"), ("osc", "oscillators"), ("transpose", "oscillators"),
    ("ring", "oscillators"), ("vintage", "oscillators"), ("detune", "oscillators"),
    *((f"filter{stage}", "filter envelope") for stage in ("a", "decay", "s", "r", "contour")),
    ("filter", "filter"), ("cutoff", "filter"), ("resonance", "filter"), ("key", "filter"),
    ("highpass", "filter"), ("amp", "amplifier"), ("volume", "amplifier"), ("lfo1", "LFO 1"),
    ("lfo2", "LFO 2"), ("freead", "free envelope"), ("velocity", "velocity"),
    ("pitchwheel", "pitch wheel"), ("portamento", "voices"), ("voices", "voices"),
    ("chorus", "chorus"), ("reverb", "reverb"), ("delay", "delay"), ("envelope", "drawn envelope"),
)  # fmt: skip

_BESIDE_A_VOICE = (
    *("portamento", "portamentomode", "voices", "pitchwheelcutoff", "pitchwheelpitch"),
    *("chorus1enable", "chorus2enable", "reverbwet", "reverbdecay", "reverbpredelay"),
    *("reverbhighcut", "reverblowcut", "detune", "envelopeeditordest1", "envelopeeditorspeed"),
    *("envelopeeditoramount", "envelopeoneshot", "envelopefixtempo", "delaywet", "delaytime"),
    *("delaysync", "delayfactorl", "delayfactorr", "delayhighshelf", "delaylowshelf"),
    "delayfeedback",
)
_CORE = frozenset(
    [
        *("osc1volume", "osc2volume", "osc3volume", "osc1waveform", "osc2waveform"),
        *("osc1tune", "osc2tune", "osc2finetune", "osc1pw", "oscsync", "osc2fm"),
        *("ringmodulation", "filtertype", "cutoff", "resonance", "filtercontour"),
        *("filterattack", "filterdecay", "filtersustain", "filterrelease", "filterdrive"),
        *("ampattack", "ampdecay", "ampsustain", "amprelease"),
        *("lfo1waveform", "lfo1rate", "lfo1amount", "lfo1destination"),
        *("lfo2waveform", "lfo2rate", "lfo2amount", "lfo2destination"),
        *("freeaddecay", "freeadamount", "freeaddestination"),
    ]
)
_CORE_LISTS: Mapping[str, tuple[str, ...]] = {
    "lfo1waveform": _LFO_WAVES[:4],
    "lfo2waveform": _LFO_WAVES[:4],
    "filtertype": _FILTERS[:-1],
}
NO_LFO = "none"
"""The waveform of an LFO that ``tal-9`` has switched off."""

_NINE_LISTS: Mapping[str, tuple[str, ...]] = {
    "osc2waveform": _WAVES2[:4],
    "lfo1waveform": (NO_LFO, *_LFO_WAVES[:4]),
    "lfo2waveform": (NO_LFO, *_LFO_WAVES[:4]),
}
_NINE_STEPS: Mapping[str, Sequence[float]] = {
    "cutoff": [round(0.3 + 0.7 * k / 15, 6) for k in range(16)],
    "osc2tune": range(-24, 25, 6),
    **{f"lfo{k}rate": [round(0.06 + 0.036 * i, 3) for i in range(16)] for k in (1, 2)},
    **{f"lfo{k}amount": [round(0.52 + 0.032 * i, 3) for i in range(16)] for k in (1, 2)},
}
_NINE_FROZEN: Mapping[str, Value] = {
    **{"volume": 0.25, "osc1volume": 0.0, "osc2volume": 1.0},
    **{"lfo1destination": "osc1 & 2", "lfo2destination": "volume"},
}


def _group(name: str) -> str:
    return next(group for start, group in _GROUPS if name.startswith(start))


def _parameter(
    name: str, lists: Mapping[str, tuple[str, ...]], steps: Mapping[str, Sequence[float]]
) -> Parameter:
    """Return a parameter, in a view with ``lists`` of its own and ``steps`` instead of knobs."""
    group, default = _group(name), _DEFAULTS.get(name)
    if name in SWITCHES:
        return Parameter.categorical(name, (False, True), default=default, group=group)
    if name in LISTS:
        return Parameter.categorical(name, lists.get(name, LISTS[name]), group=group)
    number = 0.0 if default is None else float(default)
    if name in steps:
        chosen = number if number in steps[name] else None
        unit = "semitones" if name in _TUNES else ""
        return Parameter.ordinal(name, steps[name], default=chosen, group=group, unit=unit)
    if name in _TUNES:
        return Parameter.ordinal(
            name, range(-24, 25), default=number, group=group, unit="semitones"
        )
    if name == "transpose":
        return Parameter.ordinal(name, _OCTAVES, default=number, group=group, unit="semitones")
    return Parameter.continuous(name, 0.0, 1.0, default=number, group=group)


@functools.cache
def tal_space(name: str = "dry") -> ParameterSpace:
    """Return a view of the space: ``dry``, ``plugin``, ``tal-core`` or ``tal-9``.

    Raises
    ------
    ParameterError
        If there is no such view.
    """
    lists: Mapping[str, tuple[str, ...]] = {}
    steps: Mapping[str, Sequence[float]] = {}
    free = frozenset(ORDER).difference(_BESIDE_A_VOICE)
    changed: Mapping[str, Value] = {}
    if name == "plugin":
        free = frozenset(ORDER)
    elif name == "tal-core":
        free, lists = _CORE, _CORE_LISTS
    elif name == "tal-9":
        free = frozenset(["osc2waveform", *_NINE_STEPS, "lfo1waveform", "lfo2waveform"])
        lists, steps, changed = _NINE_LISTS, _NINE_STEPS, _NINE_FROZEN
    elif name != "dry":
        raise ParameterError(f"TAL has the views dry, plugin, tal-core and tal-9, not {name!r}")
    parameters = [_parameter(each, lists, steps) for each in ORDER]
    frozen = {p.name: changed.get(p.name, p.default) for p in parameters if p.name not in free}
    return ParameterSpace(SYNTH, parameters, frozen)


@functools.cache
def whole() -> ParameterSpace:
    """Return the space of all parameters with none frozen, for checking patches."""
    return tal_space("plugin")


def preset_value(name: str, value: Value) -> float:
    """Return what a preset of the plug-in holds for a native value, 0 to 1."""
    if name in SWITCHES:
        return float(value)
    if name in LISTS:
        labels = LISTS[name]
        return 0.0 if value == NO_LFO else labels.index(str(value)) / (len(labels) - 1)
    if name in _TUNES:  # the plug-in rounds towards 0: stay clear of the edge
        return float(np.clip((float(value) + 24 + 0.25 * np.sign(float(value))) / 48, 0, 1))
    if name == "transpose":
        return (0.0, 0.5, 0.75, 1.0)[_OCTAVES.index(int(value))]
    return float(value)


def native_value(name: str, number: float) -> Value:
    """Return the native value that the plug-in makes of a number from 0 to 1."""
    if name in SWITCHES:
        return number > 0
    if name in ("lfo1waveform", "lfo2waveform"):
        return LISTS[name][int(np.float32(number) * np.float32(5.000001))]
    if name in LISTS:
        labels = LISTS[name]
        return labels[int(np.floor(number * (len(labels) - 1) + 0.5))]
    if name in _TUNES:
        return int(np.float32(number) * np.float32(48) - np.float32(24))
    if name == "transpose":
        return _OCTAVES[int(np.float32(number) * np.float32(3.00001))]
    return number


@functools.lru_cache(maxsize=1024)
def _choices(parameter: Parameter) -> npt.NDArray[np.float64]:
    """Return the preset values of a parameter's choices."""
    return np.array([preset_value(parameter.name, choice) for choice in parameter.choices])


def to_presets(space: ParameterSpace, vectors: FloatArray) -> npt.NDArray[np.float64]:
    """Return presets ``[n, len(ORDER)]`` of unit-cube vectors ``[n, d]``, values from 0 to 1."""
    full = space.expand(vectors)
    presets = np.empty((len(full), len(ORDER)))
    knobs = [k for k, p in enumerate(space.parameters) if p.kind == "continuous"]
    presets[:, knobs] = space.parameters[knobs[0]].native(full[:, knobs])  # all from 0 to 1
    for k, parameter in enumerate(space.parameters):
        if parameter.kind != "continuous":
            presets[:, k] = _choices(parameter)[parameter.choice_of(full[:, k])]
    for lfo in (1, 2):
        wave = space[f"lfo{lfo}waveform"]
        if NO_LFO in wave.choices:
            off = wave.choice_of(full[:, ORDER.index(wave.name)]) == wave.choices.index(NO_LFO)
            presets[off, ORDER.index(f"lfo{lfo}amount")] = 0.5
    return presets


def to_patch(numbers: Mapping[str, float]) -> Patch:
    """Return the patch of all parameters of a preset; those it lacks have their defaults."""
    return whole().patch(
        {name: native_value(name, float(numbers[name])) for name in ORDER if name in numbers}
    )


def to_numbers(patch: Mapping[str, Value]) -> dict[str, float]:
    """Return what a preset holds for a patch of any view."""
    numbers = {name: preset_value(name, patch[name]) for name in ORDER}
    for lfo in (1, 2):
        if patch[f"lfo{lfo}waveform"] == NO_LFO:
            numbers[f"lfo{lfo}amount"] = 0.5
    return numbers


def to_vectors(space: ParameterSpace, presets: npt.NDArray[np.float64]) -> FloatArray:
    """Return vectors ``[n, d]`` nearest to presets ``[n, len(ORDER)]``; frozen ones are dropped.

    Labels that a view does not have become its default.
    """
    vectors = np.empty((len(presets), len(space.names)))
    for column, parameter in enumerate(space.free):
        number = presets[:, ORDER.index(parameter.name)]
        if parameter.kind == "continuous":
            vectors[:, column] = number
            continue
        choices = _choices(parameter)
        distance = np.abs(number[:, None] - choices)
        nearest = distance.argmin(axis=1)
        if parameter.name in LISTS:
            step = 0.5 / (len(LISTS[parameter.name]) - 1)
            default = parameter.choices.index(parameter.default)
            nearest = np.where(distance.min(axis=1) > step, default, nearest)
        vectors[:, column] = (nearest + 0.5) / len(choices)
    return vectors
