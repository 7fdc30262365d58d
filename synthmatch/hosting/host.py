"""Worker processes that play a plug-in, watched, replaced when they fail."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any

import numpy as np

from ..errors import HostingError
from ..synth import AudioArray, Note
from .worker import serve

PEDALBOARD = "synthmatch.hosting.worker:PedalboardInstrument"
_QUIET = 1e-4  # peak under which a probe counts as silent
_ALIKE = 1e-3  # relative difference under which two probes count as the same sound


@dataclasses.dataclass(frozen=True)
class Play:
    """One sound to make.

    Attributes
    ----------
    state : bytes
        The plug-in's state; empty to leave it as it is.
    note : Note
        What is played; the pitch is rounded to a MIDI note.
    sample_rate : int
        In Hz.
    fresh : bool
        Play in a process that has played nothing before, because the sound would depend
        on what was played.
    """

    state: bytes
    note: Note
    sample_rate: int
    fresh: bool = False


class _Worker:
    """One process with the plug-in loaded, or on its way to be."""

    def __init__(self, loader: str, path: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, loader, path), daemon=True)
        self._process.start()
        theirs.close()
        self.info: dict[str, str] = {}
        self.played = 0

    def wait_ready(self, limit: float) -> None:
        if not self.info:
            self.info = self._answer(limit, "load")

    def play(self, play: Play, limit: float) -> AudioArray:
        try:
            self._pipe.send((play.state, play.note, play.sample_rate))
        except OSError:
            raise HostingError(f"the plug-in crashed{self._exit()}") from None
        audio: AudioArray = self._answer(limit, "play a note")
        self.played += 1
        if audio.dtype != np.float32 or audio.shape != (play.note.samples(play.sample_rate),):
            raise HostingError(f"the plug-in returned {audio.dtype} {list(audio.shape)}")
        if not np.isfinite(audio).all():
            raise HostingError("the plug-in returned samples that are not finite")
        return audio

    def _answer(self, limit: float, doing: str) -> Any:
        try:
            if not self._pipe.poll(limit):
                self.kill()
                raise HostingError(f"the plug-in took over {limit:g} s to {doing}; it was stopped")
            kind, value = self._pipe.recv()
        except (EOFError, OSError):
            raise HostingError(f"the plug-in crashed{self._exit()}") from None
        if kind == "error":
            raise HostingError(f"the plug-in cannot {doing}: {value}")
        return value

    def _exit(self) -> str:
        self._process.join(1.0)
        code = self._process.exitcode
        if code is None:
            return ""
        return f" (signal {-code})" if code < 0 else f" (exit status {code})"

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.close()
        self._process.kill()
        self._process.join(5.0)


class PluginHost:
    """A plug-in that renders notes, whatever it does to its process.

    Parameters
    ----------
    path : path
        The plug-in, from :func:`synthmatch.hosting.find_plugin`.
    probe : sequence of two Play, optional
        Two states that must be audible, sound different, and the first the same when it
        is played again in another process. Every new process has to pass before it is
        used: a plug-in that takes its state in silence is found out.
    processes : int
        Workers that play at the same time.
    time_limit : float
        Seconds one note may take to render.
    start_limit : float
        Seconds the plug-in may take to load.
    loader : str
        ``"module:callable"`` that makes the instrument in the worker.

    Raises
    ------
    HostingError
        From any method, if the plug-in cannot be loaded or fails the probe.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        probe: Sequence[Play] = (),
        processes: int = 1,
        time_limit: float = 20.0,
        start_limit: float = 60.0,
        loader: str = PEDALBOARD,
    ) -> None:
        if len(probe) not in (0, 2):
            raise HostingError(f"a probe is two sounds, not {len(probe)}")
        self.path = Path(path)
        self._probe = tuple(probe)
        self._limits = time_limit, start_limit
        self._loader = loader
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._spare: SimpleQueue[_Worker] = SimpleQueue()
        self._all: set[_Worker] = set()
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="plugin")
        self._reference: AudioArray | None = None
        self.info: dict[str, str] = {}
        self.restarts = 0

    def __enter__(self) -> PluginHost:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; the host cannot be used afterwards."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._all):
            self._drop(worker)

    def start(self) -> dict[str, str]:
        """Load and probe the plug-in now; return its name, version and maker."""
        self._idle.put(self._ready())
        return dict(self.info)

    def render(self, play: Play) -> AudioArray:
        """Return ``float32 [samples]``, mono; a worker that fails is replaced once.

        Raises
        ------
        HostingError
            If the plug-in fails twice on this sound.
        """
        try:
            return self._render(play)
        except HostingError:
            self.restarts += 1
            return self._render(play)

    def render_many(self, plays: Sequence[Play]) -> list[AudioArray | HostingError]:
        """Return the sounds in order; the error in place of a sound that failed twice."""

        def attempt(play: Play) -> AudioArray | HostingError:
            try:
                return self.render(play)
            except HostingError as error:
                return error

        return list(self._pool.map(attempt, plays))

    def _render(self, play: Play) -> AudioArray:
        worker = self._take(play.fresh)
        try:
            audio = worker.play(play, self._limits[0])
        except BaseException:
            self._drop(worker)
            raise
        if play.fresh:
            self._drop(worker)
        else:
            self._idle.put(worker)
        return audio

    def _take(self, fresh: bool) -> _Worker:
        if not fresh:
            while not self._idle.empty():
                worker = self._idle.get()
                if worker.alive:
                    return worker
                self._drop(worker)
            return self._ready()
        worker = self._spare.get() if not self._spare.empty() else self._spawn()
        self._spare.put(self._spawn())  # loads while this one plays
        worker.wait_ready(self._limits[1])
        if self._reference is None:
            self._idle.put(self._ready())  # nothing has been probed yet
        return worker

    def _spawn(self) -> _Worker:
        worker = _Worker(self._loader, str(self.path))
        self._all.add(worker)
        return worker

    def _ready(self) -> _Worker:
        worker = self._spawn()
        try:
            worker.wait_ready(self._limits[1])
            self._check(worker)
        except BaseException:
            self._drop(worker)
            raise
        self.info = worker.info
        return worker

    def _check(self, worker: _Worker) -> None:
        """Make sure that the plug-in plays, takes its state, and agrees with the last process."""
        if not self._probe:
            self._reference = np.zeros(0, dtype=np.float32)
            return
        first, second = (worker.play(p, self._limits[0]) for p in self._probe)
        for number, sound in enumerate((first, second), start=1):
            if np.abs(sound).max() < _QUIET:
                raise HostingError(f"{self.path.name} is silent on probe {number}")
        if _difference(first, second) < _ALIKE:
            raise HostingError(
                f"{self.path.name} plays the same sound whatever state it is given; "
                f"try another version or format of it"
            )
        if self._reference is None or not len(self._reference):
            self._reference = first
        elif _difference(self._reference, first) > _ALIKE:
            raise HostingError(
                f"{self.path.name} plays the same state differently in another process"
            )

    def _drop(self, worker: _Worker) -> None:
        self._all.discard(worker)
        worker.kill()


def _difference(a: AudioArray, b: AudioArray) -> float:
    """Return ``|a - b| / |a|``, 0 for the same sound."""
    if a.shape != b.shape:
        return float("inf")
    return float(np.linalg.norm(a - b) / max(float(np.linalg.norm(a)), 1e-12))
