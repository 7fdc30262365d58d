"""Massive as a synth: its parameters, its sound or the stand-in's, its files, a prior."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, ParameterSpace, Patch, Value
from synthmatch.synth import AudioArray, Finding, Note

from . import files
from .prior import sample_presets
from .space import SYNTH, massive_space

if TYPE_CHECKING:
    from .backends.plugin import Plugin

Backend = Literal["stand-in", "plugin"]

STAND_IN = (
    "a wavetable synth of Massive's structure, not Massive: "
    "its presets are a starting point, to be refined where Massive is installed"
)
"""What reports, JSON files and model cards say of the stand-in."""


class Massive:
    """Massive's 16 parameters of the AST paper, played by a stand-in or by Massive itself.

    Fractional pitches are rounded by the plug-in, which is a MIDI instrument, not by the
    stand-in.

    Parameters
    ----------
    sample_rate : int
        Native rate in Hz.
    backend : {"stand-in", "plugin"}
        What plays: the embedded stand-in, or Massive in processes of its own. "engine",
        what other synths call theirs, is the stand-in too.
    plugin : path, optional
        Massive's VST3 or Audio Unit or the folder that it is in; by default what the
        environment variable ``SYNTHMATCH_MASSIVE`` names, or what is installed.
    base : path, optional
        A ``.vstpreset`` of Massive whose 16 parameters are changed (its wavetables, filters
        and routing stay); by default what ``SYNTHMATCH_MASSIVE_BASE`` names, or the preset
        that Massive starts with.

    Raises
    ------
    ParameterError
        If an option is not one of these.
    HostingError
        If the plug-in is not found; from rendering, if it does not work.
    """

    name = SYNTH

    def __init__(
        self,
        *,
        sample_rate: int = 44100,
        backend: Backend | Literal["engine"] = "stand-in",
        plugin: str | os.PathLike[str] | None = None,
        base: str | os.PathLike[str] | None = None,
    ) -> None:
        if backend not in ("stand-in", "engine", "plugin"):
            raise ParameterError(f"Massive's backend is stand-in or plugin, not {backend!r}")
        if backend != "plugin" and not (plugin is None and base is None):
            raise ParameterError('a plug-in and its base preset play with backend="plugin" only')
        self.space: ParameterSpace = massive_space()
        self.sample_rate = sample_rate
        self._path = plugin
        self._plugin: Plugin | None = None
        if backend == "plugin":
            from .backends.plugin import Plugin

            self._plugin = Plugin(plugin, base=base)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """JSON, and before it Massive's own where its VST3 plays."""
        own = self._plugin is not None and self._plugin.writes_presets
        return files.SUFFIXES if own else files.SUFFIXES[1:]

    @property
    def backend_info(self) -> dict[str, str]:
        """What plays: the stand-in, and what it is; of the plug-in its version and path."""
        if self._plugin is None:
            return {"backend": "stand-in", "plays": STAND_IN}
        return {"backend": "plugin", **self._plugin.info, "base": self._plugin.base}

    def diagnose(self) -> list[Finding]:
        """Return what stands in for the plug-in, and whether that is installed and obeys."""
        from .backends.plugin import diagnose

        return diagnose(self._path)

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [samples]``, at the synth's own rate unless another is given."""
        rate = self.sample_rate if sample_rate is None else sample_rate
        preset = self.space.encode(self.space.patch(patch))
        if self._plugin is not None:
            return self._plugin.render(preset, note, rate)
        from .backends.embedded import play

        audio: AudioArray = play(preset[None], note, rate)[0]
        return audio

    def render_batch(
        self, vectors: FloatArray, note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` of vectors ``[n, 16]``, rendered in parallel.

        The rate is the synth's own unless another is given. Sounds on which the plug-in
        fails are silent; see :mod:`synthmatch_massive.backends.plugin`.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        presets = self.space.check_vectors(vectors)
        if self._plugin is not None:
            return self._plugin.render_batch(presets, note, rate)
        from .backends.embedded import play

        return play(presets, note, rate)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, 16]`` of presets that are mostly heard."""
        return sample_presets(rng, n)

    def save_patch(self, patch: Mapping[str, Value], path: str | os.PathLike[str]) -> None:
        """Write a patch; see :mod:`synthmatch_massive.files`.

        Raises
        ------
        ParameterError
            If it is no patch of this synth.
        PresetError
            If the file cannot be written, or has another suffix than :attr:`suffixes`.
        """
        remark = STAND_IN if self._plugin is None else ""
        files.write_patch(Path(path), self.space.patch(patch), self._plugin, remark)

    def load_patch(self, path: str | os.PathLike[str]) -> Patch:
        """Return the patch of a file.

        Raises
        ------
        PresetError
            If the file cannot be read, is of another synth, or needs Massive.
        """
        return self.space.patch(files.read_patch(Path(path), self._plugin))
