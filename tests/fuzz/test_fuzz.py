"""A short campaign over every kind of file; ``python -m tests.fuzz`` runs longer ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .campaign import Kind, all_kinds, run

CASES = 200


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.name)
def test_damaged_files_are_read_or_refused_in_one_line(kind, tmp_path):
    found = run(kind, tmp_path, CASES)
    assert not found, f"{len(found)} findings; case {found[0].case}: {found[0].problem}"


def test_what_breaks_a_reader_is_found(tmp_path):
    def write(folder):
        (folder / "a.txt").write_text("12")
        return [folder / "a.txt"]

    bad = Kind("bad", write, lambda path: int(path.read_text()))
    found = run(bad, tmp_path, 50)
    assert found and all("Error" in finding.problem for finding in found)
    assert all(finding.file.is_file() for finding in found)
    again = run(bad, tmp_path / "again", 50)
    assert [f.case for f in again] == [f.case for f in found]


def test_the_command_knows_every_kind():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.fuzz", "--cases", "1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "1 cases, 0 findings" in line]
    assert len(lines) == len(all_kinds())
