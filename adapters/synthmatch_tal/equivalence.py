"""What of a preset one can hear, and one label for the presets that sound alike.

Most presets have parts that do nothing: an LFO without a destination, an envelope without
depth, an oscillator at volume 0 with all its knobs. :func:`audible` says which coordinates
of a vector hold its sound, the others being free; :func:`canonical` puts parts that do
nothing at their defaults, folds amounts whose sign is not heard, and orders two sawtooth
oscillators that could change places. Both follow from how the plug-in computes a voice; what
depends on the note (a velocity of 127, the key that the filter follows from) counts as heard.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from synthmatch.parameters import FloatArray, ParameterSpace

from .space import LISTS, ORDER, to_presets

Flags = npt.NDArray[np.bool_]

_WAVE_KNOBS = ("waveform", "rate", "phase", "sync", "keytrigger")
_FILTER_STAGES = ("filterattack", "filterdecay", "filtersustain", "filterrelease")
_BESIDE_THE_FILTER_OFF = (
    *("cutoff", "resonance", "keyfollow", "filtercontour", *_FILTER_STAGES),
    *("velocitycontour", "velocitycutoff"),
)


class _Facts:
    """What the parts of presets do, as flags ``bool [n]``; lists count from 0."""

    def __init__(self, presets: FloatArray) -> None:
        value = dict(zip(ORDER, presets.T.astype(np.float32), strict=True))

        def item(name: str) -> npt.NDArray[np.int64]:
            chosen: npt.NDArray[np.int64] = np.rint(value[name] * (len(LISTS[name]) - 1)).astype(
                np.int64
            )
            return chosen

        self.one, self.two = value["osc1volume"] > 0, value["osc2volume"] > 0
        wave1, wave2 = item("osc1waveform"), item("osc2waveform")
        self.saws = (wave1 == 0) & (wave2 == 0)
        self.wide = self.one & (wave1 == 1)
        self.bent = self.two & (wave2 != 4)  # could be: it has a frequency
        self.filtered = item("filtertype") != len(LISTS["filtertype"]) - 1
        self.synced = self.one & (wave1 != 2) | self.two & (wave2 < 3)
        amount = {name: value[f"{name}amount"] != 0.5 for name in ("lfo1", "lfo2", "freead")}
        self.moved1, self.moved2, self.moved3 = amount.values()
        self.to1, self.to2 = item("lfo1destination"), item("lfo2destination")
        self.to3 = item("freeaddestination")
        bending = value["osc2fm"] > 0
        bending |= self.moved1 & (self.to1 == 5) | self.moved3 & (self.to3 == 5)
        self.modulated = self.bent & bending
        self.tuned1 = self.one & (wave1 != 2) | self.modulated
        self.any = self.tuned1 | self.bent | (value["osc3volume"] > 0)

        both = self.tuned1 | self.bent
        never, always = np.zeros_like(both), np.ones_like(both)
        routed = (never, self.filtered, self.tuned1, self.bent)
        direct1 = np.choose(self.to1, (*routed, self.wide, self.bent, never, both))
        direct2 = np.choose(self.to2, (*routed, never, always, never, both))
        self.pan = self.to2 == 4
        moving1, moving2 = direct1 & self.moved1, direct2 & self.moved2
        self.audible1 = direct1 | (self.to1 == 6) & moving2
        self.audible2 = direct2 | (self.to2 == 6) & moving1
        self.audible3 = np.choose(self.to3, (*routed, self.wide, self.bent))
        self.active1, self.active2 = self.audible1 & self.moved1, self.audible2 & self.moved2
        self.active3 = self.audible3 & self.moved3
        self.contoured = self.filtered & (
            (value["filtercontour"] != 0.5) | (value["velocitycontour"] > 0)
        )
        self.hiss1, self.hiss2 = (
            np.floor(value[f"lfo{k}waveform"] * np.float32(5.000001)) == 5 for k in (1, 2)
        )
        self.phased1, self.phased2 = (value[f"lfo{k}phase"] > 0 for k in (1, 2))
        self.synced1, self.synced2 = (value[f"lfo{k}sync"] > 0 for k in (1, 2))
        self.keyed1, self.keyed2 = (
            (value[f"lfo{k}keytrigger"] > 0) | (value[f"lfo{k}sync"] > 0) for k in (1, 2)
        )
        self.amp_falls, self.filter_falls = value["ampsustain"] < 1, value["filtersustain"] < 1
        self.particular = np.isin(self.to3, (2, 3)) & self.moved3
        for to, moved in ((self.to1, self.moved1), (self.to2, self.moved2)):
            self.particular |= np.isin(to, (2, 3)) & moved


def audible(space: ParameterSpace, vectors: FloatArray) -> Flags:
    """Return ``bool [n, d]``: which coordinates of ``vectors [n, d]`` change the sound.

    Those that do not count may all move at once. Where either of two keeps a part silent,
    an LFO without amount and without destination, the amount counts. What only the
    plug-in has counts always.
    """
    f = _Facts(to_presets(space, vectors))
    by_name = {
        **dict.fromkeys(("osc1waveform",), f.one),
        **dict.fromkeys(("osc1tune", "osc1finetune"), f.tuned1),
        "osc1phase": f.one & (f.tuned1 | f.wide),
        "osc1pw": f.wide,
        "osc2waveform": f.two,
        **dict.fromkeys(("osc2tune", "osc2finetune", "osc2fm", "osc2phase"), f.bent),
        **dict.fromkeys(("oscmastertune", "transpose"), f.any),
        **dict.fromkeys(("ringmodulation", "oscbitcrusher"), f.one | f.two),
        "oscsync": f.synced,
        **dict.fromkeys(_BESIDE_THE_FILTER_OFF, f.filtered),
        **dict.fromkeys(_FILTER_STAGES, f.contoured),
        "filterdecay": f.contoured & f.filter_falls,
        "ampdecay": f.amp_falls,
        "freeadamount": f.audible3 | ~f.moved3,
        "freeaddestination": f.moved3,
        **dict.fromkeys(("freeadattack", "freeaddecay"), f.active3),
    }
    free1, free2 = f.phased1 & ~f.synced1, f.phased2 & ~f.synced2
    for lfo, active, wanted, moved, hiss, phased, keyed in (
        ("lfo1", f.active1, f.audible1, f.moved1, f.hiss1, free1, f.keyed1),
        ("lfo2", f.active2, f.audible2 | f.pan, f.moved2, f.hiss2, free2, f.keyed2),
    ):
        by_name[f"{lfo}waveform"] = active
        by_name[f"{lfo}rate"] = by_name[f"{lfo}sync"] = active & ~hiss
        by_name[f"{lfo}phase"] = active & ~hiss & keyed
        by_name[f"{lfo}keytrigger"] = active & ~hiss & (phased | ~keyed)
        by_name[f"{lfo}amount"] = wanted | ~moved
        by_name[f"{lfo}destination"] = moved
    flags = np.ones((len(vectors), len(space.names)), dtype=bool)
    for column, name in enumerate(space.names):
        if name in by_name:
            flags[:, column] = by_name[name]
    for lfo in ("lfo1", "lfo2"):  # switched off by its waveform, all but that is still
        if space[f"{lfo}waveform"].choices[0] == "none":
            still = ~(f.moved1 if lfo == "lfo1" else f.moved2)
            flags[still, space.names.index(f"{lfo}amount")] = False
            flags[:, space.names.index(f"{lfo}waveform")] = True
    return flags


def canonical(space: ParameterSpace, vectors: FloatArray) -> FloatArray:
    """Return ``vectors [n, d]`` with one label for those that sound alike."""
    x = space.check_vectors(vectors).copy()
    columns = {name: k for k, name in enumerate(space.names)}
    for parameter, column in zip(space.free, x.T, strict=True):
        if parameter.kind != "continuous":
            column[:] = (parameter.choice_of(column) + 0.5) / len(parameter.choices)
    f = _Facts(to_presets(space, x))

    def rest(rows: Flags, names: Iterable[str]) -> None:
        for name in names:
            if name in columns:
                x[rows, columns[name]] = space[name].unit_value(space[name].default)

    rest(~f.one, ("osc1waveform",))
    rest(~f.wide, ("osc1pw",))
    rest(~f.tuned1, ("osc1tune", "osc1finetune"))
    rest(~f.one | ~(f.tuned1 | f.wide), ("osc1phase",))
    rest(~f.two, ("osc2waveform",))
    rest(~f.bent, ("osc2tune", "osc2finetune", "osc2fm", "osc2phase"))
    rest(~f.synced, ("oscsync",))
    rest(~f.any, ("oscmastertune", "transpose"))
    rest(~(f.one | f.two), ("ringmodulation", "oscbitcrusher"))
    rest(~f.filtered, _BESIDE_THE_FILTER_OFF)
    rest(~f.contoured, _FILTER_STAGES)
    rest(~f.filter_falls, ("filterdecay",))
    rest(~f.amp_falls, ("ampdecay",))
    rest(~f.active3, ("freeadattack", "freeaddecay", "freeadamount", "freeaddestination"))
    for lfo, active, used, hiss, phased, keyed in (
        ("lfo1", f.active1, f.active1, f.hiss1, f.phased1 & ~f.synced1, f.keyed1),
        (
            "lfo2",
            f.active2,
            f.active2 | f.pan & f.moved2,
            f.hiss2,
            f.phased2 & ~f.synced2,
            f.keyed2,
        ),
    ):
        rest(~active, [lfo + knob for knob in _WAVE_KNOBS])
        rest(~used, [f"{lfo}amount", f"{lfo}destination"])
        rest(hiss, [lfo + knob for knob in _WAVE_KNOBS[1:]])
        rest(~phased, [f"{lfo}keytrigger"])
        if f"{lfo}keytrigger" in columns:
            rest(~keyed, [f"{lfo}phase", f"{lfo}keytrigger"])
    for name, rows in (
        ("lfo1amount", np.isin(f.to1, (4, 5))),
        ("lfo2amount", f.pan),
        ("freeadamount", np.isin(f.to3, (4, 5))),
    ):
        if name in columns and space[name].kind == "continuous":
            column = x[:, columns[name]]
            x[:, columns[name]] = np.where(rows, np.maximum(column, 1 - column), column)
    return _ordered(space, x)


def _ordered(space: ParameterSpace, x: FloatArray) -> FloatArray:
    """Return vectors with the higher of two exchangeable oscillators first."""
    f = _Facts(to_presets(space, x))
    may = f.saws & ~f.particular & ~f.modulated & (f.one | f.two)
    full = space.expand(x)
    swapped = full.copy()
    keys = []
    for knob in ("volume", "tune", "finetune", "phase"):
        one, two = (ORDER.index(f"osc{k}{knob}") for k in (1, 2))
        swapped[:, [one, two]] = full[:, [two, one]]
        for column in (one, two):
            if space.parameters[column].name not in space.names:
                may &= swapped[:, column] == full[:, column]
        keys.append(full[:, one] - full[:, two])
    volume, tune, fine, phase = keys
    behind = np.zeros(len(x), dtype=bool)
    open_ = np.ones(len(x), dtype=bool)
    for difference in (tune, fine, phase, volume):
        behind |= open_ & (difference < 0)
        open_ &= difference == 0
    behind = np.where(f.one & f.two, behind, f.two)
    rows = may & behind
    if rows.any():
        chosen = [ORDER.index(name) for name in space.names]
        x[rows] = swapped[rows][:, chosen]
        silent = rows & ~(f.one & f.two)  # what was the first is now the second, and silent
        for name in ("osc2waveform", "osc2tune", "osc2finetune", "osc2phase"):
            if name in space.names:
                default = space[name].unit_value(space[name].default)
                x[silent, space.names.index(name)] = default
    return x
