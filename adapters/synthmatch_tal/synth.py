"""TAL-NoiseMaker as a synth: its parameters, its sound, its files, its prior."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, ParameterSpace, Patch, Value
from synthmatch.synth import AudioArray, Finding, Note

from . import files
from .equivalence import audible, canonical
from .space import SYNTH, tal_space, to_presets

if TYPE_CHECKING:
    from .backends.plugin import Plugin

STARTS = Path(__file__).with_name("starts.safetensors")
Backend = Literal["engine", "plugin"]
View = Literal["dry", "plugin", "tal-core", "tal-9"]


class Tal:
    """TAL-NoiseMaker, played by an engine of this package or the real plug-in.

    Fractional pitches are rounded: it is a MIDI instrument.

    Parameters
    ----------
    view : {"dry", "plugin", "tal-core", "tal-9"}
        The parameters that are free and their choices; see :mod:`synthmatch_tal.space`.
        ``plugin``, which has the effects, needs the plug-in.
    sample_rate : int
        Native rate in Hz.
    backend : {"engine", "plugin"}
        What plays: the embedded engine, or TAL-NoiseMaker itself in processes of its own.
    plugin : path, optional
        TAL-NoiseMaker's VST3 or the folder that it is in; by default what the environment
        variable ``SYNTHMATCH_TAL`` names, or what is installed.

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
        view: View = "dry",
        *,
        sample_rate: int = 44100,
        backend: Backend = "engine",
        plugin: str | os.PathLike[str] | None = None,
    ) -> None:
        if backend not in ("engine", "plugin"):
            raise ParameterError(f"TAL's backend is engine or plugin, not {backend!r}")
        if plugin is not None and backend != "plugin":
            raise ParameterError('a plug-in plays with backend="plugin" only')
        if view == "plugin" and backend != "plugin":
            raise ParameterError('the embedded engine has no effects; use backend="plugin"')
        self.space: ParameterSpace = tal_space(view)
        self._view = view
        self.sample_rate = sample_rate
        self._path = plugin
        self._plugin: Plugin | None = None
        if backend == "plugin":
            from .backends.plugin import Plugin

            self._plugin = Plugin(plugin)

    @property
    def starts(self) -> Path | None:
        """The index of draws of the prior that comes with this package, of all dry parameters."""
        return STARTS if self._view == "dry" else None

    @property
    def backend_info(self) -> dict[str, str]:
        """What plays: its name; of the plug-in also version and path."""
        if self._plugin is None:
            return {"backend": "engine"}
        return {"backend": "plugin", **self._plugin.info}

    def diagnose(self) -> list[Finding]:
        """Return whether the plug-in is installed, plays, takes its state and repeats itself."""
        from .backends.plugin import diagnose

        return diagnose(self._path)

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [samples]``, at the synth's own rate unless another is given."""
        rate = self.sample_rate if sample_rate is None else sample_rate
        checked = self.space.patch(patch)
        presets = to_presets(self.space, self.space.encode(checked)[None])
        if self._plugin is not None:
            return self._plugin.render(presets[0], note, rate)
        from .backends.embedded import play

        audio: AudioArray = play(presets, note, rate)[0]
        return audio

    def render_batch(
        self, vectors: FloatArray, note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` of vectors ``[n, d]``, rendered in parallel.

        The rate is the synth's own unless another is given. Sounds on which the plug-in
        fails are silent; see :mod:`synthmatch_tal.backends.plugin`.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        presets = to_presets(self.space, vectors)
        if self._plugin is not None:
            return self._plugin.render_batch(presets, note, rate)
        from .backends.embedded import play

        return play(presets, note, rate)

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors [n, d]`` with what changes nothing at one value.

        The sounds stay the same, so each keeps one label of the several that make it.
        """
        return canonical(self.space, vectors)

    def audible(self, vectors: FloatArray) -> npt.NDArray[np.bool_]:
        """Return ``bool [n, d]``: which coordinates change the sound, the others as they are."""
        return audible(self.space, vectors)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` of presets such as people make."""
        from .prior import sample_vectors

        return sample_vectors(self.space, rng, n)

    def save_patch(self, patch: Mapping[str, Value], path: str | os.PathLike[str]) -> None:
        """Write a patch, named after the file; see :mod:`synthmatch_tal.files`.

        Raises
        ------
        ParameterError
            If it is no patch of this synth.
        PresetError
            If the file cannot be written, or has another suffix than :attr:`suffixes`.
        """
        target = Path(path)
        files.write_presets(target, [(target.stem, self.space.patch(patch))])

    def load_patch(self, path: str | os.PathLike[str]) -> Patch:
        """Return the chosen patch of a file, as the free parameters can say it.

        Raises
        ------
        PresetError
            If the file cannot be read or holds no preset of TAL-NoiseMaker.
        """
        presets = files.read_presets(Path(path))
        return files.fit(Path(path), presets.patches[presets.current], self.space)

    def load_bank(self, path: str | os.PathLike[str]) -> list[tuple[str, Patch]]:
        """Return names and patches of a file, as the free parameters can say them.

        Raises
        ------
        PresetError
            If the file cannot be read or holds no preset of TAL-NoiseMaker.
        """
        presets = files.read_presets(Path(path))
        patches = [files.fit(Path(path), patch, self.space) for patch in presets.patches]
        return list(zip(presets.names, patches, strict=True))
