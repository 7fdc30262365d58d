"""Matching end to end, on the fm synth: its answers are known because it made the targets."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from synthmatch import Matcher, Note, SynthmatchError, load_synth
from synthmatch.audio import Recording, read_recording, write_wav
from synthmatch.errors import AudioError, OutputError, ParameterError, PresetError, SearchError
from synthmatch.objective import Objective
from synthmatch.parameters import Patch
from synthmatch.search import METHODS, Budget
from synthmatch.synth import load_patch, own_note, render_batch, sample_prior

NOTE = Note(69, 100, 0.5, 0.5)
RATE = 16_384


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    synth = load_synth("fm")
    return render_batch(synth, sample_prior(synth, np.random.default_rng(3), 1), NOTE)[0]


@pytest.mark.parametrize("method", METHODS)
def test_search_beats_the_best_of_its_first_draws(target: np.ndarray, method: str) -> None:
    matcher = Matcher("fm", model="none", method=method)
    few = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    many = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=600))
    assert many.best.distance < few.best.distance
    assert many.renders <= 600


def test_candidates_are_ranked_distinct_and_match_their_patches(target: np.ndarray) -> None:
    matcher = Matcher("fm", model="none")
    match = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=300), candidates=4)
    distances = [c.distance for c in match.candidates]
    assert len(distances) == 4 and distances == sorted(distances)
    assert len({c.patch for c in match.candidates}) == 4
    for candidate in match.candidates:
        again = matcher.synth.render(candidate.patch, match.note, match.sample_rate)
        np.testing.assert_array_equal(again, candidate.audio)


def test_same_seed_same_match_for_one_worker_or_two(target: np.ndarray) -> None:
    def found(seed: int, workers: int) -> list[object]:
        matcher = Matcher("fm", model="none", seed=seed, workers=workers)
        match = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=200))
        return [(c.patch, c.distance) for c in match.candidates]

    assert found(1, 1) == found(1, 2)
    assert found(1, 1) != found(2, 1)


def test_refine_never_gets_worse_and_says_where_it_came_from(target: np.ndarray) -> None:
    matcher = Matcher("fm", model="none")
    first = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=50))
    second = matcher.refine(target, first, RATE, renders=300)
    assert second.best.distance <= first.best.distance
    assert first.method in second.method


def test_refine_refuses_a_match_of_another_synth(target: np.ndarray) -> None:
    match = Matcher("fm", model="none").predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    with pytest.raises(ParameterError, match="'fm'"):
        Matcher("jsyn", model="none").refine(target, match, RATE)


def test_a_recording_brings_its_own_note() -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(22_050) / 22_050)
    recording = read_recording(tone, 22_050)
    match = Matcher("dexed").predict(recording, renders=8)
    assert match.note == recording.note
    assert match.note.pitch == 57
    assert match.best.audio.shape == (match.note.samples(match.sample_rate),)


def test_a_synth_whose_pitch_is_a_parameter_plays_its_own_note() -> None:
    """Its own sounds come back exactly, whatever pitch and silence they seem to have."""
    synth = load_synth("fm")
    own = own_note(synth)
    assert own is not None
    vectors = sample_prior(synth, np.random.default_rng(8), 6)
    for vector, sound in zip(vectors, render_batch(synth, vectors, own), strict=True):
        match = Matcher("fm").predict(sound, synth.sample_rate, renders=300, candidates=1)
        assert match.note == own
        assert match.best.distance < 1e-6
        assert match.best.patch == synth.space.decode(vector) or match.best.distance == 0.0


def test_a_note_that_is_given_with_the_recording_goes_before_the_own_one() -> None:
    matcher = Matcher("jsyn", model="none")
    sound = load_synth("jsyn").render({}, Note(60, 100, 0.5, 1.0))
    assert matcher.predict(matcher.read(sound, 16_384), renders=5).note.pitch == 69
    recording = matcher.read(sound, 16_384, note="C4")
    assert matcher.predict(recording, renders=5).note.pitch == 60


def test_silence_is_kept_up_to_the_length_of_the_own_note() -> None:
    synth = load_synth("jsyn")
    own = own_note(synth)
    assert own is not None
    late = np.zeros(own.samples(16_384), np.float32)
    late[8_000:9_000] = np.sin(np.arange(1_000) / 3)
    assert len(Matcher("jsyn", model="none").read(late, 16_384).samples) == len(late)
    longer = np.concatenate([late, late])
    assert len(Matcher("jsyn", model="none").read(longer, 16_384).samples) >= len(late)
    assert len(Matcher("dexed", model="none").read(late, 16_384).samples) < 2_000


@pytest.mark.parametrize("note", ["A3", "57", 57, 57.0])
def test_a_note_may_be_a_pitch_alone(target: np.ndarray, note: str | float) -> None:
    match = Matcher("dexed").predict(target, RATE, note=note, renders=4)
    assert match.note.pitch == 57
    assert match.note.total == pytest.approx(len(match.target.samples) / RATE, abs=1e-3)


def test_budgets_are_given_either_way(target: np.ndarray) -> None:
    matcher = Matcher("fm", model="none")
    assert matcher.predict(target, RATE, renders=30).renders == 30
    assert matcher.predict(target, RATE, seconds=0.05).renders > 0
    with pytest.raises(SearchError, match="not both"):
        matcher.predict(target, RATE, renders=30, budget=Budget(renders=3))


def test_a_match_saves_all_its_files_or_none(target: np.ndarray, tmp_path: Path) -> None:
    match = Matcher("fm", model="none").predict(target, RATE, renders=30, candidates=2)
    files = match.save(tmp_path / "out", "bell")
    names = ["bell.json", "bell.1.wav", "bell.2.json", "bell.2.wav"]
    assert [path.name for path in files] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    assert load_patch(load_synth("fm"), files[0]) == match.patch
    (tmp_path / "out" / "bell.json").unlink()
    with pytest.raises(OutputError, match=r"bell\.1\.wav exists"):
        match.save(tmp_path / "out", "bell")
    assert not (tmp_path / "out" / "bell.json").exists()
    match.save(str(tmp_path / "out"), "bell", overwrite=True)
    assert (tmp_path / "out" / "bell.json").exists()
    with pytest.raises(PresetError, match=r"\.syx"):
        match.save(tmp_path, suffix=".syx")
    match.report(tmp_path / "bell.html")
    assert "</html>" in (tmp_path / "bell.html").read_text(encoding="utf-8")


def test_overwriting_leaves_no_candidates_of_the_match_before(
    target: np.ndarray, tmp_path: Path
) -> None:
    matcher = Matcher("fm", model="none")
    matcher.predict(target, RATE, renders=60, candidates=4).save(tmp_path, "bell")
    write_wav(tmp_path / "bell.6.wav", target, RATE)  # somebody's own
    (tmp_path / "bell.old.json").write_text("{}")
    files = matcher.predict(target, RATE, renders=60, candidates=2).save(
        tmp_path, "bell", overwrite=True
    )
    assert set(tmp_path.iterdir()) == {*files, tmp_path / "bell.6.wav", tmp_path / "bell.old.json"}


class Faulty:
    """Plays the fm synth, but NaN wherever the carrier is a square, or always."""

    def __init__(self, always: bool) -> None:
        self._fm = load_synth("fm")
        self._always = always
        self.name, self.space, self.sample_rate = "fm", self._fm.space, RATE

    def render(self, patch: Patch, note: Note, sample_rate: int) -> np.ndarray:
        sound = self._fm.render(patch, note, sample_rate)
        fault = self._always or patch["osc1_wave"] == "square"
        return np.full_like(sound, np.nan) if fault else sound


def test_what_is_no_sound_is_no_candidate(target: np.ndarray, tmp_path: Path) -> None:
    match = Matcher(Faulty(False), model="none").predict(
        target, RATE, note=NOTE, renders=40, candidates=20
    )
    assert len(match.candidates) > 1
    assert all(np.isfinite(candidate.audio).all() for candidate in match.candidates)
    match.save(tmp_path)
    with pytest.raises(AudioError, match="all candidates are NaN or infinite"):
        Matcher(Faulty(True), model="none").predict(target, RATE, note=NOTE, renders=40)


def test_a_match_never_overwrites_its_recording(target: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "bell.1.wav"
    write_wav(path, target, RATE)
    match = Matcher("fm", model="none").predict(path, renders=10, candidates=1)
    with pytest.raises(OutputError, match="the recording itself"):
        match.save(tmp_path, "bell", overwrite=True)


def test_a_match_that_was_pickled_says_that_its_synth_is_gone(target: np.ndarray) -> None:
    match = Matcher("fm", model="none").predict(target, RATE, renders=10, candidates=1)
    again = pickle.loads(pickle.dumps(match))  # noqa: S301
    assert again.patch == match.patch
    with pytest.raises(ParameterError, match="lost its synth"):
        again.save("nowhere")


def test_a_recording_is_resampled_and_analysed_once(
    target: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, resampled = [], []

    class Counted(Objective):
        def __init__(self, samples: np.ndarray, rate: int, **options: object) -> None:
            made.append(rate)
            super().__init__(samples, rate, **options)  # type: ignore[arg-type]

    at = Recording.at
    monkeypatch.setattr("synthmatch.matcher.target.Objective", Counted)
    monkeypatch.setattr(
        Recording, "at", lambda self, rate: resampled.append(rate) or at(self, rate)
    )
    Matcher("dexed", model="none").predict(target, RATE, renders=20)
    assert len(made) == len(set(made)) <= 3
    assert len(resampled) == len(set(resampled)) <= 3


def test_what_a_match_says_is_json(target: np.ndarray) -> None:
    match = Matcher("fm", model="none").predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    row = json.loads(json.dumps(match.to_dict()))
    assert row["renders"] == 20 and row["note"] == dataclasses.asdict(NOTE)
    assert "search" in row["method"] and row["seed"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"candidates": 0}, "at least 1"), ({"budget": Budget(renders=10), "note": NOTE}, None)],
)
def test_arguments_are_checked(target: np.ndarray, arguments: dict, says: str | None) -> None:
    if says is None:
        assert Matcher("fm", model="none").predict(target, RATE, **arguments).renders == 10
    else:
        with pytest.raises(SynthmatchError, match=says):
            Matcher("fm", model="none").predict(target, RATE, **arguments)
