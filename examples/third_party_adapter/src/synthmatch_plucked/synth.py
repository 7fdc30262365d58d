"""What synthmatch needs to know of the string: its parameters, how to play it, its presets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synthmatch import Note, Parameter, ParameterSpace, Patch
from synthmatch.parameters import Value
from synthmatch.synth import StrPath

from .presets import read_preset, write_preset
from .string import BODIES, EXCITERS, vibrate

_SPACE = ParameterSpace(
    "plucked",
    [
        Parameter.categorical("exciter", EXCITERS, group="pluck"),
        Parameter.continuous("position", 0.03, 0.5, default=0.2, group="pluck"),
        Parameter.ordinal("strings", [1, 2, 3], group="string"),
        Parameter.continuous(
            "decay", 0.1, 12.0, default=3.0, scale="log", group="string", unit="s"
        ),
        Parameter.continuous(
            "brightness", 150.0, 9600.0, default=1500.0, scale="log", group="string", unit="Hz"
        ),
        Parameter.categorical("body", BODIES, group="body"),
        Parameter.continuous(
            "release", 0.02, 2.0, default=0.15, scale="log", group="body", unit="s"
        ),
        Parameter.continuous("level", -40.0, 0.0, default=-6.0, group="body", unit="dB"),
    ],
)


class Plucked:
    """A course of one to three plucked or struck strings on a body.

    Only ``name``, ``space``, ``sample_rate`` and ``render`` are required of a synth. The
    rest makes it faster (``render_batch``), gives it files of its own (``suffixes``,
    ``save_patch``, ``load_patch``) and tells where good patches lie (``sample``).
    """

    name = "plucked"
    space = _SPACE
    sample_rate = 44100
    suffixes = (".pluck",)

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int = sample_rate
    ) -> npt.NDArray[np.float32]:
        """Return ``float32 [note.samples(sample_rate)]``."""
        vectors = self.space.encode(patch)[None]
        return self.render_batch(vectors, note, sample_rate).ravel()

    def render_batch(
        self, vectors: npt.NDArray[np.float64], note: Note, sample_rate: int
    ) -> npt.NDArray[np.float32]:
        """Return ``float32 [n, samples]`` of unit-cube vectors ``[n, 8]``."""
        values = self.space.to_native_by_name(vectors)
        sound = vibrate(
            frequency=note.frequency,
            velocity=note.velocity,
            held=note.held,
            samples=note.samples(sample_rate),
            sample_rate=sample_rate,
            exciter=values["exciter"],
            position=values["position"],
            decay=values["decay"],
            brightness=values["brightness"],
            strings=values["strings"],
            body=values["body"],
            release=values["release"],
        )
        loudness = values["level"] + 40.0 * np.log10(note.velocity / 127)
        gain = 10.0 ** (loudness[:, None] / 20.0)
        return np.asarray(gain * sound, dtype=np.float32)

    def sample(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
        """Return ``n`` vectors ``[n, 8]``: any string, but none that is hard to hear."""
        vectors = self.space.sample(rng, n)
        level = self.space.names.index("level")
        vectors[:, level] = 0.5 + vectors[:, level] / 2
        return vectors

    def save_patch(self, patch: Patch, path: StrPath) -> None:
        """Write a ``.pluck`` file."""
        write_preset(patch, path)

    def load_patch(self, path: StrPath) -> Patch:
        """Read a ``.pluck`` file."""
        return self.space.patch(read_preset(path, self.space))
