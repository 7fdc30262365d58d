"""Random search: the baseline that every other method has to beat."""

from __future__ import annotations

import numpy as np

from ..parameters import FloatArray
from .grid import Grid


class RandomSearch:
    """Draws from the prior, whatever the losses.

    Parameters
    ----------
    grid : Grid
        The space.
    rng : numpy.random.Generator
        Source of the draws.
    start : array ``[k, d]``
        Tried first.
    population : int
        Vectors in one batch.
    """

    def __init__(
        self, grid: Grid, rng: np.random.Generator, start: FloatArray, *, population: int = 64
    ) -> None:
        self._grid = grid
        self._rng = rng
        self._start = start
        self._population = population

    def ask(self) -> FloatArray:
        """Return the next vectors ``[n, d]``."""
        if len(self._start):
            return self._start
        return self._grid.sample(self._rng, self._population)

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Forget the losses."""
        self._start = self._start[:0]
