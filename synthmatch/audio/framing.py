"""Frames of sounds, windowed, and their spectra, in numpy.

All functions work on the last axis, keep leading axes, and put time before frequency:
``[..., samples] -> [..., frames, bins]``. float32 stays float32, anything else is float64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

Floats: TypeAlias = npt.NDArray[Any]  # float32 or float64
Padding: TypeAlias = Literal["reflect", "constant", "none"]

_AT_ONCE = 2**18  # samples of frames that magnitudes are taken of at a time


def fit_length(samples: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """Return the first ``length`` samples, silence after the end."""
    out = np.zeros(length, dtype=np.float32)
    out[: len(samples)] = samples[:length]
    return out


def as_floats(audio: npt.ArrayLike) -> Floats:
    """Return ``audio`` as float32 if it is float32 already, else as float64."""
    x = np.asarray(audio)
    return x if x.dtype == np.float32 else x.astype(np.float64, copy=False)


@functools.lru_cache(maxsize=32)
def hann(size: int) -> npt.NDArray[np.float64]:
    """Return the periodic Hann window ``[size]``, read-only."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)
    window.flags.writeable = False
    return window


def frames(audio: npt.ArrayLike, size: int, hop: int, padding: Padding = "reflect") -> Floats:
    """Return overlapping frames ``[..., frames, size]`` of ``audio [..., samples]``.

    With padding, frame ``i`` is centred on sample ``i * hop`` and there are
    ``samples // hop + 1`` of them. Without, frame ``i`` starts at ``i * hop``, only whole
    frames are taken, and audio shorter than ``size`` is filled up with zeros.
    """
    x = as_floats(audio)
    if padding != "none":
        width = [(0, 0)] * (x.ndim - 1) + [(size // 2, size // 2)]
        x = np.pad(x, width, mode=padding)
    if x.shape[-1] < size:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1])])
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=-1)[..., ::hop, :]


def stft(
    audio: npt.ArrayLike, size: int, hop: int, padding: Padding = "reflect"
) -> npt.NDArray[Any]:
    """Return the Hann-windowed short-time spectrum, complex ``[..., frames, bins]``."""
    return _spectra(frames(audio, size, hop, padding))


def magnitudes(audio: npt.ArrayLike, size: int, hop: int, padding: Padding = "reflect") -> Floats:
    """Return ``|STFT|``, shape ``[..., frames, size // 2 + 1]``, see :func:`stft`.

    A few frames at a time, so that it needs little more memory than what it returns.
    """
    return map_magnitudes(audio, size, hop, lambda found: found, size // 2 + 1, padding)


def map_magnitudes(
    audio: npt.ArrayLike,
    size: int,
    hop: int,
    function: Callable[[Floats], Floats],
    width: int,
    padding: Padding = "reflect",
) -> Floats:
    """Return ``function(|STFT|)``, shape ``[..., frames, width]``, taken a few frames at a time.

    Parameters
    ----------
    audio, size, hop, padding
        See :func:`stft`.
    function : callable
        From magnitudes ``[..., n, size // 2 + 1]``, which it may overwrite, to
        ``[..., n, width]``.
    width : int
        What it returns for a frame.
    """
    x = frames(audio, size, hop, padding)
    out = np.empty((*x.shape[:-1], width), dtype=x.dtype)
    block = max(1, _AT_ONCE * x.shape[-2] // max(1, x.size))
    for first in range(0, x.shape[-2], block):
        some = slice(first, first + block)
        out[..., some, :] = function(np.abs(_spectra(x[..., some, :])))
    return out


def _spectra(x: Floats) -> npt.NDArray[Any]:
    """Return the spectra of windowed frames."""
    return scipy.fft.rfft(x * hann(x.shape[-1]).astype(x.dtype), axis=-1)
