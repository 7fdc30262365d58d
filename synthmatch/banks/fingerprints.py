"""Fingerprints: coarse spectra of a note, relative to its pitch and to how it is played.

A fingerprint holds the power in bands that are so many octaves above or below the pitch,
averaged over segments of time that begin with the note or with its release. Whatever pitch
and length a sound has, what it shares with one of another note lies in the same places:
the bands that its sample rate has, and the segments that it is long enough for.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

import numpy as np
import numpy.typing as npt
import scipy.fft

from ..audio.framing import hann
from ..synth import AudioArray, BoolArray, Note

SingleArray = npt.NDArray[np.float32]

HELD_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Seconds since the onset: the segments of a key that is held."""

RELEASED_EDGES = (0.0, 0.05, 0.15, 0.4, 1.0)
"""Seconds since the release: the segments after it."""

_LOW, _HIGH = -2, 5  # octaves above the pitch
_PER_OCTAVE = 4  # bands
_WINDOW = 0.064  # seconds
_SPACING = 0.1  # seconds at most between two windows of a segment
_EXPONENT = 0.2  # of power: between loudness (0.3) and decibels
_FLOOR = 1e-6  # of the mean power of a band, -60 dB: what is quieter counts as silent

SEGMENTS = len(HELD_EDGES) + len(RELEASED_EDGES) - 2
BANDS = (_HIGH - _LOW) * _PER_OCTAVE
SIZE = SEGMENTS * BANDS
"""Numbers of a fingerprint."""


LAYOUT = (
    f"{HELD_EDGES} {RELEASED_EDGES} {_LOW} {_HIGH} {_PER_OCTAVE} "
    f"{_WINDOW} {_SPACING} {_EXPONENT} {_FLOOR}"
)
"""What a fingerprint is made by, as text: with another, indexes are made anew."""


@dataclasses.dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of sounds that play one note.

    Attributes
    ----------
    values : ndarray
        ``float32 [n, SIZE]``, compressed power, 0 where it is not known.
    known : ndarray
        ``bool [SIZE]``: the segments and bands that such a note at such a rate has.
    """

    values: SingleArray
    known: BoolArray


def weights() -> SingleArray:
    """Return the square roots ``float32 [SIZE]`` of how much each number counts."""
    seconds = np.concatenate([np.diff(HELD_EDGES), np.diff(RELEASED_EDGES)])
    return np.repeat(np.sqrt(seconds) ** 0.5, BANDS).astype(np.float32)


def fingerprints(audio: AudioArray, sample_rate: int, note: Note) -> Fingerprints:
    """Return the fingerprints of sounds ``float32 [n, samples]`` that play a note.

    Parameters
    ----------
    audio : ndarray
        Sounds from the onset on; what is shorter than the note is silent after its end.
    sample_rate : int
        In Hz.
    note : Note
        Its pitch, and when it is released.
    """
    times, owners = _windows(note.held, note.total)
    size = 2 ** max(4, round(math.log2(_WINDOW * sample_rate)))
    samples = note.samples(sample_rate)
    padded = np.zeros((len(audio), samples + 2 * size), dtype=np.float32)
    length = min(samples, audio.shape[1])
    padded[:, size : size + length] = audio[:, :length]
    starts = np.rint(np.array(times) * sample_rate).astype(np.int64) + size - size // 2
    window = hann(size).astype(np.float32)
    filters, covered = _filters(sample_rate, size, note.frequency)
    power = np.zeros((len(audio), SEGMENTS, BANDS), dtype=np.float32)
    counts = np.bincount(owners, minlength=SEGMENTS)
    for start, owner in zip(starts.tolist(), owners, strict=True):
        spectrum = scipy.fft.rfft(padded[:, start : start + size] * window, axis=-1)
        power[:, owner] += (spectrum.real**2 + spectrum.imag**2) @ filters
    power /= np.maximum(counts, 1)[:, None]
    mean = power.sum(axis=(1, 2), keepdims=True) / max(1, int((counts > 0).sum())) / BANDS
    relative = np.divide(power, mean, out=np.zeros_like(power), where=mean > 0.0)
    values = np.maximum(relative - np.float32(_FLOOR), 0.0) ** np.float32(_EXPONENT)
    known = (counts > 0)[:, None] & covered
    return Fingerprints(values.reshape(len(audio), SIZE), known.ravel())


def _windows(held: float, total: float) -> tuple[list[float], list[int]]:
    """Return the centres of the windows in seconds, and the segment that each belongs to."""
    centres: list[float] = []
    owners: list[int] = []
    segment = 0
    for edges, base, end in ((HELD_EDGES, 0.0, held), (RELEASED_EDGES, held, total)):
        for begin, until in itertools.pairwise(edges):
            if base + until <= end + 1e-6:
                count = max(1, math.ceil((until - begin) / _SPACING - 1e-9))
                step = (until - begin) / count
                centres += [base + begin + (k + 0.5) * step for k in range(count)]
                owners += [segment] * count
            segment += 1
    return centres, owners


@functools.lru_cache(maxsize=16)
def _filters(sample_rate: int, size: int, frequency: float) -> tuple[SingleArray, BoolArray]:
    """Return triangular bands ``[bins, BANDS]`` about a pitch, and which of them there are.

    None is narrower than a bin on either side, so that none falls between two and is empty.
    """
    steps = np.arange(-1, BANDS + 1) + 0.5
    centres = frequency * 2.0 ** (_LOW + steps / _PER_OCTAVE)
    bins = np.linspace(0.0, sample_rate / 2, size // 2 + 1)[:, None]
    width = sample_rate / size
    middle = centres[1:-1]
    below = np.minimum(centres[:-2], middle - width)
    above = np.maximum(centres[2:], middle + width)
    rising = (bins - below) / (middle - below)
    falling = (above - bins) / (above - middle)
    filters = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    covered = above <= sample_rate / 2
    filters[:, ~covered] = 0.0
    return filters, covered
