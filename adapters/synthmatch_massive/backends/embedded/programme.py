"""Knobs of a preset as the numbers that the kernel runs on.

The curves are this package's: times from a millisecond to 8 s, cutoffs over ten octaves from
20 Hz, gains as squares, the second oscillator up to 64 semitones off (Massive's range).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...space import ORDER
from .wavetables import PARTIALS, Waves, waves

Doubles = npt.NDArray[np.float64]

# Columns of the numbers.
STEP1, STEP2, GAIN1, GAIN2, NOISE = range(5)
CUT1, DAMP1, CUT2, DAMP2, SWEEP = range(5, 10)
ATTACK, FALL, CUT_ATTACK, CUT_FALL, FADE, WET = range(10, 16)
NUMBERS = 16

_COLUMN = {name: k for k, name in enumerate(ORDER)}
_SHORTEST, _LONGEST = 0.001, 8.0  # s
_LOWEST, _OCTAVES = 20.0, 10.0  # Hz
_SWEPT = 8.0  # octaves that envelope 1 moves the cutoff at most
_SEMITONES = 64.0  # that oscillator 2 is off at most
_RELEASE = 0.15  # s
_LOUDNESS = 0.35  # peak of one oscillator, about
_BAND = 0.46  # of the sample rate, that partials stay under


class Programme(NamedTuple):
    """Voices: numbers ``float64 [n, NUMBERS]`` and waves ``float32 [n, 2, SIZE + 1]``."""

    numbers: Doubles
    waves: Waves


def build(presets: Doubles, pitch: float, velocity: int, rate: int) -> Programme:
    """Return the voices of presets ``[n, len(ORDER)]`` at a note and a rate in Hz."""
    knob = {name: presets[:, k] for name, k in _COLUMN.items()}
    x = np.empty((len(presets), NUMBERS))
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    detuned = hertz * 2 ** ((2 * knob["osc2_pitch"] - 1) * _SEMITONES / 12)
    x[:, STEP1], x[:, STEP2] = hertz / rate, np.minimum(detuned / rate, _BAND)
    loud = _LOUDNESS * velocity / 127
    for column, name in ((GAIN1, "osc1_amp"), (GAIN2, "osc2_amp"), (NOISE, "noise_amp")):
        x[:, column] = loud * knob[name] ** 2
    for column, name in ((CUT1, "filter1_cut_prm_1"), (CUT2, "filter2_cut_prm_1")):
        x[:, column] = _LOWEST * 2 ** (_OCTAVES * knob[name]) / rate
    for column, name in ((DAMP1, "filter1_res_prm_3"), (DAMP2, "filter2_res_prm_3")):
        x[:, column] = 1.4142 * (1 - 0.97 * knob[name])  # twice the damping ratio
    x[:, SWEEP] = _SWEPT * knob["envelope1_att_lev"]
    x[:, ATTACK] = 1 / (_seconds(knob["envelope4_att_tme"]) * rate)
    x[:, FALL] = np.exp(-3 / (_seconds(knob["envelope4_dec_tme"]) * rate))
    x[:, CUT_ATTACK] = 1 / (_seconds(knob["envelope1_att_tme"]) * rate)
    x[:, CUT_FALL] = np.exp(-3 / (_seconds(knob["envelope1_dec_tme"]) * rate))
    x[:, FADE] = np.exp(-3 / (_RELEASE * rate))
    x[:, WET] = knob["master_fx2_dry_wet"]
    highest = np.minimum(_BAND / x[:, [STEP1, STEP2]], PARTIALS).astype(np.int64)
    positions = np.stack([knob["osc1_position"], knob["osc2_position"]], axis=1)
    return Programme(x, waves(positions, np.maximum(highest, 1)))


def _seconds(knob: Doubles) -> Doubles:
    """Return the time that a knob stands for."""
    times: Doubles = _SHORTEST * (_LONGEST / _SHORTEST) ** knob
    return times
