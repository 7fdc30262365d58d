"""Massive in worker processes, as something that plays presets."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthmatch.errors import HostingError, HostingWarning
from synthmatch.hosting import PluginHost, find_plugin
from synthmatch.synth import AudioArray, Note

from ...space import ORDER
from .instrument import BASE
from .probes import play_order, probe

VARIABLE = "SYNTHMATCH_MASSIVE"
"""Environment variable that may hold the path of the plug-in."""

LOADER = "synthmatch_massive.backends.plugin.instrument:MassiveInstrument"
"""What a worker plays with."""

_NAMES = ("Massive",)
_FORMATS = (".vst3", ".component")
_MOST = 8  # processes


def locate(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the plug-in at a path, at what :data:`VARIABLE` names, or where it is installed.

    Raises
    ------
    HostingError
        If it is not found.
    """
    return find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)


class Plugin:
    """Massive in worker processes, which start with the first sound.

    Parameters
    ----------
    path : path, optional
        The plug-in or the folder it is in; by default what :data:`VARIABLE` names, or
        what is installed.
    base : path, optional
        The ``.vstpreset`` whose 16 parameters are changed; by default what the environment
        variable :data:`BASE` names, or the preset that the plug-in starts with.
    processes : int, optional
        Workers; as many as there are processors by default, 8 at most.

    Raises
    ------
    HostingError
        If it is not found.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        base: str | os.PathLike[str] | None = None,
        processes: int | None = None,
    ) -> None:
        self.path = locate(path)
        self.environment = {BASE: str(base)} if base is not None else {}
        self._processes = processes or min(os.cpu_count() or 1, _MOST)
        self._host: PluginHost | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_host": None}

    @property
    def writes_presets(self) -> bool:
        """Whether it knows ``.vstpreset`` files: an Audio Unit does not."""
        return any(part.suffix.lower() == ".vst3" for part in (self.path, *self.path.parents))

    @property
    def host(self) -> PluginHost:
        """The workers; a forked process gets its own."""
        if self._host is None or self._host.owner != os.getpid():
            self._host = PluginHost(
                self.path,
                probe=probe(),
                processes=self._processes,
                environment=self.environment,
                loader=LOADER,
            )
        return self._host

    @property
    def info(self) -> dict[str, str]:
        """Path; name, version and maker once it has played."""
        return {"path": str(self.path), **(self._host.info if self._host is not None else {})}

    def render(self, preset: npt.NDArray[np.float64], note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [samples]`` of a preset ``[len(ORDER)]``.

        Raises
        ------
        HostingError
            If the plug-in does not work, or fails on this sound.
        """
        sound = self._sounds(preset[None], note, sample_rate)[0]
        if isinstance(sound, HostingError):
            raise sound
        return sound

    def render_batch(
        self, presets: npt.NDArray[np.float64], note: Note, sample_rate: int
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` of presets ``[n, len(ORDER)]``.

        A sound on which the plug-in fails is silent, so that it ranks last, as is said in a
        :class:`~synthmatch.errors.HostingWarning`. The stand-in never takes over.

        Raises
        ------
        HostingError
            If the plug-in does not work, or works no longer.
        """
        sounds = self._sounds(presets, note, sample_rate)
        audio = np.zeros((len(presets), note.samples(sample_rate)), dtype=np.float32)
        errors = []
        for row, sound in zip(audio, sounds, strict=True):
            if isinstance(sound, HostingError):
                errors.append(sound)
            else:
                row[:] = sound
        if errors:
            text = f"{errors[0]}; {len(errors)} of {len(sounds)} sounds count as silence"
            warnings.warn(text, HostingWarning, stacklevel=3)
        return audio

    def close(self) -> None:
        """End the workers; the next sound starts others."""
        if self._host is not None:
            self._host.close()
        self._host = None

    def _sounds(
        self, presets: npt.NDArray[np.float64], note: Note, sample_rate: int
    ) -> list[AudioArray | HostingError]:
        orders = [
            play_order(dict(zip(ORDER, map(float, row), strict=True)), note, sample_rate)
            for row in presets
        ]
        return self.host.render_many(orders)
