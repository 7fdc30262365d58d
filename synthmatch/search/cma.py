"""CMA-ES for mixed spaces, by the package cmaes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..parameters import FloatArray
from ._grid import Grid


class CMA:
    """CatCMA with margin: a Gaussian for numbers, a distribution over each category.

    R. Hamano et al., "CatCMA with Margin: Stochastic Optimization for Continuous,
    Integer, and Categorical Variables", GECCO 2025, arXiv:2504.07884.

    Parameters
    ----------
    grid : Grid
        The space. Ordinal parameters of three classes or more are the method's integers.
    rng : numpy.random.Generator
        Source of everything random.
    start : array ``[k, d]``
        Tried first; the distribution begins around the better ones.
    population : int, optional
        Vectors in one batch.
    """

    def __init__(
        self,
        grid: Grid,
        rng: np.random.Generator,
        start: FloatArray,
        *,
        population: int | None = None,
        initial: int = 64,
        sigma: float = 0.2,
        peak: float = 0.5,
    ) -> None:
        self._grid = grid
        self._rng = rng
        self._start = start if len(start) else grid.sample(rng, initial)
        self._initial = initial
        self._sigma = sigma
        self._peak = peak
        b = grid.bins
        cat = grid.categorical | (b == 2)
        self._x = np.flatnonzero(~grid.discrete)
        self._z = np.flatnonzero(grid.discrete & ~cat & (b > 2))
        self._c = np.flatnonzero(cat & (b > 1))
        dim = len(self._x) + len(self._z) + len(self._c)
        self._popsize = population or 8 + 4 * math.floor(math.log(max(dim, 1)))
        self._cma: Any = None
        self._best = np.inf
        self._stale = 0
        self._gen = 0

    def ask(self) -> FloatArray:
        """Return the next generation ``[n, d]``."""
        if self._cma is None:
            return self._start
        with np.errstate(all="ignore"):
            self._out = [self._cma.ask() for _ in range(self._cma.population_size)]
        v = np.tile(self._base, (len(self._out), 1))
        for r, s in enumerate(self._out):
            if len(self._x):
                v[r, self._x] = s.x
            if len(self._z):
                v[r, self._z] = s.z
            if len(self._c):
                v[r, self._c] = (s.c.argmax(axis=1) + 0.5) / self._grid.bins[self._c]
        return self._grid.snap(v)

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Update the distribution."""
        if self._cma is None:
            self._begin(vectors, losses)
            return
        order = np.argsort(np.argsort(losses, kind="stable"), kind="stable")
        with np.errstate(all="ignore"):
            self._cma.tell([(s, float(r)) for s, r in zip(self._out, order)])
        self._gen += 1
        best = losses.min()
        if best < self._best * (1 - 1e-3):
            self._best = best
            self._stale = 0
        else:
            self._stale += 1
        if self._stale > 10 + 20 * len(self._grid) / self._popsize:
            self._cma = None
            self._start = self._grid.sample(self._rng, self._initial)

    def _begin(self, vectors, losses):
        from cmaes import CatCMAwM

        order = np.argsort(losses, kind="stable")
        top = vectors[order[: max(1, len(order) // 8)]]
        self._base = top[0].copy()
        g = np.concatenate([self._x, self._z])
        mean = top[0][g].copy()
        bins = self._grid.bins[self._c]
        q = None
        if len(self._c):
            q = np.zeros((len(self._c), int(bins.max())))
            for i, (c, k) in enumerate(zip(self._c, bins.astype(int))):
                q[i, :k] = (1 - self._peak) / k
                q[i, int(top[0][c] * k)] += self._peak
        zs = [((np.arange(k) + 0.5) / k).tolist() for k in self._grid.bins[self._z].astype(int)]
        self._best = losses.min()
        self._stale = 0
        self._cma = CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self._x) or None,
            z_space=zs or None,
            c_space=bins.astype(int).tolist() or None,
            population_size=self._popsize,
            mean=mean if len(g) else None,
            sigma=self._sigma,
            cov=np.eye(len(g)) if len(g) else None,
            cat_param=q,
            seed=int(self._rng.integers(2**31)),
        )
