"""The index against brute force over whole fingerprints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthmatch.banks.fingerprints import SIZE, Fingerprints, weights
from synthmatch.banks.index import Axes, Index, read_index, write_index
from synthmatch.errors import StartsError


@pytest.fixture(scope="module")
def prints() -> Fingerprints:
    """3,000 fingerprints near a plane of 12 dimensions, part of each unknown."""
    rng = np.random.default_rng(3)
    plane = rng.standard_normal((12, SIZE))
    values = 4 + rng.standard_normal((3000, 12)) @ plane + 0.05 * rng.standard_normal((3000, SIZE))
    known = rng.random(SIZE) < 0.8
    return Fingerprints((values * known).astype(np.float32), known)


@pytest.fixture(scope="module")
def index(prints: Fingerprints) -> Index:
    axes = Axes.learn(prints, 12)
    return Index(axes, axes.encode(prints), {"synth": "none"})


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_it_finds_what_brute_force_over_the_shared_numbers_finds(
    prints: Fingerprints, index: Index, share: float
) -> None:
    rng = np.random.default_rng(5)
    agreed = 0
    for row in range(20):
        known = rng.random(SIZE) < share
        target = Fingerprints(2.5 * prints.values[row : row + 1] * known, known)
        both = known & prints.known
        rows = (prints.values * weights())[:, both].astype(float)
        wanted = (target.values[0] * weights())[both]
        cosines = rows @ wanted / np.linalg.norm(rows, axis=1)
        expected = np.argsort(-cosines)[:50]
        found = index.nearest(target, 50)
        assert found[0] == row
        agreed += len(set(expected) & set(found))
    assert agreed > 0.85 * 50 * 20


def test_few_sounds_many_wanted_and_nothing_known(prints: Fingerprints) -> None:
    few = Fingerprints(prints.values[:3], prints.known)
    axes = Axes.learn(few, 20)
    index = Index(axes, axes.encode(few), {})
    assert index.codes.shape == (3, 2)
    target = Fingerprints(few.values[1:2], few.known)
    assert sorted(index.nearest(target, 10)) == [0, 1, 2]
    nothing = Fingerprints(np.zeros((1, SIZE), np.float32), np.zeros(SIZE, np.bool_))
    assert len(index.nearest(nothing, 10)) == 0


def test_a_file_is_read_as_it_was_written_and_mapped(index: Index, tmp_path: Path) -> None:
    file = tmp_path / "folder" / "a.safetensors"
    write_index(index, file)
    again = read_index(file)
    assert isinstance(again.codes, np.memmap)
    np.testing.assert_array_equal(again.codes, index.codes)
    np.testing.assert_array_equal(again.axes.directions, index.axes.directions)
    assert again.axes.step == index.axes.step and again.metadata["synth"] == "none"


def test_other_files_are_refused(index: Index, tmp_path: Path) -> None:
    from safetensors.numpy import save

    file = tmp_path / "a.safetensors"
    write_index(index, file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with pytest.raises(StartsError, match="no whole index"):
        read_index(file)
    file.write_bytes(save({"mean": np.zeros(3)}, {"format": "other"}))
    with pytest.raises(StartsError, match="version 1"):
        read_index(file)
    with pytest.raises(StartsError, match="no whole index"):
        read_index(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(StartsError, match="cannot write"):
        write_index(index, tmp_path / "file" / "a.safetensors")
