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
    """What a contestant predicted for some sounds, and what that sounds like.

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
    stft : tuple of int, optional
        Window and hop in samples of InverSynth II's metrics; see
        :class:`synthmatch.settings.Setting`.
    """

    space: ParameterSpace
    sample_rate: int
    vectors: FloatArray
    predicted: FloatArray
    target: AudioArray
    rendered: AudioArray
    scores: Sequence[FloatArray]
    stft: tuple[int, int] | None = None

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
        sounds = self.target, self.rendered, self.sample_rate
        return metrics.mel_band_errors(*sounds, **self.mel_frames)

    @property
    def frames(self) -> tuple[int, int]:
        """Window and hop of spectrograms."""
        return self.stft or (512, 128)

    @property
    def mel_frames(self) -> dict[str, int]:
        """Window and hop of mel spectrograms."""
        n_fft, hop = self.stft or (2048, 512)
        return {"n_fft": n_fft, "hop": hop}

    def numbers(self, vectors: FloatArray, *, exact: bool = False) -> Result:
        """Return the values of parameters ``[n, d]``, each from 0 to 1 over its range.

        A choice of a vector is the middle of an interval; its value is its place among the
        numbers of the parameter, so that the lowest is 0 and the highest 1. Between two
        middles the value is between two choices, as a network that regresses it means it.

        Parameters
        ----------
        vectors : ndarray
            In the unit cube, ``[n, d]``.
        exact : bool
            Only values that the parameter can take: those of the nearest choice.
        """
        out = np.array(vectors, dtype=np.float64)
        for column, p in enumerate(self.space):
            if p.kind == "ordinal":
                native = np.asarray(p.choices, dtype=np.float64)
                value = (native - native[0]) / max(native[-1] - native[0], 1e-300)
                if exact:
                    out[:, column] = value[p.choice_of(vectors[:, column])]
                else:
                    middles = (np.arange(len(native)) + 0.5) / len(native)
                    out[:, column] = np.interp(vectors[:, column], middles, value)
        return out

    def numeric(self) -> npt.NDArray[np.bool_]:
        """Return which parameters are numeric; the others are classified.

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
        Which; of sounds there is a median, of parameters a table of their own. What each
        parameter has is a mean over the sounds.
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
    lambda t: np.where(
        t.numeric(),
        100.0 * metrics.parameter_mae(t.numbers(t.predicted), t.numbers(t.vectors, exact=True)),
        np.nan,
    ),
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
                lambda t: _times(100.0, metrics.log_stft_mae(t.target, t.rendered, *t.frames)),
            ),
            Column(
                "mel_mae_x100",
                "Melspec x100",
                False,
                lambda t: _times(
                    100.0,
                    metrics.mel_mae(t.target, t.rendered, t.sample_rate, **t.mel_frames),
                ),
            ),
            Column(
                "mfcc_mae_x100",
                "MFCC x100",
                False,
                lambda t: _times(100.0, metrics.mfcc_mae(t.target, t.rendered, t.sample_rate)),
            ),
            Column(
                "stft_convergence",
                "SC",
                False,
                lambda t: metrics.spectral_convergence(t.target, t.rendered, *t.frames),
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
