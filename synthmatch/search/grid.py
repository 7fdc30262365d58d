"""A parameter space as the optimisers see it: columns by kind, bin centres, random steps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..parameters import FloatArray, ParameterSpace

Sampler = Callable[[np.random.Generator, int], FloatArray]
BoolArray = npt.NDArray[np.bool_]
Audible = Callable[[FloatArray], BoolArray]


class Grid:
    """The points of a space that a search visits, and ways to move between them.

    Continuous coordinates are any number in [0, 1]; those of ordinal and categorical
    parameters are bin centres, ``(k + 0.5) / choices``.

    Attributes
    ----------
    bins : ndarray
        ``float64 [d]``: number of choices of the discrete columns, infinity for continuous.
    categorical : ndarray
        ``bool [d]``: columns whose classes have no order.
    group : ndarray
        ``int64 [d]``: number of the group that a column belongs to; a column without a
        group is one of its own.
    """

    def __init__(
        self,
        space: ParameterSpace,
        sample: Sampler | None = None,
        audible: Audible | None = None,
    ) -> None:
        self._sample = sample if sample is not None else space.sample
        self._audible = audible
        self.bins = np.array([np.inf if p.kind == "continuous" else len(p.choices) for p in space])
        self.categorical = np.array([p.kind == "categorical" for p in space])
        self.discrete: BoolArray = np.isfinite(self.bins)
        self.movable: BoolArray = self.bins > 1
        groups = [p.group or p.name for p in space]
        self.group = np.array([groups.index(g) for g in groups], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.bins)

    def snap(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors [n, d]`` clipped to [0, 1], discrete columns at bin centres."""
        out = np.clip(vectors, 0.0, 1.0)
        bins = self.bins[self.discrete]
        index = np.minimum(np.floor(out[:, self.discrete] * bins), bins - 1)
        out[:, self.discrete] = (index + 0.5) / bins
        return out

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` fresh vectors ``[n, d]`` of the prior."""
        return self.snap(self._sample(rng, n))

    def worth_moving(self, vectors: FloatArray) -> BoolArray:
        """Return ``bool [n, d]``: the coordinates of ``vectors`` to change, where that is heard."""
        if self._audible is None:
            return np.tile(self.movable, (len(vectors), 1))
        return self._audible(vectors) & self.movable

    def unique(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors`` snapped, each once, in the order of their first appearance."""
        snapped = self.snap(vectors)
        first = {key: row for row, key in reversed([*enumerate(keys(snapped))])}
        return snapped[sorted(first.values())]

    def step(
        self, vectors: FloatArray, change: BoolArray, sigma: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Return ``vectors [n, d]`` with a random step in every entry that ``change`` marks.

        Continuous entries move by a Gaussian of standard deviation ``sigma`` (broadcast
        to ``[n, d]``), reflected at the ends of the range; ordinal ones likewise but by
        one class at least before that; categories become another category, all equally likely.
        """
        bins = np.where(self.discrete, self.bins, 1.0)
        normal = rng.standard_normal(vectors.shape) * sigma
        classes = np.sign(normal) * np.maximum(1.0, np.rint(np.abs(normal) * bins))
        moved = np.abs(vectors + np.where(self.discrete, classes / bins, normal))
        moved = 1.0 - np.abs(1.0 - moved)
        other = 1.0 + np.floor(rng.random(vectors.shape) * (bins - 1.0))
        jumped = (np.mod(np.floor(vectors * bins) + other, bins) + 0.5) / bins
        moved = np.where(self.categorical, jumped, moved)
        return self.snap(np.where(change & self.movable, moved, vectors))


def keys(vectors: FloatArray) -> list[bytes]:
    """Return one short key for each row of ``vectors [n, d]``: 16 bytes of its hash."""
    rows = np.ascontiguousarray(vectors)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]
