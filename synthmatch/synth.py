"""What a synthesizer is: the :class:`Synth` protocol, notes, and what a synth may add.

A synth has a ``name``, a ``space``, a ``sample_rate`` and a pure ``render``. It *may* also

* render many vectors at once (:class:`BatchSynth`),
* read and write preset files of its own (:class:`PresetSynth`), also of several
  presets (:class:`BankSynth`),
* know what good patches look like (:class:`PriorSynth`), also around given values
  (:class:`ConditionalPriorSynth`),
* say what makes its sound (:class:`BackedSynth`), and whether that works on this machine
  (:class:`DiagnosableSynth`).

The functions of this module supply what a synth leaves out, so callers use
``render_batch(synth, ...)`` and friends and never ask what the synth implements.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ._files import atomic
from .errors import ParameterError, PresetError, SynthmatchError
from .parameters import FloatArray, ParameterSpace, Patch, Value

AudioArray = npt.NDArray[np.float32]

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """What is played.

    Attributes
    ----------
    pitch : float
        MIDI note number, 0 to 127; 69 is A4 (440 Hz). Fractions are cents; a synth that
        is played by MIDI alone rounds them.
    velocity : int
        MIDI velocity, 1 to 127.
    held : float
        Seconds until the key is released, more than 0.
    total : float
        Seconds rendered, at least ``held``.
    """

    pitch: float = 60
    velocity: int = 100
    held: float = 1.0
    total: float = 1.5

    def __post_init__(self) -> None:
        if not (math.isfinite(self.pitch) and 0 <= self.pitch <= 127):
            raise ParameterError(f"note pitch {self.pitch} is not a MIDI note from 0 to 127")
        if not 1 <= self.velocity <= 127 or int(self.velocity) != self.velocity:
            raise ParameterError(f"velocity {self.velocity} is not a whole number from 1 to 127")
        if not (math.isfinite(self.total) and 0 < self.held <= self.total):
            raise ParameterError(
                f"a note is held for more than 0 s and at most its total; "
                f"not held {self.held} s of {self.total} s"
            )

    def samples(self, sample_rate: int) -> int:
        """Return the number of samples of this note at ``sample_rate`` Hz."""
        if sample_rate < 1:
            raise ParameterError(f"sample rate {sample_rate} Hz; give a positive whole number")
        return max(1, round(self.total * sample_rate))

    @property
    def frequency(self) -> float:
        """Fundamental in Hz, equal temperament, A4 = 440 Hz."""
        return float(440.0 * 2.0 ** ((self.pitch - 69.0) / 12.0))


def parse_pitch(text: str) -> float:
    """Return the MIDI pitch of ``"60"``, ``"C4"`` (60), ``"f#3"``, ``"Bb2"`` or ``"60.5"``.

    Raises
    ------
    ParameterError
        If the text is neither a note name nor a number from 0 to 127.
    """
    match = re.fullmatch(r"([A-Ga-g])([#b♯♭]?)(-?\d)", text.strip())
    if match:
        letter, accidental, octave = match.groups()
        shift = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]
        pitch = float(_SEMITONES[letter.upper()] + shift + 12 * (int(octave) + 1))
    else:
        number = re.fullmatch(r"\d+(\.\d*)?", text.strip())
        pitch = float(number[0]) if number else math.nan
    if not 0 <= pitch <= 127:
        raise ParameterError(f"{text!r} is not a note; write C4, F#3 or a number from 0 to 127")
    return pitch


def pitch_name(pitch: float) -> str:
    """Return the name of the nearest note: ``pitch_name(60) == "C4"``."""
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    nearest = round(pitch)
    return f"{names[nearest % 12]}{nearest // 12 - 1}"


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
        """


@runtime_checkable
class BatchSynth(Synth, Protocol):
    """A synth that renders many vectors faster than one by one."""

    def render_batch(self, vectors: FloatArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` for unit-cube ``vectors [n, d]``, ``n`` at least 1."""


@runtime_checkable
class PresetSynth(Synth, Protocol):
    """A synth with preset files of its own, beside synthmatch's JSON."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File suffixes it reads and writes, lower case with the dot, preferred first."""

    def save_patch(self, patch: Patch, path: Path) -> None:
        """Write ``patch``; the suffix of ``path`` picks the format."""

    def load_patch(self, path: Path) -> Patch:
        """Return the (first) patch of a file; raise PresetError for any other content."""


@runtime_checkable
class BankSynth(PresetSynth, Protocol):
    """A synth whose preset files may hold several presets."""

    def load_bank(self, path: Path) -> list[tuple[str, Patch]]:
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
class BackedSynth(Synth, Protocol):
    """A synth that can be played by different things, a plug-in for example."""

    @property
    def backend_info(self) -> Mapping[str, str]:
        """What makes the sound, for people: its name, version, path and such."""


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


def render_batch(
    synth: Synth, vectors: npt.ArrayLike, note: Note, sample_rate: int | None = None
) -> AudioArray:
    """Return ``float32 [n, samples]``: each unit-cube vector of ``vectors [n, d]`` rendered.

    Uses the synth's own ``render_batch`` where it has one.
    """
    rate = synth.sample_rate if sample_rate is None else sample_rate
    checked = synth.space.check_vectors(vectors)
    if len(checked) and isinstance(synth, BatchSynth):
        return synth.render_batch(checked, note, rate)
    out = np.empty((len(checked), note.samples(rate)), dtype=np.float32)
    for row, vector in enumerate(checked):
        out[row] = synth.render(synth.space.decode(vector), note, rate)
    return out


def sample_prior(synth: Synth, rng: np.random.Generator, n: int) -> FloatArray:
    """Return ``n`` vectors ``[n, d]`` of the synth's prior, or of the uniform cube."""
    return synth.sample(rng, n) if isinstance(synth, PriorSynth) else synth.space.sample(rng, n)


def backend_info(synth: Synth) -> dict[str, str]:
    """Return what makes the sound of ``synth``, for people; empty if that goes without saying."""
    return dict(synth.backend_info) if isinstance(synth, BackedSynth) else {}


def preset_suffixes(synth: Synth) -> tuple[str, ...]:
    """Return the suffixes that presets of ``synth`` may have, preferred first."""
    own = synth.suffixes if isinstance(synth, PresetSynth) else ()
    return (*own, ".json") if ".json" not in own else own


def save_patch(synth: Synth, patch: Patch, path: str | os.PathLike[str]) -> None:
    """Write ``patch`` to ``path``, whole or not at all; ``.json`` works for every synth.

    Raises
    ------
    PresetError
        If the synth does not write files of this suffix, or the file cannot be written.
    """
    target = Path(path)
    checked = synth.space.patch(patch)
    suffix = _known_suffix(synth, target)
    try:
        with atomic(target) as temporary:
            if isinstance(synth, PresetSynth) and suffix in synth.suffixes:
                synth.save_patch(checked, temporary)
            else:
                temporary.write_text(checked.to_json(), encoding="utf-8")
    except OSError as error:
        raise PresetError(f"cannot write {target}: {error.strerror or error}") from error


def load_patch(synth: Synth, path: str | os.PathLike[str]) -> Patch:
    """Return the patch in a preset file of ``synth``, checked against its space.

    Raises
    ------
    PresetError
        If the file is missing, of another format, or holds no patch of this synth.
    """
    source = Path(path)
    with _reading(synth, source) as suffix:
        if isinstance(synth, PresetSynth) and suffix in synth.suffixes:
            return synth.space.patch(synth.load_patch(source))
        return synth.space.patch(Patch.from_json(source.read_text(encoding="utf-8")))


def load_bank(synth: Synth, path: str | os.PathLike[str]) -> list[tuple[str, Patch]]:
    """Return the names and patches of all presets in a file of ``synth``, in order.

    A file of a synth without banks holds one, which is named after the file.

    Raises
    ------
    PresetError
        If the file is missing, of another format, or holds no patch of this synth.
    """
    source = Path(path)
    with _reading(synth, source) as suffix:
        if isinstance(synth, BankSynth) and suffix in synth.suffixes:
            return [(name, synth.space.patch(patch)) for name, patch in synth.load_bank(source)]
    return [(source.stem, load_patch(synth, source))]


@contextlib.contextmanager
def _reading(synth: Synth, source: Path) -> Iterator[str]:
    """Check that ``source`` can be a preset, yield its suffix, and name it in all errors."""
    suffix = _known_suffix(synth, source)
    if not source.is_file():
        raise PresetError(f"no such preset file: {source}")
    try:
        yield suffix
    except OSError as error:
        raise PresetError(f"cannot read {source}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise PresetError(f"{source} is not a text file; expected a JSON patch") from None
    except PresetError:
        raise
    except SynthmatchError as error:
        raise PresetError(f"{source}: {error}") from error


def _known_suffix(synth: Synth, path: Path) -> str:
    known = preset_suffixes(synth)
    if path.suffix.lower() not in known:
        raise PresetError(
            f"{path.name}: presets of {synth.name!r} end in {' or '.join(known)}, "
            f"not {path.suffix or 'nothing'}"
        )
    return path.suffix.lower()


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
