"""Sounds to learn from: rendered on the fly, or stored in sharded Parquet data sets.

``batches`` draws and renders; ``building`` writes data sets, with ``shards`` for one file,
``workers`` for where it is made, ``description`` and ``manifest`` for what a data set is and
which of its files are finished, and ``encoding`` for rows; ``stored`` reads them.
"""

from __future__ import annotations

from .batches import Batch, Batches, RenderedBatches, draw, draw_vectors, prefetch, render, stream
from .building import build_dataset
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
