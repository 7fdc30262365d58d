"""The two published settings on Dexed, as settings to train on and as frozen synths."""

from __future__ import annotations

from collections.abc import Mapping

from synthmatch.parameters import Value
from synthmatch.settings import Setting
from synthmatch.synth import FrozenSynth, Note

from .synth import Dexed


def t6_setting(algorithm: int | None = None) -> Setting:
    """Return Sound2Synth's setting, for one ``algorithm`` from 1 to 32 or for all.

    As in its section 3 a model is for one algorithm; with all, the algorithm is one more
    parameter to find.
    """
    frozen: Mapping[str, Value] = {} if algorithm is None else {"algorithm": algorithm}
    return Setting(
        name="dexed-t6" if algorithm is None else f"dexed-t6-{algorithm}",
        synth="dexed",
        note=Note(60, 127, held=2.0, total=4.0),
        sample_rate=48000,
        options={"view": "dexed-t6", "sample_rate": 48000},
        frozen=frozen,
        remark="The published figures are of 1,679 other presets, on models of one algorithm.",
    )


def dexed_t6(algorithm: int | None = None) -> FrozenSynth:
    """Return the synth of :func:`t6_setting`: 150 free parameters, 151 for all algorithms."""
    setting = t6_setting(algorithm)
    return FrozenSynth(Dexed(**setting.options), setting.frozen)


DEXED_T6 = t6_setting()

DX7_144 = Setting(
    name="dx7-144",
    synth="dexed",
    note=Note(60, 100, held=2.0, total=3.0),
    sample_rate=22050,
    options={"view": "dx7-144", "sample_rate": 22050},
    frozen={"transpose": 0},
    remark="The paper's 30,000 presets are others; it does not print its note and velocity.",
)


def dx7_144() -> FrozenSynth:
    """Return the synth of InverSynth II's setting: 54 categorical, 90 continuous parameters."""
    return FrozenSynth(Dexed(**DX7_144.options), DX7_144.frozen)
