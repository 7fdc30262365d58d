"""What presets are drawn: such as are mostly heard.

The paper draws from the values of Massive's factory presets, which are not ours to have.
These distributions are our own: an oscillator or two and now and then noise, intervals that
people tune to, a low-pass that is open enough and a high-pass that is not.
"""

from __future__ import annotations

import numpy as np

from synthmatch.parameters import FloatArray

from .space import ORDER

_INTERVALS = (-24, -12, -12, -5, 0, 0, 0, 0, 7, 12, 12, 19, 24)  # semitones
_OFF = 64.0  # semitones from one end of the knob to its middle
_CENTS = 0.1  # semitones, deviation of detuning
_CLEAR = 0.25  # of the cutoff knob, by which the low-pass stays over the high-pass


def sample_presets(rng: np.random.Generator, n: int) -> FloatArray:
    """Return ``n`` presets ``[n, 16]``, values from 0 to 1."""
    drawn: dict[str, FloatArray] = {name: rng.random(n) for name in ORDER}
    kind = rng.choice(3, n, p=(0.35, 0.2, 0.45))  # the first oscillator, the second, both
    drawn["osc1_amp"] = np.where(kind == 1, rng.uniform(0, 0.2, n), rng.uniform(0.4, 1, n))
    drawn["osc2_amp"] = np.where(kind == 0, rng.uniform(0, 0.2, n), rng.uniform(0.4, 1, n))
    noisy = rng.random(n) < 0.3
    drawn["noise_amp"] = np.where(noisy, rng.uniform(0.2, 1, n), rng.uniform(0, 0.1, n))
    semitones = rng.choice(_INTERVALS, n) + rng.normal(0, _CENTS, n)
    anywhere = rng.random(n) < 0.2
    drawn["osc2_pitch"] = np.where(anywhere, rng.uniform(0.3, 0.7, n), 0.5 + semitones / (2 * _OFF))
    high = rng.beta(1, 3, n)
    drawn["filter2_cut_prm_1"] = high * 0.7
    drawn["filter1_cut_prm_1"] = np.clip(
        np.maximum(rng.uniform(0.25, 1, n), drawn["filter2_cut_prm_1"] + _CLEAR), 0, 1
    )
    for name in ("filter1_res_prm_3", "filter2_res_prm_3"):
        drawn[name] = rng.beta(1.2, 2, n)
    drawn["envelope4_att_tme"] = rng.beta(1, 2.5, n)
    drawn["envelope4_dec_tme"] = rng.beta(3, 2, n)
    drawn["envelope1_att_tme"] = rng.beta(1, 2, n)
    drawn["master_fx2_dry_wet"] = rng.beta(1, 2, n)
    presets: FloatArray = np.stack([drawn[name] for name in ORDER], axis=1)
    return presets.clip(0, 1)
