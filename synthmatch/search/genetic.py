"""A genetic algorithm on islands, whose operators know what kind each parameter is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..parameters import FloatArray
from .grid import Grid, keys

_TRIES = 8  # extra mutations of a child that was tried before
_RESERVE = 64  # draws from the prior that are made at once
_SERVINGS = 8  # mutations that each of them serves
_PATIENCE, _PATIENCE_EACH = 1000, 20  # vectors at least, and for each parameter that moves


class Island(NamedTuple):
    """A population, best first: how often it was merged, vectors ``[n, d]``, losses ``[n]``."""

    level: int
    vectors: FloatArray
    losses: FloatArray


class Genetic:
    """Tournament selection, crossover by parameter, mutation by kind, elitism.

    Parameters
    ----------
    grid : Grid
        The space.
    rng : numpy.random.Generator
        Source of everything random.
    start : array ``[k, d]``
        Part of the first generation.
    initial : int
        Vectors of the first generation; where there is a start, ``children`` will do.
    population : int
        Survivors of a generation: the best distinct vectors so far on this island compete
        as parents.
    children : int
        Vectors in one batch after the first.
    tournament : int
        Parents are the best of so many draws.
    crossover : float
        Share of children with two parents; the others are mutated copies.
    grouped : float
        Share of such children that take whole groups of parameters, an envelope or an
        operator, from either parent; the others take each parameter from either.
    blend : float
        Share of such children whose numeric parameters are drawn around and between
        those of the parents instead (BLX).
    mutations : float
        Mean number of parameters that mutate in a child, beside one that always does. Those
        that cannot be heard in it, as far as the synth knows, do not.
    reset : float
        Share of mutations that take the value of a fresh draw from the prior.
    sigma : (float, float)
        Range of the standard deviation of the other mutations, drawn log-uniformly.
    patience : int, optional
        A population has had its time, and a fresh one begins, when so many vectors lower its
        best loss by less than ``gain``; each level has twice the patience of the one before.
        By default 20 for each parameter that can move, and 1,000 at least.
    gain : float
        Share of the best loss.
    islands : int
        Populations of one level that are merged to one of the next level; that has a time
        of its own, and is merged with others of its level in turn. With 1 there are no
        fresh populations.

    Notes
    -----
    One population alone converges early on a synth of many parameters, which is what the
    islands are for. The other defaults were chosen on random sounds of two synths, by
    distance, STFT correlation and spectral convergence.

    Raises
    ------
    ParameterError
        If there is less than one island or vector of patience, or the gain is no share.
    """

    def __init__(
        self,
        grid: Grid,
        rng: np.random.Generator,
        start: FloatArray,
        *,
        initial: int = 256,
        population: int = 96,
        children: int = 24,
        tournament: int = 5,
        crossover: float = 0.7,
        grouped: float = 0.3,
        blend: float = 0.1,
        mutations: float = 1.0,
        reset: float = 0.2,
        sigma: tuple[float, float] = (0.01, 0.3),
        patience: int | None = None,
        gain: float = 0.25,
        islands: int = 3,
    ) -> None:
        if patience is None:
            patience = max(_PATIENCE, _PATIENCE_EACH * int(grid.movable.sum()))
        if islands < 1 or patience < 1 or not 0 <= gain < 1:
            raise ParameterError(
                f"islands and patience are at least 1, and the gain from 0 to less than 1; "
                f"not {islands}, {patience} and {gain}"
            )
        self._grid = grid
        self._rng = rng
        self._population = population
        self._children = children
        self._tournament = tournament
        self._crossover = crossover
        self._grouped = grouped
        self._blend = blend
        self._reset = reset
        self._mutations = mutations
        self._sigma = sigma
        self._initial = initial
        self._patience = patience
        self._gain = gain
        self._islands = islands
        self._seen: set[bytes] = set()
        self._reserve = start[:0]
        self._left = 0
        self._done: list[Island] = []
        wanted = children if len(start) else initial
        fresh = grid.sample(rng, max(0, wanted - len(start)))
        self._begin(np.concatenate([start, fresh]))

    def _begin(self, first: FloatArray) -> None:
        """Start a population from its first generation."""
        self._first = self._grid.unique(first)
        self._here = Island(0, self._first[:0], np.empty(0))
        self._age = 0
        self._mark = 0, np.inf

    def ask(self) -> FloatArray:
        """Return the next generation ``[n, d]``."""
        if not self._age:
            return self._first
        a, b = self._select(self._children), self._select(self._children)
        children = self._mutate(self._cross(a, b))
        for _ in range(_TRIES):
            rows = keys(children)
            stale = np.array([key in self._seen or key in rows[:i] for i, key in enumerate(rows)])
            if not stale.any():
                break
            children[stale] = self._mutate(children[stale])
        return children

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Let the children compete with the survivors."""
        self._seen.update(keys(vectors))
        here = self._here
        pool = np.concatenate([here.vectors, vectors])
        self._here = self._best(here.level, pool, np.concatenate([here.losses, losses]))
        self._age += len(vectors)
        since, before = self._mark
        if self._age - since >= self._patience << self._here.level:
            best = float(self._here.losses[0])
            self._mark = self._age, best
            if best >= (1.0 - self._gain) * before:
                self._move_on()

    def _best(self, level: int, vectors: FloatArray, losses: FloatArray) -> Island:
        distinct = np.sort([*{key: row for row, key in enumerate(keys(vectors))}.values()])
        order = distinct[np.argsort(losses[distinct], kind="stable")[: self._population]]
        return Island(level, vectors[order], losses[order])

    def _move_on(self) -> None:
        """Lay the population aside; merge those of its level once there are enough."""
        self._done.append(self._here)
        level = self._here.level
        peers = [island for island in self._done if island.level == level]
        if len(peers) < self._islands:
            self._begin(self._grid.sample(self._rng, self._initial))
            return
        self._done = [island for island in self._done if island.level != level]
        share = -(-self._population // self._islands)
        vectors = np.concatenate([island.vectors[:share] for island in peers])
        losses = np.concatenate([island.losses[:share] for island in peers])
        self._here = self._best(level + 1, vectors, losses)
        self._mark = self._age, float(self._here.losses[0])

    def _select(self, n: int) -> FloatArray:
        """Return the winners ``[n, d]`` of tournaments; survivors are sorted, best first."""
        draws = self._rng.integers(len(self._here.vectors), size=(n, self._tournament))
        winners: FloatArray = self._here.vectors[draws.min(axis=1)]
        return winners

    def _cross(self, a: FloatArray, b: FloatArray) -> FloatArray:
        n, d = a.shape
        first = self._rng.random((n, d)) < 0.5
        whole = first[:, self._grid.group]
        grouped = self._rng.random((n, 1)) < self._grouped
        uniform = np.where(np.where(grouped, whole, first), a, b)
        mixed = a + self._rng.uniform(-0.25, 1.25, (n, d)) * (b - a)
        mixed = np.where(self._grid.categorical, uniform, mixed)
        blend = self._rng.random((n, 1)) < self._blend
        cross = self._rng.random((n, 1)) < self._crossover
        return self._grid.snap(np.where(cross, np.where(blend, mixed, uniform), a))

    def _mutate(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors`` with one change each at least, of a random size."""
        n, d = vectors.shape
        worth = self._grid.worth_moving(vectors)
        rate = self._mutations / np.maximum(1, worth.sum(axis=1, keepdims=True))
        change = self._rng.random((n, d)) < rate
        change[np.arange(n), (self._rng.random((n, d)) * worth).argmax(axis=1)] = True
        change &= worth
        low, high = np.log(self._sigma)
        sigma = np.exp(self._rng.uniform(low, high, (n, 1)))
        stepped = self._grid.step(vectors, change, sigma, self._rng)
        if not self._reset:
            return stepped
        rows, columns = np.nonzero(change & (self._rng.random((n, d)) < self._reset))
        stepped[rows, columns] = self._fresh(columns)
        return stepped

    def _fresh(self, columns: npt.NDArray[np.intp]) -> FloatArray:
        """Return values ``[k]`` of draws from the prior for ``columns [k]``.

        A draw costs as much as its sound where a prior is elaborate, and a mutation takes
        one value of it only, so each draw serves as many mutations as it has coordinates
        to give on average.
        """
        if self._left < len(columns):
            self._reserve = self._grid.sample(self._rng, _RESERVE)
            self._left = max(len(columns), _RESERVE * _SERVINGS)
        self._left -= len(columns)
        values: FloatArray = self._reserve[self._rng.integers(_RESERVE, size=len(columns)), columns]
        return values
