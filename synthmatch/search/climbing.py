"""Hill climbing with restarts: a baseline of the Sound2Synth paper, batched."""

from __future__ import annotations

import math

import numpy as np

from ..parameters import FloatArray
from .grid import Grid


class HillClimbing:
    """Moves to the best of a batch of neighbours while that helps; then starts again.

    Parameters
    ----------
    grid : Grid
        The space.
    rng : numpy.random.Generator
        Source of everything random.
    start : array ``[k, d]``
        Tried first; the first climb begins at the best of them.
    initial : int
        Draws from which the best is the beginning of a climb, where ``start`` is empty
        and at every restart.
    population : int
        Neighbours in one batch, which differ in one parameter or two.
    patience : int
        Batches without an improvement before the next climb.
    sigma : (float, float)
        Range of the standard deviation of steps, drawn log-uniformly.
    """

    def __init__(
        self,
        grid: Grid,
        rng: np.random.Generator,
        start: FloatArray,
        *,
        initial: int = 128,
        population: int = 12,
        patience: int = 10,
        sigma: tuple[float, float] = (0.01, 0.3),
    ) -> None:
        self._grid = grid
        self._rng = rng
        self._start = start if len(start) else grid.sample(rng, initial)
        self._initial = initial
        self._population = population
        self._patience = patience
        self._sigma = sigma
        self._here: FloatArray | None = None
        self._loss = math.inf
        self._fruitless = 0

    def ask(self) -> FloatArray:
        """Return starting points, or neighbours ``[n, d]`` of where the climb is."""
        if self._here is None:
            return self._start
        n, movable = self._population, np.flatnonzero(self._grid.movable)
        change = np.zeros((n, len(self._grid)), dtype=bool)
        if movable.size:
            change[np.arange(n), self._rng.choice(movable, n)] = True
            second = np.flatnonzero(self._rng.random(n) < 0.3)
            change[second, self._rng.choice(movable, second.size)] = True
        low, high = np.log(self._sigma)
        sigma = np.exp(self._rng.uniform(low, high, (n, 1)))
        return self._grid.step(np.tile(self._here, (n, 1)), change, sigma, self._rng)

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Move, stay, or give the climb up."""
        best = int(np.argmin(losses))
        if self._here is None or losses[best] < self._loss:
            self._here, self._loss, self._fruitless = vectors[best], float(losses[best]), 0
            return
        self._fruitless += 1
        if self._fruitless >= self._patience:
            self._here = None
            self._start = self._grid.sample(self._rng, self._initial)
