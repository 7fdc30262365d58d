"""Search for the vectors of a parameter space with the smallest loss.

Optimisers are written in ask/tell style behind one protocol, so that rendering and
comparing stay batched and outside of them:

>>> from synthmatch import Parameter, ParameterSpace
>>> space = ParameterSpace("organ", [Parameter.continuous("level", 0.0, 8.0)])
>>> optimizer = make_optimizer("genetic", space, rng=0)
>>> result = search(lambda x: abs(x[:, 0] - 0.25), optimizer, Budget(renders=1_000))
>>> round(space.decode(result.vectors[0])["level"], 1)
2.0
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import SearchError
from ..parameters import ParameterSpace
from .grid import Audible, Grid, Sampler
from .loop import Budget, Evaluate, Optimizer, Search, SearchProgress, SearchResult, search
from .stages import Stage, search_in_stages

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DEFAULT",
    "METHODS",
    "Audible",
    "Budget",
    "Evaluate",
    "Optimizer",
    "Sampler",
    "Search",
    "SearchProgress",
    "SearchResult",
    "Stage",
    "make_optimizer",
    "search",
    "search_in_stages",
]

_HOMES = {
    "genetic": (".genetic", "Genetic"),
    "cma": (".cma", "CMA"),
    "hill-climbing": (".climbing", "HillClimbing"),
    "random": (".random", "RandomSearch"),
}
METHODS = tuple(_HOMES)
DEFAULT = "genetic"


def make_optimizer(
    name: str,
    space: ParameterSpace,
    rng: np.random.Generator | int,
    start: npt.ArrayLike | None = None,
    *,
    sample: Sampler | None = None,
    audible: Audible | None = None,
    **options: Any,
) -> Optimizer:
    """Return a fresh optimiser over the free parameters of ``space``.

    Parameters
    ----------
    name : str
        One of :data:`METHODS`.
    space : ParameterSpace
        Where to search.
    rng : numpy.random.Generator or int
        Source of everything random, or its seed.
    start : array ``[k, d]``, optional
        Vectors to begin from. They are tried first, and the search goes on around the
        good ones.
    sample : callable, optional
        ``sample(rng, n) -> [n, d]``, where fresh vectors come from: a prior over good
        patches. Uniform by default.
    audible : callable, optional
        ``audible(vectors [n, d]) -> bool [n, d]``, which coordinates matter in a vector, for
        methods that change some at a time. All by default.
    **options
        Settings of the method, such as ``population``; see its class.

    Raises
    ------
    SearchError
        If the method is unknown or the space has no free parameter.
    ParameterError
        If ``start`` does not fit the space.
    """
    if name not in _HOMES:
        raise SearchError(f"no search method {name!r}; use one of {', '.join(METHODS)}")
    if len(space) == 0:
        raise SearchError(
            f"every parameter of {space.synth!r} is frozen; unfreeze at least one to search"
        )
    module, kind = _HOMES[name]
    build: Callable[..., Optimizer] = getattr(importlib.import_module(module, __name__), kind)
    grid = Grid(space, sample, audible)
    first = grid.unique(np.empty((0, len(space))) if start is None else space.check_vectors(start))
    return build(grid, np.random.default_rng(rng), first, **options)
