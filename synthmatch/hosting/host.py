"""The workers that play a plug-in: kept busy, timed, verified by sound, replaced on failure."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import NoReturn

from ..errors import HostingError, ParameterError
from ..synth import AudioArray, StrPath
from .probe import Probe
from .process import Answer, Play, Worker

PEDALBOARD = "synthmatch.hosting.worker:PedalboardInstrument"
_TRIES = 2  # of one sound, the second in another process
_STARTS = 3  # in a row that may fail, once the plug-in has worked
_SOUNDS = 5  # in a row that may fail before the plug-in is given up


class PluginHost:
    """A plug-in that renders notes, whatever it does to its process.

    Workers start when there is something to play. A host may be used from several
    threads, which then wait for each other.

    Parameters
    ----------
    path : path
        The plug-in, from :func:`synthmatch.hosting.find_plugin`.
    probe : sequence of Play, optional
        Two sounds that must be audible and differ: a plug-in that takes its state in
        silence is detected. Every process has to play them, the first as the processes
        before it did, before it is used. A third is one that what was played before would
        change if the plug-in carries anything over, from an LFO that runs freely for
        example; it decides :attr:`carries_over`.
    processes : int
        Workers that play at the same time.
    time_limit : float
        Seconds one note may take to render, beyond its own length.
    start_limit : float
        Seconds the plug-in may take to load.
    environment : mapping, optional
        Environment variables for the workers, besides those of this process.
    loader : str
        ``"module:callable"`` that makes the :class:`~synthmatch.hosting.worker.Instrument`
        in the worker.

    Attributes
    ----------
    path : Path
        The plug-in.
    owner : int
        Id of the process that made the host, the only one that can use it.
    info : dict of str
        Name, version, maker and path of the plug-in, once it is loaded and has passed.
    restarts : int
        Workers so far that crashed, hung, failed the probe or gave no valid sound.

    Raises
    ------
    ParameterError
        If an argument is out of range.
    """

    def __init__(
        self,
        path: StrPath,
        *,
        probe: Sequence[Play] = (),
        processes: int = 1,
        time_limit: float = 20.0,
        start_limit: float = 60.0,
        environment: Mapping[str, str] | None = None,
        loader: str = PEDALBOARD,
    ) -> None:
        if processes < 1:
            raise ParameterError(f"a plug-in needs at least 1 process, not {processes}")
        if not (time_limit > 0 and start_limit > 0):
            raise ParameterError(
                f"time limits are more than 0 s, not {time_limit} s a note, {start_limit} s to load"
            )
        self.path = Path(path)
        self.owner = os.getpid()
        self.info: dict[str, str] = {}
        self.restarts = 0
        self._probe = Probe(probe)
        self._processes = processes
        self._time_limit, self._start_limit = time_limit, start_limit
        self._program = loader, str(self.path), dict(environment or {})
        self._answers: SimpleQueue[tuple[Worker, Answer]] = SimpleQueue()
        self._workers: set[Worker] = set()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="plug-in starter")
        self._failed_starts = 0
        self._failed_sounds = 0
        self._given_up: HostingError | None = None
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, _end, self._workers, self.owner)

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
        with self._lock:
            self._given_up = HostingError(f"the host of {self.path.name} is closed; make another")
            self._starter.shutdown()
            self._finalizer()

    @property
    def repeats(self) -> bool:
        """Whether one process plays a sound again as before; if not, each gets its own."""
        return self._probe.repeats

    @property
    def carries_over(self) -> bool:
        """Whether sounds that are marked ``fresh`` get a process of their own."""
        return self._probe.carries_over

    def start(self) -> dict[str, str]:
        """Load and probe the plug-in now, if that is not done yet; return :attr:`info`.

        Raises
        ------
        HostingError
            If it cannot be loaded, or fails the probe.
        """
        with self._lock:
            self._start(1)
        return dict(self.info)

    def render(self, play: Play) -> AudioArray:
        """Return ``float32 [samples]``, mono.

        Raises
        ------
        HostingError
            If the plug-in cannot be started, or fails twice on this sound.
        """
        sound = self.render_many([play])[0]
        if isinstance(sound, HostingError):
            raise sound
        return sound

    def render_many(self, plays: Sequence[Play]) -> list[AudioArray | HostingError]:
        """Return the sounds in order; the error in place of a sound that failed twice.

        Raises
        ------
        HostingError
            If the plug-in cannot be started, or has failed so often that it is given up.
        """
        with self._lock:
            self._start(min(self._processes, len(plays)))
            apart = [not self.repeats or (play.fresh and self.carries_over) for play in plays]
            work = _Work(plays, apart)
            try:
                while work.left:
                    self._assign(work)
                    self._handle_next(work)
                if any(apart):  # a search will want more of them: they load meanwhile
                    spare = sum(worker.fresh for worker in self._workers)
                    self._spawn(self._processes - spare, fresh=True)
            except HostingError as error:
                return [error if answer is None else answer for answer in work.answers]
            finally:  # after Ctrl-C nobody waits for what is still being played
                self._drop([worker for worker in self._workers if worker.job is not None])
            return [answer for answer in work.answers if answer is not None]

    def _start(self, count: int) -> None:
        """Wait for a worker that passes the probe, if none ever did; start up to ``count``."""
        if os.getpid() != self.owner:
            raise HostingError("a plug-in host cannot be used in a forked process; make another")
        if self._given_up is not None:
            raise self._given_up
        if not self.info:
            self._spawn(count - len(self._workers), fresh=False)
        nothing = _Work([], [])
        while not self.info and count:
            self._handle_next(nothing)

    def _assign(self, work: _Work) -> None:
        """Give sounds to idle workers, and start workers for those that are left."""
        for worker in [w for w in self._workers if w.idle]:
            if work.waiting[worker.fresh]:
                worker.job = work.waiting[worker.fresh].popleft()
                self._order(worker, work.plays[worker.job])
        for fresh in (False, True):
            coming = sum(w.fresh == fresh and w.job is None for w in self._workers)
            free = self._processes - sum(not w.idle for w in self._workers)
            self._spawn(min(len(work.waiting[fresh]) - coming, free), fresh=fresh)

    def _spawn(self, count: int, *, fresh: bool) -> None:
        for _ in range(count):
            try:
                self._starter.submit(self._start_worker, fresh).result()
            except OSError as error:
                self._give_up(HostingError(f"no process for {self.path.name} starts: {error}"))

    def _start_worker(self, fresh: bool) -> None:
        """Start a worker and list it, in a thread: Ctrl-C must not come in between."""
        worker = Worker(*self._program, self._answers, fresh)
        worker.deadline = time.monotonic() + self._start_limit
        self._workers.add(worker)

    def _order(self, worker: Worker, play: Play) -> None:
        worker.deadline = time.monotonic() + self._time_limit + play.note.total
        worker.play(play)

    def _handle_next(self, work: _Work) -> None:
        """Act on the next answer, or on the workers that have taken too long to give one."""
        busy = [worker for worker in self._workers if not worker.idle]
        left = min(worker.deadline for worker in busy) - time.monotonic()
        try:
            worker, answer = self._answers.get(timeout=max(0.0, left))
        except Empty:
            for worker in [w for w in busy if w.deadline <= time.monotonic()]:
                limit = self._time_limit if worker.loaded else self._start_limit
                what = f"took over {limit:g} s to {worker.doing} and was stopped"
                self._fail(worker, work, what)
            return
        if worker not in self._workers:  # it was dropped meanwhile
            return
        if answer.kind == "gone" and worker.idle:
            self._drop([worker])
        elif answer.kind == "gone":
            self._fail(worker, work, f"crashed{worker.exit_status()} when asked to {worker.doing}")
        elif answer.kind == "error":
            self._fail(worker, work, f"cannot {worker.doing}: {answer.text}")
        elif worker.job is not None:
            work.finish(worker.job, answer.audio)
            worker.job = None
            self._failed_sounds = 0
            if worker.fresh:
                self._drop([worker])
        else:
            self._admit(worker, answer, work)

    def _admit(self, worker: Worker, answer: Answer, work: _Work) -> None:
        """Go on with a worker that is not verified yet, which has loaded or played a probe."""
        if answer.kind == "ready":
            worker.loaded = True
            worker.info = answer.info
        else:
            worker.test_sounds.append(answer.audio)
        if worker.fresh:
            worker.verified = True  # as far as it can be: it is to play nothing else
        elif len(worker.test_sounds) < len(self._probe.order):
            self._order(worker, self._probe.order[len(worker.test_sounds)])
        else:
            fault = self._probe.fault(worker.test_sounds)
            if fault:
                self._fail(worker, work, fault)
                return
            worker.verified = True
            self.info = {**worker.info, "path": str(self.path)}
        if worker.verified:
            self._failed_starts = 0

    def _fail(self, worker: Worker, work: _Work, what: str) -> None:
        """Drop a worker; have what it was playing played again, or note that it cannot be."""
        self._drop([worker])
        self.restarts += 1
        error = HostingError(f"{self.path.name} {what}")
        if worker.job is None:
            self._failed_starts += 1
            if not self.info or self._failed_starts >= _STARTS:
                self._give_up(error)
        elif not work.retry(worker.job):
            work.finish(worker.job, error)
            self._failed_sounds += 1
            if self._failed_sounds >= _SOUNDS:
                self._give_up(HostingError(f"{error}; so it did on {_SOUNDS} sounds in a row"))

    def _give_up(self, error: HostingError) -> NoReturn:
        self._given_up = error
        self._finalizer()
        raise error

    def _drop(self, workers: list[Worker]) -> None:
        self._workers.difference_update(workers)
        _end(set(workers), self.owner)


class _Work:
    """The sounds of one call: which wait, how often each was tried, their results."""

    def __init__(self, plays: Sequence[Play], apart: Sequence[bool]) -> None:
        self.plays = plays
        self.apart = apart
        self.waiting: dict[bool, deque[int]] = {False: deque(), True: deque()}
        for job, fresh in enumerate(apart):
            self.waiting[fresh].append(job)
        self.answers: list[AudioArray | HostingError | None] = [None] * len(plays)
        self.left = len(plays)
        self._tries = [1] * len(plays)

    def finish(self, job: int, answer: AudioArray | HostingError) -> None:
        self.answers[job] = answer
        self.left -= 1

    def retry(self, job: int) -> bool:
        """Put a sound first in line and return True, unless it was tried often enough."""
        if self._tries[job] == _TRIES:
            return False
        self._tries[job] += 1
        self.waiting[self.apart[job]].appendleft(job)
        return True


def _end(workers: set[Worker], owner: int) -> None:
    """End workers, all at once; not those of the process that this one was forked from."""
    if os.getpid() != owner:
        return
    for worker in workers:
        worker.kill()
    while workers:
        workers.pop().end()
