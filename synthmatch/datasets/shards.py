"""Render a data set shard by shard, on any executor, and go on where a killed run stopped."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import time
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .._files import atomic
from .._version import __version__
from ..errors import ParameterError, SynthmatchError, WeightsError
from ..settings import Setting, Source, open_source
from ..synth import Note, Synth
from .batches import Batch, Split, draw, stream
from .encoding import Encoding, arrow, to_table

FORMAT = "synthmatch-dataset"
VERSION = 1
DESCRIPTION = "dataset.json"
_SHARD_SAMPLES = 8_000_000  # of audio in a shard, 32 MB in memory
_AT_ONCE = 128  # sounds rendered at a time
_AHEAD = 64  # shards handed to the executor before one is waited for


@dataclasses.dataclass(frozen=True)
class Plan:
    """What makes the shards of a data set; sent to the workers.

    Attributes
    ----------
    folder : Path
        The data set, on a disk that all workers share.
    what : Setting or Source
        A setting is opened by each worker; a source travels to it.
    sounds, shard : int
        How many in all, and in each shard but the last.
    seed, split
        The stream of shard ``k`` is number ``k`` of that split of the seed.
    encoding : {"flac", "float16"}
        Of the audio.
    gate : float or None
        Level in dB under which sounds are drawn again.
    """

    folder: Path
    what: Setting | Source
    sounds: int
    shard: int
    seed: int
    split: Split
    encoding: Encoding
    gate: float | None

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.sounds // self.shard)

    def path(self, shard: int) -> Path:
        """Return the file of a shard."""
        return self.folder / "shards" / f"{shard:06}.parquet"

    def rows(self, shard: int) -> int:
        """Return how many sounds a shard has."""
        return min(self.shard, self.sounds - shard * self.shard)

    def describe(self, source: Source) -> dict[str, Any]:
        """Return what ``dataset.json`` says."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "synthmatch": __version__,
            "setting": source.setting.to_dict(),
            "space": source.synth.space.to_dict(),
            "sounds": self.sounds,
            "shard": self.shard,
            "seed": self.seed,
            "split": self.split,
            "encoding": self.encoding,
            "gate": self.gate,
        }


@lru_cache(maxsize=4)
def _opened(setting: str) -> Source:
    return Setting.from_dict(json.loads(setting)).open()


def render_shard(plan: Plan, shard: int) -> int:
    """Render one shard and write it, whole or not at all; return its number."""
    if isinstance(plan.what, Setting):
        source = _opened(json.dumps(plan.what.to_dict()))
    else:
        source = plan.what
    rng = stream(plan.seed, plan.split, shard)
    left, parts = plan.rows(shard), []
    while left:
        parts.append(draw(source, rng, min(left, _AT_ONCE), gate=plan.gate))
        left -= len(parts[-1].vectors)
    batch = Batch(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    table = to_table(batch, shard * plan.shard, source.synth.space, source.setting, plan.encoding)
    with atomic(plan.path(shard)) as temporary:
        arrow().parquet.write_table(table, temporary, compression="zstd")
    return shard


def build_dataset(
    what: Source | Setting | Synth | str,
    folder: str | Path,
    sounds: int,
    *,
    note: Note | None = None,
    seed: int = 0,
    split: Split = "train",
    shard: int | None = None,
    encoding: Encoding = "flac",
    gate: float | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Render a data set to disk; the same call goes on with one that was interrupted.

    Parameters
    ----------
    what : Source, Setting, Synth or str
        What is rendered; a string names a setting or a synth.
    folder : path
        For ``dataset.json`` and ``shards/``, on a disk that all workers share.
    sounds : int
        How many.
    note : Note, optional
        What a synth plays.
    seed, split : int, {"train", "validation", "test"}
        Decide the patches, whatever the workers.
    shard : int, optional
        Sounds in a file; about 32 MB of audio by default.
    encoding : {"flac", "float16"}
        24 bits, or half the size in memory and quick to read.
    gate : float, optional
        Level in dB of full scale under which sounds are drawn again.
    executor : concurrent.futures.Executor, optional
        Where shards are rendered: processes, Dask's ``client.get_executor()``,
        ``mpi4py.futures``. Here, in a thread, by default.
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
    WeightsError
        If the folder holds another data set, or cannot be written.
    ParameterError
        If a number makes no sense, or nearly all sounds are under the gate.
    """
    source = open_source(what, note)
    size = shard or min(4096, max(16, _SHARD_SAMPLES // source.setting.samples))
    if sounds < 1 or size < 1 or encoding not in ("flac", "float16"):
        raise ParameterError(
            f"a data set has at least 1 sound, 1 to a shard, as flac or float16; "
            f"not {sounds}, {size}, {encoding!r}"
        )
    sent = source if isinstance(what, (Source, Synth)) else source.setting
    plan = Plan(Path(folder), sent, sounds, size, seed, split, encoding, gate)
    arrow()
    try:
        _prepare(plan, plan.describe(source), overwrite)
    except OSError as error:
        raise WeightsError(f"cannot write {folder}: {error.strerror or error}") from error
    missing = [k for k in range(plan.shards) if not _whole(plan, k)]
    if executor is not None:
        _run(plan, missing, executor, progress)
    else:
        with ThreadPoolExecutor(1) as own:
            _run(plan, missing, own, progress)
    return plan.folder


def _prepare(plan: Plan, description: dict[str, Any], overwrite: bool) -> None:
    """Make the folder or check that it is of the same plan; clear what a crash left."""
    file = plan.folder / DESCRIPTION
    if overwrite and file.is_file():
        file.unlink()
        shutil.rmtree(plan.folder / "shards", ignore_errors=True)
    (plan.folder / "shards").mkdir(parents=True, exist_ok=True)
    for left in (plan.folder / "shards").glob(".*-*"):
        shutil.rmtree(left, ignore_errors=True)
    if not file.is_file():
        with atomic(file) as temporary:
            temporary.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        return
    before = read_description(plan.folder)
    now = json.loads(json.dumps(description))
    unlike = [k for k in now if k != "synthmatch" and before.get(k) != now[k]]
    if unlike:
        raise WeightsError(
            f"{plan.folder} holds a data set with another {', '.join(unlike)}; "
            f"use another folder or overwrite it"
        )


def read_description(folder: Path) -> dict[str, Any]:
    """Return the checked ``dataset.json`` of a data set.

    Raises
    ------
    WeightsError
        If it is missing, damaged, foreign, or of a newer format.
    """
    file = folder / DESCRIPTION
    if not file.is_file():
        raise WeightsError(f"{folder} is not a data set: it has no {DESCRIPTION}")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file} is not readable JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise WeightsError(f"{file} does not describe a synthmatch data set")
    if found.get("version") != VERSION:
        raise WeightsError(
            f"{folder} has data set format {found.get('version')}, this synthmatch reads "
            f"{VERSION}; upgrade synthmatch"
        )
    return found


def _whole(plan: Plan, shard: int) -> bool:
    """Say whether a shard is there with all its rows."""
    pa = arrow()
    try:
        rows: int = pa.parquet.read_metadata(plan.path(shard)).num_rows
    except (OSError, pa.ArrowException):
        return False
    return rows == plan.rows(shard)


def _run(
    plan: Plan,
    missing: list[int],
    executor: Executor,
    progress: Callable[[int, int, float], None] | None,
) -> None:
    """Render the missing shards; on an error or Ctrl-C drop those not begun."""
    began = time.perf_counter()
    left = sum(plan.rows(k) for k in missing)
    there, todo = plan.sounds - left, iter(missing)
    done, running = 0, set[Future[int]]()
    if progress is not None:
        progress(there, plan.sounds, 0.0 if not left else math.inf)
    try:
        while True:
            while len(running) < _AHEAD and (shard := next(todo, None)) is not None:
                running.add(executor.submit(render_shard, plan, shard))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done += plan.rows(future.result())
            if progress is not None:
                pace = (time.perf_counter() - began) / done
                progress(there + done, plan.sounds, pace * (left - done))
    except OSError as error:
        raise WeightsError(f"cannot write {plan.folder}: {error.strerror or error}") from error
    except BrokenExecutor as error:
        raise SynthmatchError(
            f"a worker died while rendering ({error}); what is done is kept: run it again to go on"
        ) from error
    finally:
        for future in running:
            future.cancel()
