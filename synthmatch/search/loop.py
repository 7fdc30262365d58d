"""The loop around an optimiser: budget, memory of what was tried, progress, interruption."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from ..errors import SearchError
from ..parameters import FloatArray
from .grid import keys

Evaluate = Callable[[FloatArray], FloatArray]
SearchProgress = Callable[[float, float, float], None]

_BATCH_SECONDS = 0.2  # aim for one call of evaluate: a stop never takes much longer
_GROWTH = 4  # at most, from one batch to the next
_PROBED = 0.3  # seconds of a batch after which a larger one is not even tried
_LEAST = 0.05  # of the mean cost of a vector that one more costs in any case
_FRUITLESS = 100  # generations without a new vector before the search counts as stuck
_GAIN = 1e-3  # relative improvement that counts as one


class Optimizer(Protocol):
    """Proposes vectors and learns from their losses."""

    def ask(self) -> FloatArray:
        """Return vectors ``[n, d]`` to try next, discrete coordinates at bin centres."""

    def tell(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Learn the ``losses [n]`` of the ``vectors [n, d]`` that were asked last."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long to search: a number of renders, of seconds, or whichever ends first.

    Raises
    ------
    SearchError
        If neither is given, or one is not positive.
    """

    renders: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.renders is None and self.seconds is None:
            raise SearchError("a search needs a budget; give renders, seconds or both")
        if self.renders is not None and self.renders < 1:
            raise SearchError(f"a budget of {self.renders} renders; give at least 1")
        if self.seconds is not None and not (math.isfinite(self.seconds) and self.seconds > 0):
            raise SearchError(f"a budget of {self.seconds} seconds; give more than 0")


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    vectors : ndarray
        ``float64 [k, d]``, the best distinct vectors, best first.
    losses : ndarray
        ``float64 [k]``, their losses, ascending.
    renders : int
        Vectors evaluated; one that an optimiser proposes again is not evaluated again.
    seconds : float
        Wall time.
    stopped : str
        "budget", "stagnation", "interrupted", or "exact" when a loss of 0 was found.
    history : tuple
        ``(renders, seconds, best loss)`` at every improvement and at the end.
    """

    vectors: FloatArray
    losses: FloatArray
    renders: int
    seconds: float
    stopped: str
    history: tuple[tuple[int, float, float], ...]


class _Stop(Exception):
    """The search is over; the argument says why."""


class _Pace:
    """How many vectors to evaluate at once, from what batches have taken so far.

    Where a batch costs something whatever its size, as of an engine that plays many voices
    side by side, it is made so large that its vectors cost as much again.
    """

    def __init__(self) -> None:
        self.count = 1
        self.each = 0.0  # seconds of a vector, in the last batch
        self._small = self._large = (0, 0.0)

    def add(self, count: int, seconds: float) -> None:
        """Take note of a batch."""
        self.each = seconds / count
        if not self._small[0] or count <= self._small[0]:
            self._small = count, seconds
        if count >= self._large[0]:
            self._large = count, seconds
        wanted = _BATCH_SECONDS / max(self.each, 1e-9)
        (few, short), (many, long) = self._small, self._large
        if few < many:
            more = max((long - short) / (many - few), _LEAST * long / many, 1e-9)
            once = max(0.0, short - few * more)
            wanted = max(_BATCH_SECONDS - once, once) / more
        elif seconds <= _PROBED:
            wanted = max(wanted, 2.0 * count)
        self.count = max(1, min(int(wanted), _GROWTH * self.count))


class Search:
    """A search that goes on from one budget to the next.

    Parameters
    ----------
    evaluate, optimizer, keep, stagnation
        As for :func:`search`.

    Attributes
    ----------
    vectors, losses : ndarray
        The best distinct vectors ``float64 [k, d]`` so far and their losses ``[k]``.
    history : list
        ``(renders, seconds, best loss)`` at every improvement.
    renders : int
        Vectors evaluated.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        optimizer: Optimizer,
        *,
        keep: int = 16,
        stagnation: int | None = None,
    ) -> None:
        if keep < 1 or (stagnation is not None and stagnation < 1):
            raise SearchError("keep and stagnation must be at least 1")
        self._evaluate = evaluate
        self._optimizer = optimizer
        self._keep = keep
        self._stagnation = stagnation
        self._spent = 0.0  # seconds of earlier calls of advance
        self._resumed: float | None = None  # when the one in progress began
        self._known: dict[bytes, float] = {}
        self._pending: FloatArray | None = None  # asked, not yet told
        self._pace = _Pace()
        self._improved_at = 0
        self._reference = math.inf
        self.vectors: FloatArray | None = None
        self.losses: FloatArray = np.empty(0)
        self.history: list[tuple[int, float, float]] = []

    @property
    def seconds(self) -> float:
        """Wall time spent searching."""
        if self._resumed is None:
            return self._spent
        return self._spent + time.perf_counter() - self._resumed

    @property
    def renders(self) -> int:
        """Vectors evaluated."""
        return len(self._known)

    def advance(self, budget: Budget, progress: SearchProgress | None = None) -> SearchResult:
        """Search on until ``budget``, counted from the beginning, is spent.

        Parameters
        ----------
        budget : Budget
            Of everything so far and to come.
        progress : callable, optional
            Called after every batch with (fraction done, best loss, seconds left).

        Raises
        ------
        KeyboardInterrupt
            If it comes before anything was evaluated.
        SearchError
            If ``evaluate`` does not return one loss for each vector.
        """
        fruitless = 0
        self._resumed = time.perf_counter()
        try:
            while fruitless < _FRUITLESS:
                before = self.renders
                if self._pending is None:
                    self._pending = self._optimizer.ask()
                losses = self._losses_of(self._pending, budget, progress)
                self._optimizer.tell(self._pending, losses)
                self._pending = None
                fruitless = fruitless + 1 if self.renders == before else 0
            return self.result("stagnation")
        except _Stop as stop:
            return self.result(str(stop))
        except KeyboardInterrupt:
            if self.vectors is None:
                raise
            return self.result("interrupted")
        finally:
            self._spent, self._resumed = self.seconds, None

    def result(self, stopped: str) -> SearchResult:
        """Return what was found, and why it ended."""
        if self.vectors is None:
            raise SearchError("the search ended before anything was evaluated")
        last = (self.renders, self.seconds, float(self.losses[0]))
        history = self.history if self.history[-1][0] == last[0] else [*self.history, last]
        return SearchResult(
            self.vectors, self.losses, self.renders, self.seconds, stopped, tuple(history)
        )

    def _losses_of(
        self, vectors: FloatArray, budget: Budget, progress: SearchProgress | None
    ) -> FloatArray:
        """Return losses ``[n]``, evaluating what is not known yet; raise _Stop when over."""
        rows = keys(vectors)
        first = {key: row for row, key in reversed([*enumerate(rows)])}
        fresh = sorted(row for key, row in first.items() if key not in self._known)
        done = 0
        while done < len(fresh):
            part = fresh[done : done + self._allowed(budget)]
            self._try(vectors[part], [rows[i] for i in part])
            done += len(part)
            if progress is not None:
                self._report(budget, progress)
            if self.losses[0] <= 0.0:
                raise _Stop("exact")
            if self._stagnation and self.renders - self._improved_at >= self._stagnation:
                raise _Stop("stagnation")
        return np.array([self._known[key] for key in rows])

    def _allowed(self, budget: Budget) -> int:
        """Return how many vectors to evaluate in the next batch."""
        count = self._pace.count
        if budget.renders is not None:
            count = min(count, budget.renders - self.renders)
        if budget.seconds is not None and self.renders:
            left = budget.seconds - self.seconds
            if left <= 0:
                raise _Stop("budget")
            count = min(count, max(1, int(left / max(self._pace.each, 1e-9))))
        if count < 1:
            raise _Stop("budget")
        return count

    def _try(self, vectors: FloatArray, rows: list[bytes]) -> None:
        began = time.perf_counter()
        losses = np.asarray(self._evaluate(vectors), dtype=np.float64)
        if losses.shape != (len(vectors),):
            raise SearchError(
                f"evaluate returned shape {list(losses.shape)} for {len(vectors)} vectors; "
                f"return one loss for each"
            )
        self._pace.add(len(vectors), time.perf_counter() - began)
        losses = np.where(np.isnan(losses), np.inf, losses)
        self._known.update(zip(rows, losses.tolist(), strict=True))
        self._remember(vectors, losses)

    def _remember(self, vectors: FloatArray, losses: FloatArray) -> None:
        """Keep the best, and note an improvement."""
        full = self.vectors is not None and len(self.losses) == self._keep
        if full:  # what is no better than the worst kept cannot enter
            good = losses < self.losses[-1]
            vectors, losses = vectors[good], losses[good]
        if len(losses):
            pool = vectors if self.vectors is None else np.concatenate([self.vectors, vectors])
            every = np.concatenate([self.losses, losses])
            order = np.argsort(every, kind="stable")[: self._keep]
            self.vectors, self.losses = pool[order], every[order]
        best = float(self.losses[0])
        if not self.history or best < self.history[-1][2]:
            self.history.append((self.renders, self.seconds, best))
        if best < self._reference * (1 - _GAIN) or math.isinf(self._reference):
            self._reference, self._improved_at = best, self.renders

    def _report(self, budget: Budget, progress: SearchProgress) -> None:
        spent = self.seconds
        shares = [1e-9]
        left = [math.inf]
        if budget.renders is not None:
            shares.append(self.renders / budget.renders)
            left.append(spent * (budget.renders / self.renders - 1))
        if budget.seconds is not None:
            shares.append(spent / budget.seconds)
            left.append(budget.seconds - spent)
        progress(min(1.0, max(shares)), float(self.losses[0]), max(0.0, min(left)))


def search(
    evaluate: Evaluate,
    optimizer: Optimizer,
    budget: Budget,
    *,
    keep: int = 16,
    stagnation: int | None = None,
    progress: SearchProgress | None = None,
) -> SearchResult:
    """Minimise ``evaluate`` within a budget.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(vectors [n, d]) -> losses [n]``; a loss depends on its vector alone.
        NaN counts as infinitely bad. Batches are sized to take about 0.2 s.
    optimizer : Optimizer
        From :func:`~synthmatch.search.make_optimizer`; one for each search.
    budget : Budget
        When to stop.
    keep : int
        How many of the best distinct vectors to return at most.
    stagnation : int, optional
        Stop after so many renders in which the best loss fell by less than 0.1 %.
    progress : callable, optional
        Called after every batch with (fraction done, best loss, seconds left).

    Returns
    -------
    SearchResult
        Also after Ctrl-C, which then is reported as ``stopped="interrupted"``.

    Raises
    ------
    KeyboardInterrupt
        If it comes before anything was evaluated.
    SearchError
        If ``evaluate`` does not return one loss for each vector.
    """
    return Search(evaluate, optimizer, keep=keep, stagnation=stagnation).advance(budget, progress)
