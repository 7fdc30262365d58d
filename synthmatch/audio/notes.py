"""Whether a recording seems to hold more than one note."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import uniform_filter1d

from .pitch import FloatArray, PitchTrack

_LOUD = 20.0  # dB under the loudest frame within which notes are looked for
_SURE = 0.35  # least pitch strength of a frame that counts
_STEADY = 6  # frames (150 ms) a pitch lasts at least
_WOBBLE = 0.5  # semitones a steady pitch may move
_APART = 0.8  # semitones between two notes, octaves aside
_RISE = 12.0  # dB that a new onset falls and rises
_RISE_FRAMES = 4  # 100 ms, within which it rises
_NOTE_FRAMES = 8  # 200 ms; onsets closer than that are tremolo
_EVEN = 0.2  # spread of intervals, relative to their mean, up to which they are tremolo


def several_notes(track: PitchTrack) -> str:
    """Return what makes a sound look like several notes, or an empty string.

    Seen are notes after one another. Octaves are not told apart, chords are not seen, and
    fast or even repetitions pass for tremolo.
    """
    level = 20.0 * np.log10(np.maximum(track.levels / track.levels.max(), 1e-6))
    pitches = _steady_pitches(track, level)
    for a, b in itertools.combinations(pitches, 2):
        if abs((a - b + 6.0) % 12.0 - 6.0) > _APART:
            return "its pitch changes"
    onsets = _onsets(level)
    return "" if len(onsets) < 2 or _tremolo(onsets) else f"it has {len(onsets)} onsets"


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


def _onsets(level: FloatArray) -> list[int]:
    """Return frames where the level has risen by 12 dB in 100 ms, after falling by as much."""
    found = [0]
    for i in range(_RISE_FRAMES, len(level)):
        low = i - _RISE_FRAMES + int(np.argmin(level[i - _RISE_FRAMES : i]))
        if low < found[-1]:
            continue
        fell = level[found[-1] : low + 1].max() - level[low] >= _RISE
        if fell and level[i] - level[low] >= _RISE and level[i] > -_LOUD:
            found.append(i)
    return found


def _tremolo(onsets: list[int]) -> bool:
    """Return whether onsets follow each other too fast, or too evenly, to be notes."""
    intervals = np.diff(onsets)
    even = len(intervals) >= 3 and np.ptp(intervals[1:]) <= max(2, _EVEN * intervals.mean())
    return bool(even or np.median(intervals) < _NOTE_FRAMES)
