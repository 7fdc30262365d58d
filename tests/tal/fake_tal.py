"""Stand-ins for the plug-in, played in worker processes by the tests of the plug-in backend.

They read the state that the plug-in would be given and play it with the embedded engine.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from synthmatch_tal.backends.embedded import play
from synthmatch_tal.backends.plugin.probes import draws
from synthmatch_tal.space import ORDER
from synthmatch_tal.state import read_vst3


class Faithful:
    def __init__(self, path):
        self.folder = Path(path).parent
        self.info = {"name": "TAL-NoiseMaker", "version": "9.9", "pedalboard": "0"}
        with (self.folder / "started").open("a") as log:
            log.write("started\n")

    def play(self, state, note, sample_rate):
        (program,), _ = read_vst3(state)
        return self.sound(program.numbers, note, sample_rate)

    def sound(self, numbers, note, sample_rate):
        return play(np.array([[numbers[name] for name in ORDER]]), note, sample_rate)[0]


class Leaking(Faithful):
    """Its dice go on from one note to the next."""

    played = 0

    def sound(self, numbers, note, sample_rate):
        sound = super().sound(numbers, note, sample_rate)
        self.played += 1
        return np.roll(sound, 100 * (self.played - 1)) if draws(numbers) else sound


class Fragile(Faithful):
    """Crashes on the notch; on everything, once a file says so."""

    def sound(self, numbers, note, sample_rate):
        if numbers["filtertype"] == 6 / 11 or (self.folder / "doomed").exists():
            os._exit(7)
        return super().sound(numbers, note, sample_rate)


class Quieter(Faithful):
    def sound(self, numbers, note, sample_rate):
        return 0.5 * super().sound(numbers, note, sample_rate)


class Deaf(Faithful):
    """Sounds alike whatever preset it is given."""

    def sound(self, numbers, note, sample_rate):
        return super().sound({**dict.fromkeys(ORDER, 0.5), "detune": 0.0}, note, sample_rate)
