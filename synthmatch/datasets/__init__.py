"""Sounds to learn from: rendered on the fly, or stored in sharded Parquet data sets."""

from __future__ import annotations

from .batches import Batch, Batches, RenderedBatches, draw, draw_vectors, prefetch, render, stream
from .shards import build_dataset
from .stored import Dataset, StoredBatches

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "RenderedBatches",
    "StoredBatches",
    "build_dataset",
    "draw",
    "draw_vectors",
    "prefetch",
    "render",
    "stream",
]
