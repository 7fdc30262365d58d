"""One recording on several synths under one budget."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from synthmatch import Matcher, load_synth
from synthmatch.audio import read_recording, write_wav
from synthmatch.banks import Bank
from synthmatch.cli.commands import commands
from synthmatch.cli.jobs import leave_out_own_sounds
from synthmatch.errors import OutputError, ParameterError
from synthmatch.matcher import MultiMatcher
from synthmatch.objective import Objective
from synthmatch.synth import sample_prior

RATE = 16_384


def sound(name: str, seed: int) -> np.ndarray:
    synth = load_synth(name)
    (vector,) = sample_prior(synth, np.random.default_rng(seed), 1)
    return synth.render(synth.space.decode(vector), synth.note, RATE)


@pytest.fixture(scope="module")
def both() -> MultiMatcher:
    return MultiMatcher([Matcher(name, model="none", seed=1) for name in ("fm", "jsyn")])


@pytest.mark.parametrize("name", ["fm", "jsyn"])
def test_the_synth_that_made_a_sound_comes_first_and_gets_most(
    both: MultiMatcher, name: str
) -> None:
    match = both.predict(sound(name, 4), RATE, renders=3000)
    by_name = {each.synth: each for each in match.matches}
    assert match.patch.synth == match.matches[0].synth == name
    assert sum(each.renders for each in match.matches) <= 3000
    other = by_name[{"fm": "jsyn", "jsyn": "fm"}[name]]
    assert other.renders >= 490  # half of the equal third
    if match.stopped == "budget":
        assert by_name[name].renders > other.renders


def test_distances_compare_across_synths_and_are_in_order(both: MultiMatcher) -> None:
    target = sound("jsyn", 8)
    match = both.predict(target, RATE, renders=600, candidates=4)
    assert {candidate.patch.synth for candidate in match.candidates} == {"fm", "jsyn"}
    distances = [candidate.distance for candidate in match.candidates]
    assert distances == sorted(distances) and len(distances) == 4
    recording = both.read(target, RATE)
    length = len(match.best.audio)
    padded = np.zeros(length, np.float32)
    padded[: len(recording.samples)] = recording.samples[:length]
    objective = Objective(padded, match.sample_rate)
    expected = objective(np.stack([candidate.audio for candidate in match.candidates]))
    np.testing.assert_allclose(distances, expected, rtol=1e-6)


def test_same_seed_and_renders_same_match(both: MultiMatcher) -> None:
    target = sound("fm", 2)
    one, two = (both.predict(target, RATE, renders=300) for _ in range(2))
    assert [c.patch for c in one.candidates] == [c.patch for c in two.candidates]


def test_files_of_all_synths_appear_together(both: MultiMatcher, tmp_path: Path) -> None:
    path = tmp_path / "bell.wav"
    write_wav(path, sound("fm", 3), RATE)
    match = both.predict(path, renders=200, candidates=3)
    files = match.save(tmp_path / "out", report=True)
    assert [file.name for file in files] == [
        *("bell.json", "bell.1.wav", "bell.2.json", "bell.2.wav", "bell.3.json", "bell.3.wav"),
        "bell.html",
    ]
    for rank, candidate in enumerate(match.candidates):
        assert json.loads(files[2 * rank].read_text())["synth"] == candidate.patch.synth
        assert read_recording(files[2 * rank + 1]).sample_rate == match.sample_rate
    page = files[-1].read_text()
    assert "Candidate 1, " in page and "On fm" in page and "On jsyn" in page
    with pytest.raises(OutputError, match="exists; choose another name"):
        match.save(tmp_path / "out")
    assert json.loads(json.dumps(match.to_dict()))["synth"] == "all"


def test_what_makes_no_sense_is_refused(both: MultiMatcher) -> None:
    with pytest.raises(ParameterError, match="at least one matcher"):
        MultiMatcher([])
    fm = Matcher("fm", model="none")
    with pytest.raises(ParameterError, match="one matcher for each synth"):
        MultiMatcher([fm, fm])
    with pytest.raises(ParameterError, match="at least 1 candidate"):
        both.predict(sound("fm", 3), RATE, candidates=0)


def test_the_command_matches_on_every_installed_synth(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("synthmatch.registry.list_synths", lambda: ["fm", "gone", "jsyn"])
    path = tmp_path / "bell.wav"
    write_wav(path, sound("fm", 3), RATE)
    line = ["match", str(path), "-s", "all", "--renders", "200", "-o", str(tmp_path / "out")]
    line += ["-c", "3", "--no-report", "--model", "none"]
    done = CliRunner().invoke(commands, line)
    assert done.exit_code == 0, done.output
    assert "warning: synth 'gone' is left out" in done.stderr
    assert "search on fm (" in done.stdout or "search on jsyn (" in done.stdout
    assert len(list((tmp_path / "out").glob("*.json"))) == 3
    again = CliRunner().invoke(commands, line)
    assert again.exit_code == 1 and "exists; give --overwrite" in again.stderr
    for option, value in (("--backend", "plugin"), ("--bank", str(path)), ("--model", "jsyn-ast")):
        refused = CliRunner().invoke(
            commands, [*line[:4], option, value, "-o", str(tmp_path / "b")]
        )
        assert refused.exit_code == 1
        assert f"{option} is for one synth; with --synth all" in refused.stderr
    one = CliRunner().invoke(commands, [*line[:4], "-o", str(tmp_path / "b.json")])
    assert one.exit_code == 1 and "need a folder" in one.stderr


def test_sounds_of_candidates_for_different_synths_are_no_recordings(tmp_path: Path) -> None:
    names = ("bell.wav", "bell.syx", "bell.1.wav", "bell.2.json", "bell.2.wav", "bell.3.wav")
    for name in names:
        (tmp_path / name).touch()
    sounds = sorted(tmp_path.glob("*.wav"))
    left = leave_out_own_sounds(sounds, (".syx", ".json"))
    assert [path.name for path in left] == ["bell.3.wav", "bell.wav"]


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_at_least_one(workers: int) -> None:
    with pytest.raises(ParameterError, match=f"at least 1, not {workers}"):
        MultiMatcher([Matcher("fm", model="none")], workers=workers)


def test_a_sound_that_is_met_exactly_ends_the_search() -> None:
    synth = load_synth("jsyn")
    (start,) = sample_prior(synth, np.random.default_rng(0), 1)
    target = synth.render(synth.space.decode(start), synth.note, RATE)
    bank = Bank(("it",), start[None])
    two = MultiMatcher([Matcher("jsyn", model="none", bank=bank), Matcher("fm", model="none")])
    assert two.predict(target, RATE, note=synth.note, renders=3000).stopped == "exact"
