"""The metrics of the papers that compare sounds; public through :mod:`synthmatch.metrics`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import soxr

from . import _spectral as spectral
from ._comparison import Result, Row, compare, mean_absolute, norm, pearson

_MFCCD_RATE = 48_000  # Hz, sound2synth.txt appendix A
_DYNAMIC_RANGE = 80.0  # dB under the maximum at which log spectrograms are floored


def mfccd(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int, coefficients: int = 13
) -> Result:
    """Return the MFCC distance of Sound2Synth; lower is better, 10 to 15 "similar" to people.

    ``mean over k of sqrt(mean over t of (M_t,k - M'_t,k)^2)`` with orthonormal MFCCs of the
    power mel spectrogram in dB at 48 kHz (FFT 2048, hop 512, reflected ends, 128 bands on
    the HTK scale, Slaney norm, floored at 1e-10 and 80 dB under the maximum).

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz; resampled to 48 kHz where it is another.
    coefficients : int
        13 as in table 1 of the paper; 30 and 40 are in use too.

    References
    ----------
    Chen et al., "Sound2Synth", IJCAI 2022, section 4 and appendix A; the distance comes from
    Yee-King et al., "Automatic programming of VST sound synthesizers", IEEE TETCI, 2018.
    """

    def feature(x: Row) -> npt.NDArray[Any]:
        if sample_rate != _MFCCD_RATE:
            x = soxr.resample(x, sample_rate, _MFCCD_RATE)
        return spectral.mfcc(x, _MFCCD_RATE, coefficients, scale="htk")

    def distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
        return float(np.sqrt(((a - b) ** 2).mean(axis=0)).mean())

    return compare(target, candidate, feature, distance)


def _log_stft(x: Row) -> npt.NDArray[Any]:
    return spectral.decibels(spectral.magnitudes(x, 512, 256) ** 2, top=_DYNAMIC_RANGE)


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


def log_stft_mae(
    target: npt.ArrayLike, candidate: npt.ArrayLike, size: int = 512, hop: int = 128
) -> Result:
    """Return the mean absolute difference of ``log10(max(|STFT|, 1e-4))``; lower is better.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    size, hop : int
        512 and 128 samples for ``fm-9`` and ``tal-9``, 1024 and 256 for ``dx7-144``.

    References
    ----------
    "Spec" in Barkan et al., "InverSynth II", ISMIR 2023, section 3.3; base and floor after
    Le Vaillant et al., DAFx 2021, where its DX7 data come from.
    """

    def feature(x: Row) -> npt.NDArray[Any]:
        return np.log10(np.maximum(spectral.magnitudes(x, size, hop), 1e-4))

    return compare(target, candidate, feature, mean_absolute)


def mel_mae(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int, bands: int = 257
) -> Result:
    """Return the mean absolute difference of mel power spectrograms; lower is better.

    FFT 2048, hop 512, Slaney scale and norm (the paper gives the number of bands only).

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.
    bands : int
        Number of mel bands.

    References
    ----------
    "Melspec" in Barkan et al., "InverSynth II", ISMIR 2023, sections 3.1 and 3.3.
    """

    def feature(x: Row) -> npt.NDArray[Any]:
        return spectral.mel_spectrogram(x, sample_rate, bands=bands)

    return compare(target, candidate, feature, mean_absolute)


def mel_band_errors(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int, bands: int = 257
) -> dict[str, Result]:
    """Return the mean squared mel error over the low, mid and high third of the bands, and all.

    Keys "low", "mid", "high", "all"; lower is better. Spectrograms and arguments as in
    :func:`mel_mae`.

    References
    ----------
    Barkan et al., "InverSynth II", ISMIR 2023, section 3.4 and table 2.
    """
    low, high = math.ceil(bands / 3), math.ceil(2 * bands / 3)

    def feature(x: Row) -> npt.NDArray[Any]:
        return spectral.mel_spectrogram(x, sample_rate, bands=bands)

    def distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
        error = ((a - b) ** 2).mean(axis=0)
        return np.array(
            [error[:low].mean(), error[low:high].mean(), error[high:].mean(), error.mean()]
        )

    values = compare(target, candidate, feature, distance)
    return dict(zip(("low", "mid", "high", "all"), np.moveaxis(values, -1, 0), strict=True))


def mfcc_mae(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int, coefficients: int = 40
) -> Result:
    """Return the mean absolute difference of MFCCs; lower is better.

    FFT 2048, hop 512, 128 mel bands on the Slaney scale, orthonormal DCT-II of dB floored 80
    dB under the maximum, at the given rate (not resampled, unlike :func:`mfccd`).

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.
    coefficients : int
        Number of coefficients.

    References
    ----------
    "MFCC" in Barkan et al., "InverSynth II", ISMIR 2023, section 3.3.
    """

    def feature(x: Row) -> npt.NDArray[Any]:
        return spectral.mfcc(x, sample_rate, coefficients)

    return compare(target, candidate, feature, mean_absolute)


def spectral_convergence(
    target: npt.ArrayLike, candidate: npt.ArrayLike, size: int = 1024, hop: int = 256
) -> Result:
    """Return ``|| |S| - |S'| ||_F / || |S| ||_F`` of STFTs; lower is better, silence scores 1.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros. For a silent
        target it is 0 if the candidate is silent too, else infinite.
    size, hop : int
        FFT size and hop in samples; for ``fm-9`` and ``tal-9`` the paper has 512 and 128.

    References
    ----------
    Arik, Jun and Diamos, "Fast spectrogram inversion using multi-head convolutional neural
    networks", IEEE SPL, 2019; used by InverSynth II and by the AST paper.
    """

    def distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
        error, scale = norm(a - b), norm(a)
        if scale == 0.0:
            return 0.0 if error == 0.0 else math.inf
        return error / scale

    return compare(target, candidate, lambda x: spectral.magnitudes(x, size, hop), distance)
