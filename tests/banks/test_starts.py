"""Draws of a prior, remade from their seed: built, interrupted, found again, refused when stale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthmatch import Matcher, Note, load_synth
from synthmatch.banks import (
    Nearest,
    Starts,
    build_starts,
    building_pool,
    cached_starts,
    find_starts,
)
from synthmatch.banks.index import read_index
from synthmatch.banks.starts import Draws
from synthmatch.cli.commands import commands
from synthmatch.errors import (
    BusyError,
    OutputError,
    ParameterError,
    StartsError,
    StartsWarning,
)
from synthmatch.synth import render_batch

DRAWS = 300
NOTE = Note(69, 100, 0.5, 0.8)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(folder))
    monkeypatch.setattr("synthmatch.banks.building._PART", 64)
    monkeypatch.setattr("synthmatch.banks.building._LEARNED", 128)
    return folder


def test_draws_are_the_same_however_they_are_asked_for() -> None:
    draws = Draws("jsyn", 100, seed=7, block=4)
    every = draws.between(0, 100)
    synth = load_synth("jsyn")
    np.testing.assert_array_equal(every[8:12], synth.space.sample(np.random.default_rng([7, 2]), 4))
    np.testing.assert_array_equal(draws.between(13, 50), every[13:50])
    np.testing.assert_array_equal(draws.take([99, 3, 2]), every[[99, 3, 2]])
    assert draws.take([]).shape == (0, 23)


def test_a_sound_of_a_draw_is_found_again_whatever_its_level() -> None:
    path = build_starts("jsyn", DRAWS)
    synth = load_synth("jsyn")
    assert path == cached_starts(synth)
    starts = find_starts(synth)
    assert starts is not None and len(starts) == DRAWS
    vectors = starts.draws.between(100, 130)
    sounds = 0.4 * render_batch(synth, vectors, NOTE)
    found = [starts.nearest(sound, synth.sample_rate, NOTE, 5).take(5) for sound in sounds]
    hits = [(near == v).all(axis=1).any() for near, v in zip(found, vectors, strict=True)]
    assert np.mean(hits) > 0.9
    match = Matcher(synth, model="none").predict(
        sounds[0], synth.sample_rate, note=NOTE, renders=20, candidates=1
    )
    assert "starts" in match.method
    assert Matcher(synth, model="none", starts=False).starts is None


def test_a_build_goes_on_where_it_was_interrupted(cache: Path, tmp_path: Path) -> None:
    whole = read_index(build_starts("jsyn", DRAWS, tmp_path / "whole.safetensors"))
    for file in cache.rglob("*.npy"):
        file.unlink()
    for file in cache.rglob("axes*"):
        file.unlink()
    done: list[int] = []

    def stop(there: int, of: int, left: float) -> None:
        done.append(there)
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_starts("jsyn", DRAWS, tmp_path / "a.safetensors", progress=stop)
    assert done == [64, 128, 192] and not (tmp_path / "a.safetensors").exists()
    again: list[int] = []
    build_starts(
        "jsyn", DRAWS, tmp_path / "a.safetensors", progress=lambda there, *_: again.append(there)
    )
    assert again == [256, 300]
    gone_on = read_index(tmp_path / "a.safetensors")
    assert gone_on.metadata == whole.metadata
    np.testing.assert_array_equal(gone_on.codes, whole.codes)
    np.testing.assert_array_equal(gone_on.axes.directions, whole.axes.directions)
    more: list[int] = []
    build_starts(
        "jsyn", 400, tmp_path / "b.safetensors", progress=lambda there, *_: more.append(there)
    )
    assert more == [320, 384, 400]  # the last part was not whole
    np.testing.assert_array_equal(
        read_index(tmp_path / "b.safetensors").codes[:DRAWS],
        read_index(tmp_path / "a.safetensors").codes,
    )


def test_processes_build_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "one"))
    one = build_starts("jsyn", 40, tmp_path / "one.safetensors")
    monkeypatch.setenv("SYNTHMATCH_CACHE", str(tmp_path / "two"))
    with building_pool(2, nice=1) as pool:
        two = build_starts("jsyn", 40, tmp_path / "two.safetensors", executor=pool)
    np.testing.assert_array_equal(read_index(one).codes, read_index(two).codes)


def test_an_index_of_something_else_is_left_out_with_one_line(cache: Path) -> None:
    path = build_starts("jsyn", DRAWS)
    synth = load_synth("jsyn")
    index = read_index(path)
    with pytest.raises(StartsError, match="of another jsyn than this fm"):
        Starts(load_synth("fm"), index)
    with pytest.raises(StartsError, match="does not say"):
        Starts(synth, type(index)(index.axes, index.codes, {"synth": "jsyn"}))

    class Changed:
        """The same synth, but its filter is gone."""

        def __init__(self) -> None:
            self.name, self.space, self.sample_rate = synth.name, synth.space, synth.sample_rate
            self.note = synth.note

        def render(self, patch, note, sample_rate):
            return np.cumsum(synth.render(patch, note, sample_rate)).astype(np.float32)

    with pytest.raises(StartsError, match="stale"):
        Starts(Changed(), index)
    with pytest.warns(StartsWarning, match="stale"):
        assert find_starts(Changed()) is None
    path.write_bytes(b"not an index")
    with pytest.warns(StartsWarning, match="no whole index"):
        shipped = find_starts(synth)
    assert shipped is not None and len(shipped) > DRAWS


def test_two_do_not_build_the_same_at_once_and_nonsense_is_refused(cache: Path) -> None:
    def meanwhile(*progress: float) -> None:
        with pytest.raises(BusyError, match="wait"):
            build_starts("jsyn", DRAWS)

    build_starts("jsyn", DRAWS, progress=meanwhile)
    with pytest.raises(ParameterError, match="give 2 draws"):
        build_starts("jsyn", 1)


def test_a_file_that_is_no_index_is_not_replaced(cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "keep.wav"
    other.write_bytes(b"a recording")
    with pytest.raises(OutputError, match=r"keep\.wav is there and is no index"):
        build_starts("jsyn", DRAWS, other)
    assert other.read_bytes() == b"a recording"
    index = build_starts("jsyn", DRAWS, tmp_path / "mine.safetensors")
    index.write_bytes(index.read_bytes()[:2000])  # a damaged one is replaced
    assert len(read_index(build_starts("jsyn", DRAWS, index))) == DRAWS


def test_the_command_builds_where_matches_look(cache: Path) -> None:
    arguments = ["starts", "build", "--synth", "jsyn", "--draws", "80", "--workers", "1"]
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert str(cached_starts(load_synth("jsyn"))) in result.output
    assert "80 of 80 draws" in result.output


def test_the_nearest_are_handed_out_in_turn() -> None:
    draws = Draws("jsyn", 40, seed=3)
    every = draws.between(0, 40)
    near = Nearest(draws, np.array([7, 30, 2]))
    np.testing.assert_array_equal(near.take(2), every[[7, 30]])
    np.testing.assert_array_equal(near.take(3), every[[2, 7, 30]])
    assert len(near) == 3 and near.take(0).shape == (0, 23)
    assert Nearest(draws, np.array([], dtype=np.int64)).take(5).shape == (0, 23)


def test_a_search_goes_on_with_the_next_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    build_starts("jsyn", DRAWS)
    synth = load_synth("jsyn")
    sound = synth.render(synth.space.decode(np.full(23, 0.4)), NOTE, synth.sample_rate)
    taken: list[int] = []
    plain = Nearest.take
    monkeypatch.setattr(Nearest, "take", lambda self, n: taken.append(n) or plain(self, n))
    matcher = Matcher(synth, model="none")
    matcher.predict(sound, synth.sample_rate, note=NOTE, renders=300, candidates=1)
    assert taken[0] == 64 and 32 in taken
