"""Data sets: their description, the list of their shards, and shards."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow  # noqa: F401  data sets on disk are an extra
from sine_synth import sine_source

from synthmatch.datasets import Dataset, build_dataset

from ..campaign import Kind

SOUNDS = 6
SHARD = "000000.parquet"


def write(folder: Path) -> list[Path]:
    """Render a data set in each encoding."""
    return [
        build_dataset(sine_source(), folder / encoding, SOUNDS, shard=SOUNDS, encoding=encoding)
        for encoding in ("flac", "float16")
    ]


def read(path: Path) -> None:
    """Read all of the data set that a file belongs to."""
    Dataset(path.parent).read(range(SOUNDS))


def write_shards(folder: Path) -> list[Path]:
    """Put each shard where the description of its data set is, so that they go together."""
    return [(place / "shards" / SHARD).rename(place / SHARD) for place in write(folder)]


def in_place(path: Path) -> Path:
    """Put a shard where it belongs; return its data set."""
    shards = path.parent / "shards"
    shutil.copyfile(path, shards / SHARD)
    return path.parent


def read_shard(path: Path) -> None:
    """Read a shard; the hash of its data set must notice every change."""
    folder = in_place(path)
    row = json.loads((folder / "shards.jsonl").read_text(encoding="utf-8"))
    Dataset(folder).read(range(SOUNDS))
    if hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
        raise AssertionError("damage was not noticed")


def read_rehashed(path: Path) -> None:
    """Read a shard under the hash that it has now, as if someone had made it on purpose."""
    folder = in_place(path)
    file = folder / "shards.jsonl"
    content = path.read_bytes()
    found = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **found}) + "\n")
    Dataset(folder).read(range(SOUNDS))


KINDS = [
    Kind(
        "data set descriptions",
        lambda folder: [place / "dataset.json" for place in write(folder)],
        read,
        whole_folder=True,
    ),
    Kind(
        "lists of shards",
        lambda folder: [place / "shards.jsonl" for place in write(folder)],
        read,
        whole_folder=True,
    ),
    Kind("shards", write_shards, read_shard, whole_folder=True),
    Kind("shards under a hash of their own", write_shards, read_rehashed, whole_folder=True),
]
