"""The metrics of InverSynth II, of sounds; those of parameters are in `parameters`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.framing import magnitudes
from ..features.spectra import mel_spectrogram, mfcc
from .comparison import Result, Row, compare, mean_absolute


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
        return np.log10(np.maximum(magnitudes(x, size, hop), 1e-4))

    return compare(target, candidate, feature, mean_absolute)


def mel_mae(
    target: npt.ArrayLike,
    candidate: npt.ArrayLike,
    sample_rate: int,
    bands: int = 257,
    *,
    n_fft: int = 2048,
    hop: int = 512,
) -> Result:
    """Return the mean absolute difference of mel power spectrograms; lower is better.

    Slaney scale and norm, which the paper does not give.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.
    bands : int
        Number of mel bands.
    n_fft, hop : int
        Window and distance of frames in samples: 1024 and 256 for ``dx7-144`` (section 3.1);
        for the other data sets the paper does not give them.

    References
    ----------
    "Melspec" in Barkan et al., "InverSynth II", ISMIR 2023, sections 3.1 and 3.3.
    """

    def feature(x: Row) -> npt.NDArray[Any]:
        return mel_spectrogram(x, sample_rate, n_fft, hop, bands)

    return compare(target, candidate, feature, mean_absolute)


def mel_band_errors(
    target: npt.ArrayLike,
    candidate: npt.ArrayLike,
    sample_rate: int,
    bands: int = 257,
    *,
    n_fft: int = 2048,
    hop: int = 512,
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
        return mel_spectrogram(x, sample_rate, n_fft, hop, bands)

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
        return mfcc(x, sample_rate, coefficients)

    return compare(target, candidate, feature, mean_absolute)
