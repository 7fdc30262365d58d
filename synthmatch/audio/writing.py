"""Sounds on their way out: resampling, and WAV files that appear whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from .._files import atomic
from ..errors import AudioError, OutputError
from ..synth import AudioArray

_MAX_RATE = 2**31 - 1


def write_wav(path: str | os.PathLike[str], samples: npt.ArrayLike, sample_rate: int) -> float:
    """Write a 24-bit WAV, whole or not at all; return the gain that was applied.

    Parameters
    ----------
    path : path
        Where to.
    samples : array_like
        ``[frames]`` or ``[frames, channels]``. Where they exceed 1 all of them are scaled
        down to a peak of 1, so that nothing clips; the gain is 1.0 otherwise.
    sample_rate : int
        Hz.

    Raises
    ------
    AudioError
        If samples are not finite, or the rate is none.
    OutputError
        If the file cannot be written.
    """
    x = np.asarray(samples, dtype=np.float64)
    if not np.isfinite(x).all():
        raise AudioError(f"not written, samples are NaN or infinite: {path}")
    gain = 1.0 / max(1.0, float(np.abs(x).max(initial=0.0)))
    if not 1 <= sample_rate <= _MAX_RATE:
        raise AudioError(f"not written, {sample_rate} Hz is no rate of a WAV: {path}")
    file = io.BytesIO()
    try:
        soundfile.write(file, gain * x, sample_rate, format="WAV", subtype="PCM_24")
    except soundfile.SoundFileError as error:
        raise AudioError(f"cannot write {path}: {error.error_string}") from error
    try:  # libsndfile itself would not say what went wrong
        with atomic(Path(path)) as temporary:
            temporary.write_bytes(file.getbuffer())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return gain


def resample(samples: npt.ArrayLike, sample_rate: float, target_rate: float) -> AudioArray:
    """Return ``samples [n]`` at ``target_rate`` Hz as float32, by soxr at high quality."""
    x = np.asarray(samples, dtype=np.float32)
    if sample_rate == target_rate:
        return x
    return np.asarray(soxr.resample(x, sample_rate, target_rate), dtype=np.float32)
