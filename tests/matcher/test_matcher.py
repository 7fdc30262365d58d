"""Matching end to end, on the fm synth: its answers are known because it made the targets."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from synthmatch import Matcher, Note, SynthmatchError, load_synth
from synthmatch.audio import read_recording
from synthmatch.errors import ParameterError
from synthmatch.search import METHODS, Budget
from synthmatch.synth import render_batch, sample_prior

NOTE = Note(69, 100, 0.5, 0.5)
RATE = 16_384


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    synth = load_synth("fm")
    return render_batch(synth, sample_prior(synth, np.random.default_rng(3), 1), NOTE)[0]


@pytest.mark.parametrize("method", METHODS)
def test_search_beats_the_best_of_its_first_draws(target: np.ndarray, method: str) -> None:
    matcher = Matcher("fm", method=method)
    few = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    many = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=600))
    assert many.best.distance < few.best.distance
    assert many.renders <= 600


def test_candidates_are_ranked_distinct_and_match_their_patches(target: np.ndarray) -> None:
    matcher = Matcher("fm")
    match = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=300), candidates=4)
    distances = [c.distance for c in match.candidates]
    assert len(distances) == 4 and distances == sorted(distances)
    assert len({c.patch for c in match.candidates}) == 4
    for candidate in match.candidates:
        again = matcher.synth.render(candidate.patch, match.note, match.sample_rate)
        np.testing.assert_array_equal(again, candidate.audio)


def test_same_seed_same_match_for_one_worker_or_two(target: np.ndarray) -> None:
    def found(seed: int, workers: int) -> list[object]:
        matcher = Matcher("fm", seed=seed, workers=workers)
        match = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=200))
        return [(c.patch, c.distance) for c in match.candidates]

    assert found(1, 1) == found(1, 2)
    assert found(1, 1) != found(2, 1)


def test_refine_never_gets_worse_and_says_where_it_came_from(target: np.ndarray) -> None:
    matcher = Matcher("fm")
    first = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=50))
    second = matcher.refine(target, first, Budget(renders=300), sample_rate=RATE)
    assert second.best.distance <= first.best.distance
    assert first.method in second.method


def test_refine_refuses_a_match_of_another_synth(target: np.ndarray) -> None:
    match = Matcher("fm").predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    with pytest.raises(ParameterError, match="'fm'"):
        Matcher("jsyn").refine(target, match, sample_rate=RATE)


def test_a_recording_brings_its_own_note(target: np.ndarray) -> None:
    recording = read_recording(target, RATE)
    match = Matcher("fm").predict(recording, budget=Budget(renders=20))
    assert match.note == recording.note
    assert match.best.audio.shape == (match.note.samples(match.sample_rate),)


def test_what_a_match_says_is_json(target: np.ndarray) -> None:
    match = Matcher("fm").predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    row = json.loads(json.dumps(match.to_dict()))
    assert row["renders"] == 20 and row["note"] == dataclasses.asdict(NOTE)
    assert "search" in row["method"] and row["seed"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"candidates": 0}, "at least 1"), ({"budget": Budget(renders=10), "note": NOTE}, None)],
)
def test_arguments_are_checked(target: np.ndarray, arguments: dict, says: str | None) -> None:
    if says is None:
        assert Matcher("fm").predict(target, RATE, **arguments).renders == 10
    else:
        with pytest.raises(SynthmatchError, match=says):
            Matcher("fm").predict(target, RATE, **arguments)
