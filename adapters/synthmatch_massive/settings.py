"""The setting of the AST paper, as a setting to train on."""

from __future__ import annotations

from synthmatch.settings import Published, Setting
from synthmatch.synth import Note

_AST = "AST (2024), table 2"
_FIGURES = {"AST": (0.031, 0.616), "CNN": (0.094, 5.372), "MLP": (0.077, 4.608)}

MASSIVE_16 = Setting(
    name="massive-16",
    synth="massive",
    note=Note(60, 127, held=1.0, total=4.0),
    sample_rate=22_050,
    options={"sample_rate": 22_050},
    tables=("ast",),
    published=tuple(
        Published(model, _AST, {"parameter_mse": (mse, None), "spectral_convergence": (sc, None)})
        for model, (mse, sc) in _FIGURES.items()
    ),
    remark=(
        "Ours are sounds of a stand-in for Massive, a wavetable synth of its structure, "
        "on presets of our own prior; the paper's are of Massive, on values of its factory "
        "presets. The paper does not state the rate of its sounds."
    ),
)
