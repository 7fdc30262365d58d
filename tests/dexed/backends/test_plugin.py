"""Dexed played by its plug-in: the real one where it is installed, stand-ins everywhere."""

from __future__ import annotations

import importlib.util
import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from synthmatch.errors import HostingError, HostingWarning, ParameterError
from synthmatch.hosting import Play, PluginHost
from synthmatch.synth import FrozenSynth, Note, backend_info, save_patch
from synthmatch.testing import check_synth
from synthmatch_dexed import Dexed
from synthmatch_dexed.backends.plugin import VARIABLE, Plugin, hosted, runs_freely
from synthmatch_dexed.files.state import State, write_preset
from synthmatch_dexed.space import to_patch
from synthmatch_dexed.voices import COLUMN, SWITCHES_ON, init_voice, unpack

NOTE = Note(60, 100, held=0.2, total=0.3)
RATE = 22050
SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", Path(__file__).resolve().parents[4] / "shared"))


def find_real():
    if importlib.util.find_spec("pedalboard") is None:
        return None
    try:
        return Plugin().path
    except HostingError:
        return None


REAL = find_real()
needs_real = pytest.mark.skipif(
    REAL is None, reason="Dexed or pedalboard is not installed (set SYNTHMATCH_DEXED)"
)


def voice(**values):
    row = np.append(init_voice(), SWITCHES_ON)
    row[[COLUMN[name] for name in values]] = [*values.values()]
    return row


FREE_LFO = voice(lfo_am_depth=99, op1_a_mod_sens=3, lfo_key_sync=0, lfo_speed=70)
VOICES = np.array(
    [
        voice(),
        voice(op1_f_coarse=5, algorithm=4, op2_output_level=80, feedback=6),
        FREE_LFO,
        voice(lfo_pm_depth=50, lfo_wave=5, lfo_speed=90),
        voice(osc_key_sync=0, op1_f_fine=37, op1_osc_detune=14),
        voice(transpose=30, op1_eg_rate_4=40, op1_key_velocity=7, pitch_eg_level_1=80),
    ]
)


def signal_to_error(reference, audio):
    error = np.linalg.norm(np.asarray(reference, np.float64) - audio, axis=-1)
    return 20 * np.log10(np.linalg.norm(reference, axis=-1) / np.maximum(error, 1e-12))


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Return a function that puts a stand-in where the plug-in is looked for."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "Dexed.vst3"))
    (tmp_path / "Dexed.vst3").mkdir()

    def install(name):
        def host(path, **options):
            return PluginHost(path, **{**options, "loader": f"fake_dexed:{name}"})

        monkeypatch.setattr("synthmatch.hosting.plugin.PluginHost", host)
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
        return tmp_path

    return install


def patches(synth):
    return [synth.space.patch(to_patch(row)) for row in VOICES]


def vectors(synth):
    return np.array([synth.space.encode(patch) for patch in patches(synth)])


@pytest.mark.parametrize("engine", ["mark1", "modern"])
def test_the_plug_in_is_given_the_voice_and_the_engine(bundle, engine):
    folder = bundle("Faithful")
    synth, own = Dexed(engine, backend="plugin"), Dexed(engine)
    audio = synth.render_batch(vectors(synth), NOTE, RATE)
    assert audio.dtype == np.float32
    np.testing.assert_array_equal(audio, own.render_batch(vectors(own), NOTE, RATE))
    for patch, row in zip(patches(synth), audio, strict=True):
        np.testing.assert_array_equal(synth.render(patch, NOTE, RATE), row)
    (environment,) = (folder / "started").read_text().splitlines()  # of one process
    assert "perturb=255" in environment


def test_reports_can_say_what_played(bundle):
    folder = bundle("Faithful")
    path = str(folder / "Dexed.vst3")
    assert backend_info(Dexed("modern")) == {"backend": "engine", "engine": "modern"}
    synth = Dexed(backend="plugin")
    assert backend_info(synth) == {"backend": "plugin", "engine": "mark1", "path": path}
    frozen = FrozenSynth(synth, {"algorithm": 5})
    frozen.render(frozen.space.patch({}), NOTE, RATE)
    assert backend_info(frozen) == {
        **{"backend": "plugin", "engine": "mark1", "path": path},
        **{"name": "Dexed", "version": "9.9", "pedalboard": "0"},
    }


def test_a_plug_in_that_leaks_gets_processes_for_voices_that_run_freely(bundle):
    folder = bundle("Leaking")
    synth, own = Dexed(backend="plugin"), Dexed()
    expected = own.render_batch(vectors(own), NOTE, RATE)
    np.testing.assert_array_equal(synth.render_batch(vectors(synth), NOTE, RATE), expected)
    started = len((folder / "started").read_text().splitlines())
    assert 3 <= started <= 4  # two run freely; the next may have been started in reserve


def test_a_sound_that_fails_is_silent_and_the_search_goes_on(bundle):
    bundle("Fragile")
    synth, own = Dexed(backend="plugin"), Dexed()
    bad = synth.space.encode(synth.space.patch({"feedback": 7}))
    batch = np.concatenate([vectors(synth)[:2], bad[None], vectors(synth)[2:]])
    expected = own.render_batch(batch, NOTE, RATE)
    expected[2] = 0
    with pytest.warns(HostingWarning, match=r"exit status 7.*1 of 7 sounds count as silence"):
        audio = synth.render_batch(batch, NOTE, RATE)
    np.testing.assert_array_equal(audio, expected)
    with pytest.raises(HostingError, match="exit status 7"):
        synth.render(synth.space.decode(bad), NOTE, RATE)


def test_a_plug_in_that_is_lost_is_replaced_by_the_engine(bundle):
    folder = bundle("Fragile")
    synth, own = Dexed(backend="plugin"), Dexed()
    first = synth.render_batch(vectors(synth), NOTE, RATE)
    (folder / "doomed").touch()
    with pytest.warns(HostingWarning, match="sounds count as silence"):
        assert not synth.render_batch(vectors(synth), NOTE, RATE).any()
    with pytest.warns(HostingWarning, match="the embedded engine plays what is left"):
        np.testing.assert_array_equal(synth.render_batch(vectors(own), NOTE, RATE), first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        np.testing.assert_array_equal(synth.render_batch(vectors(own), NOTE, RATE), first)
        np.testing.assert_array_equal(synth.render(patches(own)[0], NOTE, RATE), first[0])
    assert "crashed" in backend_info(synth)["lost"]


def test_a_plug_in_that_never_worked_is_an_error(bundle):
    bundle("Deaf")
    synth = Dexed(backend="plugin")
    with pytest.raises(HostingError, match="same sound whatever state"):
        synth.render_batch(vectors(synth), NOTE, RATE)
    with pytest.raises(HostingError, match="same sound whatever state"):
        synth.render(patches(synth)[0], NOTE, RATE)


def test_options_that_make_no_sense_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="engine or plugin, not 'magic'"):
        Dexed(backend="magic")
    with pytest.raises(ParameterError, match='backend="plugin" only'):
        Dexed(plugin=tmp_path)
    with pytest.raises(HostingError, match=r"no plug-in at .*gone"):
        Dexed(backend="plugin", plugin=tmp_path / "gone")
    monkeypatch.setenv("SYNTHMATCH_DEXED", str(tmp_path))
    with pytest.raises(HostingError, match=r"\(from SYNTHMATCH_DEXED\) is not the plug-in Dexed"):
        Dexed(backend="plugin")


def test_it_can_be_sent_to_another_process(bundle):
    bundle("Faithful")
    synth = Dexed(backend="plugin")
    patch = patches(synth)[1]
    sound = synth.render(patch, NOTE, RATE)
    copy = pickle.loads(pickle.dumps(synth))  # noqa: S301
    np.testing.assert_array_equal(copy.render(patch, NOTE, RATE), sound)


@pytest.mark.parametrize(
    ("values", "free"),
    [
        ({"lfo_key_sync": 0}, False),  # it moves nothing
        ({"lfo_key_sync": 0, "lfo_pm_depth": 1}, True),
        ({"lfo_key_sync": 0, "lfo_pm_depth": 1, "p_mode_sens": 0}, False),
        ({"lfo_key_sync": 0, "lfo_am_depth": 1}, False),
        ({"lfo_key_sync": 0, "lfo_am_depth": 1, "op4_a_mod_sens": 1}, True),
        ({"lfo_pm_depth": 1}, False),
        ({"lfo_pm_depth": 1, "lfo_wave": 5}, True),
        ({"lfo_wave": 5}, False),
    ],
)
def test_voices_that_run_freely(values, free):
    assert runs_freely(voice(**values)) is free


@pytest.mark.parametrize(
    ("name", "status", "texts"),
    [
        ("Faithful", "ok", ["Dexed 9.9", "takes its state", "repeats itself", "as the embedded"]),
        ("Leaking", "ok", ["Dexed 9.9", "takes its state", "a process each", "as the embedded"]),
        ("Quieter", "ok", ["Dexed 9.9", "takes its state", "repeats", "6 dB signal-to-error"]),
        ("Deaf", "broken", ["same sound whatever state"]),
    ],
)
def test_the_doctor_looks_at_the_plug_in(bundle, monkeypatch, name, status, texts):
    bundle(name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    found = Dexed().diagnose()
    assert len(found) == len(texts)
    for finding, text in zip(found, texts, strict=True):
        assert finding.status == status and text in finding.text


def test_the_doctor_says_what_is_missing(bundle, monkeypatch):
    folder = bundle("Faithful")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (finding,) = Dexed().diagnose()
    assert finding.status == "absent" and "synthmatch[dexed]" in finding.text
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    (folder / "Dexed.vst3").rmdir()
    (finding,) = Dexed().diagnose()
    assert finding.status == "broken" and "no plug-in at" in finding.text
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("synthmatch.hosting.finding._ELSEWHERE", ())
    monkeypatch.setattr("synthmatch.hosting.finding._LOCATIONS", {})
    (finding,) = Dexed().diagnose()
    assert finding.status == "absent" and "is not installed" in finding.text


@pytest.fixture(scope="module")
def real():
    """Return the synths that play the real plug-in, by engine; their workers are kept."""
    return {engine: Dexed(engine, backend="plugin") for engine in ("mark1", "modern")}


@needs_real
@pytest.mark.parametrize("engine", ["mark1", "modern"])
@pytest.mark.parametrize(("pitch", "velocity", "rate"), [(60, 100, 44100), (43.3, 25, 22050)])
def test_the_real_plug_in_plays_as_the_engine_does(real, engine, pitch, velocity, rate):
    note = Note(pitch, velocity, held=0.5, total=1.0)
    own = Dexed(engine)
    expected = own.render_batch(vectors(own), note, rate)
    heard = real[engine].render_batch(vectors(own), note, rate)
    assert signal_to_error(heard, expected).min() > 60
    backwards = real[engine].render_batch(vectors(own)[::-1], note, rate)[::-1]
    np.testing.assert_array_equal(heard, backwards)


@needs_real
def test_the_real_plug_in_obeys_the_operator_switches(real):
    switched = voice(op3_output_level=99, algorithm=31)
    note = Note(60, 100, held=0.2, total=0.25)
    plays = []
    for mask in (0b100000, 0b001000, 0b000000):
        switched[-1] = mask
        plays.append(Play(write_preset(State(switched)), note, RATE))
    with PluginHost(REAL) as host:
        first, third, none = host.render_many(plays)
    one, three = voice(), voice(op1_output_level=0, op3_output_level=99, algorithm=31)
    own = Dexed()
    for heard, row in ((first, one), (third, three)):
        patch = own.space.patch(to_patch(row))
        assert signal_to_error(heard, own.render(patch, note, RATE)) > 60
    assert not none.any()


@needs_real
def test_the_real_plug_in_passes_the_conformance_kit(real):
    check_synth(real["mark1"])


@needs_real
def test_the_real_plug_in_opens_the_preset_files_that_are_written(real, tmp_path):
    synth = real["modern"]
    patch = patches(synth)[1]
    save_patch(synth, patch, tmp_path / "bell.vstpreset")
    order = Play((tmp_path / "bell.vstpreset").read_bytes(), NOTE, RATE)
    with PluginHost(REAL) as host:
        np.testing.assert_array_equal(host.render(order), synth.render(patch, NOTE, RATE))


@needs_real
def test_without_cleared_memory_the_real_plug_in_starts_processes(monkeypatch):
    monkeypatch.setattr(hosted, "ENVIRONMENT", {})
    plugin = Plugin(REAL, processes=2)
    free = np.array([FREE_LFO, voice(), FREE_LFO])
    note = Note(60, 100, held=0.4, total=0.5)
    heard = plugin.render_batch(free, note, 44100)
    own = Dexed()
    expected = own.render(own.space.patch(to_patch(FREE_LFO)), note, 44100)
    if plugin.host.carries_over:  # it depends on the C library
        np.testing.assert_array_equal(heard[0], heard[2])
    assert signal_to_error(heard[[0, 2]], expected).min() > 60
    plugin.close()


@needs_real
def test_the_doctor_finds_the_real_plug_in_well():
    found = Dexed().diagnose()
    assert {finding.status for finding in found} == {"ok"}
    assert found[-1].text == "plays as the embedded engine does"


@needs_real
@pytest.mark.skipif(not SHARED.is_dir(), reason="the voices beside the checkout are not there")
def test_the_real_plug_in_plays_peoples_voices_as_the_engine_does(real):
    people, _ = unpack((SHARED / "presets" / "dx7_test.vmem").read_bytes())
    chosen = people[np.random.default_rng(5).choice(len(people), 20, replace=False)]
    own = Dexed()
    rows = np.array([own.space.encode(own.space.patch(to_patch(row))) for row in chosen])
    note = Note(60, 100, held=1.0, total=1.5)
    heard = real["mark1"].render_batch(rows, note, 44100)
    assert signal_to_error(heard, own.render_batch(rows, note, 44100)).min() > 60
