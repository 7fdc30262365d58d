"""Stand-ins for the plug-in, played in worker processes by the tests of the plug-in backend.

They read the state that the plug-in would be given and play it with the embedded engine.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.backends.plugin import runs_freely
from synthmatch_dexed.files.state import read_preset
from synthmatch_dexed.voices import COLUMN


class Faithful:
    def __init__(self, path):
        self.folder = Path(path).parent
        self.info = {"name": "Dexed", "version": "9.9", "pedalboard": "0"}
        with (self.folder / "started").open("a") as log:
            log.write(f"{os.environ.get('GLIBC_TUNABLES')}\n")

    def play(self, state, note, sample_rate):
        preset = read_preset(state)
        return self.sound(preset.voice, preset.engine, note, sample_rate)

    def sound(self, voice, engine, note, sample_rate):
        (sound,) = render_voices(
            voice[None],
            round(note.pitch),
            note.velocity,
            held=note.held,
            total=note.total,
            sample_rate=sample_rate,
            engine=engine,
        )
        return sound


class Leaking(Faithful):
    """Carries its LFO from one note to the next."""

    played = 0

    def sound(self, voice, engine, note, sample_rate):
        sound = super().sound(voice, engine, note, sample_rate)
        self.played += 1
        return np.roll(sound, 100 * (self.played - 1)) if runs_freely(voice) else sound


class Fragile(Faithful):
    """Crashes on feedback; on everything, once a file says so."""

    def sound(self, voice, engine, note, sample_rate):
        if voice[COLUMN["feedback"]] == 7 or (self.folder / "doomed").exists():
            os._exit(7)
        return super().sound(voice, engine, note, sample_rate)


class Quieter(Faithful):
    def sound(self, voice, engine, note, sample_rate):
        return 0.5 * super().sound(voice, engine, note, sample_rate)


class Deaf(Faithful):
    def sound(self, voice, engine, note, sample_rate):
        return super().sound(np.append(voice[:-1], 32), "mark1", note, sample_rate) * 0 + 0.5
