"""The user's own presets: read once, remembered, found again by sound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.banks import building, presets, read_bank
from synthmatch.banks.index import Index
from synthmatch.errors import PresetError, StartsWarning
from synthmatch.synth import render_batch, save_patch

RATE = 16_384


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    synth = load_synth("jsyn")
    bank = tmp_path / "bank"
    (bank / "more").mkdir(parents=True)
    for k, vector in enumerate(synth.space.sample(np.random.default_rng(4), 24)):
        place = bank / ("more" if k % 2 else "") / f"{k:02}.json"
        save_patch(synth, synth.space.decode(vector), place)
    return bank


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_sound_of_the_bank_is_found_again(folder: Path) -> None:
    synth = load_synth("jsyn")
    bank = read_bank(synth, [folder])
    assert len(bank) == 24
    note = Note(69, 80, 0.8, 1.6)  # longer than the note that the index is made with
    sounds = render_batch(synth, bank.vectors, note)
    hits = 0
    for sound, vector in zip(0.3 * sounds, bank.vectors, strict=True):
        best = bank.nearest(synth, sound, RATE, note, 3)
        assert best.shape == (3, 23)
        hits += bool((best == vector).all(axis=1).any())
    assert hits == 24


def test_an_index_is_made_once_for_all_notes_and_again_when_damaged(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth = load_synth("jsyn")
    bank = read_bank(synth, [folder])
    shown: list[tuple[int, int, float]] = []
    first = bank.index(synth, lambda *row: shown.append(row))
    assert shown[-1] == (24, 24, 0.0)
    (file,) = cache.rglob("*.safetensors")
    assert not list(cache.rglob("*.npy"))

    calls: list[int] = []
    monkeypatch.setattr(
        "synthmatch.banks.building.render_batch",
        lambda *a: calls.append(len(a[1])) or render_batch(*a),
    )
    np.testing.assert_array_equal(bank.index(synth).codes, first.codes)
    sound = np.sin(np.arange(RATE) / 9).astype(np.float32)
    for pitch in (48, 62):
        bank.nearest(synth, sound, RATE, Note(pitch), 3)
    assert set(calls) == {2}  # only the sounds that its name depends on
    file.write_bytes(file.read_bytes()[:100])
    np.testing.assert_array_equal(bank.index(synth).codes, first.codes)
    assert sum(calls) > 24


def test_where_no_cache_can_be_written_the_index_is_made_all_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth = load_synth("jsyn")
    bank = read_bank(synth, [folder])
    kept = bank.index(synth)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "file"))
    with pytest.warns(StartsWarning, match="SYNTHMATCH_CACHE"):
        np.testing.assert_array_equal(bank.index(synth).codes, kept.codes)


def test_of_two_that_want_an_index_one_makes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synth = load_synth("jsyn")
    bank = read_bank(synth, [folder])
    built: list[int] = []
    plain = building.build_index

    def build(*given: Any, **options: Any) -> Index:
        built.append(1)
        return plain(*given, **options)

    monkeypatch.setattr(presets, "build_index", build)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: bank.index(synth), range(3)))
    assert len(built) == 1
    assert all(np.array_equal(index.codes, found[0].codes) for index in found)


def test_what_is_no_preset_is_skipped_in_a_folder_and_refused_by_name(folder: Path) -> None:
    synth = load_synth("jsyn")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "broken.json").write_text("{}")
    bank = read_bank(synth, [folder, folder / "00.json"])
    assert len(bank) == 24
    (line,) = bank.skipped
    assert "broken.json" in line
    with pytest.raises(PresetError, match=r"broken\.json"):
        read_bank(synth, [folder / "broken.json"])
    with pytest.raises(PresetError, match="no presets of 'fm'"):
        read_bank(load_synth("fm"), [folder / "more"])
