"""What presets people make: how often a part is used, and where its knobs stand then.

The shares and quantiles are of the 256 presets that come with the plug-in. A preset is drawn
part by part: which oscillators sound, whether a filter envelope, the LFOs and the free
envelope are at work and on what, and the knobs of each part as they stand where it is used.
Between parts only what decides whether a preset is heard is drawn together: open filters
without an envelope, short attacks, and no low-pass shut over everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synthmatch.parameters import FloatArray, ParameterSpace

from .equivalence import canonical
from .space import LISTS, NO_LFO, ORDER, preset_value, to_vectors, whole

_LEVELS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
Quantiles = tuple[float, float, float, float, float, float, float]

# How often a knob is not at its neutral value, that value, and its quantiles where it is not.
_KNOBS: Mapping[str, tuple[float, float, Quantiles]] = {
    "volume": (1.0, 0.4, (0.2, 0.26, 0.33, 0.38, 0.43, 0.55, 0.65)),
    "resonance": (0.79, 0.0, (0.03, 0.12, 0.3, 0.42, 0.6, 0.8, 0.97)),
    "keyfollow": (0.4, 0.0, (0.1, 0.36, 0.6, 1.0, 1.0, 1.0, 1.0)),
    "osc1finetune": (0.45, 0.5, (0.3, 0.4, 0.46, 0.48, 0.53, 0.6, 0.7)),
    "osc2finetune": (0.6, 0.5, (0.3, 0.38, 0.46, 0.54, 0.56, 0.62, 0.7)),
    "osc1pw": (0.4, 0.5, (0.05, 0.15, 0.3, 0.42, 0.52, 0.6, 0.8)),
    "osc2fm": (0.2, 0.0, (0.05, 0.1, 0.17, 0.32, 0.42, 0.7, 0.9)),
    "ringmodulation": (0.18, 0.0, (0.05, 0.12, 0.37, 0.6, 0.75, 0.95, 1.0)),
    "filterdrive": (0.12, 0.0, (0.02, 0.08, 0.2, 0.3, 0.42, 0.6, 0.7)),
    "highpass": (0.4, 0.0, (0.01, 0.13, 0.2, 0.28, 0.38, 0.48, 0.6)),
    "vintagenoise": (0.15, 0.0, (0.04, 0.07, 0.15, 0.25, 0.4, 0.6, 0.8)),
    "velocityvolume": (0.19, 0.0, (0.04, 0.26, 0.44, 0.5, 0.8, 1.0, 1.0)),
    "velocitycontour": (0.13, 0.0, (0.04, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0)),
    "velocitycutoff": (0.15, 0.0, (0.04, 0.1, 0.25, 0.3, 0.38, 0.5, 0.7)),
    "oscbitcrusher": (0.05, 1.0, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)),
    "osc1phase": (0.3, 0.5, (0.0, 0.0, 0.0, 0.0, 0.3, 0.6, 0.9)),
    "osc2phase": (0.2, 0.0, (0.1, 0.2, 0.36, 0.4, 0.55, 0.73, 0.9)),
    "lfo1phase": (0.15, 0.0, (0.05, 0.12, 0.3, 0.5, 0.51, 0.7, 0.9)),
    "lfo2phase": (0.15, 0.0, (0.05, 0.12, 0.3, 0.5, 0.52, 0.7, 0.9)),
    "oscmastertune": (0.0, 0.5, (0.5,) * 7),
    "ampattack": (0.22, 0.0, (0.02, 0.06, 0.16, 0.3, 0.42, 0.52, 0.6)),
    "ampdecay": (0.5, 0.0, (0.1, 0.35, 0.41, 0.48, 0.58, 0.74, 0.9)),
    "amprelease": (0.77, 0.0, (0.05, 0.2, 0.36, 0.45, 0.53, 0.61, 0.75)),
    "filterattack": (0.35, 0.0, (0.03, 0.1, 0.27, 0.38, 0.46, 0.57, 0.65)),
    "filterdecay": (0.9, 0.0, (0.05, 0.28, 0.38, 0.47, 0.56, 0.64, 0.85)),
    "filtersustain": (0.5, 0.0, (0.02, 0.06, 0.25, 0.4, 0.6, 0.9, 1.0)),
    "filterrelease": (0.6, 0.0, (0.05, 0.2, 0.36, 0.46, 0.57, 0.7, 0.9)),
    "freeadattack": (0.12, 0.0, (0.05, 0.15, 0.3, 0.42, 0.52, 0.6, 0.7)),
    "freeaddecay": (0.95, 0.0, (0.1, 0.2, 0.3, 0.47, 0.58, 0.74, 0.9)),
    "freeadamount": (1.0, 0.5, (0.0, 0.18, 0.55, 0.72, 0.9, 1.0, 1.0)),
    "lfo1rate": (1.0, 0.0, (0.0, 0.1, 0.22, 0.36, 0.47, 0.62, 0.8)),
    "lfo2rate": (1.0, 0.0, (0.0, 0.1, 0.19, 0.32, 0.45, 0.52, 0.8)),
}
_OSCILLATOR: Quantiles = (0.15, 0.48, 0.63, 0.71, 0.76, 0.81, 1.0)
_SUB: Quantiles = (0.1, 0.23, 0.41, 0.59, 0.71, 0.81, 1.0)
_SOUNDING = {
    (1, 1, 0): 100,
    (1, 1, 1): 77,
    (0, 1, 0): 30,
    (1, 0, 0): 17,
    (1, 0, 1): 16,
    (0, 1, 1): 3,
}
_CONTOUR: Quantiles = (0.25, 0.33, 0.69, 0.78, 0.85, 0.98, 1.0)
_CUTOFF_UNDER_CONTOUR: Quantiles = (0.0, 0.06, 0.18, 0.26, 0.36, 0.62, 0.9)
_CUTOFF: Quantiles = (0.12, 0.2, 0.3, 0.42, 0.66, 1.0, 1.0)
_AMP_SUSTAIN: Quantiles = (0.0, 0.0, 0.4, 1.0, 1.0, 1.0, 1.0)
# Distance of an LFO's amount from the middle, by where it goes.
_DEPTHS: Mapping[str, Quantiles] = {
    "filter": (0.02, 0.09, 0.17, 0.24, 0.33, 0.42, 0.5),
    "osc1": (0.02, 0.03, 0.07, 0.1, 0.23, 0.42, 0.5),
    "osc2": (0.03, 0.05, 0.08, 0.12, 0.28, 0.36, 0.5),
    "osc1 & 2": (0.02, 0.03, 0.07, 0.1, 0.23, 0.42, 0.5),
    "fm": (0.02, 0.04, 0.14, 0.16, 0.21, 0.3, 0.5),
    "pw": (0.12, 0.14, 0.21, 0.29, 0.38, 0.47, 0.5),
    "pan": (0.18, 0.25, 0.33, 0.37, 0.41, 0.5, 0.5),
    "volume": (0.2, 0.32, 0.36, 0.38, 0.43, 0.48, 0.5),
    "lfo1 rate": (0.13, 0.24, 0.4, 0.45, 0.5, 0.5, 0.5),
    "lfo2 rate": (0.13, 0.24, 0.4, 0.45, 0.5, 0.5, 0.5),
    "off": (0.0,) * 7,
}
_ITEMS: Mapping[str, Mapping[str, int]] = {
    "filtertype": {
        **{"LP 24dB": 85, "LP 12dB": 45, "LP 6dB": 42, "LP 18dB": 34, "BP 12dB": 20},
        **{"notch": 14, "HP 12dB": 10, "BP SV 24dB": 3, "LP SV 24dB": 3, "HP SV 24dB": 1},
        "LP Moog 24dB": 3,
    },
    "osc1waveform": {"saw": 117, "pulse": 116, "noise": 15},
    "osc2waveform": {"saw": 129, "pulse": 53, "triangle": 46, "sine": 27, "noise": 3},
    "lfo1waveform": {"sine": 90, "triangle": 28, "square": 16, "saw": 8, "noise": 4},
    "lfo2waveform": {"sine": 83, "triangle": 21, "square": 16, "saw": 8, "noise": 2},
    "lfo1destination": {
        **{"off": 107, "pw": 57, "osc1": 46, "filter": 23, "osc2": 17, "fm": 7, "osc1 & 2": 5},
        "lfo2 rate": 2,
    },
    "lfo2destination": {
        **{"off": 126, "filter": 38, "pan": 20, "osc2": 26, "osc1": 16, "volume": 12},
        **{"lfo1 rate": 5, "osc1 & 2": 5},
    },
    "freeaddestination": {"off": 171, "pw": 23, "osc2": 21, "fm": 18, "osc1": 17, "filter": 8},
}
_TUNES: Mapping[str, Mapping[int, int]] = {
    "osc1tune": {-12: 105, 0: 63, -24: 18, 24: 8, 7: 10, 12: 9, -5: 8, 5: 7, -17: 4, 19: 2},
    "osc2tune": {0: 123, -12: 28, -24: 16, -5: 16, 12: 14, 24: 8, 7: 10, 19: 5, -19: 4, -7: 2},
}
_SWITCHED = {"oscsync": 0.2, "lfo1keytrigger": 0.5, "lfo2keytrigger": 0.5}
_OTHER_TUNE = 0.08  # of oscillators that stand on any semitone
_SHUT = 0.16  # cutoff, with the most that the envelope adds, under which a low-pass is shut
_WIDE_OPEN = 0.55  # cutoff above which high- and band-passes let little through


def sample_vectors(space: ParameterSpace, rng: np.random.Generator, n: int) -> FloatArray:
    """Return ``n`` canonical vectors ``[n, d]`` of presets such as people make.

    In ``tal-9``, whose data set is drawn so, all classes are as likely.
    """
    if NO_LFO in space["lfo1waveform"].choices:
        return canonical(space, space.sample_classes(rng, n))
    return canonical(space, to_vectors(space, sample_presets(rng, n)))


def sample_presets(rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """Return ``n`` presets ``[n, len(ORDER)]``, values from 0 to 1, without effects."""
    neutral = {name: preset_value(name, value) for name, value in whole().patch().items()}
    values = {name: np.full(n, neutral[name]) for name in ORDER}
    for name, (share, rest, quantiles) in _KNOBS.items():
        values[name] = np.where(rng.random(n) < share, _draw(rng, n, quantiles), rest)
    for name, share in _SWITCHED.items():
        values[name] = (rng.random(n) < share).astype(float)
    labels = {name: _pick(rng, n, counts) for name, counts in _ITEMS.items()}
    for name, chosen in labels.items():
        places = {label: k / (len(LISTS[name]) - 1) for k, label in enumerate(LISTS[name])}
        values[name] = np.array([places[label] for label in chosen])
    for name, counts in _TUNES.items():
        tunes = _pick(rng, n, counts).astype(int)
        other = rng.integers(-24, 25, n)
        tunes = np.where(rng.random(n) < _OTHER_TUNE, other, tunes)
        values[name] = np.array([preset_value(name, int(tune)) for tune in tunes])

    kinds = list(_SOUNDING)
    weights = np.array(list(_SOUNDING.values()), dtype=float)
    sounding = np.array(kinds)[rng.choice(len(kinds), n, p=weights / weights.sum())]
    for k, quantiles in enumerate((_OSCILLATOR, _OSCILLATOR, _SUB)):
        values[f"osc{k + 1}volume"] = np.where(sounding[:, k], _draw(rng, n, quantiles), 0)

    for lfo in ("lfo1", "lfo2"):
        depth = np.array([_draw(rng, 1, _DEPTHS[to])[0] for to in labels[f"{lfo}destination"]])
        sign = np.where(rng.random(n) < 0.75, 1, -1)
        values[f"{lfo}amount"] = 0.5 + sign * depth
    still = labels["freeaddestination"] == "off"
    values["freeadamount"] = np.where(still, 0.5, values["freeadamount"])
    _shape(rng, values, labels["filtertype"])
    presets: npt.NDArray[np.float64] = np.stack([values[name] for name in ORDER], axis=1)
    return presets.clip(0, 1)


def _shape(
    rng: np.random.Generator,
    values: dict[str, npt.NDArray[np.float64]],
    kinds: npt.NDArray[np.str_],
) -> None:
    """Draw what decides together whether a preset is heard: cutoff, envelopes, decay."""
    n = len(kinds)
    both = (values["osc1volume"] > 0) & (values["osc2volume"] > 0)
    values["ringmodulation"] = np.where(both, values["ringmodulation"], 0)  # else it only mutes
    moving = rng.random(n) < 0.75
    values["filtercontour"] = np.where(moving, _draw(rng, n, _CONTOUR), 0.5)
    closed, opened = (_draw(rng, n, each) for each in (_CUTOFF_UNDER_CONTOUR, _CUTOFF))
    cutoff = np.where(moving & (values["filtercontour"] > 0.6), closed, opened)
    push = np.maximum((2 * values["filtercontour"] - 1) ** 3, 0)
    shut = (np.char.startswith(kinds, "LP")) & (cutoff + 0.7 * push < _SHUT)
    cutoff = np.where(shut, cutoff + _SHUT, cutoff)
    falling = values["filtercontour"] < 0.5
    cutoff = np.where(falling, np.maximum(cutoff, _CUTOFF[3]), cutoff)
    passing = ~np.char.startswith(kinds, "LP") & (kinds != "notch")
    values["cutoff"] = np.where(passing, np.minimum(cutoff, _WIDE_OPEN), cutoff)
    sustain = _draw(rng, n, _AMP_SUSTAIN)
    decaying = np.maximum(values["ampdecay"], _draw(rng, n, _KNOBS["ampdecay"][2]))
    values["ampdecay"] = np.where(sustain < 0.9, decaying, values["ampdecay"])
    values["ampsustain"] = sustain


def _draw(rng: np.random.Generator, n: int, quantiles: Quantiles) -> npt.NDArray[np.float64]:
    """Return ``n`` numbers with such quantiles."""
    drawn: npt.NDArray[np.float64] = np.interp(rng.random(n), _LEVELS, quantiles)
    return drawn


def _pick(
    rng: np.random.Generator, n: int, counts: Mapping[str, int] | Mapping[int, int]
) -> npt.NDArray[Any]:
    """Return ``n`` keys, each as likely as its count says."""
    weights = np.array(list(counts.values()), dtype=float)
    return np.array(list(counts))[rng.choice(len(counts), n, p=weights / weights.sum())]
