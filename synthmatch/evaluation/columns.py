"""What the papers' tables have columns for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from .. import metrics
from ..errors import ParameterError
from ..parameters import FloatArray, IntArray, ParameterSpace
from ..synth import AudioArray

Result = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a contestant said about some sounds, and what that sounds like.

    Attributes
    ----------
    space : ParameterSpace
        Of ``d`` free parameters.
    sample_rate : int
        Of the sounds, in Hz.
    vectors, predicted : ndarray
        True and predicted vectors ``[n, d]``.
    target, rendered : ndarray
        Sounds ``float32 [n, samples]`` of both.
    scores : sequence of ndarray
        For each parameter the scores ``[n, K]`` of its classes.
    """

    space: ParameterSpace
    sample_rate: int
    vectors: FloatArray
    predicted: FloatArray
    target: AudioArray
    rendered: AudioArray
    scores: Sequence[FloatArray]

    @cached_property
    def classes(self) -> IntArray:
        """True classes ``[n, d]``."""
        return self.space.to_classes(self.vectors)

    @cached_property
    def predicted_classes(self) -> IntArray:
        """Predicted classes ``[n, d]``."""
        return self.space.to_classes(self.predicted)

    @cached_property
    def mel_bands(self) -> dict[str, Result]:
        """Squared errors of the low, mid and high mel bands, ``[n]`` each."""
        return metrics.mel_band_errors(self.target, self.rendered, self.sample_rate)

    def numeric(self) -> npt.NDArray[np.bool_]:
        """Say which parameters are numeric; the others are classified.

        Those are the continuous ones and the ordinal ones of more than 32 values, as in
        PresetGen VAE (Le Vaillant et al., 2021), whose DX7 setting InverSynth II took over.
        """
        fine = {"continuous": 0, "ordinal": 32}
        return np.array([p.kind in fine and p.classes > fine[p.kind] for p in self.space])


@dataclasses.dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : str
        Key in the JSON form and in a setting's published figures.
    title : str
        Above the column.
    higher_is_better : bool
        Direction.
    measure : callable
        Values for each sound ``[n]``, or for each parameter ``[d]`` (NaN: does not apply).
    by : {"sound", "parameter"}
        Which; of sounds there is a median, of parameters a table of their own.
    digits : int
        Decimals shown.
    detail : bool
        Whether the tables by group and by parameter show it.
    """

    name: str
    title: str
    higher_is_better: bool
    measure: Callable[[Trial], Result]
    by: Literal["sound", "parameter"] = "sound"
    digits: int = 2
    detail: bool = False


def _times(factor: float, values: Result) -> Result:
    return np.asarray(factor * values, dtype=np.float64)


def _top(k: int) -> Column:
    return Column(
        f"top_{k}_accuracy",
        f"top-{k} %",
        True,
        lambda t: metrics.top_k_accuracy(t.scores, t.classes, k),
        by="parameter",
        detail=k in (1, 5),
    )


def _mel(band: str) -> Column:
    return Column(
        f"mel_{band}_x100",
        f"mel {band} x100",
        False,
        lambda t: _times(100.0, t.mel_bands[band]),
        digits=4,
    )


_ACCURACY = Column(
    "accuracy",
    "accuracy %",
    True,
    lambda t: np.where(t.numeric(), np.nan, metrics.accuracy(t.predicted_classes, t.classes)),
    by="parameter",
    detail=True,
)
_CLASS_ACCURACY = dataclasses.replace(
    _ACCURACY,
    name="class_accuracy",
    title="class accuracy %",
    measure=lambda t: metrics.accuracy(t.predicted_classes, t.classes),
)
_PARAMETER_MAE = Column(
    "parameter_mae_x100",
    "numeric MAE x100",
    False,
    lambda t: np.where(t.numeric(), 100.0 * metrics.parameter_mae(t.predicted, t.vectors), np.nan),
    by="parameter",
)


def _general(metric: metrics.Metric) -> Column:
    return Column(
        metric.name,
        f"{metric.name.replace('_', ' ')} {metric.unit}".strip(),
        metric.higher_is_better,
        lambda t: metric.measure(t.target, t.rendered, t.sample_rate),
        digits=2 if metric.unit else 3,
    )


TABLES: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "inversynth": (
            Column(
                "percentile_rank",
                "MPR",
                True,
                lambda t: metrics.percentile_rank(t.scores, t.classes),
                by="parameter",
                detail=True,
            ),
            *(_top(k) for k in range(1, 6)),
            Column(
                "class_mae",
                "class MAE",
                False,
                lambda t: metrics.class_mae(t.predicted_classes, t.classes),
                by="parameter",
                detail=True,
            ),
            Column(
                "stft_correlation",
                "PCC STFT",
                True,
                lambda t: metrics.stft_correlation(t.target, t.rendered),
            ),
            Column(
                "fft_correlation",
                "PCC FT",
                True,
                lambda t: metrics.fft_correlation(t.target, t.rendered),
            ),
            Column(
                "log_stft_frobenius",
                "Frobenius",
                False,
                lambda t: metrics.log_stft_frobenius(t.target, t.rendered),
                digits=1,
            ),
        ),
        "inversynth2": (
            _ACCURACY,
            _PARAMETER_MAE,
            Column(
                "log_stft_mae_x100",
                "Spec x100",
                False,
                lambda t: _times(100.0, metrics.log_stft_mae(t.target, t.rendered)),
            ),
            Column(
                "mel_mae_x100",
                "Melspec x100",
                False,
                lambda t: _times(100.0, metrics.mel_mae(t.target, t.rendered, t.sample_rate)),
            ),
            Column(
                "mfcc_mae_x100",
                "MFCC x100",
                False,
                lambda t: _times(100.0, metrics.mfcc_mae(t.target, t.rendered, t.sample_rate)),
            ),
            Column(
                "spectral_convergence_512",
                "SC",
                False,
                lambda t: metrics.spectral_convergence(t.target, t.rendered, 512, 128),
                digits=4,
            ),
            *(_mel(band) for band in ("low", "mid", "high")),
        ),
        "ast": (
            Column(
                "parameter_mse",
                "MSE",
                False,
                lambda t: metrics.parameter_mse(t.predicted, t.vectors),
                by="parameter",
                detail=True,
                digits=4,
            ),
            Column(
                "spectral_convergence",
                "SC",
                False,
                lambda t: metrics.spectral_convergence(t.target, t.rendered),
                digits=3,
            ),
        ),
        "sound2synth": (
            Column(
                "mfccd",
                "MFCCD",
                False,
                lambda t: metrics.mfccd(t.target, t.rendered, t.sample_rate),
            ),
        ),
        "general": (_CLASS_ACCURACY, *map(_general, metrics.METRICS)),
    }
)
"""Columns by the name of a table; ``general`` is for settings without one."""


def columns_of(tables: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of some tables, each once.

    Raises
    ------
    ParameterError
        If there is no table of a name.
    """
    unknown = [name for name in tables if name not in TABLES]
    if unknown:
        raise ParameterError(f"no table {unknown[0]!r}; there are {', '.join(TABLES)}")
    found = {c.name: c for name in (tables or ("general",)) for c in TABLES[name]}
    return tuple(found.values())
