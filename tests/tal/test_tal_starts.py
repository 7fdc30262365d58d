"""The index of starts that ships with TAL-NoiseMaker."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.banks import Starts, find_starts
from synthmatch.banks.building import describe, played
from synthmatch.synth import render_batch


@pytest.fixture
def starts(tmp_path, monkeypatch) -> Starts:
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_starts(load_synth("tal"))
    assert found is not None
    return found


def test_draws_made_again_sound_as_the_index_says(starts: Starts) -> None:
    synth = starts.synth
    note, rate = played(synth)
    for first in (0, 55_555, len(starts) - 32):
        codes = np.asarray(starts.index.codes[first : first + 32], dtype=np.int64)
        remade = starts.index.axes.encode(
            describe(synth, starts.draws.between(first, first + 32), note, rate)
        )
        assert np.abs(remade - codes).max() <= 1


def test_a_draw_is_found_again_at_another_note(starts: Starts) -> None:
    synth = starts.synth
    vectors = starts.draws.between(40_000, 40_024)
    for note in (Note(60, 100, 1.0, 1.5), Note(55, 90, 0.6, 1.2)):
        sounds = render_batch(synth, vectors, note, 32_000)
        found = [starts.nearest(sound, 32_000, note, 64).take(64) for sound in 0.3 * sounds]
        hits = [(near == v).all(axis=1).any() for near, v in zip(found, vectors, strict=True)]
        assert np.mean(hits) > 0.5


def test_only_the_dry_parameters_have_them() -> None:
    assert load_synth("tal", view="tal-core").starts is None
