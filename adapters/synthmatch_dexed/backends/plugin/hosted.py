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
from collections.abc import Sequence

from synthmatch.hosting import HostedPlugin, Play, find_plugin
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

_TEST = Note(60, 100, held=0.2, total=0.25)


class Plugin(HostedPlugin):
    """Dexed in worker processes, which start with the first sound.

    It plays voices ``[156]``; lost, the embedded engine goes on.

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
        found = find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)
        super().__init__(found, processes=processes, environment=ENVIRONMENT)
        self._engine: Engine = engine

    def order(self, row: VoiceArray, note: Note, sample_rate: int) -> Play:
        """Return what a worker is told to play a voice ``[156]``."""
        state = write_preset(State(row, self._engine))
        return Play(state, note, sample_rate, fresh=runs_freely(row))

    def probe(self) -> Sequence[Play]:
        """Return the sounds that a worker is tested by."""
        return [self.order(voice, _TEST, 44100) for voice in probe_voices()]

    def instead(self, rows: VoiceArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` of voices ``[n, 156]`` by the embedded engine."""
        from ..embedded import play

        return play(rows, note, sample_rate, self._engine)
