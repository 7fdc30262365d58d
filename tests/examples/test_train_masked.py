"""Which sounds and labels a network of notes is trained on."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from synthmatch import Note, load_synth
from synthmatch.estimators.note_pictures import NotePictures
from synthmatch.synth import audible, canonical, sample_prior

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("train_masked")


def shard() -> dict[str, torch.Tensor]:
    return {
        "classes": torch.tensor([[0], [1], [2], [3]]),
        "audible": torch.tensor([[1], [1], [1], [0]]),
        "raw_classes": torch.tensor([[4], [5], [6], [7]]),
        "raw_audible": torch.tensor([[0], [1], [1], [1]]),
        "human": torch.tensor([1, 0, 0, 1], dtype=torch.uint8),
    }


def test_labels_and_sounds_are_those_asked_for(examples: ModuleType) -> None:
    data = shard()
    assert examples.choose(data, "canonical", "all").tolist() == [0, 1, 2, 3]
    assert data["classes"].flatten().tolist() == [0, 1, 2, 3]
    assert examples.choose(data, "canonical", "people").tolist() == [0, 3]
    assert examples.choose(data, "raw", "prior").tolist() == [1, 2]
    assert data["classes"].flatten().tolist() == [4, 5, 6, 7]
    assert data["audible"].flatten().tolist() == [0, 1, 1, 1]


def test_shards_that_do_not_say_are_refused(examples: ModuleType) -> None:
    old = {name: value for name, value in shard().items() if name in ("classes", "audible")}
    assert len(examples.choose(old, "canonical", "all")) == 4
    with pytest.raises(SystemExit, match="some shards have no human, raw_audible, raw_classes"):
        examples.choose(old, "raw", "all")
    none = shard()
    none["human"] = torch.zeros(4)
    with pytest.raises(SystemExit, match="no sound comes of people"):
        examples.choose(none, "canonical", "people")


def test_options_are_numbers_where_they_can_be(examples: ModuleType) -> None:
    pairs = ["primes=3", "dropout=0.2", "views=times"]
    assert [examples.option(pair) for pair in pairs] == [
        ("primes", 3),
        ("dropout", 0.2),
        ("views", "times"),
    ]


def test_a_sound_has_its_patch_as_drawn_and_canonical(examples: ModuleType) -> None:
    render = importlib.import_module("render_note_sounds")
    synth = load_synth("dexed")
    raw = sample_prior(synth, np.random.default_rng(0), 12)
    human = np.arange(12) % 3 == 0
    pictures = NotePictures(render.RATE, 2 * render.RATE)
    whole = render.describe(synth, pictures, raw, human, Note(60, 100, 0.5, 2.0))
    assert len(whole["human"]) > 6
    place = {row.tobytes(): n for n, row in enumerate(synth.space.to_classes(raw).astype("int16"))}
    kept = [place[row.tobytes()] for row in whole["raw_classes"]]
    assert np.array_equal(whole["human"], human[kept])
    vectors = canonical(synth, raw[kept])
    assert np.array_equal(whole["classes"], synth.space.to_classes(vectors))
    assert np.array_equal(whole["audible"], audible(synth, vectors))
    assert np.array_equal(whole["raw_audible"], audible(synth, raw[kept]))
    assert (whole["raw_classes"] != whole["classes"]).any()


def test_shifted_voices_keep_all_but_rates_and_levels_and_stay_silent_where_they_were(
    examples: ModuleType,
) -> None:
    voices = importlib.import_module("_dx7_voices")
    synth = load_synth("dexed")
    before = sample_prior(synth, np.random.default_rng(3), 200)
    after = voices.shifted(synth.space, before, np.random.default_rng(4))
    classes, moved = synth.space.to_classes(before), synth.space.to_classes(after)
    names = np.array(synth.space.names)
    changed = names[(classes != moved).any(axis=0)]
    assert {name.partition("_")[2][:6] for name in changed} == {"eg_rat", "eg_lev", "output"}
    assert not any(name.startswith("pitch") for name in changed)
    np.testing.assert_array_equal(classes == 0, moved == 0)
    assert 0.2 < (classes != moved)[:, np.isin(names, changed)].mean() < 0.8


def test_gathered_operators_come_from_the_same_place_in_voices_where_they_do_the_same(
    examples: ModuleType,
) -> None:
    voices = importlib.import_module("_dx7_voices")
    space = load_synth("dexed").space

    def voice(algorithm: int, level: int) -> np.ndarray:
        levels = {f"op{op}_output_level": level for op in range(1, 7)}
        return space.encode({"algorithm": algorithm, **levels})

    # carriers: 1, 3 and 5 of algorithm 5; 1 and 3 of algorithm 1; all of algorithm 32
    before = np.tile(voice(5, 10), (200, 1))
    after = voices.gathered(
        space, before, np.stack([voice(1, 50), voice(32, 90)]), np.random.default_rng(5)
    )
    decoded = [space.decode(row) for row in after]
    assert {patch["algorithm"] for patch in decoded} == {5}
    seen = {op: {patch[f"op{op}_output_level"] for patch in decoded} for op in range(1, 7)}
    both, carrier, modulator = {10, 50, 90}, {10, 90}, {10, 50}
    assert seen == {1: both, 3: both, 5: carrier, 2: modulator, 4: modulator, 6: modulator}
    share = np.mean([patch["op1_output_level"] != 10 for patch in decoded])
    assert abs(share - voices.FOREIGN) < 0.1


def test_recorded_sounds_ring_on_or_lose_little_and_the_others_stay_as_they_were(
    examples: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = importlib.import_module("render_note_sounds")
    times = np.arange(16000) / 16000
    click = np.where(times < 0.05, np.sin(2 * np.pi * 1000 * times), 0.0).astype(np.float32)
    tone = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    sounds = np.stack([click, tone] * 20)
    monkeypatch.setattr(render, "ROOM", 0.0)
    monkeypatch.setattr(render, "CODEC", 0.0)
    np.testing.assert_array_equal(render.recorded(sounds, np.random.default_rng(0)), sounds)
    monkeypatch.setattr(render, "ROOM", 1.0)
    made = render.recorded(sounds, np.random.default_rng(1))
    assert made.dtype == np.float32 and made.shape == sounds.shape
    assert (np.abs(made[::2, 900:1800]).max(axis=1) > 1e-4).all()  # after the click
    np.testing.assert_allclose(np.abs(made).max(axis=1), np.abs(sounds).max(axis=1), rtol=1e-5)
    monkeypatch.setattr(render, "ROOM", 0.0)
    monkeypatch.setattr(render, "CODEC", 1.0)
    made = render.recorded(sounds, np.random.default_rng(2))
    error = ((made - sounds) ** 2).sum(axis=1) / (sounds**2).sum(axis=1)
    assert (error > 0.0).all() and np.median(error) < 0.1
