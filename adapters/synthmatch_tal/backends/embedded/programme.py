"""From patches and notes to the numbers that the compiled code runs on.

A *programme* is a row of float32 and a row of whole numbers for a voice. Everything that
happens once per note happens here, in numpy over all voices, in single precision where the
plug-in computes so. The formulas are those of the plug-in's published source.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
F = np.float32

# Columns of numbers. Those of an envelope count from its own first column.
ATTACK, AIM, DECAY, SUSTAIN, RELEASE, INSTANT = range(6)
AMP, FILTER, FREE = 0, 6, 12
BASE1, BASE2, SUB = 18, 19, 20  # MIDI notes before modulation
WIDTH, BEND = 21, 22  # of the pulse, and of the frequency modulation
VOLUME1, VOLUME2, VOLUME3 = 23, 24, 25
PHASE1, PHASE2 = 26, 27
RING, CRUSH, CRACKLE = 28, 29, 30
CUTOFF, CONTOUR, RESONANCE, DRIVE = 31, 32, 33, 34
LFO1_STEP, LFO1_AMOUNT, LFO1_PHASE = 35, 36, 37
LFO2_STEP, LFO2_AMOUNT, LFO2_PHASE = 38, 39, 40
FREE_AMOUNT, TOUCH, VOLUME, HIGHPASS = 41, 42, 43, 44
SETTLING = 45  # cutoff while nothing sounds; this and CUTOFF without the knob
KNOB = 46  # of the cutoff, which is smoothed
NUMBERS = 47

# Columns of choices.
WAVE1, WAVE2, SYNC, KIND = 0, 1, 2, 3
LFO1_WAVE, LFO1_TO, LFO1_KEY = 4, 5, 6
LFO2_WAVE, LFO2_TO, LFO2_KEY = 7, 8, 9
FREE_TO = 10
CHOICES = 11

NAMES = (
    *("volume", "filtertype", "cutoff", "resonance", "keyfollow", "filtercontour"),
    *("filterattack", "filterdecay", "filtersustain", "filterrelease"),
    *("ampattack", "ampdecay", "ampsustain", "amprelease"),
    *("osc1volume", "osc2volume", "osc3volume", "oscmastertune", "osc1tune", "osc2tune"),
    *("osc1finetune", "osc2finetune", "osc1waveform", "osc2waveform", "oscsync"),
    *("lfo1waveform", "lfo2waveform", "lfo1rate", "lfo2rate", "lfo1amount", "lfo2amount"),
    *("lfo1destination", "lfo2destination", "lfo1phase", "lfo2phase"),
    *("osc2fm", "osc2phase", "osc1pw", "osc1phase", "transpose"),
    *("freeadattack", "freeaddecay", "freeadamount", "freeaddestination"),
    *("lfo1sync", "lfo1keytrigger", "lfo2sync", "lfo2keytrigger"),
    *("velocityvolume", "velocitycontour", "velocitycutoff"),
    *("ringmodulation", "oscbitcrusher", "highpass", "vintagenoise", "filterdrive"),
)
"""The parameters that the engine obeys, the columns of its rows of presets."""

COLUMN = {name: k for k, name in enumerate(NAMES)}

TEMPO = 120.0
"""Beats a minute of LFOs in sync, where no host says otherwise.

Those that no key triggers follow the song, and start here as on its first beat.
"""

_ITEMS = {
    **{"filtertype": 12, "osc1waveform": 3, "osc2waveform": 5},
    **{"lfo1destination": 8, "lfo2destination": 8, "freeaddestination": 6},
}
# Cycles a beat of the synchronised rates: 1/16, 1/8, 1/4, 1/2, 1, 2, then triplets, dotted.
_BEATS = np.array([4, 2, 1, 0.5, 0.25, 0.125])
_CYCLES = np.concatenate([_BEATS, _BEATS * 1.5, _BEATS * 1.33333333])
_LOG20, _LOG8 = np.log(F(20)), np.log(F(8))


class Programme(NamedTuple):
    """Rows of n voices.

    Attributes
    ----------
    numbers : float32 [n, NUMBERS]
        By the columns above.
    choices : int64 [n, CHOICES]
        By the columns above; lists count from 1, as in the plug-in.
    """

    numbers: Floats
    choices: Ints


def curve(value: Floats, top: float = 1.0) -> Floats:
    """Return the plug-in's knob curve over 1.3 decades: 0 to 1 for ``top`` 1."""
    scaled: Floats = (np.exp(value * F(top) * _LOG20) - F(1)) / F(19)
    return scaled


def item(name: str, value: Floats) -> Ints:
    """Return the item, from 1, of a list that a value from 0 to 1 picks."""
    chosen: Ints = np.floor(value * F(_ITEMS[name] - 1) + F(1.5)).astype(np.int64)
    return chosen


def semitones(value: Floats) -> Floats:
    """Return whole semitones, -24 to 24, of a tuning knob."""
    whole: Floats = np.trunc(value * F(48) - F(24))
    return whole


def rates(value: Floats, sync: Floats) -> Floats:
    """Return the rates of LFOs in Hz."""
    free = (np.exp(F(0.2) + value * F(3) * _LOG20) - F(1)) / F(19)
    chosen = np.minimum((value * F(17) + F(0.001)).astype(np.int64), len(_CYCLES) - 1)
    hertz: Floats = np.where(sync > 0, TEMPO / 60 * _CYCLES[chosen], free).astype(np.float32)
    return hertz


def _centred(value: Floats) -> Floats:
    """Return the cube of a value from -1 to 1 of a knob that is neutral in the middle."""
    x = F(2) * (value - F(0.5))
    cube: Floats = x * x * x
    return cube


def _knob(value: Floats) -> Floats:
    """Return the plug-in's curve for cutoffs."""
    scaled: Floats = (np.exp(value * _LOG8) - F(1)) / F(7)
    return scaled


def _envelope(out: Floats, at: int, knobs: tuple[Floats, Floats, Floats, Floats], pace: F) -> None:
    """Write the numbers of an envelope whose knobs for attack, decay, sustain, release are given.

    The sustain is a level.
    """
    attack, decay, sustain, release = knobs
    least = F(0.0003) * pace
    rise = least + pace * (F(1) - attack * F(0.5)) ** F(24) * F(7)
    out[:, at + ATTACK] = rise * pace * F(200)
    out[:, at + AIM] = F(1.04) + attack * F(0.5)
    out[:, at + DECAY] = least + pace * (F(1) - decay * F(0.5)) ** F(23) * F(7)
    out[:, at + SUSTAIN] = sustain
    out[:, at + RELEASE] = (least + pace * (F(1) - release * F(0.5)) ** F(22) * F(2)) * F(8)
    out[:, at + INSTANT] = attack == 0


def build(presets: Floats, pitch: int, velocity: int, rate: int, first: int) -> Programme:
    """Return the programme of voices that start to play.

    Parameters
    ----------
    presets : float32 [n, len(NAMES)]
        Values from 0 to 1, as the plug-in's presets hold them.
    pitch, velocity : int
        MIDI.
    rate : int
        Samples per second.
    first : int
        MIDI note whose key the filter follows until the note begins.
    """
    v = {name: presets[:, k] for name, k in COLUMN.items()}
    n = len(presets)
    x = np.zeros((n, NUMBERS), np.float32)
    c = np.zeros((n, CHOICES), np.int64)
    pace = F(0.004) * F(44100) / F(rate)
    zero, one = np.zeros(n, np.float32), np.ones(n, np.float32)
    for at, name, sustain in (
        (AMP, "amp", v["ampsustain"]),
        (FILTER, "filter", curve(v["filtersustain"])),
    ):
        _envelope(
            x, at, (v[f"{name}attack"], v[f"{name}decay"], sustain, v[f"{name}release"]), pace
        )
    _envelope(x, FREE, (v["freeadattack"], v["freeaddecay"], zero, one), pace)

    shift = np.array([-12, 0, 12, 24])[(v["transpose"] * F(3.00001)).astype(np.int64)]
    note = F(pitch) + (F(2) * (v["oscmastertune"] - F(0.5)) + shift.astype(np.float32))
    for base, osc in ((BASE1, "osc1"), (BASE2, "osc2")):
        fine = (v[f"{osc}finetune"] - F(0.5)) * F(2)
        x[:, base] = note + fine + semitones(v[f"{osc}tune"])
    x[:, SUB] = note - F(24)
    x[:, WIDTH], x[:, BEND] = v["osc1pw"], curve(v["osc2fm"])
    x[:, PHASE1], x[:, PHASE2] = v["osc1phase"], v["osc2phase"]
    for k in (1, 2, 3):
        x[:, VOLUME1 + k - 1] = curve(v[f"osc{k}volume"])
    x[:, RING], x[:, CRACKLE] = v["ringmodulation"], v["vintagenoise"] * F(0.2)
    crusher = v["oscbitcrusher"]
    depth = np.trunc(F(1) + crusher ** F(8) * F(65535))
    x[:, CRUSH] = np.where(crusher == 1, 0, depth)

    touch = _knob(v["velocitycutoff"])
    struck = F(velocity) / F(127)
    follow = v["keyfollow"] * v["keyfollow"]
    x[:, KNOB] = _knob(v["cutoff"])
    x[:, CUTOFF] = touch * struck + follow * (F(pitch - 72) / F(512))
    x[:, SETTLING] = F(0.1) + touch + follow * (F(first - 72) / F(512))
    x[:, CONTOUR] = _centred(v["filtercontour"]) + _knob(v["velocitycontour"]) * struck
    x[:, RESONANCE], x[:, DRIVE] = v["resonance"], v["filterdrive"] * F(10)

    for k, (step, amount, phase) in enumerate(
        ((LFO1_STEP, LFO1_AMOUNT, LFO1_PHASE), (LFO2_STEP, LFO2_AMOUNT, LFO2_PHASE)), start=1
    ):
        x[:, step] = F(256) * rates(v[f"lfo{k}rate"], v[f"lfo{k}sync"]) / F(rate)
        x[:, amount] = _centred(v[f"lfo{k}amount"])
        x[:, phase] = v[f"lfo{k}phase"] * F(255)
        c[:, LFO1_WAVE + 3 * (k - 1)] = (v[f"lfo{k}waveform"] * F(5.000001)).astype(np.int64)
        c[:, LFO1_TO + 3 * (k - 1)] = item(f"lfo{k}destination", v[f"lfo{k}destination"])
        started = (v[f"lfo{k}keytrigger"] > 0) | (v[f"lfo{k}sync"] > 0)
        c[:, LFO1_KEY + 3 * (k - 1)] = started
    x[:, FREE_AMOUNT] = _centred(v["freeadamount"])
    x[:, TOUCH] = F(1) - v["velocityvolume"] * (F(1) - struck)
    x[:, VOLUME] = curve(v["volume"], 2.0)
    x[:, HIGHPASS] = F(0.999) - curve(v["highpass"]) * F(0.4)
    c[:, FREE_TO] = item("freeaddestination", v["freeaddestination"])
    c[:, WAVE1] = item("osc1waveform", v["osc1waveform"])
    c[:, WAVE2] = item("osc2waveform", v["osc2waveform"])
    c[:, KIND] = item("filtertype", v["filtertype"])
    c[:, SYNC] = v["oscsync"] > 0
    return Programme(x, c)
