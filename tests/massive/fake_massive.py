"""A plug-in that behaves as Massive is said to, in place of pedalboard's.

It has its parameters by the names that pedalboard gives them, plays them with the stand-in,
and puts them back when it renders for the first time after it was loaded or reset.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import types
from pathlib import Path

import numpy as np

from synthmatch.synth import Note
from synthmatch_massive.backends.embedded import play
from synthmatch_massive.backends.plugin.instrument import MassiveInstrument
from synthmatch_massive.space import ORDER, massive_space


class Parameter:
    def __init__(self, value):
        self.raw_value = value


class Resetting:
    """Puts its parameters back with the first block after loading and resetting."""

    name, version, manufacturer_name = "Massive", "1.7", "Native Instruments"
    is_instrument = True
    deaf = stubborn = forgetful = False

    def __init__(self, path, initialization_timeout):
        self.path = path
        self.start = {name: float(massive_space()[name].default) for name in ORDER}
        self.parameters = {name: Parameter(value) for name, value in self.start.items()}
        self.parameters["macro_control_1"] = Parameter(0.0)
        self.fresh = True

    def reset(self):
        self.fresh = True

    @property
    def preset_data(self):
        kept = self.start if self.forgetful else self.now
        return b"NI" + json.dumps(kept).encode()

    @preset_data.setter
    def preset_data(self, data):
        if not data.startswith(b"NI"):
            raise ValueError("not a preset\nof Massive")
        self.start = json.loads(data[2:])
        self.put_back()

    @property
    def now(self):
        return {name: self.parameters[name].raw_value for name in ORDER}

    def put_back(self):
        for name, value in self.start.items():
            self.parameters[name].raw_value = value

    def __call__(self, messages, *, duration, sample_rate, num_channels, reset):
        if self.fresh or self.stubborn:
            self.put_back()
        self.fresh = False
        samples = int(duration * sample_rate)
        if not messages:
            return np.zeros((num_channels, samples), np.float32)
        (on, _), (_, held) = messages
        values = self.start if self.deaf else self.now
        note = Note(on[1], on[2], held=held, total=duration)
        (sound,) = play([[values[name] for name in ORDER]], note, round(sample_rate))
        return np.tile(sound[:samples], (num_channels, 1))


class Stubborn(Resetting):
    """Puts them back whenever it renders."""

    stubborn = True


class Deaf(Resetting):
    """Shows them as set and plays what it started with."""

    deaf = True


class Forgetful(Resetting):
    """Leaves them out of its presets."""

    forgetful = True


class Another(Resetting):
    """Another version, with other names."""

    def __init__(self, path, initialization_timeout):
        super().__init__(path, initialization_timeout)
        del self.parameters["noise_amp"]


class Effect(Resetting):
    is_instrument = False


def install(kind):
    """Put a stand-in for pedalboard with a plug-in of a kind where it is imported."""
    module = types.ModuleType("pedalboard")
    module.load_plugin = kind
    sys.modules["pedalboard"] = module
    importlib.metadata.version = {"pedalboard": "0"}.__getitem__


def loader(kind):
    """Return what a worker loads its instrument with; it logs its starts."""

    def load(path):
        install(kind)
        with (Path(path).parent / "started").open("a") as log:
            log.write("started\n")
        return MassiveInstrument(path)

    return load


resetting, stubborn, deaf = loader(Resetting), loader(Stubborn), loader(Deaf)
forgetful, another, effect = loader(Forgetful), loader(Another), loader(Effect)
