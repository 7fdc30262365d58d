"""What the examples that train on notes read: folders mixed, recordings, what a search found."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from synthmatch.audio import write_wav

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("train_masked")


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("search_note_sounds")


def shards(folder: Path, sizes: list[int], first: int, **more: np.ndarray) -> Path:
    folder.mkdir()
    for number, size in enumerate(sizes):
        classes = np.arange(first, first + size, dtype=np.int16)[:, None]
        save_file({"classes": classes, **more}, folder / f"{number:05}.safetensors")
        first += size
    return folder


def test_two_folders_are_read_one_after_the_other(train: ModuleType, tmp_path: Path) -> None:
    one = shards(tmp_path / "one", [3, 4], 0)
    two = shards(tmp_path / "two", [2], 7)
    data, counts = train.load_shards(one, two)
    assert counts == [7, 2]
    assert data["classes"][:, 0].tolist() == list(range(9))
    assert train.load_shards(two)[1] == [2]


def test_a_shard_holds_its_rows_however_they_lay_in_memory(
    train: ModuleType, tmp_path: Path
) -> None:
    rows = np.arange(24, dtype=np.int16).reshape(4, 6)
    parts = [{"classes": np.asfortranarray(part)} for part in (rows[:2], rows[2:])]
    importlib.import_module("render_note_sounds").write(tmp_path / "00000.safetensors", parts)
    data, counts = train.load_shards(tmp_path)
    assert counts == [4]
    np.testing.assert_array_equal(data["classes"].numpy(), rows)


def test_a_share_of_each_batch_is_of_the_second_folder(train: ModuleType) -> None:
    generator = torch.Generator().manual_seed(1)
    parts = [torch.arange(1000), torch.arange(1000, 1005)]
    rows = torch.stack([train.draw_rows(parts, 20, 0.3, generator) for _ in range(200)])
    assert ((rows >= 1000).sum(1) == 6).all()
    assert rows[rows >= 1000].unique().tolist() == [1000, 1001, 1002, 1003, 1004]
    parts = [parts[0], parts[1][:0]]
    alone = train.draw_rows(parts, 20, 0.3, torch.Generator().manual_seed(2))
    plain = torch.randint(0, 1000, (20,), generator=torch.Generator().manual_seed(2))
    assert alone.tolist() == plain.tolist()


@pytest.mark.parametrize(
    ("name", "pitch"), [("flute-72", 72.0), ("bass_synth_033-022-050", 22.0), ("my2", None)]
)
def test_the_pitch_of_a_recording_is_in_its_name(
    search: ModuleType, tmp_path: Path, name: str, pitch: float | None
) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(16000) / 16000)
    write_wav(tmp_path / f"{name}.wav", tone.astype(np.float32), 16000)
    recording = search.of_file(tmp_path / f"{name}.wav")
    assert recording.pitch_given == (pitch is not None)
    assert recording.pitch == pytest.approx(pitch or 69.0, abs=0.05)


def test_what_is_kept_is_the_sound_and_the_patch_that_was_found(
    search: ModuleType, tmp_path: Path
) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 440.0 * time) * np.exp(-3 * time)
    write_wav(sounds / "tone-69.wav", tone.astype(np.float32), 16000)
    folder = tmp_path / "found"
    search.prepare(folder, search.OWN, {}, None)
    options = {"kinds": {search.FILES: 1.0}, "fonts": [], "files": [sounds / "tone-69.wav"]}
    found = search.search(folder, 0, **options, seconds=0.1, near=1.0, count=2)
    made = load_file(folder / "00000.safetensors")
    assert len(found[search.FILES]) == len(made["classes"]) == 2
    assert made["played"][0, :2].tolist() == [69.0, 100.0]
    # row 3 of the first picture is the note's own frequency, the tone's only partial
    assert set(made["harmonics"][:, :, :8].mean(2).argmax(1)) == {3}
    again = search.search(folder, 0, **options, seconds=0.1, near=1.0, count=2)
    assert again == found
    assert search.search(folder, 1, **options, seconds=0.1, near=0.0, count=1)[search.FILES]
    assert not (folder / "00001.safetensors").exists()
