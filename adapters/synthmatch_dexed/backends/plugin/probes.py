"""Voices that tell whether the plug-in obeys, and those whose sound depends on the past."""

from __future__ import annotations

import numpy as np

from ...voices import COLUMN, SWITCHES_ON, VoiceArray, init_voice

_SAMPLE_AND_HOLD = 5
_SENSITIVITIES = tuple(COLUMN[f"op{op}_a_mod_sens"] for op in range(1, 7))


def runs_freely(voice: VoiceArray) -> bool:
    """Tell whether one can hear where the LFO of a voice was when its note began.

    Sample and hold draws on, also where a note sets the phase.
    """
    to_pitch = voice[COLUMN["lfo_pm_depth"]] and voice[COLUMN["p_mode_sens"]]
    to_level = voice[COLUMN["lfo_am_depth"]] and any(voice[column] for column in _SENSITIVITIES)
    synced = voice[COLUMN["lfo_key_sync"]] and voice[COLUMN["lfo_wave"]] != _SAMPLE_AND_HOLD
    return bool((to_pitch or to_level) and not synced)


def probe_voices() -> list[VoiceArray]:
    """Return the voices of the probe: a sine, two sines, and one on sample and hold."""
    sine = np.append(init_voice(), SWITCHES_ON)
    chord, noise = sine.copy(), sine.copy()
    chord[[COLUMN["algorithm"], COLUMN["op2_output_level"], COLUMN["op2_f_coarse"]]] = 31, 99, 3
    lfo = ("lfo_wave", "lfo_speed", "lfo_am_depth", "lfo_key_sync", "op1_a_mod_sens")
    noise[[COLUMN[name] for name in lfo]] = _SAMPLE_AND_HOLD, 60, 99, 0, 3
    return [sine, chord, noise]
