"""The 16 parameters of the AST paper, by the names that Massive gives them.

Bruford, Blang, Nercessian: Synthesizer sound matching using audio spectrogram transformers
(2024), table 1. Values are those that a host automates, 0 to 1. Everything else of Massive
stays as its base preset has it: the paper's has two oscillators, the first of a fixed pitch,
a low-pass and a high-pass filter, envelope 4 on the amplitude and envelope 1 on the cutoff of
the low-pass, and a reverb.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from synthmatch.parameters import Parameter, ParameterSpace, Patch

SYNTH = "massive"

# Name, default, group.
_TABLE = (
    ("osc1_position", 0.5, "oscillator 1"),
    ("osc1_amp", 0.8, "oscillator 1"),
    ("osc2_pitch", 0.5, "oscillator 2"),
    ("osc2_position", 0.5, "oscillator 2"),
    ("osc2_amp", 0.0, "oscillator 2"),
    ("noise_amp", 0.0, "noise"),
    ("filter1_cut_prm_1", 0.8, "low-pass"),
    ("filter1_res_prm_3", 0.1, "low-pass"),
    ("filter2_cut_prm_1", 0.0, "high-pass"),
    ("filter2_res_prm_3", 0.1, "high-pass"),
    ("envelope4_att_tme", 0.1, "amplitude envelope"),
    ("envelope4_dec_tme", 0.6, "amplitude envelope"),
    ("envelope1_att_tme", 0.1, "cutoff envelope"),
    ("envelope1_att_lev", 0.0, "cutoff envelope"),
    ("envelope1_dec_tme", 0.5, "cutoff envelope"),
    ("master_fx2_dry_wet", 0.0, "reverb"),
)

ORDER = tuple(name for name, _, _ in _TABLE)
"""The names of the parameters, in the paper's order."""


@functools.cache
def massive_space() -> ParameterSpace:
    """Return the space of the 16 parameters, each from 0 to 1."""
    return ParameterSpace(
        SYNTH,
        [
            Parameter.continuous(name, 0.0, 1.0, default=at, group=group)
            for name, at, group in _TABLE
        ],
    )


def to_values(patch: Patch) -> Mapping[str, float]:
    """Return the values of a whole patch as numbers, in the order of :data:`ORDER`."""
    return {name: float(patch[name]) for name in ORDER}
