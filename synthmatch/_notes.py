"""Whether a recording seems to hold more than one note."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import uniform_filter1d

from ._pitch import FloatArray, PitchTrack

_LOUD = 20.0  # dB under the loudest frame within which notes are looked for
_SURE = 0.35  # least pitch strength of a frame that counts
_STEADY = 6  # frames (150 ms) a pitch lasts at least
_WOBBLE = 0.5  # semitones a steady pitch may move
_APART = 0.8  # semitones between two notes, octaves aside
_RISE = 12.0  # dB that a new onset falls and rises
_RISE_FRAMES, _GAP_FRAMES = 4, 8  # within 100 ms; 200 ms from the onset before


def several_notes(track: PitchTrack) -> str:
    """Return what makes a sound look like several notes, or an empty string.

    Seen are notes after one another. Octaves are not told apart, nor are chords seen.
    """
    level = 20.0 * np.log10(np.maximum(track.levels / track.levels.max(), 1e-6))
    pitches = _steady_pitches(track, level)
    for a, b in itertools.combinations(pitches, 2):
        if abs((a - b + 6.0) % 12.0 - 6.0) > _APART:
            return "its pitch changes"
    onsets = _onsets(level)
    return f"it has {onsets} onsets" if onsets > 1 else ""


def _steady_pitches(track: PitchTrack, level: FloatArray) -> list[float]:
    smooth = uniform_filter1d(track.strengths, 5, axis=0, mode="constant")
    pitch = track.candidates[smooth.argmax(axis=1)]
    sure = (smooth.max(axis=1) > _SURE) & (level > -_LOUD)
    found = []
    start = 0
    while start < len(pitch):
        stop = start
        while (
            stop < len(pitch)
            and sure[stop]
            and abs(pitch[stop] - np.median(pitch[start : stop + 1])) < _WOBBLE
        ):
            stop += 1
        if stop - start >= _STEADY:
            found.append(float(np.median(pitch[start:stop])))
        start = max(stop, start + 1)
    return found


def _onsets(level: FloatArray) -> int:
    """Return how often the level rises by 12 dB within 100 ms, after falling by as much."""
    count, last = 1, 0
    for i in range(_RISE_FRAMES, len(level)):
        low = i - _RISE_FRAMES + int(np.argmin(level[i - _RISE_FRAMES : i]))
        fell = low > last and level[last : low + 1].max() - level[low] >= _RISE
        rose = level[i] - level[low] >= _RISE and level[i] > -_LOUD
        if fell and rose and i - last >= _GAP_FRAMES:
            count, last = count + 1, i
    return count
