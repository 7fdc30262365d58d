"""Sounds to learn from: rendered on the fly, or stored in sharded Parquet data sets."""

from __future__ import annotations

from .batches import Batch, Batches, RenderedBatches, draw, prefetch, stream

__all__ = ["Batch", "Batches", "RenderedBatches", "draw", "prefetch", "stream"]
