"""The metrics of InverSynth, of sounds; those of parameters are in `parameters`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from ..audio.framing import magnitudes
from ..features.spectra import decibels
from .comparison import Result, Row, compare, norm, pearson

_DYNAMIC_RANGE = 80.0  # dB under the maximum at which log spectrograms are floored


def _log_stft(x: Row) -> npt.NDArray[Any]:
    return decibels(magnitudes(x, 512, 256) ** 2, top=_DYNAMIC_RANGE)


def stft_correlation(target: npt.ArrayLike, candidate: npt.ArrayLike) -> Result:
    """Return 100 times the Pearson correlation of log spectrograms; higher is better.

    Window 512, half overlap; in dB, floored 80 dB under the maximum of each sound.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.

    Notes
    -----
    Undefined where a spectrogram is constant (silence): 100 for equal ones, else 0. The
    paper states neither base nor floor of the logarithm; decibels fit its table 4, where a
    Frobenius norm of 709 over 257 x 64 entries goes with a correlation of .92.

    References
    ----------
    Barkan et al., "InverSynth", IEEE/ACM TASLP, 2019, section VI.A and table 4.
    """
    return compare(target, candidate, _log_stft, pearson)


def log_stft_frobenius(target: npt.ArrayLike, candidate: npt.ArrayLike) -> Result:
    """Return ``F = sqrt(trace(U U^T))``, ``U`` the difference of log spectrograms in dB.

    Lower is better. Spectrograms, arguments and reference as in :func:`stft_correlation`.
    """
    return compare(target, candidate, _log_stft, lambda a, b: norm(a - b))


def fft_correlation(target: npt.ArrayLike, candidate: npt.ArrayLike) -> Result:
    """Return 100 times the Pearson correlation of ``|FFT|`` of whole sounds; higher is better.

    Arguments, edge cases and reference as in :func:`stft_correlation`.
    """
    return compare(target, candidate, lambda x: np.abs(scipy.fft.rfft(x)), pearson)


def waveform_correlation(target: npt.ArrayLike, candidate: npt.ArrayLike) -> Result:
    """Return 100 times the Pearson correlation of the samples; higher is better.

    Arguments and edge cases as in :func:`stft_correlation`.

    References
    ----------
    Barkan and Tsiris, "Deep synthesizer parameter estimation", ICASSP 2019, section 6.1.3.
    """
    return compare(target, candidate, lambda x: x, pearson)
