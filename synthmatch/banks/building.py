"""Building an index: sounds rendered and fingerprinted in parts, which survive interruption."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .._files import atomic, lock
from ..errors import StartsError
from ..parameters import FloatArray, ParameterSpace
from ..registry import load_synth
from ..synth import Note, Synth, own_note, render_batch
from .fingerprints import Fingerprints, fingerprints
from .index import Axes, Index, read_index, write_index

BuildProgress = Callable[[int, int, float], None]

RATE = 16_000
"""Hz at most that the sounds of an index are rendered at."""

NOTE = Note(pitch=60, velocity=100, held=1.0, total=1.5)
"""What the sounds of an index play, unless the synth has a note of its own."""

_PART = 2048  # sounds, written at once
_LEARNED = 8192  # sounds, the first, that the axes are learned from
_BATCH = 64  # sounds rendered at a time
_AHEAD = 8  # parts handed to the executor before one is waited for
_AXES = "axes.safetensors"


class Rows(Protocol):
    """What an index is of: vectors by number, in an order without system."""

    def __len__(self) -> int:
        """Return how many there are."""

    def between(self, first: int, last: int) -> FloatArray:
        """Return the vectors ``[last - first, d]`` from ``first`` to before ``last``."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What makes the parts of an index; sent to the workers.

    Attributes
    ----------
    synth : Synth or str
        A name is looked up by each worker; a synth travels to it.
    rows : Rows
        What is rendered.
    note, sample_rate
        What is played, and the rate in Hz.
    axes : int
        Bytes of a sound.
    folder : Path
        Where the parts are written.
    """

    synth: Synth | str
    rows: Rows
    note: Note
    sample_rate: int
    axes: int
    folder: Path

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-len(self.rows) // _PART)

    @property
    def learned(self) -> int:
        """From how many parts the axes are learned."""
        return min(self.parts, _LEARNED // _PART)

    def span(self, part: int) -> tuple[int, int]:
        """Return the first row of a part, and the one after its last."""
        return part * _PART, min(len(self.rows), (part + 1) * _PART)

    def file(self, part: int, kind: str = "codes") -> Path:
        """Return where a part is: its ``codes``, or the ``prints`` that axes are learned from."""
        first, last = self.span(part)
        return self.folder / f"{kind}-{first:09}-{last:09}.npy"


def played(synth: Synth) -> tuple[Note, int]:
    """Return the note that the sounds of an index of ``synth`` play, and their rate in Hz."""
    return own_note(synth) or NOTE, min(RATE, synth.sample_rate)


def space_key(space: ParameterSpace) -> str:
    """Return a hash of a space: what vectors mean depends on nothing else."""
    return hashlib.sha256(json.dumps(space.to_dict(), sort_keys=True).encode()).hexdigest()[:16]


def describe(synth: Synth, vectors: FloatArray, note: Note, sample_rate: int) -> Fingerprints:
    """Return the fingerprints of vectors ``[n, d]``, rendered some at a time."""
    found = []
    for first in range(0, len(vectors), _BATCH):
        audio = render_batch(synth, vectors[first : first + _BATCH], note, sample_rate)
        found.append(fingerprints(audio, sample_rate, note))
    return Fingerprints(np.concatenate([prints.values for prints in found]), found[0].known)


def build_index(
    plan: Plan,
    metadata: dict[str, str],
    *,
    executor: Executor | None = None,
    progress: BuildProgress | None = None,
) -> Index:
    """Return the index of a plan, rendering what its folder does not hold yet.

    Parameters
    ----------
    plan : Plan
        What to render.
    metadata : dict of str to str
        What the index is to say of itself.
    executor : Executor, optional
        Renders the parts, side by side; by default this process does, one after the other.
    progress : callable, optional
        Called after every part with (sounds done, sounds in all, seconds left).

    Raises
    ------
    BusyError
        If another process builds in the same folder.
    StartsError
        If the folder cannot be written.
    """
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        busy = f"another process builds the index in {plan.folder}; wait for it"
        with lock(plan.folder / ".lock", busy):
            todo = [part for part in range(plan.parts) if not _is_done(plan, part)]
            meter = _Meter(plan, todo, progress)
            early = [part for part in todo if part < plan.learned]
            if not (plan.folder / _AXES).exists():
                early = [p for p in range(plan.learned) if not plan.file(p, "prints").exists()]
            _spread(_render, plan, early, executor, meter)
            _learn(plan)
            late = [part for part in todo if part >= plan.learned]
            _spread(_encode, plan, late, executor, meter)
            codes = [np.load(plan.file(p), allow_pickle=False) for p in range(plan.parts)]
            axes = read_index(plan.folder / _AXES).axes
    except OSError as error:
        raise StartsError(f"cannot build in {plan.folder}: {error.strerror or error}") from error
    return Index(axes, np.concatenate(codes), metadata)


@contextlib.contextmanager
def building_pool(workers: int, nice: int = 0) -> Iterator[Executor | None]:
    """Yield processes of one thread each to build in; None for one worker at no lower priority."""
    if workers == 1 and not nice:
        yield None
        return
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))  # read by the processes as they start
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _lower, (nice,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _lower(nice: int) -> None:
    if nice and hasattr(os, "nice"):
        os.nice(nice)


@functools.lru_cache(maxsize=2)
def _named(name: str) -> Synth:
    return load_synth(name)


def _prints(plan: Plan, part: int) -> Fingerprints:
    synth = _named(plan.synth) if isinstance(plan.synth, str) else plan.synth
    return describe(synth, plan.rows.between(*plan.span(part)), plan.note, plan.sample_rate)


def _render(plan: Plan, part: int) -> int:
    """Write the fingerprints of a part, until the axes are known; return its number."""
    prints = _prints(plan, part)
    _save(plan.file(part, "prints"), np.vstack([prints.values, prints.known]).astype(np.float16))
    return part


def _encode(plan: Plan, part: int) -> int:
    """Write the bytes of a part; return its number."""
    _save(plan.file(part), read_index(plan.folder / _AXES).axes.encode(_prints(plan, part)))
    return part


def _learn(plan: Plan) -> None:
    """Write the axes and the bytes of the parts that they are learned from."""
    files = [plan.file(part, "prints") for part in range(plan.learned)]
    if all(file.exists() for file in files):
        rows = [np.load(file, allow_pickle=False) for file in files]
        known = rows[0][-1] > 0
        every = np.concatenate([row[:-1] for row in rows]).astype(np.float32)
        if not (plan.folder / _AXES).exists():
            axes = Axes.learn(Fingerprints(every, known), plan.axes)
            empty = np.empty((0, axes.directions.shape[1]), dtype=np.int8)
            write_index(Index(axes, empty, {}), plan.folder / _AXES)
        axes = read_index(plan.folder / _AXES).axes
        for part, row in enumerate(rows):
            values = Fingerprints(row[:-1].astype(np.float32), known)
            _save(plan.file(part), axes.encode(values))
        for file in files:
            file.unlink()


def _is_done(plan: Plan, part: int) -> bool:
    return plan.file(part).exists() or plan.file(part, "prints").exists()


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with atomic(path) as temporary:
        np.save(temporary, array, allow_pickle=False)


def _spread(
    work: Callable[[Plan, int], int],
    plan: Plan,
    parts: list[int],
    executor: Executor | None,
    meter: _Meter,
) -> None:
    """Do ``work`` for parts, here or in an executor."""
    if executor is None:
        for part in parts:
            meter.count(work(plan, part))
        return
    waiting = iter(parts)
    running: set[Future[int]] = set()
    while True:
        for part in waiting:
            running.add(executor.submit(work, plan, part))
            if len(running) >= _AHEAD:
                break
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            meter.count(future.result())


class _Meter:
    """Counts sounds, and tells how long the rest takes."""

    def __init__(self, plan: Plan, todo: list[int], progress: BuildProgress | None) -> None:
        self._plan = plan
        self._progress = progress
        self._began = time.perf_counter()
        self._made = 0
        self._left = sum(self._size(part) for part in todo)

    def _size(self, part: int) -> int:
        first, last = self._plan.span(part)
        return last - first

    def count(self, part: int) -> None:
        """Note that a part is done."""
        self._made += self._size(part)
        self._left = max(0, self._left - self._size(part))
        if self._progress is not None:
            each = (time.perf_counter() - self._began) / self._made
            total = len(self._plan.rows)
            self._progress(total - self._left, total, each * self._left)
