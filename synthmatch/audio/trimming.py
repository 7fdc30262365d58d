"""Where a recorded note starts and ends, and when its key was let go."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d

from .framing import Floats

_BLOCK = 0.005  # seconds, resolution of levels
_ONSET, _END = -40.0, -60.0  # dB under the loudest block: what no doubt is sound; what may be
_NOISE_MARGIN = 6.0  # dB over a noise floor that counts as sound
_BEFORE, _AFTER = 0.003, 0.02  # seconds kept around the sound
_LEAST = 0.025  # seconds kept at least, where there are as many
_SMOOTHING = 4  # blocks that levels are averaged over to find the release
_STEEPENING = 6.0  # dB that the envelope must stand over a straight decay to show a release

FloatArray = npt.NDArray[np.float64]


def levels(samples: Floats, block: int) -> FloatArray:
    """Return the RMS level of blocks of ``block`` samples in dB under the loudest one.

    The last block may be short. Nothing is below -200 dB.
    """
    starts = np.arange(0, len(samples), block)
    squares = np.asarray(samples, dtype=np.float64) ** 2
    power = np.add.reduceat(squares, starts) / np.diff(np.append(starts, len(samples)))
    return np.asarray(10.0 * np.log10(np.maximum(power / power.max(), 1e-20)))


def sounding(samples: Floats, sample_rate: int) -> slice:
    """Return the part of ``samples [n]`` that sounds; they must not be all zero.

    Silence is what lies 60 dB under the loudest 5 ms, or within 6 dB of a steady noise floor
    that is at least 40 dB under. 3 ms before the onset and 20 ms after the end are kept.
    """
    block = max(1, round(_BLOCK * sample_rate))
    level = levels(samples, block)
    first = int(np.argmax(level > _silence(level)))
    last = len(level) - int(np.argmax(level[::-1] > _silence(level[::-1])))
    fine = max(1, block // 8)
    inside = levels(samples[first * block : (first + 1) * block], fine)
    start = first * block + int(np.argmax(inside > _ONSET)) * fine
    stop = min(len(samples), last * block + round(_AFTER * sample_rate))
    start = min(start - round(_BEFORE * sample_rate), stop - round(_LEAST * sample_rate))
    return slice(max(0, start), stop)


def _silence(level: FloatArray) -> float:
    """Return the level in dB that sound rises over, from the quiet before the first loud block."""
    quiet = level[: int(np.argmax(level > _ONSET))]
    edge = quiet[: max(8, len(quiet) // 2)]
    if len(edge) < 8 or np.ptp([edge[: len(edge) // 2].mean(), edge[len(edge) // 2 :].mean()]) > 2:
        return _END
    return float(np.clip(edge.mean() + _NOISE_MARGIN, _END, _ONSET))


def held(samples: Floats, sample_rate: int) -> float:
    """Return after how many seconds the key was probably let go.

    A decay under a held key is straight or slackens when its level in dB is drawn over time;
    letting go makes it steeper. So this is where the envelope stands farthest over the
    straight line from its start to its end. Where it never stands clearly over it (a struck
    or plucked note left to ring, a recording cut before the release), it is the whole length.
    """
    block = max(1, round(_BLOCK * sample_rate))
    power = uniform_filter1d(10.0 ** (levels(samples, block) / 10.0), _SMOOTHING, mode="nearest")
    level = 10.0 * np.log10(np.maximum(power / power.max(), 1e-20))
    # What is still to come counts: attacks, dips and tremolo do not look like decays.
    falling = np.maximum.accumulate(level[::-1])[::-1]
    floor = max(_END, float(falling[-1]) + 3.0) if falling[-1] < _ONSET else _END
    above = falling > floor
    end = int(above.sum())
    whole = len(samples) / sample_rate
    if end < 4:
        return whole
    curve = falling[:end]
    line = np.linspace(curve[0], curve[-1], end)
    over = curve - line
    knee = int(over.argmax())
    if over[knee] < _STEEPENING:
        return whole
    return min(whole, (knee + 1) * block / sample_rate)
