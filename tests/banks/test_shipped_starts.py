"""The indexes of starts that ship: what they say of their draws is what these sound like."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.banks import Starts, find_starts
from synthmatch.banks.building import describe, played
from synthmatch.synth import own_note, render_batch

RATE = 32_000
NOTES = {
    "dexed": (Note(60, 127, 2.0, 4.0), Note(48, 100, 0.5, 1.5), Note(79, 80, 1.5, 2.5)),
    "tal": (Note(60, 100, 1.0, 1.5), Note(55, 90, 0.6, 1.2)),
}


@pytest.fixture(params=["dexed", "jsyn", "tal"])
def starts(request, tmp_path, monkeypatch) -> Starts:
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_starts(load_synth(request.param))
    assert found is not None
    return found


def test_draws_made_again_sound_as_the_index_says(starts: Starts) -> None:
    """Everywhere in it: the prior and the engine of today are those it was built with."""
    synth = starts.synth
    note, rate = played(synth)
    for first in np.linspace(0, len(starts) - 32, 4).astype(int).tolist():
        codes = np.asarray(starts.index.codes[first : first + 32], dtype=np.int64)
        vectors = starts.draws.between(first, first + 32)
        remade = starts.index.axes.encode(describe(synth, vectors, note, rate))
        assert np.abs(remade - codes).max() <= 1


def test_a_draw_is_found_again_at_any_note(starts: Starts) -> None:
    synth = starts.synth
    own = own_note(synth)
    notes = (own,) if own is not None else NOTES[synth.name]
    middle = len(starts) // 2
    vectors = starts.draws.between(middle, middle + 24)
    for note in notes:
        sounds = render_batch(synth, vectors, note, RATE)
        nearest = [starts.nearest(sound, RATE, note, 64) for sound in 0.3 * sounds]
        hits = [
            any((near.take(1)[0] == vector).all() for _ in range(64))  # the first is most often it
            for near, vector in zip(nearest, vectors, strict=True)
        ]
        assert np.mean(hits) > 0.5


@pytest.mark.parametrize(
    ("synth", "options"),
    [
        ("dexed", {"view": "dx7-144"}),
        ("jsyn", {"modulation": "phase"}),
        ("jsyn", {"gater": "sine"}),
        ("tal", {"view": "tal-core"}),
    ],
)
def test_only_the_parameters_and_options_they_were_made_with_have_them(synth, options) -> None:
    assert load_synth(synth, **options).starts is None
