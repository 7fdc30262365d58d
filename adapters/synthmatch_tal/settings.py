"""The settings on TAL-NoiseMaker, as settings to train on."""

from __future__ import annotations

from synthmatch.settings import Published, Setting
from synthmatch.synth import Note

_INVERSYNTH2 = "InverSynth II (2023), tables 1 and 2"
_FIGURES = {
    "InverSynth II": (81.17, 0.424),
    "without finetuning": (80.73, 0.467),
    "InverSynth": (80.62, 0.512),
    "Flow": (80.94, 0.51),
}

TAL_9 = Setting(
    name="tal-9",
    synth="tal",
    note=Note(70, 127, held=0.9, total=1.0),
    sample_rate=16_384,
    options={"view": "tal-9", "sample_rate": 16_384},
    tables=("inversynth2",),
    published=tuple(
        Published(
            model, _INVERSYNTH2, {"accuracy": (accuracy, None), "stft_convergence": (sc, None)}
        )
        for model, (accuracy, sc) in _FIGURES.items()
    ),
    remark=(
        "The paper's figures are of other sounds. It does not print the values of the nine "
        "parameters: oscillator 2 here has four waveforms in nine tunings, the cutoff 16 "
        "values, the LFOs four waveforms or none, 16 rates and 16 amounts, LFO 1 on pitch "
        "and LFO 2 on volume. It does not state the scales of its spectrograms."
    ),
)

TAL_CORE = Setting(
    name="tal-core",
    synth="tal",
    note=Note(60, 100, held=1.0, total=1.5),
    sample_rate=44_100,
    options={"view": "tal-core"},
    tables=("inversynth2",),
    remark="Presets are drawn from the synth's own prior; nobody has published figures for it.",
)
