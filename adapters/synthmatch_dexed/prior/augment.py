"""New voices from old ones: some parameters drawn anew, operators of two voices mixed.

After Sound2Synth (Chen et al., IJCAI 2022), section 3, "Preset Augmentation": most
parameters of a preset are kept and the others drawn uniformly; results that cannot be
heard are to be sieved out. Voices of one family (a theme, there) must stay on one side of
a split into training and test data.
"""

from __future__ import annotations

import numpy as np

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, ParameterSpace

from ..space import OPERATORS


def resample(
    vectors: FloatArray,
    rng: np.random.Generator,
    share: float = 0.1,
    pool: FloatArray | None = None,
) -> FloatArray:
    """Return ``vectors [n, d]`` with some coordinates drawn anew.

    Parameters
    ----------
    vectors : float64 [n, d]
        Unit-cube vectors.
    rng : numpy.random.Generator
        What is drawn, and which coordinates.
    share : float
        Probability, 0 to 1, of each coordinate to be drawn anew.
    pool : float64 [m, d], optional
        Vectors whose coordinates are drawn from, each on its own; uniform otherwise, as
        in the paper.

    Raises
    ------
    ParameterError
        If ``share`` is not within 0 to 1 or ``pool`` is empty or of another width.
    """
    if not 0.0 <= share <= 1.0:
        raise ParameterError(f"the share to draw anew is 0 to 1, not {share}")
    fresh = rng.random(vectors.shape)
    if pool is not None:
        if pool.ndim != 2 or not len(pool) or pool.shape[1] != vectors.shape[1]:
            raise ParameterError(
                f"a pool for vectors of {vectors.shape[1]} coordinates has shape "
                f"[m, {vectors.shape[1]}], not {list(pool.shape)}"
            )
        rows = np.minimum((fresh * len(pool)).astype(np.int64), len(pool) - 1)
        fresh = np.take_along_axis(pool, rows, axis=0)
    return np.where(rng.random(vectors.shape) < share, fresh, vectors)


def mix_operators(
    space: ParameterSpace, vectors: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return ``vectors [n, d]``, each with some operators of another one of its algorithm.

    Each of the six operators comes from the other voice with probability 1/2, all its
    parameters at once; all else stays. A vector whose algorithm no other has stays as it
    is. Where the algorithm is frozen, all vectors have the same.

    Parameters
    ----------
    space : ParameterSpace
        A view of Dexed's space.
    vectors : float64 [n, d]
        Unit-cube vectors of ``space``.
    rng : numpy.random.Generator
        Which other voice, and which operators.
    """
    checked = space.check_vectors(vectors)
    partners = _partners(space, checked, rng)
    operators = np.array([OPERATORS.get(p.group, -1) for p in space])
    swapped = np.column_stack([rng.random((len(checked), 6)) < 0.5, np.zeros(len(checked), bool)])
    return np.where(swapped[:, operators], checked[partners], checked)


def _partners(
    space: ParameterSpace, vectors: FloatArray, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return for each vector ``[n]`` the index of another of its algorithm, or its own."""
    if "algorithm" in space.names:
        column = space.names.index("algorithm")
        algorithm = space["algorithm"].choice_of(vectors[:, column])
    else:
        algorithm = np.zeros(len(vectors), dtype=np.int64)
    partners = np.arange(len(vectors))
    for one in np.unique(algorithm):
        rows = rng.permutation(np.flatnonzero(algorithm == one))
        partners[rows] = np.roll(rows, 1)
    return partners
