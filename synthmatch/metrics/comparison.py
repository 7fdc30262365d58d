"""How metrics of sounds go over pairs of sounds, and distances they share."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import AudioError

Result = npt.NDArray[np.float64]
Row = npt.NDArray[np.float64]
Feature = TypeVar("Feature")


def compare(
    target: npt.ArrayLike,
    candidate: npt.ArrayLike,
    feature: Callable[[Row], Feature],
    distance: Callable[[Feature, Feature], npt.ArrayLike],
) -> Result:
    """Return ``distance(feature(target), feature(candidate))`` for each candidate.

    Row by row, so that memory stays that of one sound. Distances may be arrays; the result
    has the shape of the batch of candidates followed by theirs.
    """
    t, c = np.asarray(target), np.asarray(candidate)
    if t.ndim not in (1, 2) or c.ndim not in (1, 2) or not t.size or not c.size:
        raise AudioError(
            f"compare sounds [samples] or [n, samples], not {list(t.shape)} with {list(c.shape)}"
        )
    if t.ndim == 2 and t.shape[:-1] != c.shape[:-1]:
        raise AudioError(
            f"{len(t)} targets need {len(t)} candidates, not {list(c.shape)}; "
            f"one target [samples] goes with any number"
        )
    samples = max(t.shape[-1], c.shape[-1])

    def measured(sound: npt.NDArray[Any]) -> Feature:
        return feature(np.pad(sound.astype(np.float64), (0, samples - len(sound))))

    rows = np.atleast_2d(c)
    known = map(measured, t) if t.ndim == 2 else itertools.repeat(measured(t), len(rows))
    values = [distance(a, measured(b)) for a, b in zip(known, rows, strict=True)]
    result = np.asarray(values, dtype=np.float64)
    return result.reshape(c.shape[:-1] + result.shape[1:])


def mean_absolute(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return the mean absolute difference of two arrays."""
    return float(np.abs(a - b).mean())


def pearson(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    """Return 100 times the Pearson correlation of all entries of two arrays.

    Where one of them is constant it is undefined: 100 if the two are equal, else 0.
    """
    if _constant(a) or _constant(b):
        return 100.0 * float(np.array_equal(a, b))
    x, y = a.ravel() - a.mean(), b.ravel() - b.mean()
    correlation = np.vdot(x, y) / (norm(x) * norm(y))
    return 100.0 * float(np.clip(correlation, -1.0, 1.0))


def norm(a: npt.NDArray[Any]) -> float:
    """Return the Euclidean (Frobenius) norm of an array."""
    return math.sqrt(float(np.vdot(a, a)))  # without a copy of it


def _constant(a: npt.NDArray[Any]) -> bool:
    """Return whether an array varies no more than rounding makes it."""
    return bool(np.ptp(a) <= 1e-12 * np.abs(a).max())
