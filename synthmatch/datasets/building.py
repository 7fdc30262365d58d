"""Render a data set shard by shard, on any executor, and go on where a killed run stopped."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from pathlib import Path

import numpy as np

from .._files import lock, remove_unfinished
from ..errors import DatasetError, SynthmatchError
from ..settings import Setting, Source, open_source
from ..synth import Note, Synth
from . import manifest
from .batches import Split, render
from .description import FILE, Description, read_description
from .encoding import Encoding, arrow
from .shards import Plan, render_shard
from .stored import read_batch
from .workers import open_executor

_SHARD_SAMPLES = 8_000_000  # of audio in a shard, 32 MB in memory
_AHEAD = 64  # shards handed to the executor before one is waited for
_PROBE = 3  # sounds of a shard that are rendered again to know the synth by
_ALIKE = 0.1  # difference of two renders of a sound, of its norm, that machines may make

BuildProgress = Callable[[int, int, float], None]


def build_dataset(
    what: Source | Setting | Synth | str,
    folder: str | os.PathLike[str],
    sounds: int,
    *,
    note: Note | None = None,
    seed: int = 0,
    split: Split = "train",
    shard: int | None = None,
    encoding: Encoding = "flac",
    gate: float | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: BuildProgress | None = None,
) -> Path:
    """Render a data set to disk; the same call goes on with one that was interrupted.

    Parameters
    ----------
    what : Source, Setting, Synth or str
        What is rendered; a string names a setting or a synth.
    folder : path
        For ``dataset.json``, ``shards.jsonl`` and ``shards/``, on a disk that all workers
        share.
    sounds : int
        How many.
    note : Note, optional
        What a synth plays.
    seed, split : int, {"train", "validation", "test"}
        Decide the patches, whatever the workers.
    shard : int, optional
        Sounds in a file; about 32 MB of audio by default.
    encoding : {"flac", "float16"}
        24 bits, or half precision, which is quick to read.
    gate : float, optional
        Level in dB of full scale under which sounds are drawn again.
    workers : int
        Processes on this machine that render; 1 for a thread of this one. They end when
        this process does.
    scheduler : str, optional
        Address of a Dask scheduler whose workers render instead, ``"tcp://host:8786"``.
    executor : concurrent.futures.Executor, optional
        Or another place to render: ``mpi4py.futures.MPIPoolExecutor()`` for example.
    overwrite : bool
        Start anew where ``folder`` holds another data set.
    progress : callable, optional
        Called with (sounds there, sounds in all, seconds left).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DatasetError
        If the folder holds another data set, or cannot be written, or workers fail.
    BusyError
        If another process renders there.
    ParameterError
        If a number makes no sense, or nearly all sounds are under the gate.
    """
    source = open_source(what, note)
    usual = min(4096, max(16, _SHARD_SAMPLES // source.setting.samples))
    size = usual if shard is None else shard
    description = Description.of(source, sounds, size, seed, split, encoding, gate)
    sent = source if isinstance(what, (Source, Synth)) else source.setting
    plan = Plan(Path(folder).resolve(), sent, description)  # workers may be elsewhere
    arrow()
    busy = f"another process renders a data set in {folder}; wait for its end, or stop it"
    try:
        (plan.folder / manifest.FOLDER).mkdir(parents=True, exist_ok=True)
        with lock(plan.folder / ".lock", busy):
            done = _prepare(plan, source, overwrite)
            with open_executor(workers, scheduler, executor) as pool:
                _run(plan, done, pool, progress)
            _remove_unfinished(plan.folder)  # of workers that were killed meanwhile
            manifest.write_entries(plan.folder, description, done)
    except OSError as error:
        raise DatasetError(f"cannot write {folder}: {error.strerror or error}") from error
    return Path(folder)


def _remove_unfinished(folder: Path) -> None:
    for inside in (folder, folder / manifest.FOLDER):
        remove_unfinished(inside)


def _prepare(plan: Plan, source: Source, overwrite: bool) -> dict[int, manifest.Entry]:
    """Make the folder, or check that it is of the same plan; return the shards that are done.

    What makes shards count goes first, and the description last, so that a kill at any
    moment leaves the data set that was there, or none of its shards.
    """
    folder, description = plan.folder, plan.description
    _remove_unfinished(folder)
    if overwrite:
        (folder / manifest.FILE).unlink(missing_ok=True)
        for file in (folder / manifest.FOLDER).glob("*.parquet"):
            file.unlink(missing_ok=True)
    elif (folder / FILE).is_file():
        before = read_description(folder)
        unlike = description.unlike(before)
        if unlike and manifest.read_entries(folder, before):  # one without a shard is no loss
            raise DatasetError(
                f"{folder} holds a data set that differs in {', '.join(unlike)}; "
                f"use another folder or overwrite it"
            )
    elif next((folder / manifest.FOLDER).glob("*.parquet"), None) is not None:
        raise DatasetError(f"{folder} has shards but no {FILE}; use another folder or overwrite it")
    entries = manifest.read_entries(folder, description)
    done = {k: entry for k, entry in entries.items() if manifest.present(folder, entry)}
    manifest.write_entries(folder, description, done)
    description.write(folder)
    if done:
        _check_sound(plan, source, done[min(done)])
    return done


def _check_sound(plan: Plan, source: Source, entry: manifest.Entry) -> None:
    """Refuse to go on with shards that the synth, as it is now, would not make."""
    there = read_batch(plan.folder, plan.description, entry)
    loudest = np.argsort(-np.abs(there.audio).max(axis=1), kind="stable")[:_PROBE]
    made = render(source, there.vectors[loudest])
    apart = np.linalg.norm(made - there.audio[loudest], axis=1)
    if (apart > _ALIKE * np.linalg.norm(there.audio[loudest], axis=1) + 1e-3).any():
        raise DatasetError(
            f"the sounds in {plan.folder} are not what {source.synth.name!r} makes now, with "
            f"another backend, option or version; use another folder or overwrite it"
        )


def _run(
    plan: Plan, done: dict[int, manifest.Entry], executor: Executor, progress: BuildProgress | None
) -> None:
    """Render the missing shards; on an error or Ctrl-C drop those not begun."""
    description = plan.description
    missing = [k for k in range(description.shards) if k not in done]
    began = time.perf_counter()
    left = sum(description.rows(k) for k in missing)
    there, todo = description.sounds - left, iter(missing)
    fresh, running = 0, set[Future[manifest.Entry]]()
    if progress is not None:
        progress(there, description.sounds, 0.0 if not left else math.inf)
    try:
        while True:
            while len(running) < _AHEAD and (shard := next(todo, None)) is not None:
                running.add(executor.submit(render_shard, plan, shard))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                entry = _result(future)
                manifest.append_entry(plan.folder, description, entry)
                done[entry.shard] = entry
                fresh += description.rows(entry.shard)
            if progress is not None:
                pace = (time.perf_counter() - began) / fresh
                progress(there + fresh, description.sounds, pace * (left - fresh))
    finally:
        for future in running:
            future.cancel()


def _result(future: Future[manifest.Entry]) -> manifest.Entry:
    """Return what a worker returned; whatever became of it is one line."""
    try:
        return future.result()
    except SynthmatchError:
        raise
    except BrokenExecutor as error:
        reason = "a worker died while rendering"
        raise DatasetError(f"{reason}; what is done is kept: run it again to go on") from error
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        shown = text if len(text) <= 200 else f"{text[:197]}..."
        raise DatasetError(
            f"a worker failed ({shown}); what is done is kept: run it again to go on"
        ) from error
