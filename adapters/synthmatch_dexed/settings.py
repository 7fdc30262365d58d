"""The two published settings on Dexed, as settings to train on and as frozen synths."""

from __future__ import annotations

from collections.abc import Mapping

from synthmatch.parameters import Value
from synthmatch.settings import Published, Setting
from synthmatch.synth import FrozenSynth, Note

from .synth import Dexed

_SOUND2SYNTH = "Sound2Synth (2022), table 1"
_INVERSYNTH2 = "InverSynth II (2023), tables 1 and 2"
_MFCCD = {
    "Sound2Synth multi-modal": 5.36,
    "Sound2Synth VGG11": 6.32,
    "PresetGen VAE": 14.70,
    "hill climbing": 21.96,
    "APVST LSTM++": 22.59,
    "genetic algorithm": 31.32,
    "APVST MLP": 31.38,
    "APVST LSTM": 32.76,
}
_COLUMNS = (
    *("accuracy", "parameter_mae_x100", "log_stft_mae_x100", "mel_mae_x100", "mfcc_mae_x100"),
    *("stft_convergence", "mel_low_x100", "mel_mid_x100", "mel_high_x100"),
)
_DX7 = {
    "InverSynth II": (86.74, 9.56, 58.18, 19.26, 1280.0, 0.8532, 0.53, 0.02658, 0.0038),
    "without finetuning": (86.34, 9.68, 58.59, 19.37, 1300.4, 0.8594, 0.54, 0.02652, 0.0037),
    "InverSynth": (86.07, 9.79, 58.83, 19.29, 1309.5, 0.8578, 0.533, 0.0265, 0.0035),
    "Flow": (85.36, 10.77, 65.31, 24.04, 1502.2, 1.0472, 0.61, 0.0338, 0.0043),
}


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
        tables=("sound2synth",),
        published=tuple(
            Published(model, _SOUND2SYNTH, {"mfccd": (figure, None)})
            for model, figure in _MFCCD.items()
        ),
        remark=(
            "The paper's figures are of 1,679 other presets, on models of one algorithm; those "
            "of hill climbing, the genetic algorithm and APVST it takes from Yee-King et al. "
            "(2018). Its cutoff, resonance and tuning are held neutral here."
        ),
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
    stft=(1024, 256),
    tables=("inversynth2",),
    published=tuple(
        Published(model, _INVERSYNTH2, {k: (v, None) for k, v in zip(_COLUMNS, row, strict=True)})
        for model, row in _DX7.items()
    ),
    remark=(
        "The paper's figures are of 30,000 other presets. It does not print note and velocity; "
        "these are those of PresetGen VAE's public code, whose data it uses. Sounds last 3 s as "
        "in its text; its spectrograms have the 347 frames of the 4 s that this code renders, "
        "held for 3 s. It does not state the scales of its spectrograms, so of the errors only "
        "accuracy, numeric MAE and convergence compare directly."
    ),
)


def dx7_144() -> FrozenSynth:
    """Return the synth of InverSynth II's setting: 54 categorical, 90 continuous parameters."""
    return FrozenSynth(Dexed(**DX7_144.options), DX7_144.frozen)
