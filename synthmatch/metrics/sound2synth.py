"""The metric of Sound2Synth: MFCC distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from ..features.spectra import mfcc
from .comparison import Result, Row, compare

_MFCCD_RATE = 48_000  # Hz, sound2synth.txt appendix A


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
        return mfcc(x, _MFCCD_RATE, coefficients, scale="htk")

    def distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
        return float(np.sqrt(((a - b) ** 2).mean(axis=0)).mean())

    return compare(target, candidate, feature, distance)
