"""The real Dexed, hosted in worker processes and programmed through its state.

The state that a worker is given is what :mod:`synthmatch_dexed.files` writes as a
``.vstpreset``, so what is scored is what a musician opens.

Dexed never sets the phase of its LFO, the state of its sample and hold, or the memory of
its feedback: a new instance starts with what lies in its memory, mostly what the last one
left there. Where the C library can be told to clear memory (glibc) the workers do so, which
makes every instance a fresh one; elsewhere a voice whose LFO runs freely gets a process of
its own. The host finds out by ear which it is.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from synthmatch.errors import HostingError, HostingWarning
from synthmatch.hosting import Play, PluginHost, find_plugin
from synthmatch.synth import AudioArray, Note

from ...files.state import State, write_preset
from ...voices import VoiceArray
from .. import Engine
from .probes import probe_voices, runs_freely

VARIABLE = "SYNTHMATCH_DEXED"
"""Environment variable that may hold the path of the plug-in."""

_NAMES = ("Dexed",)
_FORMATS = (".vst3",)  # the state of an Audio Unit has another wrapping
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0"}
"""Of the workers: glibc fills new memory with the complement of a byte, here 0, if none comes
from its cache."""

_MOST = 8  # processes
_TEST = Note(60, 100, held=0.2, total=0.25)


class Plugin:
    """Dexed in worker processes, which start with the first sound.

    Parameters
    ----------
    path : path, optional
        The plug-in or the folder it is in; by default what :data:`VARIABLE` names, or
        what is installed.
    engine : {"mark1", "modern"}
        The engine it is set to.
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
        engine: Engine = "mark1",
        processes: int | None = None,
    ) -> None:
        self.path: Path = find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)
        self._engine: Engine = engine
        self._processes = processes or min(os.cpu_count() or 1, _MOST)
        self._host: PluginHost | None = None
        self._lost = ""

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_host": None}

    @property
    def host(self) -> PluginHost:
        """The workers; a forked process gets its own."""
        if self._host is None or self._host.owner != os.getpid():
            self._host = PluginHost(
                self.path,
                probe=[self._play(voice, _TEST, 44100) for voice in probe_voices()],
                processes=self._processes,
                environment=ENVIRONMENT,
            )
        return self._host

    @property
    def info(self) -> dict[str, str]:
        """Path; name, version and maker once it has played; why it was lost if it was."""
        known = self._host.info if self._host is not None else {}
        return {"path": str(self.path), **known, **({"lost": self._lost} if self._lost else {})}

    def render(self, voice: VoiceArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [samples]`` of a voice ``[156]``.

        Raises
        ------
        HostingError
            If the plug-in does not work, or fails on this sound.
        """
        sound = self._sounds(voice[None], note, sample_rate)[0]
        if isinstance(sound, HostingError):
            raise sound
        return sound

    def render_batch(self, voices: VoiceArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` of voices ``[n, 156]``.

        A search is not lost to a failure: a sound on which the plug-in fails is silent,
        so that it ranks last, and if the plug-in is lost after it has worked, the embedded
        engine goes on. Both are said in a :class:`~synthmatch.errors.HostingWarning`.

        Raises
        ------
        HostingError
            If the plug-in has never worked.
        """
        sounds = self._sounds(voices, note, sample_rate)
        audio = np.zeros((len(voices), note.samples(sample_rate)), dtype=np.float32)
        errors = []
        for row, sound in zip(audio, sounds, strict=True):
            if isinstance(sound, HostingError):
                errors.append(sound)
            else:
                row[:] = sound
        if errors:
            _warn(f"{errors[0]}; {len(errors)} of {len(sounds)} sounds count as silence")
        return audio

    def close(self) -> None:
        """End the workers; the next sound starts others."""
        if self._host is not None:
            self._host.close()
        self._host = None

    def _sounds(
        self, voices: VoiceArray, note: Note, sample_rate: int
    ) -> list[AudioArray | HostingError]:
        if not self._lost:
            try:
                return self.host.render_many([self._play(v, note, sample_rate) for v in voices])
            except HostingError as error:
                if not self.host.info:
                    raise
                self._lost = str(error)
                _warn(f"{error}; the embedded engine plays what is left")
        from ..embedded import play

        return [*play(voices, note, sample_rate, self._engine)]

    def _play(self, voice: VoiceArray, note: Note, sample_rate: int) -> Play:
        state = write_preset(State(voice, self._engine))
        return Play(state, note, sample_rate, fresh=runs_freely(voice))


def _warn(text: str) -> None:
    warnings.warn(text, HostingWarning, stacklevel=5)
