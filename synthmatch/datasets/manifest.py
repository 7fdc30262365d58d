"""Which shards of a data set are finished: ``shards.jsonl``, their sizes and hashes.

A shard counts once its line is there. Lines carry the digest of the description they were
made under, so that shards of another data set are never taken for those of this one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .._files import atomic
from ..errors import DatasetError
from .description import Description

FILE = "shards.jsonl"
FOLDER = "shards"
_HASH = re.compile("[0-9a-f]{64}")


class Entry(NamedTuple):
    """A finished shard: its number, the size of its file in bytes, and its SHA-256."""

    shard: int
    bytes: int
    sha256: str


def shard_path(folder: Path, shard: int) -> Path:
    """Return the file of a shard of the data set in a folder."""
    return folder / FOLDER / f"{shard:06}.parquet"


def read_entries(folder: Path, description: Description) -> dict[int, Entry]:
    """Return the finished shards of a data set by number; lines that are cut short do not count.

    Raises
    ------
    DatasetError
        If the file cannot be read.
    """
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    except OSError as error:
        raise DatasetError(f"cannot read {file}: {error.strerror or error}") from error
    digest, found = description.digest, {}
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            entry = _entry(json.loads(line), digest)
            if entry is not None and entry.shard < description.shards:
                found[entry.shard] = entry
    return found


def _entry(row: Any, digest: str) -> Entry | None:
    if not isinstance(row, dict) or row.get("plan") != digest:
        return None
    shard, size, sha256 = row.get("shard"), row.get("bytes"), row.get("sha256")
    if type(shard) is not int or type(size) is not int or min(shard, size) < 0:
        return None
    if not isinstance(sha256, str) or not _HASH.fullmatch(sha256):
        return None
    return Entry(shard, size, sha256)


def _line(entry: Entry, digest: str) -> str:
    return json.dumps({**entry._asdict(), "plan": digest}) + "\n"


def append_entry(folder: Path, description: Description, entry: Entry) -> None:
    """Add a finished shard."""
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(_line(entry, description.digest))


def write_entries(folder: Path, description: Description, entries: Mapping[int, Entry]) -> None:
    """Write the finished shards in order, and nothing else."""
    lines = (_line(entries[k], description.digest) for k in sorted(entries))
    with atomic(folder / FILE) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def present(folder: Path, entry: Entry) -> bool:
    """Return whether the file of a finished shard is there in its full size."""
    try:
        return shard_path(folder, entry.shard).stat().st_size == entry.bytes
    except OSError:
        return False


def read_shard(folder: Path, entry: Entry) -> bytes:
    """Return the content of a shard, checked by its hash.

    Raises
    ------
    DatasetError
        If it is missing, or not what was written.
    """
    path = shard_path(folder, entry.shard)
    try:
        content = path.read_bytes() if present(folder, entry) else b""
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise DatasetError(
            f"{path} is damaged or missing (its SHA-256 differs); delete it and render again"
        )
    return content
