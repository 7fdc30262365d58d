"""Rendering one shard of a data set, in whatever process."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from .._files import atomic
from ..errors import DatasetError
from ..settings import Setting, Source
from .batches import Batch, draw, stream
from .description import Description, backend_of
from .encoding import arrow, to_table
from .manifest import Entry, shard_path

_AT_ONCE = 128  # sounds rendered at a time


@dataclasses.dataclass(frozen=True)
class Plan:
    """What makes the shards of a data set; sent to the workers.

    Attributes
    ----------
    folder : Path
        The data set, on a disk that all workers share.
    what : Setting or Source
        A setting is opened by each worker; a source travels to it.
    description : Description
        Of the data set.
    """

    folder: Path
    what: Setting | Source
    description: Description


@lru_cache(maxsize=4)
def _opened(setting: str) -> Source:
    return Setting.from_dict(json.loads(setting)).open()


def render_shard(plan: Plan, shard: int) -> Entry:
    """Render one shard and write it, whole or not at all; return its size and hash.

    Raises
    ------
    DatasetError
        If this worker's synth is played by something else than the data set's, or the file
        cannot be written.
    """
    description = plan.description
    if isinstance(plan.what, Setting):
        source = _opened(json.dumps(plan.what.to_dict()))
    else:
        source = plan.what
    if backend_of(source) != dict(description.backend):
        raise DatasetError(
            f"this data set is rendered by {_words(description.backend)}, but a worker has "
            f"{_words(backend_of(source))}; install the same on every machine"
        )
    rng = stream(description.seed, description.split, shard)
    left, parts = description.rows(shard), []
    while left:
        parts.append(draw(source, rng, min(left, _AT_ONCE), gate=description.gate))
        left -= len(parts[-1].vectors)
    batch = Batch(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    start, encoding = shard * description.shard, description.encoding
    table = to_table(batch, start, source.synth.space, source.setting, encoding)
    pa = arrow()
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, compression="zstd", write_page_checksum=True)
    content = memoryview(sink.getvalue())
    path = shard_path(plan.folder, shard)
    try:
        with atomic(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DatasetError(f"cannot write {path}: {error.strerror or error}") from error
    return Entry(shard, content.nbytes, hashlib.sha256(content).hexdigest())


def _words(backend: object) -> str:
    return ", ".join(f"{k} {v}" for k, v in dict(backend).items()) or "the synth itself"  # type: ignore[call-overload]
