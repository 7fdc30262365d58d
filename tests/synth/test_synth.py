"""Notes, pitch names, preset files, batches and frozen synths."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmatch import Note, Parameter, ParameterSpace, Patch, Synth
from synthmatch.errors import OutputError, ParameterError, PresetError, SynthmatchError
from synthmatch.synth import (
    BankSynth,
    BatchSynth,
    FrozenSynth,
    PresetSynth,
    PriorSynth,
    as_note,
    load_bank,
    load_patch,
    parse_pitch,
    pitch_name,
    preset_suffixes,
    render,
    render_batch,
    sample_prior,
    save_patch,
)


class Sine:
    """A sine of chosen level and octave, and nothing that is optional."""

    name = "sine"
    sample_rate = 8000
    space = ParameterSpace(
        "sine",
        [
            Parameter.continuous("level", 0, 1, default=0.5),
            Parameter.ordinal("octave", [-1, 0, 1], default=0),
            Parameter.categorical("sign", ["plus", "minus"]),
        ],
    )

    def render(self, patch, note, sample_rate):
        t = np.arange(note.samples(sample_rate)) / sample_rate
        level = patch["level"] * {"plus": 1, "minus": -1}[patch["sign"]]
        wave = np.sin(2 * np.pi * note.frequency * 2.0 ** patch["octave"] * t)
        return (level * wave).astype(np.float32)


class Organ(Sine):
    """The same with everything that is optional."""

    suffixes = (".org", ".txt")

    def render_batch(self, vectors, note, sample_rate):
        patches = [self.space.decode(v) for v in vectors]
        rows = [self.render(p, note, sample_rate) for p in patches]
        return np.stack(rows) if rows else np.zeros((0, note.samples(sample_rate)), np.float32)

    def sample(self, rng, n):
        return rng.random((n, len(self.space))) / 2

    def save_patch(self, patch, path):
        Path(path).write_text("organ " + json.dumps(dict(patch)))

    def load_patch(self, path):
        return self.load_bank(path)[0][1]

    def load_bank(self, path):
        found = []
        for line in Path(path).read_text().splitlines():
            if not line.startswith("organ "):
                raise PresetError(f"{path} is not an organ preset")
            found.append((f"stop {len(found)}", Patch("sine", json.loads(line[6:]))))
        if not found:
            raise PresetError(f"{path} is empty")
        return found


NOTE = Note(69, 100, 0.1, 0.125)
PATCH = Sine.space.patch({"level": 0.25, "sign": "minus"})


# Notes and their names


@given(st.floats(0, 127), st.integers(1, 127), st.floats(1e-6, 60), st.floats(0, 60))
def test_any_sensible_note_is_accepted(pitch, velocity, held, release):
    note = Note(pitch, velocity, held, held + release)
    assert note.samples(44100) == max(1, round((held + release) * 44100))
    assert 8.1 < note.frequency < 12544


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ({"pitch": -0.1}, "not a MIDI note from 0 to 127"),
        ({"pitch": 128}, "not a MIDI note from 0 to 127"),
        ({"pitch": math.nan}, "not a MIDI note from 0 to 127"),
        ({"velocity": 0}, "velocity 0 is not a whole number from 1 to 127"),
        ({"velocity": 128}, "velocity 128"),
        ({"velocity": 64.5}, "velocity 64.5"),
        ({"velocity": math.nan}, "velocity nan"),
        ({"held": 0}, "more than 0 s and at most its total"),
        ({"held": -1}, "more than 0 s"),
        ({"held": 2, "total": 1}, "not held 2 s of 1 s"),
        ({"held": math.nan}, "more than 0 s"),
        ({"total": math.inf}, "more than 0 s"),
        ({"total": math.nan}, "more than 0 s"),
    ],
)
def test_each_wrong_note_has_its_own_message(note, message):
    with pytest.raises(ParameterError, match=message):
        Note(**note)


def test_a_note_is_at_least_a_sample_and_its_rate_positive():
    assert Note(held=1e-6, total=1e-6).samples(8000) == 1
    assert Note(held=1, total=1.00001).samples(44100) == 44100
    with pytest.raises(ParameterError, match="sample rate 0 Hz"):
        NOTE.samples(0)


def test_frequencies_are_those_of_equal_temperament():
    assert Note(69).frequency == 440.0
    assert Note(60).frequency == pytest.approx(261.6255653, abs=1e-7)
    assert Note(69.5).frequency == pytest.approx(440 * 2 ** (0.5 / 12))


@pytest.mark.parametrize(
    ("text", "pitch"),
    [
        ("C4", 60),
        ("c4", 60),
        (" A4 ", 69),
        ("f#3", 54),
        ("F♯3", 54),
        ("Bb2", 46),
        ("B♭2", 46),
        ("bb2", 46),
        ("B#4", 72),
        ("Cb4", 59),
        ("C-1", 0),
        ("G9", 127),
        ("60", 60),
        ("60.5", 60.5),
    ],
)
def test_notes_are_read_from_names_and_numbers(text, pitch):
    assert parse_pitch(text) == pitch


@pytest.mark.parametrize("text", ["", "H4", "C", "C##4", "C10", "G#9", "Cb-1", "-1", "127.1"])
def test_what_is_no_note_is_refused(text):
    with pytest.raises(ParameterError, match=r"write C4, F#3 or a number from 0 to 127"):
        parse_pitch(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "4C", "C 4", "1_0"])
def test_what_only_python_reads_as_a_number_is_refused(text):
    with pytest.raises(ParameterError, match="is not a note"):
        parse_pitch(text)


@given(st.integers(0, 127))
def test_names_of_notes_are_read_back(pitch):
    assert parse_pitch(pitch_name(pitch)) == pitch
    assert pitch_name(pitch + 0.3) == pitch_name(pitch)


@pytest.mark.parametrize(
    ("given", "pitch"), [("A3", 57), ("60.5", 60.5), (60, 60), (np.float32(60.5), 60.5)]
)
def test_a_pitch_alone_is_played_like_the_default_note(given, pitch):
    default = Note(40, 80, 2.0, 3.0)
    assert as_note(given, default) == Note(pitch, 80, 2.0, 3.0)
    assert as_note(None, default) is default and as_note(NOTE, default) is NOTE


@pytest.mark.parametrize("given", ["H4", 128, math.nan, True, [60], b"A3"])
def test_what_is_no_pitch_is_no_note(given):
    with pytest.raises(ParameterError, match=r"not a (MIDI )?note"):
        as_note(given, NOTE)


@pytest.mark.parametrize("values", [{"pitch": "A3"}, {"held": None}, {"velocity": "loud"}])
def test_a_note_of_other_things_than_numbers_is_a_parameter_error(values):
    with pytest.raises(ParameterError, match=f"the {next(iter(values))} of a note is a number"):
        Note(**values)


# What a synth leaves out


@pytest.mark.parametrize("synth", [Sine(), Organ(), FrozenSynth(Sine(), {"octave": 0})])
def test_plain_dicts_are_rendered_at_the_synths_own_rate(synth):
    expected = Sine().render(Sine.space.patch({"level": 0.25}), NOTE, 8000)
    assert np.array_equal(render(synth, {"level": 0.25}, NOTE), expected)
    twice = Sine().render(Sine.space.patch(), NOTE, 16000)
    assert np.array_equal(render(synth, {}, NOTE, 16000), twice)
    for wrong in ({"levle": 1}, {"level": 2}, Patch("bell", {})):
        with pytest.raises(ParameterError):
            render(synth, wrong, NOTE)


def test_protocols_tell_what_a_synth_offers():
    assert isinstance(Sine(), Synth) and isinstance(Organ(), Synth)
    for optional in (BatchSynth, PresetSynth, BankSynth, PriorSynth):
        assert not isinstance(Sine(), optional) and isinstance(Organ(), optional)
    assert preset_suffixes(Sine()) == (".json",)
    assert preset_suffixes(Organ()) == (".org", ".txt", ".json")


def test_batches_are_the_singles_with_or_without_help_of_the_synth():
    vectors = Sine.space.sample(np.random.default_rng(3), 4)
    singles = [Sine().render(Sine.space.decode(v), NOTE, 8000) for v in vectors]
    for synth in (Sine(), Organ()):
        batch = render_batch(synth, vectors, NOTE)
        assert batch.dtype == np.float32 and np.array_equal(batch, np.stack(singles))
        assert render_batch(synth, vectors[:0], NOTE, 16000).shape == (0, 2000)
        with pytest.raises(ParameterError, match=r"shape \[n, 3\]"):
            render_batch(synth, vectors[:, :2], NOTE)


def test_the_prior_is_the_uniform_cube_unless_the_synth_knows_better():
    uniform = Sine.space.sample(np.random.default_rng(5), 9)
    assert np.array_equal(sample_prior(Sine(), np.random.default_rng(5), 9), uniform)
    assert np.array_equal(sample_prior(Organ(), np.random.default_rng(5), 9), uniform / 2)


# Preset files


@pytest.mark.parametrize(
    "name", ["a.org", "a.txt", "a.json", "A.JSON", "a.b.Org", "y" * 250 + ".org"]
)
def test_presets_come_back_from_every_format(tmp_path, name):
    save_patch(Organ(), PATCH, tmp_path / name)
    assert load_patch(Organ(), str(tmp_path / name)) == PATCH
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_partial_patch_is_saved_whole(tmp_path):
    save_patch(Sine(), Patch("sine", {"sign": "minus"}), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "synth": "sine",
        "parameters": {"level": 0.5, "octave": 0, "sign": "minus"},
    }


def test_a_bank_gives_all_its_presets_and_a_single_file_its_own(tmp_path):
    bank = tmp_path / "two.org"
    bank.write_text('organ {"level": 0.25}\norgan {"octave": 1}')
    names = [(name, patch["octave"]) for name, patch in load_bank(Organ(), bank)]
    assert names == [("stop 0", 0), ("stop 1", 1)]
    assert load_patch(Organ(), bank)["level"] == 0.25
    save_patch(Organ(), PATCH, tmp_path / "bell.json")
    for synth in (Sine(), Organ()):
        assert load_bank(synth, tmp_path / "bell.json") == [("bell", PATCH)]


def _writer_fails(self, patch, path):
    path.write_text("half")
    raise PresetError("the synth gave up")


def _rename_fails(self, target):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("suffix", "owner", "method", "broken"),
    [
        (".org", Organ, "save_patch", _writer_fails),
        (".org", Path, "replace", _rename_fails),
        (".json", Path, "replace", _rename_fails),
    ],
)
def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, suffix, owner, method, broken
):
    target = tmp_path / f"a{suffix}"
    save_patch(Organ(), PATCH, target)
    before = target.read_bytes()
    monkeypatch.setattr(owner, method, broken)
    with pytest.raises(PresetError, match=r"gave up|cannot write .*: No space left"):
        save_patch(Organ(), Sine.space.patch(), target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_patch_of_another_synth_is_not_saved(tmp_path):
    with pytest.raises(ParameterError, match="belongs to synth 'bell'"):
        save_patch(Sine(), Patch("bell", {}), tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_preset_has_the_permissions_of_any_new_file(tmp_path):
    save_patch(Sine(), PATCH, tmp_path / "a.json")
    (tmp_path / "b").touch()
    assert (tmp_path / "a.json").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("name", ["a.fxp", "a", "json", ".json"])
def test_an_unknown_suffix_is_refused_both_ways(tmp_path, name):
    (tmp_path / name).write_text(PATCH.to_json())
    for call in (
        lambda: save_patch(Organ(), PATCH, tmp_path / name),
        lambda: load_patch(Organ(), tmp_path / name),
    ):
        with pytest.raises(PresetError, match=r"end in \.org or \.txt or \.json, not "):
            call()


def test_what_cannot_be_written_or_read_is_a_preset_error(tmp_path):
    with pytest.raises(PresetError, match=r"cannot write .*No such file"):
        save_patch(Sine(), PATCH, tmp_path / "no" / "a.json")
    (tmp_path / "dir.json").mkdir()
    with pytest.raises(OutputError, match="is there and is no file"):
        save_patch(Sine(), PATCH, tmp_path / "dir.json")
    with pytest.raises(PresetError, match="no such preset file"):
        load_patch(Sine(), tmp_path / "dir.json")
    with pytest.raises(PresetError, match=r"no such preset file: .*none\.json"):
        load_patch(Sine(), tmp_path / "none.json")
    assert [p.name for p in tmp_path.iterdir()] == ["dir.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a synthmatch patch"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"RIFF", "not a synthmatch patch"),
        (b'{"synth": "bell", "parameters": {}}', "belongs to synth 'bell', not to 'sine'"),
        (b'{"synth": "sine", "parameters": {"levle": 1}}', "did you mean 'level'"),
        (b'{"synth": "sine", "parameters": {"level": 2}}', "2 is out of range"),
        (b'{"synth": "sine", "parameters": {"level": NaN}}', "nan is not finite"),
    ],
)
def test_a_wrong_preset_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    for load in (load_patch, load_bank):
        with pytest.raises(PresetError, match=message) as caught:
            load(Sine(), path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_parameter_of_a_preset_takes_its_default(tmp_path):
    (tmp_path / "a.json").write_text('{"synth": "sine", "parameters": {"octave": 1}}')
    assert load_patch(Sine(), tmp_path / "a.json") == Sine.space.patch({"octave": 1})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_file_is_a_preset_error(tmp_path):
    (tmp_path / "a.json").touch(mode=0)
    with pytest.raises(PresetError, match="cannot read"):
        load_patch(Sine(), tmp_path / "a.json")


# Frozen synths


@pytest.mark.parametrize("synth", [Sine(), Organ()])
def test_a_frozen_synth_makes_the_same_sounds_in_fewer_dimensions(synth):
    frozen = FrozenSynth(synth, {"octave": 1})
    assert frozen.name == "sine" and frozen.space.names == ("level", "sign")
    vectors = frozen.space.sample(np.random.default_rng(1), 3)
    sounds = render_batch(frozen, vectors, NOTE)
    for vector, sound in zip(vectors, sounds, strict=True):
        patch = frozen.space.decode(vector)
        assert patch["octave"] == 1
        assert np.array_equal(sound, synth.render(patch, NOTE, 8000))
        assert np.array_equal(sound, frozen.render(patch, NOTE, 8000))
    drawn = sample_prior(frozen, np.random.default_rng(1), 3)
    if isinstance(synth, Organ):
        whole = sample_prior(synth, np.random.default_rng(1), 3)
        assert np.array_equal(drawn, whole[:, [0, 2]])
    else:
        assert np.array_equal(drawn, frozen.space.sample(np.random.default_rng(1), 3))


def test_a_frozen_synth_itself_takes_dicts_paths_as_text_and_its_own_rate(tmp_path):
    frozen = FrozenSynth(Organ(), {"octave": 0})
    expected = Sine().render(Sine.space.patch({"level": 0.25}), NOTE, 8000)
    assert np.array_equal(frozen.render({"level": 0.25}, NOTE), expected)
    vectors = frozen.space.encode({"level": 0.25})[None]
    assert np.array_equal(frozen.render_batch(vectors, NOTE), expected[None])
    place = str(tmp_path / "a.org")
    frozen.save_patch({"level": 0.25}, place)
    assert frozen.load_patch(place) == Sine.space.patch({"level": 0.25})
    assert frozen.load_bank(place)[0][1]["level"] == 0.25


def test_freezing_twice_is_freezing_both():
    twice = FrozenSynth(FrozenSynth(Organ(), {"octave": 1}), {"sign": "minus"})
    once = FrozenSynth(Organ(), {"octave": 1, "sign": "minus"})
    vectors = np.array([[0.2], [0.9]])
    assert twice.space == once.space
    assert np.array_equal(render_batch(twice, vectors, NOTE), render_batch(once, vectors, NOTE))
    assert preset_suffixes(twice) == preset_suffixes(once) == (".org", ".txt", ".json")


def test_a_synth_frozen_whole_still_sounds():
    frozen = FrozenSynth(Sine(), PATCH)
    sounds = render_batch(frozen, np.zeros((2, 0)), NOTE)
    assert np.array_equal(sounds, np.tile(Sine().render(PATCH, NOTE, 8000), (2, 1)))


def test_a_frozen_synth_refuses_what_contradicts_it(tmp_path):
    frozen = FrozenSynth(Organ(), {"octave": 1})
    with pytest.raises(ParameterError, match="'octave' is frozen at 1"):
        frozen.render(PATCH, NOTE, 8000)
    with pytest.raises(ParameterError, match="no parameter 'oktave'"):
        FrozenSynth(Sine(), {"oktave": 1})
    for suffix in preset_suffixes(frozen):
        save_patch(Organ(), PATCH, tmp_path / f"whole{suffix}")
        for load in (load_patch, FrozenSynth.load_patch):
            with pytest.raises(PresetError, match="'octave' is frozen at 1"):
                load(frozen, tmp_path / f"whole{suffix}")
        save_patch(frozen, Sine.space.patch({"octave": 1}), tmp_path / f"part{suffix}")
        assert load_patch(frozen, tmp_path / f"part{suffix}")["octave"] == 1
        assert load_patch(Organ(), tmp_path / f"part{suffix}")["octave"] == 1


def test_a_frozen_synth_takes_the_fitting_presets_of_a_bank(tmp_path):
    frozen = FrozenSynth(Organ(), {"octave": 1})
    bank = tmp_path / "bank.org"
    bank.write_text('organ {"level": 0.25}\norgan {"octave": 1}')
    assert [name for name, _ in load_bank(frozen, bank)] == ["stop 1"]
    bank.write_text('organ {"level": 0.25}')
    with pytest.raises(SynthmatchError):
        load_bank(frozen, bank)
