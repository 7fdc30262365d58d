"""Metrics that compare parameters; public through :mod:`synthmatch.metrics`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Result = npt.NDArray[np.float64]


def percentile_rank(scores: Sequence[npt.ArrayLike], classes: npt.ArrayLike) -> Result:
    """Return the mean percentile rank (MPR) of each parameter ``[d]``; 100 is best, 50 chance.

    ``100 (1 - mean over sounds of r / (K - 1))`` with ``r``, from 0, the rank of the true
    class among the ``K`` scores. Ties count half, so constant scores give 50. The papers'
    "mean MPR" is the mean over parameters.

    Parameters
    ----------
    scores : sequence of array_like
        For each of ``d`` parameters the scores of its classes ``[n, K]``, higher is likelier.
    classes : array_like
        True classes, integers ``[n, d]``.

    References
    ----------
    Barkan and Tsiris, "Deep synthesizer parameter estimation", ICASSP 2019, section 6.1.1;
    Barkan et al., "InverSynth", IEEE/ACM TASLP, 2019, section VI.A and table 3.
    """
    out = []
    for s, k in _columns(scores, classes):
        above, tied = _rank(s, k)
        out.append(100.0 * (1.0 - np.mean(above + (tied - 1) / 2.0) / max(1, s.shape[1] - 1)))
    return np.array(out)


def top_k_accuracy(
    scores: Sequence[npt.ArrayLike], classes: npt.ArrayLike, k: int | Sequence[int] = range(1, 6)
) -> Result:
    """Return how often the true class is among the ``k`` highest scores, in %; higher is better.

    Shape ``[len(k), d]``, or ``[d]`` for one ``k``. Where scores tie it is the expectation
    over ways to order them.

    Parameters
    ----------
    scores, classes
        As in :func:`percentile_rank`.
    k : int or sequence of int
        The papers have 1 to 5.

    References
    ----------
    Barkan et al., "InverSynth", IEEE/ACM TASLP, 2019, section VI.A and figure 4.
    """
    wanted = np.atleast_1d(np.asarray(k))[:, None]
    columns = []
    for s, true in _columns(scores, classes):
        above, tied = _rank(s, true)
        columns.append(100.0 * np.clip((wanted - above) / tied, 0.0, 1.0).mean(axis=1))
    out = np.stack(columns, axis=1)
    return out[0] if np.ndim(k) == 0 else out


def class_mae(predicted: npt.ArrayLike, classes: npt.ArrayLike) -> Result:
    """Return the mean absolute error in classes, ``[n, d]`` against ``[n, d]`` to ``[d]``.

    References
    ----------
    Barkan et al., "InverSynth", IEEE/ACM TASLP, 2019, section VI.A, figures 5 and 6.
    """
    p, t = alike(predicted, classes)
    return np.asarray(np.abs(p - t).mean(axis=0))


def accuracy(predicted: npt.ArrayLike, classes: npt.ArrayLike) -> Result:
    """Return the share of right classes in %, ``[n, d]`` against ``[n, d]`` to ``[d]``.

    References
    ----------
    "ACC" in Barkan et al., "InverSynth II", ISMIR 2023, section 3.3 (over categorical
    parameters).
    """
    p, t = alike(predicted, classes)
    return np.asarray(100.0 * (p == t).mean(axis=0))


def parameter_mae(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Result:
    """Return the mean absolute error of values, ``[n, d]`` against ``[n, d]`` to ``[d]``.

    References
    ----------
    "MAEparam" in Barkan et al., "InverSynth II", ISMIR 2023, section 3.3 (over numerical
    parameters, scaled to [0, 1]).
    """
    p, t = alike(predicted, true)
    return np.asarray(np.abs(p - t).mean(axis=0))


def group_means(values: npt.ArrayLike, groups: Sequence[str]) -> dict[str, Result]:
    """Return the mean over the parameters of each group, and over "All".

    Parameters
    ----------
    values : array_like
        A metric for each parameter, ``[..., d]``.
    groups : sequence of str
        The group of each parameter, ``d`` names; the result keeps their order.

    References
    ----------
    Barkan et al., "InverSynth", IEEE/ACM TASLP, 2019, section VI.A.
    """
    v, names = np.asarray(values, dtype=np.float64), np.asarray(groups, dtype=object)
    if v.shape[-1:] != names.shape:
        raise ParameterError(f"{len(names)} groups do not fit values of shape {list(v.shape)}")
    out = {name: v[..., names == name].mean(axis=-1) for name in dict.fromkeys(groups)}
    return {**out, "All": v.mean(axis=-1)}


def alike(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Result, Result]:
    """Return two arrays ``[n, d]`` as floats; refuse other shapes, and two that differ."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.ndim != 2 or x.shape != y.shape or not len(x):
        raise ParameterError(
            f"compare two arrays [n, d] of one shape, not {list(x.shape)} with {list(y.shape)}"
        )
    return x, y


def _columns(
    scores: Sequence[npt.ArrayLike], classes: npt.ArrayLike
) -> list[tuple[Result, npt.NDArray[np.int64]]]:
    """Return scores ``[n, K]`` and true classes ``[n]`` of each parameter, checked."""
    true = np.asarray(classes)
    if true.ndim != 2 or not np.issubdtype(true.dtype, np.integer) or not true.size:
        raise ParameterError(f"classes are integers [n, d], not {true.dtype} {list(true.shape)}")
    if true.shape[1] != len(scores):
        raise ParameterError(f"scores of {len(scores)} parameters, classes of {true.shape[1]}")
    out = []
    for i, given in enumerate(scores):
        s, k = np.asarray(given, dtype=np.float64), true[:, i].astype(np.int64)
        if s.ndim != 2 or len(s) != len(k) or k.min() < 0 or k.max() >= s.shape[1]:
            raise ParameterError(
                f"parameter {i}: scores {list(s.shape)} do not fit {len(k)} classes "
                f"{k.min()} to {k.max()}"
            )
        out.append((s, k))
    return out


def _rank(scores: Result, true: npt.NDArray[np.int64]) -> tuple[Result, Result]:
    """Return how many classes score above the true one, and how many as high (itself too)."""
    own = np.take_along_axis(scores, true[:, None], axis=1)
    return (scores > own).sum(axis=1).astype(float), (scores == own).sum(axis=1).astype(float)
