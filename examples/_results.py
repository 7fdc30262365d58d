"""Results of a long measurement: kept in a file as they come in, and not made twice."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

_SECONDS = 5.0  # between one writing and the next


class Results(dict[str, Any]):
    """Figures by key; begins with those that ``file`` holds."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)

    def collect(self, rows: Iterable[tuple[str, Any]], count: int) -> None:
        """Keep ``count`` keys with their figures as they come, and say how long it takes."""
        began = saved = time.perf_counter()
        for done, (key, row) in enumerate(rows, start=1):
            self[key] = row
            now = time.perf_counter()
            left = (now - began) / done * (count - done)
            print(f"\r{done}/{count}, {left:.0f} s left ", end="", flush=True)
            if done == count or now - saved > _SECONDS:
                self._save()
                saved = now
        print()

    def measure(self, work: Callable[..., Any], jobs: Mapping[str, tuple], processes: int) -> None:
        """Keep ``work(*job)`` of every job that is missing; each process has one core."""
        os.environ["NUMBA_NUM_THREADS"] = "1"  # read by the engines of the processes
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            keys = {pool.submit(work, *job): key for key, job in jobs.items() if key not in self}
            self.collect(((keys[job], job.result()) for job in as_completed(keys)), len(keys))

    def _save(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps(self))
        temporary.replace(self._file)
