"""Nothing is lost: what `synthmatch match` writes, where it does not, and how it goes on."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from synthmatch import _files
from synthmatch._files import lock
from synthmatch.audio import write_wav
from synthmatch.cli.commands import commands

RATE = 16_384


def match(*args: object) -> Result:
    fixed = ("match", "--synth", "fm", "--model", "none", "--renders", 60, "--no-report")
    return CliRunner().invoke(commands, [str(a) for a in (*fixed, *args)])


def tone(path: Path, frequency: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(RATE // 4) / RATE
    write_wav(path, 0.5 * np.sin(2 * np.pi * frequency * time) * np.exp(-5 * time), RATE)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_of_every_rank_are_checked_before_the_search(tmp_path: Path) -> None:
    bell, other = tone(tmp_path / "bell.wav"), tone(tmp_path / "bell.2.wav", 300.0)
    before = contents(tmp_path)
    result = match(bell, "-o", tmp_path, "--renders", 10**9)  # which would not end
    assert result.exit_code == 1
    assert f"{other} exists; give --overwrite" in result.stderr
    assert contents(tmp_path) == before


def test_inputs_are_never_overwritten(tmp_path: Path) -> None:
    bell, other = tone(tmp_path / "bell.wav"), tone(tmp_path / "bell.2.wav", 300.0)
    before = contents(tmp_path)
    result = match(bell, other, "-o", tmp_path, "--overwrite")
    assert result.exit_code == 0, result.output
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert {"bell-2.json", "bell.2.json"} <= after.keys()
    result = match(bell, other, "-o", tmp_path, "--overwrite", "-b", tmp_path / "bell-2.json")
    assert result.exit_code == 0, result.output
    bank = tmp_path / "bell-2.json"
    assert bank.read_bytes() == after[bank.name]
    result = match(bell, "-o", bank, "--overwrite", "-b", bank)
    assert result.exit_code == 1
    assert "bell-2.json is an input of this match" in result.stderr


def test_an_input_under_another_name_is_an_input(tmp_path: Path) -> None:
    bell = tone(tmp_path / "bell.wav")
    out = tmp_path / "out"
    out.mkdir()
    (out / "bell.1.wav").hardlink_to(bell)
    before = bell.read_bytes()
    assert match(bell, "-o", out / "bell.json", "--overwrite").exit_code == 1
    assert match(bell, "-o", out, "--overwrite").exit_code == 0
    assert bell.read_bytes() == before == (out / "bell.1.wav").read_bytes()
    assert (out / "bell-2.1.wav").is_file()


def test_no_two_recordings_share_a_file(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    for name in ("a.wav", "a.2.wav", "A.flac", "kick/01.wav", "snare/01.wav"):
        tone(inside / name).rename(inside / name)
    out = tmp_path / "out"
    result = match(inside, "-o", out, "-c", 2, "--json")
    assert result.exit_code == 0, result.output
    files = [file for row in json.loads(result.stdout)["matches"] for file in row["files"]]
    assert len(files) == 20 == len({file.lower() for file in files}) == len(list(out.iterdir()))
    assert {"kick-01.json", "snare-01.json"} <= {path.name for path in out.iterdir()}


def test_folders_go_on_where_they_were_interrupted(tmp_path: Path) -> None:
    inside, out = tmp_path / "in", tmp_path / "out"
    tone(inside / "a.wav")
    assert match(inside, "-o", out).exit_code == 0
    first = contents(out)
    tone(inside / "b.wav", 300.0)
    result = match(inside, "-o", out, "--json")
    assert result.exit_code == 0, result.output
    assert "a.wav: done before; --overwrite redoes it" in result.stderr
    summary = json.loads(result.stdout)
    assert summary["skipped"] == [str(inside / "a.wav")]
    assert [row["target"] for row in summary["matches"]] == ["b.wav"]
    after = contents(out)
    assert {name: after[name] for name in first} == first
    assert "b.json" in after
    assert match(inside, "-o", out, "--overwrite", "--seed", 1).exit_code == 0
    assert contents(out)["a.1.wav"] != first["a.1.wav"]


def test_files_that_are_not_ours_are_not_taken_for_done(tmp_path: Path) -> None:
    inside, out = tmp_path / "in", tmp_path / "out"
    tone(inside / "a.wav")
    tone(inside / "b.wav")
    tone(out / "a.1.wav")
    (out / "a.json").write_text("mine")
    result = match(inside, "-o", out)
    assert result.exit_code == 1
    assert "a.json exists" in result.stderr and (out / "b.json").is_file()
    assert (out / "a.json").read_text() == "mine"


def test_sounds_of_a_match_in_the_folder_itself_are_no_recordings(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.2.wav")  # a recording: there is no preset beside it
    assert match(tmp_path, "-o", tmp_path, "-c", 2).exit_code == 0
    before = contents(tmp_path)
    result = match(tmp_path, "-o", tmp_path, "-c", 2)
    assert result.exit_code == 0, result.output
    assert "4 sounds of earlier matches left out" in result.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("failing", [1, 3, 5])
def test_a_full_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    bell, out = tone(tmp_path / "bell.wav"), tmp_path / "out"
    count, sync = 0, _files._sync

    def full(path: Path) -> None:
        nonlocal count
        count += 1
        if count == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(path)

    with monkeypatch.context() as patched:
        patched.setattr(_files, "_sync", full)
        result = match(bell, "-o", out)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr and ".synthmatch" not in result.stderr
    assert not list(out.iterdir())
    assert match(bell, "-o", out).exit_code == 0


def test_files_that_another_process_is_making_are_refused(tmp_path: Path) -> None:
    bell, out = tone(tmp_path / "bell.wav"), tmp_path / "out"
    out.mkdir()
    with lock(out / ".bell.lock"):
        result = match(bell, "-o", out, "--overwrite", "--renders", 10**9)
    assert result.exit_code == 1
    assert "another process is making" in result.stderr
    assert not list(out.iterdir())


def test_a_report_that_cannot_be_made_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell = tone(tmp_path / "bell.wav")
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    result = match(bell, "--report", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert 'no report: reports need jinja2; install it by: pip install "' in result.stderr
    assert (tmp_path / "out" / "bell.json").is_file()


def test_rendering_never_replaces_the_preset(tmp_path: Path) -> None:
    assert match(tone(tmp_path / "a.wav"), "-o", tmp_path / "a.json").exit_code == 0
    preset = str(tmp_path / "a.json")
    before = (tmp_path / "a.json").read_bytes()
    result = CliRunner().invoke(commands, ["render", preset, "-o", preset, "--overwrite"])
    assert result.exit_code == 1 and "is the preset itself" in result.stderr
    assert (tmp_path / "a.json").read_bytes() == before
