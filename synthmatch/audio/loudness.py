"""Integrated loudness after ITU-R BS.1770-4."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .framing import Floats, as_floats

_BLOCK = 0.4  # seconds, BS.1770-4 section 2
_OVERLAP = 4  # blocks that share any one instant (75 % overlap)
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU under the mean of what passes the absolute gate


def k_filter(sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the K-weighting as second-order sections ``[2, 6]``.

    A high shelf for the head and a high pass, as analogue prototypes whose bilinear
    transforms at 48 kHz are the tables 1 and 2 of BS.1770-4 to their printed digits (the
    prototypes are those of De Man, "Evaluation of implementations of the EBU R128 loudness
    measurement", AES 145, 2018).
    """
    f, q, gain = 1681.974450955533, 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    k = math.tan(math.pi * f / sample_rate)
    middle = gain**0.4996667741545416
    a0 = 1.0 + k / q + k * k
    shelf = [
        (gain + middle * k / q + k * k) / a0,
        2.0 * (k * k - gain) / a0,
        (gain - middle * k / q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / q + k * k) / a0,
    ]
    f, q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * f / sample_rate)
    a0 = 1.0 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


def k_weighted(audio: npt.ArrayLike, sample_rate: int) -> Floats:
    """Return ``audio [..., samples]`` through the K-weighting, of the same shape."""
    from scipy.signal import sosfilt  # half the time that importing synthmatch would take

    x = as_floats(audio)
    return np.asarray(sosfilt(k_filter(sample_rate), x, axis=-1))


def loudness(audio: npt.ArrayLike, sample_rate: int) -> npt.NDArray[np.float64]:
    """Return the integrated loudness in LUFS of ``audio [..., samples]``, shape ``[...]``.

    Gated as in BS.1770-4: blocks of 400 ms, 75 % overlap, absolute gate -70 LUFS, relative
    gate -10 LU. Sounds shorter than one block, and sounds of which no block passes the
    absolute gate, are measured as one block without a gate. Silence is minus infinity.
    """
    x = as_floats(audio)
    shape, samples = x.shape[:-1], x.shape[-1]
    power = np.asarray(k_weighted(x, sample_rate), dtype=np.float64).reshape(-1, samples) ** 2
    step = round(_BLOCK * sample_rate / _OVERLAP)
    if samples < _OVERLAP * step:
        mean = power.mean(axis=-1)
    else:
        sums = np.add.reduceat(power, np.arange(0, samples, step), axis=-1)
        sums = sums[:, : samples // step]
        blocks = np.lib.stride_tricks.sliding_window_view(sums, _OVERLAP, axis=-1).sum(axis=-1)
        mean = np.array([_gated(row) for row in blocks / (_OVERLAP * step)])
    return _lufs(mean).reshape(shape)


def _gated(blocks: npt.NDArray[np.float64]) -> float:
    loud = blocks[_lufs(blocks) > _ABSOLUTE_GATE]
    if not loud.size:
        return float(blocks.mean())
    kept = loud[_lufs(loud) > _lufs(loud.mean()) + _RELATIVE_GATE]
    return float(kept.mean())


def _lufs(mean_square: npt.ArrayLike) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.asarray(-0.691 + 10.0 * np.log10(mean_square))
