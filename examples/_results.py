"""Results of a long measurement: kept in a file as they come in, and not made twice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import synthmatch
from synthmatch.objective import WEIGHTS
from synthmatch.registry import list_models, model_folder

_SECONDS = 5.0  # between one writing and the next


class Results:
    """Figures by what was measured; begins with those that ``file`` holds.

    A figure is found again only for the same function, arguments and version: arrays,
    files and models count by what they hold, so another one of the same name is measured anew.
    """

    def __init__(self, file: Path) -> None:
        self._known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)

    def measure(
        self,
        work: Callable[..., Any],
        jobs: Mapping[str, tuple],
        processes: int | None = None,
    ) -> dict[str, Any]:
        """Return ``work(*job)`` of every job by its name; make what is missing.

        With a number of processes each of them has one core; without, it is done here.
        """
        digests = {name: _digest(work, job) for name, job in jobs.items()}
        todo = {d: jobs[name] for name, d in digests.items() if d not in self._known}
        if processes is None:
            self._collect(((key, work(*job)) for key, job in todo.items()), len(todo))
        elif todo:
            os.environ["NUMBA_NUM_THREADS"] = "1"  # read by the engines of the processes
            with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
                keys = {pool.submit(work, *job): key for key, job in todo.items()}
                rows = ((keys[job], job.result()) for job in as_completed(keys))
                self._collect(rows, len(keys))
        return {name: self._known[digest] for name, digest in digests.items()}

    def _collect(self, rows: Iterable[tuple[str, Any]], count: int) -> None:
        """Keep ``count`` keys with their figures as they come, and say how long it takes."""
        began = saved = time.perf_counter()
        for done, (key, row) in enumerate(rows, start=1):
            self._known[key] = row
            now = time.perf_counter()
            left = (now - began) / done * (count - done)
            print(f"\r{done}/{count}, {left:.0f} s left ", end="", flush=True)
            if done == count or now - saved > _SECONDS:
                self._save()
                saved = now
        print()

    def _save(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._known))
        temporary.replace(self._file)


def _digest(work: Callable[..., Any], job: tuple) -> str:
    what = f"{synthmatch.__version__} {work.__qualname__} {dict(WEIGHTS)}"
    found = hashlib.sha256(what.encode())
    for part in _parts(job):
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """Yield what stands for an argument: arrays, files and models by what they hold."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    elif isinstance(value, str | Path) and value and (path := Path(value)).exists():
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file.read_bytes() for file in files if file.is_file())
    elif isinstance(value, str) and value in list_models():
        yield from _parts(model_folder(value))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _parts(each)
    elif dataclasses.is_dataclass(value):
        yield from _parts(dataclasses.astuple(value))
    else:
        yield f"{type(value).__name__} {value!r}".encode()
