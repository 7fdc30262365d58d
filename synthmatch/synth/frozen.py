"""A synth with some parameters held fixed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import ParameterError, PresetError
from ..parameters import FloatArray, Patch, Value
from .capabilities import CAPABILITIES, CONDITIONAL_PRIOR, OWN_NOTE, PRESETS
from .note import Note
from .presets import load_bank, load_patch, save_patch
from .protocol import AudioArray, BoolArray, Finding, Spans, StrPath, Synth
from .rendering import (
    audible,
    backend_info,
    canonical,
    diagnose,
    render,
    render_batch,
    render_excerpts,
    sample_prior,
)


class FrozenSynth:
    """A synth with some parameters held fixed: same sounds, fewer dimensions.

    It can do what the whole synth can. Optional methods that the whole synth lacks are
    None here; the functions of :mod:`synthmatch.synth` supply them, as for any synth.

    Parameters
    ----------
    synth : Synth
        The synth to look through.
    frozen : mapping
        Native values by parameter name.

    Attributes
    ----------
    suffixes : tuple of str
        Of the whole synth's preset files; absent if it has none of its own.
    note : Note
        The whole synth's own note; absent if it plays any.
    """

    def __init__(self, synth: Synth, frozen: Mapping[str, Value]) -> None:
        self.synth = synth
        self.space = synth.space.freeze(frozen)
        self.name = synth.name
        self.sample_rate = synth.sample_rate
        names = synth.space.names
        self._columns = [names.index(name) for name in self.space.names]
        self._base = synth.space.encode(self.space.frozen)
        presets, tuned = PRESETS.of(synth), OWN_NOTE.of(synth)
        if presets is not None:
            self.suffixes = tuple(presets.suffixes)
        if tuned is not None:
            self.note = tuned.note
        for capability in CAPABILITIES:
            methods = [
                name for name in capability.own if callable(getattr(FrozenSynth, name, None))
            ]
            if methods and capability.of(synth) is None:
                for name in methods:
                    setattr(self, name, None)

    @property
    def backend_info(self) -> dict[str, str]:
        """What makes the sound of the whole synth; empty if it does not say."""
        return backend_info(self.synth)

    def diagnose(self) -> list[Finding]:
        """Return what the whole synth finds of what it relies on."""
        return diagnose(self.synth)

    def _lift(self, vectors: FloatArray) -> FloatArray:
        full = np.tile(self._base, (len(vectors), 1))
        full[:, self._columns] = vectors
        return full

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Render a patch that agrees with the frozen values, at the synth's rate by default."""
        return render(self.synth, self.space.patch(patch), note, sample_rate)

    def render_batch(
        self, vectors: FloatArray, note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Render vectors ``[n, d]`` of the smaller space to ``float32 [n, samples]``."""
        return render_batch(self.synth, self._lift(vectors), note, sample_rate)

    def render_excerpts(
        self, vectors: FloatArray, note: Note, sample_rate: int, spans: Spans
    ) -> AudioArray:
        """Render parts of the sounds of vectors ``[n, d]`` of the smaller space."""
        return render_excerpts(self.synth, self._lift(vectors), note, sample_rate, spans)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` draws of the whole synth's prior, frozen coordinates dropped.

        They are drawn for the frozen values where the synth can.
        """
        return self._drawn(rng, n, {})

    def sample_given(
        self, rng: np.random.Generator, n: int, given: Mapping[str, Value]
    ) -> FloatArray:
        """Return ``n`` such draws for the native values ``given`` besides the frozen ones."""
        return self._drawn(rng, n, given)

    def _drawn(self, rng: np.random.Generator, n: int, given: Mapping[str, Value]) -> FloatArray:
        own = CONDITIONAL_PRIOR.of(self.synth)
        if own is None:
            return sample_prior(self.synth, rng, n)[:, self._columns]
        return own.sample_given(rng, n, {**given, **self.space.frozen})[:, self._columns]

    def audible(self, vectors: FloatArray) -> BoolArray:
        """Return ``bool [n, d]``: which coordinates matter, as the whole synth knows."""
        return audible(self.synth, self._lift(vectors))[:, self._columns]

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return the whole synth's canonical vectors ``[n, d]``, frozen coordinates dropped.

        Where such a vector sounds another way with the frozen values, the given one stays,
        with the coordinates that do not matter at their defaults.
        """
        lifted = self._lift(vectors)
        whole = canonical(self.synth, lifted)
        moved = self._moved(lifted, whole)
        other: BoolArray = np.any(moved & audible(self.synth, whole), axis=1, keepdims=True)
        given = np.where(self.audible(vectors), vectors, self.space.encode({}))
        return np.where(other, given, whole[:, self._columns])

    def _moved(self, before: FloatArray, after: FloatArray) -> BoolArray:
        """Return ``bool [n, whole d]``: frozen coordinates that got another native value."""
        moved = np.zeros(before.shape, dtype=np.bool_)
        for column, p in enumerate(self.synth.space):
            if p.name in self.space.frozen:
                moved[:, column] = p.native(before[:, column]) != p.native(after[:, column])
        return moved

    def save_patch(self, patch: Mapping[str, Value], path: StrPath) -> None:
        """Write a preset of the whole synth."""
        save_patch(self.synth, self.space.patch(patch), path)

    def load_patch(self, path: StrPath) -> Patch:
        """Read a preset; refuse one that contradicts the frozen values."""
        try:
            return self.space.patch(load_patch(self.synth, path))
        except ParameterError as error:
            raise PresetError(f"{path}: {error}") from error

    def load_bank(self, path: StrPath) -> list[tuple[str, Patch]]:
        """Read the presets that agree with the frozen values; refuse a file without any."""
        held = self.space.frozen.items()
        bank = load_bank(self.synth, path)
        fitting = [(name, patch) for name, patch in bank if all(patch[k] == v for k, v in held)]
        if not fitting:
            raise PresetError(f"{path}: no preset in it has the frozen values of this synth")
        return fitting
