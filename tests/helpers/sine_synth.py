"""A small synth for tests of data and training: a decaying sine."""

import os
import pathlib
import sys

import numpy as np

from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.settings import Setting, Source
from synthmatch.synth import Note

NOTE = Note(69, 100, 0.2, 0.25)
RATE = 4000


SPACE = ParameterSpace(
    "sine",
    [
        Parameter.ordinal("frequency", [100.0, 200.0, 300.0, 400.0, 500.0, 700.0]),
        Parameter.continuous("level", 0.0, 1.0, classes=8),
        Parameter.categorical("wave", ["sine", "square"]),
    ],
)


class SineSynth:
    name = "sine"
    sample_rate = RATE
    space = SPACE

    def render(self, patch, note, sample_rate):
        time = np.arange(note.samples(sample_rate)) / sample_rate
        sound = np.sin(2 * np.pi * patch["frequency"] * time)
        if patch["wave"] == "square":
            sound = np.sign(sound)
        return (patch["level"] * np.exp(-4 * time) * sound).astype(np.float32)


def sine_source(sampler="classes"):
    return Source(SineSynth(), Setting("sine", "sine", NOTE, RATE, sampler))


def with_helpers():
    """Return the environment of a process that finds this module and what its parent finds."""
    here = str(pathlib.Path(__file__).parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, *filter(None, sys.path)])}
