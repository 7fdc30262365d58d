"""Mel filters, decibels, mel spectrograms and MFCCs in numpy, for metrics and objective.

All functions work on the last axis, keep leading axes, and put time before frequency:
``[..., samples] -> [..., frames, bins]``. float32 stays float32, anything else is float64.
"""

from __future__ import annotations

import functools
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

from ..audio.framing import Floats, Padding, as_floats, map_magnitudes

MelScale: TypeAlias = Literal["slaney", "htk"]


def hz_to_mel(hertz: npt.ArrayLike, scale: MelScale = "slaney") -> npt.NDArray[np.float64]:
    """Return mels of frequencies in Hz.

    "htk" is ``2595 log10(1 + f / 700)`` (O'Shaughnessy, as in the HTK book); "slaney" is
    linear under 1 kHz (15 mel) and logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    f = np.asarray(hertz, dtype=np.float64)
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + f / 700.0))
    above = 15.0 + 27.0 * np.log(np.maximum(f, 1000.0) / 1000.0) / np.log(6.4)
    return np.where(f < 1000.0, f * 3.0 / 200.0, above)


def mel_to_hz(mels: npt.ArrayLike, scale: MelScale = "slaney") -> npt.NDArray[np.float64]:
    """Return the frequencies in Hz of mels; the inverse of :func:`hz_to_mel`."""
    m = np.asarray(mels, dtype=np.float64)
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (m / 2595.0) - 1.0))
    above = 1000.0 * np.exp((np.maximum(m, 15.0) - 15.0) * np.log(6.4) / 27.0)
    return np.where(m < 15.0, m * 200.0 / 3.0, above)


def mel_edges(
    bands: int, low: float, high: float, scale: MelScale = "slaney"
) -> npt.NDArray[np.float64]:
    """Return where triangular filters begin, peak and end, ``[bands + 2]`` in Hz."""
    ends = hz_to_mel([low, high], scale)
    return mel_to_hz(np.linspace(ends[0], ends[1], bands + 2), scale)


@functools.lru_cache(maxsize=64)
def mel_filterbank(
    sample_rate: int,
    size: int,
    bands: int,
    *,
    low: float = 0.0,
    high: float | None = None,
    scale: MelScale = "slaney",
    normalise: bool = True,
    widen: bool = False,
) -> npt.NDArray[np.float64]:
    """Return triangular mel filters ``[bands, size // 2 + 1]``, read-only.

    Parameters
    ----------
    sample_rate, size : int
        Of the spectrum the filters apply to: rate in Hz, FFT size.
    bands : int
        Number of filters, their centres evenly spaced in mel from ``low`` to ``high``.
    low, high : float
        Edges in Hz; ``high`` defaults to half the sample rate.
    scale : {"slaney", "htk"}
        See :func:`hz_to_mel`.
    normalise : bool
        Whether every filter has unit area over frequency in Hz (Slaney's norm) instead of
        a peak of 1.
    widen : bool
        Whether no filter is narrower than a bin on either side, so that none falls between
        two bins and is empty.
    """
    edges = mel_edges(bands, low, sample_rate / 2.0 if high is None else high, scale)
    bins = np.linspace(0.0, sample_rate / 2.0, size // 2 + 1)
    below, centre, above = edges[:-2], edges[1:-1], edges[2:]
    if widen:
        below = np.minimum(below, centre - sample_rate / size)
        above = np.maximum(above, centre + sample_rate / size)
    rising = (bins - below[:, None]) / (centre - below)[:, None]
    falling = (above[:, None] - bins) / (above - centre)[:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if normalise:
        filters *= (2.0 / (above - below))[:, None]
    filters.flags.writeable = False
    return filters


def decibels(power: npt.ArrayLike, floor: float = 1e-10, top: float | None = None) -> Floats:
    """Return ``10 log10(max(power, floor))`` of ``power [..., frames, bins]``.

    With ``top``, each sound is also floored ``top`` dB under the maximum over its last two
    axes.
    """
    level: Floats = np.asarray(np.maximum(as_floats(power), floor))
    np.log10(level, out=level)
    level *= 10.0
    if top is not None:
        np.maximum(level, level.max(axis=(-2, -1), keepdims=True) - top, out=level)
    return level


def mel_spectrogram(
    audio: npt.ArrayLike,
    sample_rate: int,
    size: int = 2048,
    hop: int = 512,
    bands: int = 128,
    *,
    scale: MelScale = "slaney",
    padding: Padding = "reflect",
) -> Floats:
    """Return the mel power spectrogram ``[..., frames, bands]``, filters of unit area."""
    filters = _sparse_filters(sample_rate, size, bands, scale)

    def mel(power: Floats) -> Floats:
        power *= power
        flat = power.reshape(-1, power.shape[-1])
        found: Floats = (filters @ flat.T).T
        return found.reshape(*power.shape[:-1], bands)

    return map_magnitudes(audio, size, hop, mel, bands, padding)


@functools.lru_cache(maxsize=64)
def _sparse_filters(
    sample_rate: int, size: int, bands: int, scale: MelScale
) -> scipy.sparse.csr_array:
    """Return :func:`mel_filterbank` without its zeros, which is far faster to apply."""
    return scipy.sparse.csr_array(mel_filterbank(sample_rate, size, bands, scale=scale))


def mfcc(
    audio: npt.ArrayLike,
    sample_rate: int,
    coefficients: int,
    size: int = 2048,
    hop: int = 512,
    bands: int = 128,
    *,
    scale: MelScale = "slaney",
    padding: Padding = "reflect",
) -> Floats:
    """Return mel-frequency cepstral coefficients ``[..., frames, coefficients]``.

    The orthonormal DCT-II over the mel power spectrogram in dB, floored at ``1e-10`` and 80
    dB under its maximum.
    """
    mel = mel_spectrogram(audio, sample_rate, size, hop, bands, scale=scale, padding=padding)
    cepstrum = scipy.fft.dct(decibels(mel, top=80.0), type=2, norm="ortho", axis=-1)
    kept: Floats = cepstrum[..., :coefficients]
    return kept
