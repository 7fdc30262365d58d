"""Dexed as a synth: its parameters, its sound, its files, its prior."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError, PresetWarning
from synthmatch.parameters import FloatArray, ParameterSpace, Patch, Value
from synthmatch.synth import AudioArray, Finding, Note, Spans

from . import files
from .backends import ENGINES, Engine
from .space import NEUTRAL, SYNTH, dexed_space, to_vectors, to_voice, to_voices, whole
from .voices import COLUMN

if TYPE_CHECKING:
    from .backends.plugin import Plugin

STARTS = Path(__file__).with_name("starts.safetensors")
Backend = Literal["engine", "plugin"]
View = Literal["voice", "dexed-t6", "dx7-144"]


class Dexed:
    """Dexed, the DX7 in software, played by an engine of this package or the real plug-in.

    Fractional pitches are rounded: it is a MIDI instrument.

    Parameters
    ----------
    engine : {"mark1", "modern"}
        Dexed's default engine, after the DX7's chips, or its exact one.
    view : {"voice", "dexed-t6", "dx7-144"}
        The parameters that are free and their classes; see :mod:`synthmatch_dexed.space`.
    sample_rate : int
        Native rate in Hz.
    syx : {"bank", "voice"}
        What a ``.syx`` file that is written holds: a bank of 32 that starts with the voice,
        or a single-voice dump, which leaves the bank of a DX7 alone but which Dexed does
        not open from a file.
    backend : {"engine", "plugin"}
        What plays: the embedded engine, or Dexed itself in processes of its own.
    plugin : path, optional
        Dexed's VST3 or the folder that it is in; by default what the environment variable
        ``SYNTHMATCH_DEXED`` names, or what is installed.

    Raises
    ------
    ParameterError
        If an option is not one of these.
    HostingError
        If the plug-in is not found; from rendering, if it does not work.
    """

    name = SYNTH
    suffixes = files.SUFFIXES

    def __init__(
        self,
        engine: Engine = "mark1",
        *,
        view: View = "voice",
        sample_rate: int = 44100,
        syx: Literal["bank", "voice"] = "bank",
        backend: Backend = "engine",
        plugin: str | os.PathLike[str] | None = None,
    ) -> None:
        if engine not in ENGINES:
            raise ParameterError(f"Dexed's engine is mark1 or modern, not {engine!r}")
        if syx not in ("bank", "voice"):
            raise ParameterError(f"a .syx file holds a bank or a voice, not {syx!r}")
        if backend not in ("engine", "plugin"):
            raise ParameterError(f"Dexed's backend is engine or plugin, not {backend!r}")
        if plugin is not None and backend != "plugin":
            raise ParameterError('a plug-in plays with backend="plugin" only')
        self.engine: Engine = engine
        self.space: ParameterSpace = dexed_space(view)
        self.sample_rate = sample_rate
        self._view = view
        self._syx = syx
        self._path = plugin
        self._plugin: Plugin | None = None
        if backend == "plugin":
            from .backends.plugin import Plugin

            self._plugin = Plugin(plugin, engine=engine)

    @property
    def starts(self) -> Path | None:
        """The index of draws of the prior that comes with this package, of all parameters."""
        return STARTS if self._view == "voice" else None

    @property
    def backend_info(self) -> dict[str, str]:
        """What plays: its name and settings; of the plug-in also version and path."""
        if self._plugin is None:
            return {"backend": "engine", "engine": self.engine}
        return {"backend": "plugin", "engine": self.engine, **self._plugin.info}

    def diagnose(self) -> list[Finding]:
        """Return whether the plug-in is installed, plays, takes its state and repeats itself."""
        from .backends.plugin import diagnose

        return diagnose(self._path, self.engine)

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [samples]`` of a patch; values it leaves out are the defaults.

        The rate is the synth's own unless another is given.
        """
        vectors = self.space.encode(patch)[None]
        if self._plugin is not None:
            voice = to_voices(self.space, vectors)[0]
            rate = self.sample_rate if sample_rate is None else sample_rate
            return self._plugin.render(voice, note, rate)
        audio: AudioArray = self.render_batch(vectors, note, sample_rate)[0]
        return audio

    def render_batch(
        self, vectors: FloatArray, note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` of vectors ``[n, d]``, rendered in parallel.

        The rate is the synth's own unless another is given. Sounds on which the plug-in
        fails are silent; see :mod:`synthmatch_dexed.backends.plugin`.
        """
        voices = to_voices(self.space, vectors)
        rate = self.sample_rate if sample_rate is None else sample_rate
        if self._plugin is not None:
            return self._plugin.render_batch(voices, note, rate)
        from .backends.embedded import play

        return play(voices, note, rate, self.engine)

    @property
    def render_excerpts(self) -> Callable[..., AudioArray] | None:
        """What renders parts of sounds, as :class:`synthmatch.synth.ExcerptSynth` says.

        None for the plug-in, which has to play all of a sound.
        """
        return self._render_excerpts if self._plugin is None else None

    def _render_excerpts(
        self, vectors: FloatArray, note: Note, sample_rate: int, spans: Spans
    ) -> AudioArray:
        from .backends.embedded import play

        return play(to_voices(self.space, vectors), note, sample_rate, self.engine, spans)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` of voices such as people make.

        What a seed gives is part of the format, the same on every machine and in every
        version; see :func:`synthmatch_dexed.prior.sample_voices`.
        """
        return self.sample_given(rng, n, {})

    def sample_given(
        self, rng: np.random.Generator, n: int, given: Mapping[str, Value]
    ) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` of voices such as people make with the values ``given``.

        The other parameters follow a given algorithm and transposition as people set them
        for these; see :func:`synthmatch_dexed.prior.sample_voices`.
        """
        from .prior import sample_voices

        held = {}
        if given:
            voice = to_voice(whole().patch(given))
            held = {name: int(voice[COLUMN[name]]) for name in given if name in COLUMN}
        return to_vectors(self.space, sample_voices(rng, n, held))

    def audible(self, vectors: FloatArray) -> npt.NDArray[np.bool_]:
        """Return ``bool [n, d]``: which coordinates of vectors ``[n, d]`` can be heard.

        Those that cannot may all move at once: the sound stays the same at every note; see
        :mod:`synthmatch_dexed.audibility`.
        """
        from .audibility import audible_columns

        return audible_columns(self.space.names, to_voices(self.space, vectors))

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return vectors ``[n, d]`` with one label for those that sound alike.

        See :mod:`synthmatch_dexed.canonical`.
        """
        from .canonical import canonical_voices

        return to_vectors(self.space, canonical_voices(to_voices(self.space, vectors)))

    def save_patch(self, patch: Mapping[str, Value], path: str | os.PathLike[str]) -> None:
        """Write a patch, named after the file; see :mod:`synthmatch_dexed.files`.

        Raises
        ------
        ParameterError
            If it is no patch of this synth.
        PresetError
            If the file cannot be written, or has another suffix than :attr:`suffixes`.
        """
        checked = self.space.patch(patch)
        files.write_patch(path, checked, engine=self.engine, syx=self._syx)

    def load_patch(self, path: str | os.PathLike[str]) -> Patch:
        """Return the first patch of a file, as the free parameters can say it.

        Raises
        ------
        PresetError
            If the file cannot be read or holds no voice.
        """
        return self._presets(Path(path), 1)[0][1]

    def load_bank(self, path: str | os.PathLike[str]) -> list[tuple[str, Patch]]:
        """Return names and patches of a file, as the free parameters can say them.

        Raises
        ------
        PresetError
            If the file cannot be read or holds no voice.
        """
        return self._presets(Path(path), None)

    def _presets(self, path: Path, most: int | None) -> list[tuple[str, Patch]]:
        presets = files.read_presets(path, most)
        if presets.engine not in (None, self.engine):
            warnings.warn(
                f"{path.name}: made for Dexed's engine {presets.engine}, played by {self.engine}",
                PresetWarning,
                stacklevel=2,
            )
        held = [name for name in NEUTRAL if name in self.space.frozen]
        patches = [files.neutralise(path, patch, held) for patch in presets.patches]
        return list(zip(presets.names, patches, strict=True))
