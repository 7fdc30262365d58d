"""The index of starts that ships with jsyn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from synthmatch import load_synth
from synthmatch.banks import Starts, find_starts
from synthmatch.banks.building import describe, played
from synthmatch.synth import render_batch


@pytest.fixture
def starts(tmp_path, monkeypatch) -> Starts:
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_starts(load_synth("jsyn"))
    assert found is not None
    return found


def test_draws_made_again_sound_as_the_index_says(starts: Starts) -> None:
    synth = starts.synth
    note, rate = played(synth)
    for first in (0, 77_777, len(starts) - 32):
        codes = np.asarray(starts.index.codes[first : first + 32], dtype=np.int64)
        remade = starts.index.axes.encode(
            describe(synth, starts.draws.between(first, first + 32), note, rate)
        )
        assert np.abs(remade - codes).max() <= 1


def test_a_draw_is_found_again_by_its_sound(starts: Starts) -> None:
    synth = starts.synth
    note, rate = played(synth)
    vectors = starts.draws.between(50_000, 50_024)
    sounds = render_batch(synth, vectors, note, rate)
    found = [starts.nearest(sound, rate, note, 8).take(8) for sound in 0.3 * sounds]
    hits = [(near == v).all(axis=1).any() for near, v in zip(found, vectors, strict=True)]
    assert np.mean(hits) > 0.9


def test_other_modulation_and_gater_have_none() -> None:
    assert load_synth("jsyn", modulation="phase").starts is None
    assert load_synth("jsyn", gater="sine").starts is None
