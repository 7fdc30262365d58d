"""CMA-ES for mixed spaces, by the package cmaes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..parameters import FloatArray
from .grid import Grid

IntArray = npt.NDArray[np.int64]

_GAIN = 1e-3  # relative improvement that counts as one
_PATIENCE = 20  # generations without one before a restart, and as many per 20 dimensions


class CMA:
    """CatCMA with margin: a Gaussian over numbers, a distribution over each category.

    R. Hamano et al., "CatCMA with Margin: Stochastic Optimization for Continuous,
    Integer, and Categorical Variables", GECCO 2025, arXiv:2504.07884. Ordinal parameters
    are its integers; those of two classes count as categories, as its authors advise. It
    is told the ranks of losses, so that no scaling of the loss changes the search. When
    it has converged it starts again around the best of fresh draws.

    Parameters
    ----------
    grid : Grid
        The space.
    rng : numpy.random.Generator
        Source of everything random.
    start : array ``[k, d]``
        Tried first; the distribution begins around the best of them, as wide as they are
        spread.
    population : int, optional
        Vectors in one generation.
    initial : int
        Draws to begin from where ``start`` is empty, and at every restart.
    sigma : float
        Greatest standard deviation to begin with.
    peak : float
        Probability added to the categories of the best start.
    """

    def __init__(
        self,
        grid: Grid,
        rng: np.random.Generator,
        start: FloatArray,
        *,
        population: int | None = None,
        initial: int = 128,
        sigma: float = 0.2,
        peak: float = 0.5,
    ) -> None:
        self._grid = grid
        self._rng = rng
        self._initial = initial
        self._sigma = sigma
        self._peak = peak
        self._start = start if len(start) else grid.sample(rng, initial)
        choices = grid.discrete & (grid.categorical | (grid.bins == 2)) & grid.movable
        self._numbers = np.flatnonzero(~grid.discrete)
        self._ordinals = np.flatnonzero(grid.discrete & ~choices & grid.movable)
        self._choices = np.flatnonzero(choices)
        dimensions = max(1, int(grid.movable.sum()))
        self._population = population or 8 + 4 * math.floor(math.log(dimensions))
        self._patience = _PATIENCE * (1 + dimensions / 20)
        self._strategy: Any = None
        self._asked: list[Any] = []
        self._base: FloatArray = np.empty(0)
        self._best = math.inf
        self._fruitless = 0

    def ask(self) -> FloatArray:
        """Return starting points, or the next generation ``[n, d]``."""
        if self._strategy is None:
            return self._start
        self._asked = [self._strategy.ask() for _ in range(self._strategy.population_size)]
        vectors = np.tile(self._base, (len(self._asked), 1))
        for row, drawn in zip(vectors, self._asked, strict=True):
            if self._numbers.size:
                row[self._numbers] = drawn.x
            if self._ordinals.size:
                row[self._ordinals] = drawn.z
            if self._choices.size:
                row[self._choices] = (drawn.c.argmax(axis=1) + 0.5) / self._grid.bins[self._choices]
        return self._grid.snap(vectors)

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Move the distribution towards the better half of its generation."""
        if self._strategy is None:
            self._begin(vectors, losses)
            return
        ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable")
        with np.errstate(all="ignore"):
            self._strategy.tell(list(zip(self._asked, ranks.astype(float), strict=True)))
        improved = losses.min() < self._best * (1 - _GAIN)
        self._fruitless = 0 if improved else self._fruitless + 1
        self._best = min(self._best, float(losses.min()))
        if self._fruitless >= self._patience:
            self._strategy = None
            self._start = self._grid.sample(self._rng, self._initial)

    def _begin(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Set up the strategy around the best of ``vectors [n, d]``."""
        from cmaes import CatCMAwM  # takes 0.4 s to import

        order = np.argsort(losses, kind="stable")
        self._base = vectors[order[0]].copy()
        self._best = float(losses[order[0]])
        self._fruitless = 0
        gaussian = np.concatenate([self._numbers, self._ordinals])
        near = vectors[order[: max(4, len(order) // 8)]][:, gaussian]
        spread = np.sqrt(np.mean((near - self._base[gaussian]) ** 2, axis=0))
        deviations = np.clip(spread, self._sigma / 8, self._sigma)
        self._strategy = CatCMAwM(
            x_space=[[0.0, 1.0]] * self._numbers.size or None,
            z_space=[_centres(k) for k in self._grid.bins[self._ordinals]] or None,
            c_space=[int(k) for k in self._grid.bins[self._choices]] or None,
            population_size=self._population,
            mean=self._base[gaussian].copy() if gaussian.size else None,
            sigma=1.0,
            cov=np.diag(deviations**2) if gaussian.size else None,
            cat_param=self._probabilities() if self._choices.size else None,
            seed=int(self._rng.integers(2**31)),
        )

    def _probabilities(self) -> FloatArray:
        """Return the first distribution over categories, ``[choices, most classes]``."""
        bins = self._grid.bins[self._choices].astype(np.int64)
        table = np.where(np.arange(bins.max()) < bins[:, None], (1 - self._peak) / bins[:, None], 0)
        best = (self._base[self._choices] * bins).astype(np.int64)
        table[np.arange(len(bins)), best] += self._peak
        return table


def _centres(bins: float) -> list[float]:
    return [(k + 0.5) / bins for k in range(int(bins))]
