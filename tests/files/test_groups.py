"""Groups of files that appear together or not at all, also where a process is killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synthmatch._files import atomic, atomic_group, finish_groups
from synthmatch.errors import OutputError, PresetError

NAMES = ("a.json", "a.wav", "a.html")

KILLED = """
import os, signal, sys
from pathlib import Path
from synthmatch._files import atomic_group
folder, at, overwrite = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "yes"
count = 0
for name in ("rename", "replace"):
    def counted(self, target, original=getattr(Path, name)):
        global count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, target)
    setattr(Path, name, counted)
with atomic_group([folder / n for n in ("a.json", "a.wav", "a.html")], overwrite=overwrite) as new:
    for path in new.values():
        path.write_text("new")
"""


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def write(folder, overwrite=True, names=NAMES):
    with atomic_group([folder / name for name in NAMES], overwrite=overwrite) as temporary:
        for name in names:
            temporary[folder / name].write_text("new")


def test_all_files_appear_and_nothing_else(tmp_path):
    (tmp_path / "a.wav").write_text("old")
    write(tmp_path)
    assert contents(tmp_path) == dict.fromkeys(NAMES, "new")


def test_what_was_not_written_is_left_out(tmp_path):
    write(tmp_path, names=NAMES[:2])
    assert contents(tmp_path) == dict.fromkeys(NAMES[:2], "new")


def test_an_error_in_the_block_leaves_everything_as_it_was_and_names_the_target(tmp_path):
    (tmp_path / "a.wav").write_text("old")
    target = tmp_path / "a.json"
    with pytest.raises(PresetError) as caught, atomic_group([target]) as temporary:
        temporary[target].write_text("new")
        raise PresetError(f"cannot write {temporary[target]}: no")
    assert str(caught.value) == f"cannot write {target}: no"
    assert contents(tmp_path) == {"a.wav": "old"}


@pytest.mark.parametrize("failing", [1, 2, 3, 4, 5])
def test_a_rename_that_fails_undoes_those_before(tmp_path, monkeypatch, failing):
    (tmp_path / "a.json").write_text("old")
    (tmp_path / "a.html").write_text("old")
    count = 0

    def fail(original):
        def renamed(self, target):
            nonlocal count
            count += "journal" not in self.name
            if count == failing:
                count += 1  # once
                raise OSError(errno.EIO, "broken disk")
            return original(self, target)

        return renamed

    with (
        pytest.raises(OSError, match="broken disk"),
        atomic_group([tmp_path / name for name in NAMES]) as temporary,
    ):
        for path in temporary.values():
            path.write_text("new")
        monkeypatch.setattr(Path, "replace", fail(Path.replace))
        monkeypatch.setattr(Path, "rename", fail(Path.rename))
    assert contents(tmp_path) == {"a.json": "old", "a.html": "old"}


def test_no_file_is_overwritten_unasked(tmp_path):
    (tmp_path / "a.html").write_text("old")
    with pytest.raises(OutputError, match=r"a\.html exists"):
        write(tmp_path, overwrite=False)
    assert contents(tmp_path) == {"a.html": "old"}


def test_only_files_are_replaced(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(OutputError, match=r"a\.json is there and is no file"):
        write(tmp_path)
    with (
        pytest.raises(OutputError, match="is no file"),
        atomic(tmp_path / "a.json") as temporary,
    ):
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("at", range(1, 7))
def test_a_group_whose_process_was_killed_is_whole_afterwards(tmp_path, at, overwrite):
    if overwrite:
        (tmp_path / "a.json").write_text("old")
        (tmp_path / "a.html").write_text("old")
    before = contents(tmp_path)
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(at), "yes" if overwrite else "no"]
    done = subprocess.run(command, check=False)
    killed = done.returncode == -signal.SIGKILL
    assert killed == (at <= (6 if overwrite else 4))
    finish_groups(tmp_path)
    expected = before if at == 1 else dict.fromkeys(NAMES, "new")  # 1 is the journal
    assert contents(tmp_path) == expected


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_came_after_a_kill_is_not_overwritten(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), "3", "no"], check=False)
    assert contents_of_files(tmp_path) == {"a.json": "new"}
    (tmp_path / "a.wav").write_text("mine")
    finish_groups(tmp_path)
    assert contents(tmp_path) == {"a.json": "new", "a.wav": "mine", "a.html": "new"}


def contents_of_files(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.name in NAMES}


def test_a_group_that_is_being_made_is_left_alone(tmp_path):
    target = tmp_path / "a.json"
    with atomic_group([target]) as temporary:
        temporary[target].write_text("new")
        finish_groups(tmp_path)
        assert temporary[target].read_text() == "new"
    assert contents(tmp_path) == {"a.json": "new"}
