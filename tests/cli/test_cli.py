"""The command line as a stranger would run it, on synths made for these tests and on jsyn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from synthmatch import Note, load_synth
from synthmatch.audio import read_recording, write_wav
from synthmatch.cli import jobs
from synthmatch.cli.commands import commands as main
from synthmatch.objective import Objective
from synthmatch.parameters import Patch

BELL = Path(__file__).parents[2] / "examples" / "sounds" / "bell.wav"


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


def match(*args: object) -> Result:
    return run("match", "--synth", "jsyn", "--renders", 120, "--model", "none", *args)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    synth = load_synth("fm")
    path = tmp_path / "tone.wav"
    audio = synth.render(synth.space.patch(), Note(69, 100, 0.4, 0.4), 16_384)
    write_wav(path, audio, 16_384)
    return path


def test_match_writes_preset_sounds_and_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = match(BELL, "-o", out, "--candidates", 3)
    assert result.exit_code == 0, result.output
    names = {p.name for p in out.iterdir()}
    assert names == {
        *("bell.json", "bell.2.json", "bell.3.json"),
        *("bell.1.wav", "bell.2.wav", "bell.3.wav"),
        "bell.html",
    }
    patch = Patch.from_json((out / "bell.json").read_text())
    synth = load_synth("jsyn")
    assert synth.space.patch(patch) == patch
    heard = read_recording(out / "bell.1.wav")
    assert heard.sample_rate == synth.sample_rate


def test_the_written_wav_is_the_sound_of_the_written_preset(tmp_path: Path) -> None:
    result = match(BELL, "-o", tmp_path / "b.json", "--no-report", "--json", "--candidates", 1)
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)["matches"][0]
    note = Note(**row["note"])
    again = tmp_path / "again.wav"
    rendered = run(
        *("render", tmp_path / "b.json", "-o", again, "--note", note.pitch),
        *("--velocity", note.velocity, "--held", note.held, "--total", note.total),
    )
    assert rendered.exit_code == 0, rendered.output
    assert again.read_bytes() == (tmp_path / "b.1.wav").read_bytes()


def test_the_same_seed_gives_the_same_preset(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert match(BELL, "-o", tmp_path / f"{name}.json", "--seed", 5).exit_code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "bell.json").write_text("mine")
    refused = match(BELL, "-o", tmp_path)
    assert refused.exit_code == 1
    assert "--overwrite" in refused.stderr
    assert (tmp_path / "bell.json").read_text() == "mine"
    assert match(BELL, "-o", tmp_path, "--overwrite").exit_code == 0
    assert (tmp_path / "bell.json").read_text() != "mine"


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path, tone: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "bad.wav").write_text("this is no sound")
    (folder / "good.wav").write_bytes(tone.read_bytes())
    result = match(folder, tmp_path / "missing.wav", "-o", tmp_path / "out", "--no-report")
    assert result.exit_code == 1
    assert (tmp_path / "out" / "good.json").is_file()
    assert "bad.wav" in result.stderr and "missing.wav" in result.stderr
    assert "Traceback" not in result.output
    assert "1 matched, 2 failed" in result.stderr


def test_recordings_of_one_name_do_not_collide(tmp_path: Path, tone: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "tone.wav").write_bytes(tone.read_bytes())
    out = tmp_path / "out"
    assert match(tone, other / "tone.wav", "-o", out, "--no-report").exit_code == 0
    assert {f"{tmp_path.name}-tone.json", "other-tone.json"} <= {p.name for p in out.iterdir()}


@pytest.mark.parametrize(
    ("recordings", "names"),
    [
        (["/s/Drums/kick.wav", "/s/drums/kick.wav"], ["kick", "kick"]),
        (["/data/kick.wav", "/mnt/data/kick.wav"], ["data-kick", "mnt-data-kick"]),
        (["/kick.wav", "/mnt/a/kick.wav", "/mnt/b/kick.wav"], ["kick", "a-kick", "b-kick"]),
        (["/x/a-b/c.wav", "/x/a/b/c.wav"], ["a-b-c", "b-c"]),
    ],
)
def test_names_end_at_the_root(recordings: list[str], names: list[str]) -> None:
    assert jobs._names([Path(path) for path in recordings]) == names


def test_files_of_folders_that_differ_in_case_only_get_numbers(tmp_path: Path) -> None:
    recordings = [tmp_path / folder / "kick.wav" for folder in ("Drums", "drums")]
    for path in recordings:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    planned = jobs.plan(recordings, tmp_path / "out", [load_synth("fm")], 1, False, [])
    assert [job.name for job in planned] == ["kick", "kick-2"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("match", "x.wav", "--synth", "jsny"), "did you mean 'jsyn'"),
        (("match", "nowhere.wav", "--synth", "jsyn"), "nowhere.wav"),
        (("match", str(BELL), "--synth", "jsyn", "--note", "H9"), "'H9' is not a note"),
        (("match", str(BELL), "--synth", "jsyn", "-o", "x.fxp"), "x.fxp"),
        (("match", str(BELL), "--synth", "jsyn", "--search", "magic"), "genetic"),
        (("match", str(BELL), "--synth", "jsyn", "--model", "no-such"), "no-such"),
        (("render", "nowhere.json", "-o", "x.wav"), "nowhere.json"),
        (("compare", "nowhere.wav", str(BELL)), "nowhere.wav"),
        (("params", "nosuch"), "installed"),
    ],
)
def test_errors_are_one_line(args: tuple[str, ...], says: str) -> None:
    result = run(*args)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line]
    assert len(errors) == 1 and errors[0].startswith("error: ")
    assert says in errors[0]


def test_lists(tmp_path: Path) -> None:
    synths = {row["name"]: row for row in json.loads(run("synths", "--json").stdout)}
    assert synths["jsyn"]["parameters"] == 23 and synths["fm"]["parameters"] == 9
    assert "jsyn" in run("synths").stdout
    space = json.loads(run("params", "fm", "--json").stdout)
    assert len(space["parameters"]) == 9
    assert run("models").exit_code == 0
    assert len(run("params", "jsyn").stdout.splitlines()) == 23


def test_compare_a_sound_with_itself(tone: Path) -> None:
    result = run("compare", tone, tone, "--json")
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["distance"] == 0.0
    assert "lower is closer" in run("compare", tone, tone).stdout


def test_compare_says_what_it_leaves_out(tone: Path, tmp_path: Path) -> None:
    rate = 8_000
    time = np.arange(40 * rate) / rate
    write_wav(tmp_path / "long.wav", 0.5 * np.sin(2 * np.pi * 440 * time), rate)
    result = run("compare", tone, tmp_path / "long.wav", "--json")
    assert result.exit_code == 0
    json.loads(result.stdout)
    assert "warning: long.wav: " in result.stderr and "30 s" in result.stderr


def test_interrupt_writes_the_best_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    original = Objective.__call__

    def interrupt(self: object, audio: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return original(self, audio)  # type: ignore[arg-type]

    monkeypatch.setattr(Objective, "__call__", interrupt)
    result = match(BELL, "-o", tmp_path / "b.json", "--no-report", "--renders", 10_000)
    assert result.exit_code == 130, result.output
    assert "best so far" in result.stderr
    assert (tmp_path / "b.json").is_file()


def test_help_is_quick() -> None:
    """By the side of what its library alone takes, so that no load of the machine counts."""
    ours = [sys.executable, "-m", "synthmatch", "--help"]
    bare = [sys.executable, "-c", "import click"]
    pairs = [(_seconds(ours), _seconds(bare)) for _ in range(5)]
    assert min(a for a, _ in pairs) < 3 * min(b for _, b in pairs)


def _seconds(command: list[str]) -> float:
    """Return the processor time of a command."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return (
        after.children_user
        + after.children_system
        - (before.children_user + before.children_system)
    )
