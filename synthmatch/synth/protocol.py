"""What a synth is, and what it may add; one protocol for each capability."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ..parameters import FloatArray, ParameterSpace, Patch, Value
from .note import Note

AudioArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
StrPath = str | os.PathLike[str]
Spans = Sequence[tuple[int, int]]


@runtime_checkable
class Synth(Protocol):
    """What every synth has."""

    @property
    def name(self) -> str:
        """Name in the registry, and of the synth that its patches belong to."""

    @property
    def space(self) -> ParameterSpace:
        """The parameters; ``space.synth == name``."""

    @property
    def sample_rate(self) -> int:
        """Native rate in Hz, what it is matched at unless the caller says otherwise."""

    def render(self, patch: Patch, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [note.samples(sample_rate)]``, nominally within [-1, 1].

        Pure: the same arguments give the same samples, whatever was rendered before.
        The patch has a value for every parameter. It is called with all three arguments;
        :func:`synthmatch.synth.render` gives every synth plain dicts and its own rate.
        """


@runtime_checkable
class BatchSynth(Synth, Protocol):
    """A synth that renders many vectors faster than one by one."""

    def render_batch(self, vectors: FloatArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` for unit-cube ``vectors [n, d]``, ``n`` at least 1."""


@runtime_checkable
class ExcerptSynth(Synth, Protocol):
    """A synth that renders parts of a sound faster than the whole; searches begin with those."""

    def render_excerpts(
        self, vectors: FloatArray, note: Note, sample_rate: int, spans: Spans
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` for unit-cube ``vectors [n, d]``, ``n`` at least 1.

        ``spans`` are (first sample, one after the last), in order and apart, at least one;
        the parts come one after another. They sound like those of the whole; samples need
        not be the same where that takes what was left out.
        """


@runtime_checkable
class PresetSynth(Synth, Protocol):
    """A synth with preset files of its own, beside synthmatch's JSON."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File suffixes it reads and writes, lower case with the dot, preferred first."""

    def save_patch(self, patch: Patch, path: StrPath) -> None:
        """Write ``patch``; the suffix of ``path`` picks the format."""

    def load_patch(self, path: StrPath) -> Patch:
        """Return the (first) patch of a file; raise PresetError for any other content."""


@runtime_checkable
class BankSynth(PresetSynth, Protocol):
    """A synth whose preset files may hold several presets."""

    def load_bank(self, path: StrPath) -> list[tuple[str, Patch]]:
        """Return names and patches of all presets of a file, at least one, in order."""


@runtime_checkable
class PriorSynth(Synth, Protocol):
    """A synth that knows what patches people make."""

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` drawn from the prior."""


@runtime_checkable
class ConditionalPriorSynth(PriorSynth, Protocol):
    """A synth that knows what patches people make around given values."""

    def sample_given(
        self, rng: np.random.Generator, n: int, given: Mapping[str, Value]
    ) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` of the prior with the native values ``given``."""


@runtime_checkable
class StartsSynth(Synth, Protocol):
    """A synth that comes with an index of starts: many draws of its prior, by their sound."""

    @property
    def starts(self) -> StrPath:
        """The file, as ``synthmatch starts build`` writes it."""


@runtime_checkable
class BackedSynth(Synth, Protocol):
    """A synth that can be played by different things, a plug-in for example."""

    @property
    def backend_info(self) -> Mapping[str, str]:
        """What makes the sound, for people: its name, version, path and such."""


@runtime_checkable
class OwnNoteSynth(Synth, Protocol):
    """A synth whose pitch is one of its parameters: it plays one note of its own.

    A pitch estimated from a recording says nothing about it; its note is used instead.
    """

    @property
    def note(self) -> Note:
        """The note that it plays whatever the recording."""


@runtime_checkable
class AudibleSynth(Synth, Protocol):
    """A synth that knows which of its parameters matter in a patch.

    A filter's cutoff does not while the filter is off, for example.
    """

    def audible(self, vectors: FloatArray) -> BoolArray:
        """Return ``bool [n, d]``: which coordinates of ``vectors [n, d]`` matter, ``n >= 1``.

        The sound of a row is the same, to rounding and at any note, wherever in the unit
        cube its other coordinates move, one of them or all.
        """


@runtime_checkable
class CanonicalSynth(Synth, Protocol):
    """A synth that knows which of its patches sound alike."""

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return vectors ``[n, d]``: one for all that sound like each of ``vectors``, ``n >= 1``.

        It makes the same sound, to rounding and at any note, and is its own canonical
        vector.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at on this machine.

    Attributes
    ----------
    status : {"ok", "absent", "broken"}
        It works, is not installed, or is installed and does not work.
    subject : str
        What was looked at, in a word or two.
    text : str
        What there is, or what is wrong and what to do, in one line.
    """

    status: Literal["ok", "absent", "broken"]
    subject: str
    text: str


@runtime_checkable
class DiagnosableSynth(Synth, Protocol):
    """A synth that relies on more than its package, a plug-in for example."""

    def diagnose(self) -> list[Finding]:
        """Return what it found of that; whatever is wrong is a finding, not an error."""
