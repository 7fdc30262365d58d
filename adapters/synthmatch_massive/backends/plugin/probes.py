"""Presets that tell whether the plug-in obeys, and one whose sound the past could change."""

from __future__ import annotations

import json
from collections.abc import Mapping

from synthmatch.hosting import Play
from synthmatch.synth import Note

from ...space import ORDER, massive_space, to_values

_TEST = Note(60, 127, held=0.3, total=0.4)


def probe_values() -> list[Mapping[str, float]]:
    """Return an open preset, one of noise with its low lows cut, and one with all reverb."""
    base = to_values(massive_space().patch({"envelope4_att_tme": 0.0}))
    noise = {"osc1_amp": 0.0, "noise_amp": 0.9, "filter2_cut_prm_1": 0.5}
    return [base, {**base, **noise}, {**base, "master_fx2_dry_wet": 1.0}]


def play_order(values: Mapping[str, float], note: Note, sample_rate: int) -> Play:
    """Return what a worker is told to play a preset."""
    state = json.dumps({name: float(values[name]) for name in ORDER}).encode()
    return Play(state, note, sample_rate, fresh=values["master_fx2_dry_wet"] > 0)


def probe() -> list[Play]:
    """Return the host's test sounds."""
    return [play_order(values, _TEST, 44100) for values in probe_values()]
