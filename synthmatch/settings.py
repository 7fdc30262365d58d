"""Settings: what is rendered for one of the papers' experiments, by name.

A setting names a synth, the parameters held fixed, the note, the sample rate and how
patches are drawn. It carries the figures that papers report on it. Settings belong to
the package of their synth, which registers each in entry-point group
``synthmatch.settings``; the entry point is a :class:`Setting`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from .errors import ParameterError, RegistryError
from .parameters import FloatArray, Value
from .registry import installed, load_entry, load_synth
from .synth import AudioArray, FrozenSynth, Note, Synth, render_batch, sample_prior

SETTINGS = "synthmatch.settings"
_RATE = 768_000  # largest sample rate in Hz that a stored setting may have
_SAMPLES = 1 << 26  # and its longest sound
SamplerName = Literal["prior", "classes", "uniform"]

_SAMPLERS: Mapping[str, Callable[[Synth, np.random.Generator, int], FloatArray]] = MappingProxyType(
    {
        "prior": sample_prior,
        "classes": lambda synth, rng, n: synth.space.sample_classes(rng, n),
        "uniform": lambda synth, rng, n: synth.space.sample(rng, n),
    }
)


@dataclasses.dataclass(frozen=True)
class Published:
    """What one paper reports for one method on a setting.

    Attributes
    ----------
    method : str
        The name in the paper of a model, or of a search.
    citation : str
        Paper and table.
    figures : mapping
        Mean and median (None where not given) by the metric names of
        :mod:`synthmatch.evaluation`, in its units.
    """

    method: str
    citation: str
    figures: Mapping[str, tuple[float, float | None]]


@dataclasses.dataclass(frozen=True)
class Setting:
    """What to render: a synth, a note, a sample rate and a way to draw patches.

    Attributes
    ----------
    name : str
        For people and files.
    synth : str
        Name of the synth in the registry.
    note : Note
        The one note all sounds play.
    sample_rate : int
        In Hz.
    sampler : {"prior", "classes", "uniform"}
        Patches come from the synth's own prior, from the grid of all classes, or from
        the uniform cube.
    options : mapping
        Options of the synth's adapter.
    frozen : mapping
        Native values of the parameters held fixed.
    tables : tuple of str
        The tables of :mod:`synthmatch.evaluation` that the papers print for it.
    published : tuple of Published
        What papers report.
    remark : str
        What to know when comparing with the published figures.
    stft : tuple of int, optional
        Window and hop in samples of the spectrograms, mel ones too, of InverSynth II's
        metrics. By default those of its FM and TAL data (section 3.1): 512 and 128, and
        for mel, where it does not give them, 2048 and 512.
    """

    name: str
    synth: str
    note: Note
    sample_rate: int
    sampler: SamplerName = "prior"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    frozen: Mapping[str, Value] = dataclasses.field(default_factory=dict)
    tables: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    remark: str = ""
    stft: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.sampler not in _SAMPLERS:
            raise ParameterError(
                f"setting {self.name!r}: sampler {self.sampler!r} is not one of "
                f"{', '.join(_SAMPLERS)}"
            )

    @property
    def samples(self) -> int:
        """Samples of each sound."""
        return self.note.samples(self.sample_rate)

    def open(self) -> Source:
        """Return the setting with its synth loaded.

        Raises
        ------
        RegistryError
            If the synth is not installed.
        ParameterError
            If the frozen values do not fit it.
        """
        synth = load_synth(self.synth, **self.options)
        return Source(FrozenSynth(synth, self.frozen) if self.frozen else synth, self)

    def to_dict(self) -> dict[str, Any]:
        """Return what defines the sounds, JSON-ready; :meth:`from_dict` reads it."""
        return {
            "name": self.name,
            "synth": self.synth,
            "note": dataclasses.asdict(self.note),
            "sample_rate": self.sample_rate,
            "sampler": self.sampler,
            "options": {
                name: os.fspath(value) if isinstance(value, os.PathLike) else value
                for name, value in self.options.items()
            },
            "frozen": dict(self.frozen),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Setting:
        """Return the setting that :meth:`to_dict` described, without published figures.

        Raises
        ------
        ParameterError
            If ``data`` is not such a description.
        """
        try:
            made = cls(**{**data, "note": Note(**data["note"])})
            played = dataclasses.astuple(made.note)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ParameterError("not the description of a setting") from None
        texts = (made.name, made.synth, *made.options, *made.frozen)
        if not (
            all(isinstance(text, str) for text in texts)
            and isinstance(data.get("options", {}), Mapping)
            and isinstance(data.get("frozen", {}), Mapping)
            and all(type(number) in (int, float) for number in (*played, made.sample_rate))
        ):
            raise ParameterError("not the description of a setting")
        if not 1 <= made.sample_rate <= _RATE or not made.note.total * made.sample_rate <= _SAMPLES:
            raise ParameterError(
                f"setting {made.name[:40]!r}: sounds are at most {_SAMPLES:,} samples long, "
                f"at 1 to {_RATE:,} Hz"
            )
        return made


@dataclasses.dataclass(frozen=True)
class Source:
    """A synth ready to make the sounds of a setting.

    Attributes
    ----------
    synth : Synth
        With the frozen parameters held.
    setting : Setting
        What is rendered.
    """

    synth: Synth
    setting: Setting

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` drawn as the setting says."""
        return _SAMPLERS[self.setting.sampler](self.synth, rng, n)

    def render(self, vectors: FloatArray) -> AudioArray:
        """Return the sounds ``float32 [n, samples]`` of vectors ``[n, d]``."""
        return render_batch(self.synth, vectors, self.setting.note, self.setting.sample_rate)


def list_settings() -> list[str]:
    """Return the names of all installed settings, sorted, without loading any."""
    return list(installed(SETTINGS))


def load_setting(name: str) -> Setting:
    """Return the setting registered under ``name``.

    Raises
    ------
    RegistryError
        If the name is unknown, claimed by two packages, or is no setting.
    """
    setting = load_entry(SETTINGS, "setting", name)
    if not isinstance(setting, Setting):
        raise RegistryError(f"setting {name!r} is not a synthmatch.settings.Setting")
    return setting


def open_source(what: Source | Setting | Synth | str, note: Note | None = None) -> Source:
    """Return a source of sounds.

    Parameters
    ----------
    what : Source, Setting, Synth or str
        A string is the name of a setting, else of a synth. A synth plays ``note`` at its
        own sample rate with patches of its prior. (A synth does not say which options it
        was made with: give a setting for one that has other than its defaults.)
    note : Note, optional
        What a synth plays; the default :class:`~synthmatch.synth.Note`, 1 s held of 1.5 s.

    Raises
    ------
    RegistryError
        If nothing of that name is installed.
    ParameterError
        If ``note`` is given for a setting, which has its own.
    """
    if isinstance(what, str):
        what = load_setting(what) if what in list_settings() else load_synth(what)
    if isinstance(what, Synth):
        made = Setting(what.name, what.name, note or Note(), what.sample_rate)
        return Source(what, dataclasses.replace(made, frozen=dict(what.space.frozen)))
    if note is not None:
        raise ParameterError("a setting has its own note; give a note with a synth's name only")
    return what if isinstance(what, Source) else what.open()
