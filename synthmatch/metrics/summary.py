"""The metrics that are shown with every match, and what each means."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy.typing as npt

from .ast import spectral_convergence
from .comparison import Result
from .inversynth import stft_correlation
from .perceptual import (
    envelope_correlation,
    level_difference,
    log_spectral_distance,
    mel_distance,
)
from .sound2synth import mfccd


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """One of the metrics that are shown with every match.

    Attributes
    ----------
    name, unit : str
        Key in the result of :func:`audio_metrics`; unit, empty for a plain number.
    higher_is_better : bool
        Direction.
    meaning : str
        One line for people.
    measure : callable
        ``measure(target, candidate, sample_rate) -> float64 [n]``.
    """

    name: str
    unit: str
    higher_is_better: bool
    meaning: str
    measure: Callable[[npt.ArrayLike, npt.ArrayLike, int], Result]


METRICS: tuple[Metric, ...] = (
    Metric(
        "mfccd",
        "",
        False,
        "timbre, as MFCC distance; under 10 to 15 people call sounds similar",
        mfccd,
    ),
    Metric("mel_distance", "dB", False, "mean difference of what the ear resolves", mel_distance),
    Metric(
        "log_spectral_distance",
        "dB",
        False,
        "difference of spectra at equal loudness",
        log_spectral_distance,
    ),
    Metric(
        "spectral_convergence",
        "",
        False,
        "error energy of the spectrogram; silence scores 1",
        lambda target, candidate, sample_rate: spectral_convergence(target, candidate),
    ),
    Metric(
        "stft_correlation",
        "%",
        True,
        "likeness of spectrograms",
        lambda target, candidate, sample_rate: stft_correlation(target, candidate),
    ),
    Metric(
        "envelope_correlation",
        "%",
        True,
        "likeness of the course of loudness",
        envelope_correlation,
    ),
    Metric("level_difference", "dB", False, "difference of overall loudness", level_difference),
)


def audio_metrics(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int
) -> dict[str, Result]:
    """Return all of :data:`METRICS` by name, each ``float64 [n]``.

    Parameters
    ----------
    target : array_like
        ``[samples]``, or ``[n, samples]`` for a target to each candidate.
    candidate : array_like
        ``[n, samples]``, or ``[samples]`` for one (results then have shape ``[]``).
    sample_rate : int
        Of both, in Hz.

    Raises
    ------
    AudioError
        If the shapes do not fit.
    """
    return {metric.name: metric.measure(target, candidate, sample_rate) for metric in METRICS}
