"""Odd command lines end in one line, never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from synthmatch import registry
from synthmatch.audio import write_wav
from synthmatch.cli.commands import commands
from synthmatch.parameters import Patch

BELL = Path(__file__).parents[2] / "examples" / "sounds" / "bell.wav"
FULL = Path("/dev/full")


def run(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synthmatch", *map(os.fspath, map(_text, args))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _text(argument: object) -> str | os.PathLike[str]:
    return argument if isinstance(argument, os.PathLike) else str(argument)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text(registry.load_synth("fm").space.patch({}).to_json())
    return path


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (("--device", "cuda:77"), 1, "no device 'cuda:77' here"),
        (("--device", "banana"), 1, "no device 'banana' here"),
        (("--seed", -1), 2, "'--seed'"),
        (("--seconds", "nan"), 1, "budget of nan seconds"),
        (("-o", "/dev/null"), 1, "cannot write to /dev/null"),
    ],
)
def test_match(options: tuple[object, ...], status: int, text: str) -> None:
    line = ["match", str(BELL), "-s", "fm", "-m", "none", "--renders", "9", *map(str, options)]
    result = CliRunner().invoke(commands, line)
    assert result.exit_code == status
    assert text in result.stderr and isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--held", "1e9"), "'--held'"),
        (("--held", "0"), "'--held'"),
        (("--held", "nan"), "held nan"),
        (("--total", "1e9"), "'--total'"),
        (("--rate", "4000000000"), "'--rate'"),
        (("--rate", "0"), "'--rate'"),
        (("--velocity", "300"), "'--velocity'"),
    ],
)
def test_render(preset: Path, options: tuple[str, ...], text: str) -> None:
    line = ["render", str(preset), "-o", str(preset.with_suffix(".wav")), *options]
    result = CliRunner().invoke(commands, line)
    assert result.exit_code in (1, 2)
    assert text in result.stderr and isinstance(result.exception, SystemExit)
    assert not preset.with_suffix(".wav").exists()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("train", "--synth", "fm", "-m", "conv1", "--option", "n_fft=100000000"), "n_fft"),
        (("train", "--synth", "fm", "-m", "conv1", "--device", "banana"), "no device"),
        (("train", "--synth", "fm", "-m", "conv1", "--seed", "-1"), "'--seed'"),
        (("dataset", "--synth", "fm", "--sounds", "9", "--held", "1e9"), "'--held'"),
        (("dataset", "--setting", "fm-9", "--sounds", "9", "--held", "1"), "its own note"),
        (("dataset", "--synth", "fm", "--sounds", "9", "--held", "2", "--seconds", "1"), "held"),
        (
            ("dataset", "--synth", "fm", "--sounds", "9", "--workers", "2", "--scheduler", "x"),
            "either workers",
        ),
    ],
)
def test_training(tmp_path: Path, line: tuple[str, ...], text: str) -> None:
    steps = ("--steps", "1") if line[0] == "train" else ()
    result = CliRunner().invoke(commands, [*line, *steps, "-o", str(tmp_path / "out")])
    assert result.exit_code in (1, 2)
    assert text in result.stderr and isinstance(result.exception, SystemExit)


def test_evaluating_on_no_device() -> None:
    line = ["evaluate", "--setting", "fm-9", "--device", "banana", "--sounds", "2"]
    result = CliRunner().invoke(commands, line)
    assert result.exit_code == 1 and "no device 'banana' here" in result.stderr


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
def test_names_that_are_no_text(tmp_path: Path, preset: Path) -> None:
    odd = tmp_path / os.fsdecode(b"b\xffll.wav")
    odd.write_bytes(BELL.read_bytes())
    out = tmp_path / os.fsdecode(b"o\xfet")
    done = run("match", odd, "-s", "fm", "-m", "none", "--renders", 20, "-c", 1, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "b\\udcffll.wav: distance" in done.stdout
    assert {path.suffix for path in out.iterdir()} == {".json", ".wav", ".html"}
    done = run("render", preset, "-o", odd.with_suffix(".2.wav"))
    assert done.returncode == 0, done.stderr
    assert run("compare", odd, odd.with_suffix(".2.wav")).returncode == 0
    done = run("presets", odd.with_suffix(".json"))
    assert done.returncode == 1 and done.stderr.startswith("error: no such preset file")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is full")
@pytest.mark.parametrize("line", [("synths",), ("params", "fm", "--json"), ("--help",)])
def test_a_full_device_as_standard_output(line: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "synthmatch", *line],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is full")
def test_a_device_is_not_replaced(preset: Path) -> None:
    result = CliRunner().invoke(commands, ["render", str(preset), "-o", str(FULL), "--overwrite"])
    assert result.exit_code == 1
    assert "is no file" in result.stderr and FULL.is_char_device()


class Broken:
    """A synth whose package is broken."""

    name = "broken"
    sample_rate = 8000

    @property
    def space(self):
        raise ZeroDivisionError("no\nspace")

    @property
    def suffixes(self):
        raise ZeroDivisionError("no\nsuffixes")

    def render(self, patch, note, sample_rate):
        raise ZeroDivisionError

    def save_patch(self, patch, path):
        raise ZeroDivisionError

    def load_patch(self, path):
        raise ZeroDivisionError


def test_a_broken_synth_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = registry.load_synth
    monkeypatch.setattr(registry, "list_synths", lambda: ["broken", "fm"])
    monkeypatch.setattr(
        registry, "load_synth", lambda name: Broken() if name == "broken" else load(name)
    )
    listed = CliRunner().invoke(commands, ["synths"])
    assert listed.exit_code == 0, listed.exception
    assert "broken     ZeroDivisionError: no space\nfm " in listed.stdout
    unknown = tmp_path / "a.xyz"
    unknown.write_text("x")
    result = CliRunner().invoke(commands, ["presets", str(unknown)])
    assert result.exit_code == 1
    assert "warning: synth 'broken' is left out: ZeroDivisionError: no" in result.stderr
    assert "error: no installed synth reads .xyz files" in result.stderr


def test_a_broken_model_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    names = registry.list_models()
    monkeypatch.setattr("synthmatch.weights.models.list_models", lambda: ["gone", *names])
    result = CliRunner().invoke(commands, ["models"])
    assert result.exit_code == 0, result.exception
    lines = result.stdout.splitlines()
    assert lines[0].startswith("gone ") and "no model named 'gone'" in lines[0]
    assert len(lines) == len(names) + 1


def test_a_preset_of_another_kind_keeps_its_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(Patch("organ", {}).to_json())
    result = CliRunner().invoke(commands, ["presets", str(tmp_path / "a.json")])
    assert result.exit_code == 1 and "'organ'" in result.stderr


def test_not_enough_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 8 TiB")

    monkeypatch.setattr("synthmatch.audio.read_recording", fail)
    write_wav(tmp_path / "a.wav", [0.0] * 999, 8000)
    result = CliRunner().invoke(commands, ["compare", str(tmp_path / "a.wav"), str(BELL)])
    assert result.exit_code == 1
    assert result.stderr == "error: not enough memory (Unable to allocate 8 TiB)\n"
