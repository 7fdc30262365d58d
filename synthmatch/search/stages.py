"""A search in two stages: most of it with a quick objective, the end with an exact one.

At a low sample rate, with windows that do not overlap, several times as many sounds are
compared in the same time; what that cannot tell apart, the last stage can. A short search
gains nothing by a second stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..parameters import FloatArray
from .grid import keys
from .loop import Budget, Evaluate, Optimizer, Search, SearchProgress, SearchResult

_LAST = 0.2  # share of the budget for the last stage
_SETTLED = 2500  # renders of the first after which there is one
_CARRIED = 96  # vectors that it starts from


def search_in_stages(
    stages: Sequence[Evaluate],
    optimizer: Callable[[int, FloatArray], Optimizer],
    start: FloatArray,
    budget: Budget,
    *,
    keep: int,
    progress: SearchProgress | None = None,
) -> SearchResult:
    """Search with the first of ``stages``, and in the end with the second from the best found.

    A search too short to settle has one stage only.

    Parameters
    ----------
    stages : sequence of callable
        One or two, each ``evaluate(vectors [n, d]) -> losses [n]``.
    optimizer : callable
        ``optimizer(stage, start [k, d])``, a fresh one.
    start : ndarray
        ``[k, d]``, where the first begins.
    budget, keep, progress
        Of all stages together; see :func:`synthmatch.search.search`.

    Returns
    -------
    SearchResult
        What was found in the last fifth, then what was found before beside it.
    """
    first = Search(stages[0], optimizer(0, start), keep=keep)
    if len(stages) == 1 or budget.renders == 1:
        return first.advance(budget, progress)
    most = _share(budget, 1 - _LAST)
    coarse = first.advance(most, _scaled(progress, 0.0, 1 - _LAST))
    if coarse.stopped in ("interrupted", "exact"):
        return coarse
    if coarse.renders < _SETTLED:
        return first.advance(budget, progress)
    rest = Budget(
        renders=None if budget.renders is None else max(1, budget.renders - coarse.renders),
        seconds=None if budget.seconds is None else max(1e-3, budget.seconds - coarse.seconds),
    )
    last = Search(stages[1], optimizer(1, coarse.vectors[:_CARRIED]), keep=keep)
    try:
        fine = last.advance(rest, _scaled(progress, 1 - _LAST, 1.0))
    except KeyboardInterrupt:  # before anything was evaluated
        return first.result("interrupted")
    return _joined(coarse, fine)


def _share(budget: Budget, share: float) -> Budget:
    """Return a part of a budget."""
    return Budget(
        renders=None if budget.renders is None else max(1, int(share * budget.renders)),
        seconds=None if budget.seconds is None else share * budget.seconds,
    )


def _scaled(progress: SearchProgress | None, begin: float, end: float) -> SearchProgress | None:
    """Return what reports the progress of one stage as the part from ``begin`` to ``end``."""
    if progress is None:
        return None

    def report(fraction: float, best: float, left: float) -> None:
        later = left / max(1 - fraction, 1e-9) * (1 - end) / (end - begin)
        progress(begin + fraction * (end - begin), best, left + later)

    return report


def _joined(before: SearchResult, after: SearchResult) -> SearchResult:
    """Return what two stages found, the later first; their losses do not compare."""
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
