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
