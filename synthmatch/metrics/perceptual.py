"""Metrics of sounds beyond the papers; public through :mod:`synthmatch.metrics`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.framing import frames, magnitudes
from ..audio.loudness import loudness
from ..features.spectra import decibels, mel_spectrogram
from .comparison import Result, Row, compare, pearson

_DYNAMIC_RANGE = 80.0  # dB under the target's maximum at which spectra are floored
_AT_ONCE = 256  # windows of an envelope that are squared at a time
_FRAMES = 256  # of two spectrograms that are compared at a time
_LOUDNESS_FLOOR = -70.0  # LUFS, the absolute gate of BS.1770


def mel_distance(target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int) -> Result:
    """Return the mean difference of log-mel spectrograms at five scales, in dB; lower is better.

    Windows of 2048, 1024, 512, 256 and 128 samples with a quarter of that as hop and a
    sixteenth as mel bands (Slaney scale, filters of unit area); absolute differences in dB
    are averaged over each spectrogram, then over the scales. Both sounds are floored 80 dB
    under the target's maximum.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.
    """

    def feature(x: Row) -> list[npt.NDArray[Any]]:
        return [
            mel_spectrogram(x, sample_rate, size, size // 4, size // 16)
            for size in (2048, 1024, 512, 256, 128)
        ]

    def distance(a: list[npt.NDArray[Any]], b: list[npt.NDArray[Any]]) -> float:
        pairs = zip(a, b, strict=True)
        return float(np.mean([np.abs(np.subtract(*_floored(x, y))).mean() for x, y in pairs]))

    return compare(target, candidate, feature, distance)


def _floored(
    target: npt.NDArray[Any], candidate: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return two power spectra in dB, both floored 80 dB under the target's maximum."""
    floor = _floor(target)
    return decibels(target, floor), decibels(candidate, floor)


def _floor(target: npt.NDArray[Any]) -> float:
    floor: float = float(target.max()) * 10.0 ** (-_DYNAMIC_RANGE / 10.0)
    return max(floor, 1e-10)


def _parts(power: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield the frames of a spectrogram ``[frames, bins]`` some at a time."""
    for first in range(0, len(power), _FRAMES):
        yield power[first : first + _FRAMES]


def log_spectral_distance(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int
) -> Result:
    """Return the log-spectral distance in dB after loudness matching; lower is better.

    The candidate is first brought to the target's integrated loudness (BS.1770). Then the
    distance is ``mean over t of sqrt(mean over f of (10 log10(P / P'))^2)`` over power
    spectra of Hann windows of about 46 ms (a power of two: 2048 samples at 44.1 kHz), hop a
    quarter of that, both floored 80 dB under the target's maximum.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.

    References
    ----------
    Gray and Markel, "Distance measures for speech processing", IEEE TASSP, 1976.
    """
    size = 2 ** round(math.log2(0.0464 * sample_rate))

    def feature(x: Row) -> tuple[npt.NDArray[Any], float]:
        level = _audible_loudness(x, sample_rate)
        power = magnitudes(x, size, size // 4)
        power *= power
        return power, level

    def distance(a: tuple[npt.NDArray[Any], float], b: tuple[npt.NDArray[Any], float]) -> float:
        gain = 10.0 ** ((a[1] - b[1]) / 10.0)
        floor = _floor(a[0])
        errors = [
            np.square(decibels(x, floor) - decibels(y * gain, floor)).mean(axis=-1)
            for x, y in zip(_parts(a[0]), _parts(b[0]), strict=True)
        ]
        return float(np.sqrt(np.concatenate(errors)).mean())

    return compare(target, candidate, feature, distance)


def _audible_loudness(x: Row, sample_rate: int) -> float:
    return max(float(loudness(x, sample_rate)), _LOUDNESS_FLOOR)


def level_difference(target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int) -> Result:
    """Return the absolute difference of integrated loudness (BS.1770) in dB; lower is better.

    Anything under -70 LUFS counts as -70 LUFS, so that silence has a level.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros.
    sample_rate : int
        In Hz.
    """

    def feature(x: Row) -> float:
        return _audible_loudness(x, sample_rate)

    return compare(target, candidate, feature, lambda a, b: abs(a - b))


def envelope_correlation(
    target: npt.ArrayLike, candidate: npt.ArrayLike, sample_rate: int
) -> Result:
    """Return 100 times the Pearson correlation of loudness envelopes; higher is better.

    The envelope is the loudness of windows of 50 ms every 10 ms, as the mean square to the
    power of 0.3, so that 10 dB double it (Stevens' law). Half a window of silence stands before
    and after the sound, so that steady sounds have an envelope too. Overall level does not
    count.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros. Undefined
        for silence: 100 if both are silent, else 0.
    sample_rate : int
        In Hz.
    """
    size, hop = round(0.05 * sample_rate), max(1, round(0.01 * sample_rate))

    def feature(x: Row) -> npt.NDArray[Any]:
        sound = np.pad(x, size // 2)
        windows = frames(sound, size, hop, "constant")
        parts = (windows[k : k + _AT_ONCE] for k in range(0, len(windows), _AT_ONCE))
        power = np.concatenate([(part**2).mean(axis=-1) for part in parts])
        return np.asarray(power**0.3)

    return compare(target, candidate, feature, pearson)
