"""A synth with some parameters held fixed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import PresetError
from ..parameters import FloatArray, Patch, Value
from .note import Note
from .presets import load_bank, load_patch, preset_suffixes, save_patch
from .protocol import AudioArray, ConditionalPriorSynth, Synth
from .rendering import backend_info, render_batch, sample_prior


class FrozenSynth:
    """A synth with some parameters held fixed: same sounds, fewer dimensions.

    Parameters
    ----------
    synth : Synth
        The synth to look through.
    frozen : mapping
        Native values by parameter name.
    """

    def __init__(self, synth: Synth, frozen: Mapping[str, Value]) -> None:
        self.synth = synth
        self.space = synth.space.freeze(frozen)
        self.name = synth.name
        self.sample_rate = synth.sample_rate
        names = synth.space.names
        self._columns = [names.index(name) for name in self.space.names]
        self._base = synth.space.encode(self.space.frozen)
        self.suffixes = preset_suffixes(synth)

    @property
    def backend_info(self) -> dict[str, str]:
        """What makes the sound of the whole synth."""
        return backend_info(self.synth)

    def _lift(self, vectors: FloatArray) -> FloatArray:
        full = np.tile(self._base, (len(vectors), 1))
        full[:, self._columns] = vectors
        return full

    def render(self, patch: Patch, note: Note, sample_rate: int) -> AudioArray:
        """Render a patch that agrees with the frozen values."""
        return self.synth.render(self.space.patch(patch), note, sample_rate)

    def render_batch(self, vectors: FloatArray, note: Note, sample_rate: int) -> AudioArray:
        """Render vectors ``[n, d]`` of the smaller space to ``float32 [n, samples]``."""
        return render_batch(self.synth, self._lift(vectors), note, sample_rate)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` draws of the whole synth's prior, frozen coordinates dropped.

        They are drawn for the frozen values where the synth can.
        """
        if isinstance(self.synth, ConditionalPriorSynth):
            whole = self.synth.sample_given(rng, n, self.space.frozen)
        else:
            whole = sample_prior(self.synth, rng, n)
        return whole[:, self._columns]

    def save_patch(self, patch: Patch, path: Path) -> None:
        """Write a preset of the whole synth."""
        save_patch(self.synth, patch, path)

    def load_patch(self, path: Path) -> Patch:
        """Read a preset; refuse one that contradicts the frozen values."""
        return self.space.patch(load_patch(self.synth, path))

    def load_bank(self, path: Path) -> list[tuple[str, Patch]]:
        """Read the presets that agree with the frozen values; refuse a file without any."""
        held = self.space.frozen.items()
        bank = load_bank(self.synth, path)
        fitting = [(name, patch) for name, patch in bank if all(patch[k] == v for k, v in held)]
        if not fitting:
            raise PresetError(f"{path}: no preset in it has the frozen values of this synth")
        return fitting
