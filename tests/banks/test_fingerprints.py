"""Fingerprints against their definition: what is heard relative to pitch, release and level."""

from __future__ import annotations

import numpy as np
import pytest

from synthmatch import Note
from synthmatch.banks.fingerprints import (
    BANDS,
    HELD_EDGES,
    RELEASED_EDGES,
    SEGMENTS,
    SIZE,
    fingerprints,
)

RATE = 16_000


def tone(note: Note, sample_rate: int, partial: float = 1.0) -> np.ndarray:
    """A sine at a multiple of the note's frequency, silent from the release on."""
    time = np.arange(note.samples(sample_rate)) / sample_rate
    sound = np.sin(2 * np.pi * note.frequency * partial * time) * (time < note.held)
    return sound.astype(np.float32)[None]


def table(sound: np.ndarray, sample_rate: int, note: Note) -> np.ndarray:
    return fingerprints(sound, sample_rate, note).values.reshape(SEGMENTS, BANDS)


@pytest.mark.parametrize("pitch", [48, 60, 72])
@pytest.mark.parametrize("partial", [1.0, 2.0, 5.0])
def test_a_partial_lies_in_the_same_band_at_any_pitch(pitch: int, partial: float) -> None:
    note = Note(pitch, 100, 1.0, 1.5)
    found = table(tone(note, 44_100, partial), 44_100, note)
    band = (np.log2(partial) + 2) * 4 - 0.5  # bands of a quarter octave from 2 octaves below
    held = found[4 : HELD_EDGES.index(1.0)]
    assert (np.abs(held.argmax(axis=1) - band) <= 1).all()


def test_a_release_lies_in_the_same_segments_however_long_the_key_is_held() -> None:
    short, long = Note(60, 100, 0.5, 1.0), Note(60, 100, 1.0, 1.5)
    first = len(HELD_EDGES) - 1
    for note in (short, long):
        found = table(tone(note, RATE), RATE, note)
        assert found[: HELD_EDGES.index(note.held)].max() > 1.0
        assert found[first + 1 : first + 3].max() < 0.2  # a window reaches into the first


def test_what_a_note_or_a_rate_lacks_is_not_known() -> None:
    short = fingerprints(tone(Note(60, 100, 0.5, 0.7), RATE), RATE, Note(60, 100, 0.5, 0.7))
    known = short.known.reshape(SEGMENTS, BANDS)
    held, released = HELD_EDGES.index(0.5), RELEASED_EDGES.index(0.15)
    expected = [*range(held), *(len(HELD_EDGES) - 1 + k for k in range(released))]
    assert np.flatnonzero(known.any(axis=1)).tolist() == expected
    high = fingerprints(tone(Note(84), RATE), RATE, Note(84)).known.reshape(SEGMENTS, BANDS)
    assert known.sum(axis=1).max() - high.sum(axis=1).max() == 8  # two octaves of four bands
    assert not short.values[0][~short.known].any()


def test_level_does_not_count_and_silence_is_nothing() -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((1, RATE)).astype(np.float32)
    note = Note(60, 100, 0.6, 1.0)
    loud, quiet = (fingerprints(gain * sound, RATE, note).values for gain in (1.0, 0.1))
    np.testing.assert_allclose(quiet, loud, atol=1e-4)
    silent = fingerprints(np.zeros((2, 100), np.float32), RATE, note)
    assert silent.values.shape == (2, SIZE) and not silent.values.any()
