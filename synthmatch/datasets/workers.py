"""Where shards are rendered: here, in processes that end with this one, or on a cluster."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import connection, get_context, parent_process
from typing import Any

from ..errors import DatasetError, ParameterError

_TIMEOUT = 20.0  # seconds to reach a scheduler


@contextlib.contextmanager
def open_executor(
    workers: int, scheduler: str | None, executor: Executor | None
) -> Iterator[Executor]:
    """Yield the executor that a caller asks for; one that is made here ends with the block.

    Parameters
    ----------
    workers : int
        Processes on this machine; 1 for a thread of this one.
    scheduler : str, optional
        Address of a Dask scheduler.
    executor : Executor, optional
        The caller's own.

    Raises
    ------
    ParameterError
        If more than one is asked for.
    DatasetError
        If Dask is not installed, or its scheduler cannot be reached.
    """
    if workers < 1 or (workers > 1) + (scheduler is not None) + (executor is not None) > 1:
        raise ParameterError("give either workers, at least 1, or a scheduler, or an executor")
    if executor is not None:
        yield executor
    elif scheduler is not None:
        yield from _dask(scheduler)
    elif workers > 1:
        spawn = get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, initializer=end_with_parent) as pool:
            yield pool
    else:
        with ThreadPoolExecutor(1) as pool:
            yield pool


def _dask(address: str) -> Iterator[Executor]:
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise DatasetError(
            'a Dask scheduler needs Dask: pip install "synthmatch[distributed]"'
        ) from None
    try:
        client = distributed.Client(address, timeout=_TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise DatasetError(f"no Dask scheduler answers at {address} ({reason})") from None
    with client, client.get_executor() as pool:
        yield pool


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone; Ctrl-C is the parent's."""
    parent = parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="synthmatch-parent", daemon=True).start()
