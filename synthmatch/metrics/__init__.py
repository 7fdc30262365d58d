"""Every published metric of sound matching, and a few beyond, one function each.

Functions on sounds take ``target`` and ``candidate`` as ``[samples]`` or ``[n, samples]``:
one target goes with any number of candidates, ``n`` targets with ``n`` candidates row by row.
The shorter is filled up with zeros. The result is ``float64 [n]``, or ``[]`` for one candidate.
NaN in a sound gives NaN.

Functions on parameters take one row for each sound and return one number for each parameter;
:func:`group_means` averages those.
"""

from __future__ import annotations

from .ast import parameter_mse, spectral_convergence
from .inversynth import (
    fft_correlation,
    log_stft_frobenius,
    stft_correlation,
    waveform_correlation,
)
from .inversynth2 import log_stft_mae, mel_band_errors, mel_mae, mfcc_mae
from .parameters import (
    accuracy,
    class_mae,
    group_means,
    parameter_mae,
    percentile_rank,
    top_k_accuracy,
)
from .perceptual import (
    envelope_correlation,
    level_difference,
    log_spectral_distance,
    mel_distance,
)
from .sound2synth import mfccd
from .summary import METRICS, Metric, audio_metrics

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "audio_metrics",
    "class_mae",
    "envelope_correlation",
    "fft_correlation",
    "group_means",
    "level_difference",
    "log_spectral_distance",
    "log_stft_frobenius",
    "log_stft_mae",
    "mel_band_errors",
    "mel_distance",
    "mel_mae",
    "mfcc_mae",
    "mfccd",
    "parameter_mae",
    "parameter_mse",
    "percentile_rank",
    "spectral_convergence",
    "stft_correlation",
    "top_k_accuracy",
    "waveform_correlation",
]
