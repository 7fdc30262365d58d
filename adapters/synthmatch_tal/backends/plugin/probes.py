"""Presets that tell whether the plug-in obeys, and those whose sound depends on the past."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ...space import ORDER, preset_value, whole

_DRAWING = (4 / 5, 1.0)  # waveforms of LFOs from sample and hold up to noise
_PAN = 4 / 7


def draws(numbers: Mapping[str, float]) -> bool:
    """Tell whether one can hear the system's dice: an LFO's sample and hold, or detuning."""
    for lfo in ("lfo1", "lfo2"):
        to = numbers[f"{lfo}destination"]
        held = _DRAWING[0] <= numbers[f"{lfo}waveform"] < _DRAWING[1]
        off = to == 0 or (lfo == "lfo2" and to == _PAN)
        if held and not off and numbers[f"{lfo}amount"] != 0.5:
            return True
    return numbers["detune"] > 0


def probe_presets() -> list[npt.NDArray[np.float64]]:
    """Return the presets of the probe: a sawtooth, a pulse, and one on sample and hold."""
    saw = {name: preset_value(name, value) for name, value in whole().patch().items()}
    pulse = {**saw, "osc1waveform": 0.5, "osc1tune": 0.75, "cutoff": 0.6}
    dice = {**saw, "lfo1waveform": 0.8, "lfo1rate": 0.6, "lfo1amount": 0.9, "lfo1destination": 1.0}
    return [np.array([each[name] for name in ORDER]) for each in (saw, pulse, dice)]
