"""The index of starts that ships with Dexed: what it says of its draws is what they sound like."""

from __future__ import annotations

import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.banks import Starts, find_starts
from synthmatch.banks.building import describe, played
from synthmatch.synth import render_batch


@pytest.fixture
def starts(tmp_path, monkeypatch) -> Starts:
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path))
    found = find_starts(load_synth("dexed"))
    assert found is not None
    return found


def test_draws_made_again_sound_as_the_index_says(starts: Starts) -> None:
    """Everywhere in it: the prior and the engine of today are those it was built with."""
    synth = starts.synth
    note, rate = played(synth)
    for first in (0, 123_456, 777_777, len(starts) - 32):
        codes = np.asarray(starts.index.codes[first : first + 32], dtype=np.int64)
        vectors = starts.draws.between(first, first + 32)
        remade = starts.index.axes.encode(describe(synth, vectors, note, rate))
        assert np.abs(remade - codes).max() <= 1


def test_a_draw_is_found_again_at_any_note(starts: Starts) -> None:
    synth = starts.synth
    numbers = np.arange(500_000, 500_024)
    vectors = starts.draws.take(numbers)
    for note in (Note(60, 127, 2.0, 4.0), Note(48, 100, 0.5, 1.5), Note(79, 80, 1.5, 2.5)):
        sounds = render_batch(synth, vectors, note, 32_000)
        found = [starts.nearest(sound, 32_000, note, 64) for sound in 0.3 * sounds]
        hits = [(near == v).all(axis=1).any() for near, v in zip(found, vectors, strict=True)]
        assert np.mean(hits) > 0.5


def test_only_the_whole_voice_has_them() -> None:
    assert load_synth("dexed", view="dx7-144").starts is None
