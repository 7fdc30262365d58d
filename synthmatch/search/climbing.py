"""Hill climbing with restarts: the baseline of the Sound2Synth paper, batched."""

from __future__ import annotations

import numpy as np

from ..parameters import FloatArray
from ._grid import Grid


class HillClimbing:
    """Moves to the best of a batch of neighbours while that helps; then starts again.

    Parameters
    ----------
    grid : Grid
        The space.
    rng : numpy.random.Generator
        Source of everything random.
    start : array ``[k, d]``
        Tried first; climbs begin from them in order of their loss.
    population : int
        Neighbours in one batch.
    patience : int
        Batches without an improvement before the next climb.
    """

    def __init__(
        self,
        grid: Grid,
        rng: np.random.Generator,
        start: FloatArray,
        *,
        population: int = 32,
        initial: int = 128,
        patience: int = 10,
        sigma: tuple[float, float] = (0.01, 0.3),
    ) -> None:
        self._grid = grid
        self._rng = rng
        self._population = population
        self._patience = patience
        self._sigma = sigma
        self._starts = start
        self._initial = initial
        self._here: FloatArray | None = None
        self._loss = np.inf
        self._fruitless = 0
        self._fresh = True  # the batch that is out holds starting points

    def ask(self) -> FloatArray:
        """Return starting points, or neighbours ``[n, d]`` of where the climb is."""
        if self._here is None:
            self._fresh = True
            if not len(self._starts):
                self._starts = self._grid.sample(self._rng, self._initial)
            return self._starts
        self._fresh = False
        n, d = self._population, len(self._grid)
        movable = np.flatnonzero(self._grid.movable)
        change = np.zeros((n, d), dtype=bool)
        if len(movable):
            change[np.arange(n), self._rng.choice(movable, n)] = True
            second = self._rng.random(n) < 0.3
            change[second, self._rng.choice(movable, int(second.sum()))] = True
        low, high = np.log(self._sigma)
        sigma = np.exp(self._rng.uniform(low, high, (n, 1)))
        return self._grid.step(np.tile(self._here, (n, 1)), change, sigma, self._rng)

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Move, stay, or give the climb up."""
        best = int(np.argmin(losses))
        if self._fresh:
            self._here, self._loss, self._fruitless = vectors[best], float(losses[best]), 0
            self._starts = vectors[np.argsort(losses, kind="stable")][:0]
        elif losses[best] < self._loss:
            self._here, self._loss, self._fruitless = vectors[best], float(losses[best]), 0
        else:
            self._fruitless += 1
            if self._fruitless >= self._patience:
                self._here = None
