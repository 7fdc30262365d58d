"""A search in stages: most of it with quick objectives, the end with an exact one.

On parts of a sound, at a low sample rate, with windows that do not overlap, several times as
many sounds are compared in the same time; what that cannot tell apart, a later stage can.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..parameters import FloatArray
from .grid import keys
from .loop import Budget, Evaluate, Optimizer, Search, SearchProgress, SearchResult

_CARRIED = 96  # vectors that a stage starts from


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a search.

    Attributes
    ----------
    evaluate : callable
        ``evaluate(vectors [n, d]) -> losses [n]``.
    until : float
        Share of the budget that is spent when it ends.
    settled : int
        Renders of the stages before, without which there is none: the one before goes on
        in its place. A short search gains nothing by more stages.
    exact : bool
        Whether a loss of 0 ends the search.
    """

    evaluate: Evaluate
    until: float = 1.0
    settled: int = 0
    exact: bool = True


def search_in_stages(
    stages: Sequence[Stage],
    optimizer: Callable[[int, FloatArray], Optimizer],
    start: FloatArray,
    budget: Budget,
    *,
    keep: int,
    progress: SearchProgress | None = None,
) -> SearchResult:
    """Search stage after stage, each from the best that the one before found.

    Parameters
    ----------
    stages : sequence of Stage
        At least one; the last goes on until the budget is spent.
    optimizer : callable
        ``optimizer(stage, start [k, d])``, a fresh one.
    start : ndarray
        ``[k, d]``, where the first begins.
    budget, keep, progress
        Of all stages together; see :func:`synthmatch.search.search`.

    Returns
    -------
    SearchResult
        What was found in the last stage, then what was found before beside it.
    """
    search = Search(stages[0].evaluate, optimizer(0, start), keep=keep)
    found: SearchResult | None = None  # by the stages before
    number, begin = 0, 0.0
    while True:
        stage, last = stages[number], number + 1 == len(stages)
        end = 1.0 if last else stage.until
        try:
            here = search.advance(_share(budget, end, found), _scaled(progress, begin, end))
        except KeyboardInterrupt:  # before anything was evaluated in this stage
            if found is None:
                raise
            return dataclasses.replace(found, stopped="interrupted")
        joined = _joined(found, here)
        spent = budget.renders is not None and joined.renders >= budget.renders
        if last or spent or here.stopped == "interrupted":
            return joined
        if here.stopped == "exact" and stage.exact:
            return joined
        number += 1
        if joined.renders < stages[number].settled:
            here = search.advance(_share(budget, 1.0, found), _scaled(progress, end, 1.0))
            return _joined(found, here)
        found, begin = joined, end
        following = optimizer(number, here.vectors[:_CARRIED])
        search = Search(stages[number].evaluate, following, keep=keep)


def _share(budget: Budget, share: float, spent: SearchResult | None) -> Budget:
    """Return what one stage may have spent when a share of the whole budget is."""
    renders, seconds = (spent.renders, spent.seconds) if spent else (0, 0.0)
    return Budget(
        renders=None if budget.renders is None else max(1, int(share * budget.renders) - renders),
        seconds=None if budget.seconds is None else max(1e-3, share * budget.seconds - seconds),
    )


def _scaled(progress: SearchProgress | None, begin: float, end: float) -> SearchProgress | None:
    """Return what reports the progress of one stage as the part from ``begin`` to ``end``."""
    if progress is None:
        return None

    def report(fraction: float, best: float, left: float) -> None:
        later = left / max(1 - fraction, 1e-9) * (1 - end) / (end - begin)
        progress(begin + fraction * (end - begin), best, left + later)

    return report


def _joined(before: SearchResult | None, after: SearchResult) -> SearchResult:
    """Return what two stages found, the later first; their losses do not compare."""
    if before is None:
        return after
    known = set(keys(after.vectors))
    rest = np.array([key not in known for key in keys(before.vectors)])
    later = [(before.renders + n, before.seconds + s, loss) for n, s, loss in after.history]
    return SearchResult(
        vectors=np.concatenate([after.vectors, before.vectors[rest]]),
        losses=np.concatenate([after.losses, before.losses[rest]]),
        renders=before.renders + after.renders,
        seconds=before.seconds + after.seconds,
        stopped=after.stopped,
        history=(*before.history, *later),
    )
