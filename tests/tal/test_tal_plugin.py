"""TAL played by its plug-in: the real one where it is installed, stand-ins everywhere."""

from __future__ import annotations

import importlib.util
import os
import pickle
import warnings

import numpy as np
import pytest

from synthmatch.datasets import Dataset, build_dataset
from synthmatch.errors import HostingError, HostingWarning, ParameterError, SynthmatchError
from synthmatch.hosting import Play, PluginHost
from synthmatch.synth import Note, backend_info, save_patch
from synthmatch.testing import check_synth
from synthmatch_tal import Tal
from synthmatch_tal.backends.plugin import VARIABLE, Plugin, draws, hosted
from synthmatch_tal.space import ORDER, to_numbers, whole
from synthmatch_tal.state import read_vst3

NOTE = Note(60, 100, held=0.2, total=0.3)
RATE = 44100
LOADER = hosted._LOADER


def find_real():
    if importlib.util.find_spec("pedalboard") is None:
        return None
    try:
        return Plugin().path
    except HostingError:
        return None


REAL = find_real()
needs_real = pytest.mark.skipif(
    REAL is None, reason="TAL-NoiseMaker or pedalboard is not installed (set SYNTHMATCH_TAL)"
)
RANDOM = {"lfo1waveform": "sample & hold", "lfo1amount": 0.9, "lfo1destination": "osc1"}
PATCHES = [
    {},
    {"osc1waveform": "pulse", "osc1pw": 0.3, "cutoff": 0.4, "resonance": 0.6},
    {"osc2volume": 0.8, "osc2waveform": "triangle", "oscsync": True, "osc2tune": 7},
    {**RANDOM, "lfo1rate": 0.8},
    {"filtertype": "BP 12dB", "filtercontour": 0.9, "filterdecay": 0.4, "filtersustain": 0.0},
]


def patches(synth):
    return [synth.space.patch(values) for values in PATCHES]


def vectors(synth):
    return np.array([synth.space.encode(patch) for patch in patches(synth)])


def signal_to_error(reference, audio):
    error = np.linalg.norm(np.asarray(reference, np.float64) - audio, axis=-1)
    return 20 * np.log10(np.linalg.norm(reference, axis=-1) / np.maximum(error, 1e-12))


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Return a function that puts a stand-in where the plug-in is looked for."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "TAL-NoiseMaker.vst3"))
    (tmp_path / "TAL-NoiseMaker.vst3").mkdir()

    def install(name):
        monkeypatch.setattr(hosted, "_LOADER", f"fake_tal:{name}")
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
        return tmp_path

    return install


@pytest.mark.parametrize("rate", [16384, 44100])
def test_the_plug_in_is_given_the_preset(bundle, rate):
    bundle("Faithful")
    synth, own = Tal(backend="plugin"), Tal()
    audio = synth.render_batch(vectors(synth), NOTE, rate)
    assert audio.dtype == np.float32
    np.testing.assert_allclose(audio, own.render_batch(vectors(own), NOTE, rate), atol=1e-6)
    for patch, row in zip(patches(synth), audio, strict=True):
        np.testing.assert_array_equal(synth.render(patch, NOTE, rate), row)


def test_an_lfo_in_sync_is_played_from_the_first_beat(bundle):
    order = hosted.play_order
    notes = {"lfo1destination": "osc1", "lfo1amount": 0.7, "lfo1phase": 0.3}
    played = []
    for keyed in (False, True):
        numbers = to_numbers(whole().patch({**notes, "lfo1sync": True, "lfo1keytrigger": keyed}))
        preset = np.array([numbers[name] for name in ORDER])
        played.append(read_vst3(order(preset, NOTE, RATE).state).programs[0].numbers)
    assert played[0] == played[1] and played[0]["lfo1keytrigger"] == 1


def test_reports_can_say_what_played(bundle):
    folder = bundle("Faithful")
    path = str(folder / "TAL-NoiseMaker.vst3")
    assert backend_info(Tal()) == {"backend": "engine"}
    synth = Tal(backend="plugin")
    assert backend_info(synth) == {"backend": "plugin", "path": path}
    synth.render(synth.space.patch({}), NOTE, RATE)
    assert backend_info(synth) == {
        **{"backend": "plugin", "path": path},
        **{"name": "TAL-NoiseMaker", "version": "9.9", "pedalboard": "0"},
    }


def test_a_plug_in_that_leaks_gets_processes_for_presets_that_draw(bundle):
    folder = bundle("Leaking")
    synth, own = Tal(backend="plugin"), Tal()
    expected = own.render_batch(vectors(own), NOTE, RATE)
    np.testing.assert_array_equal(synth.render_batch(vectors(synth), NOTE, RATE), expected)
    started = len((folder / "started").read_text().splitlines())
    assert 2 <= started <= 3  # one draws; the next may have been started in reserve


def test_a_sound_that_fails_is_silent_and_the_search_goes_on(bundle):
    bundle("Fragile")
    synth, own = Tal(backend="plugin"), Tal()
    bad = synth.space.encode(synth.space.patch({"filtertype": "notch"}))
    batch = np.concatenate([vectors(synth)[:2], bad[None], vectors(synth)[2:]])
    expected = own.render_batch(batch, NOTE, RATE)
    expected[2] = 0
    with pytest.warns(HostingWarning, match=r"exit status 7.*1 of 6 sounds count as silence"):
        audio = synth.render_batch(batch, NOTE, RATE)
    np.testing.assert_array_equal(audio, expected)
    with pytest.raises(HostingError, match="exit status 7"):
        synth.render(synth.space.decode(bad), NOTE, RATE)


def test_a_plug_in_that_is_lost_is_replaced_by_the_engine(bundle):
    folder = bundle("Fragile")
    synth = Tal(backend="plugin")
    first = synth.render_batch(vectors(synth), NOTE, RATE)
    (folder / "doomed").touch()
    with pytest.warns(HostingWarning, match="sounds count as silence"):
        assert not synth.render_batch(vectors(synth), NOTE, RATE).any()
    with pytest.warns(HostingWarning, match="the embedded engine plays what is left"):
        np.testing.assert_array_equal(synth.render_batch(vectors(synth), NOTE, RATE), first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        np.testing.assert_array_equal(synth.render_batch(vectors(synth), NOTE, RATE), first)
    assert "crashed" in backend_info(synth)["lost"]


def data_set(folder):
    pytest.importorskip("pyarrow", reason="the extra 'data' is not installed")
    synth = Tal("tal-core", backend="plugin")
    return build_dataset(synth, folder, 5, note=NOTE, shard=2, overwrite=True)


def test_a_data_set_says_which_plug_in_played_all_of_it(bundle, tmp_path):
    bundle("Faithful")
    made = Dataset(data_set(tmp_path / "set"))
    assert made.description.backend["version"] == "9.9" and "path" not in made.description.backend
    batch = made.read(range(5))
    own = Tal("tal-core")
    played = own.render_batch(batch.vectors, NOTE, own.sample_rate)
    np.testing.assert_allclose(batch.audio, played, atol=1e-5)
    shard = tmp_path / "set" / "shards" / "000001.parquet"
    before = shard.read_bytes()
    shard.unlink()
    build_dataset(Tal("tal-core", backend="plugin"), tmp_path / "set", 5, note=NOTE, shard=2)
    assert shard.read_bytes() == before


def test_a_sound_that_fails_is_in_no_data_set(bundle, tmp_path):
    folder = bundle("Fragile")
    with pytest.raises(SynthmatchError, match="crashed"):
        build_dataset(Tal("tal-core", backend="plugin"), tmp_path / "set", 60, note=NOTE)
    (folder / "doomed").touch()  # lost after it has worked: the engine does not go on here
    with pytest.raises(SynthmatchError, match="crashed"):
        data_set(tmp_path / "other")
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_plug_in_that_does_not_take_its_presets_is_an_error(bundle):
    bundle("Deaf")
    synth = Tal(backend="plugin")
    with pytest.raises(HostingError, match="same sound whatever state"):
        synth.render_batch(vectors(synth), NOTE, RATE)


def test_options_that_make_no_sense_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="engine or plugin, not 'magic'"):
        Tal(backend="magic")
    with pytest.raises(ParameterError, match='backend="plugin" only'):
        Tal(plugin=tmp_path)
    with pytest.raises(ParameterError, match="the embedded engine has no effects"):
        Tal("plugin")
    with pytest.raises(HostingError, match=r"no plug-in at .*gone"):
        Tal(backend="plugin", plugin=tmp_path / "gone")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(HostingError, match=r"\(from SYNTHMATCH_TAL\) is not the plug-in TAL"):
        Tal(backend="plugin")


def test_it_can_be_sent_to_another_process(bundle):
    bundle("Faithful")
    synth = Tal(backend="plugin")
    patch = patches(synth)[1]
    sound = synth.render(patch, NOTE, RATE)
    copy = pickle.loads(pickle.dumps(synth))  # noqa: S301
    np.testing.assert_array_equal(copy.render(patch, NOTE, RATE), sound)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ({}, False),
        (RANDOM, True),
        ({**RANDOM, "lfo1waveform": "noise"}, False),  # its own, the same each time
        ({**RANDOM, "lfo1amount": 0.5}, False),
        ({**RANDOM, "lfo1destination": "off"}, False),
        ({"lfo2waveform": "sample & hold", "lfo2amount": 0.9, "lfo2destination": "pan"}, False),
        ({"lfo2waveform": "sample & hold", "lfo2amount": 0.9, "lfo2destination": "volume"}, True),
        ({"detune": 0.1}, True),
    ],
)
def test_presets_that_draw(values, drawn):
    assert draws(to_numbers(whole().patch(values))) is drawn


@pytest.mark.parametrize(
    ("name", "status", "texts"),
    [
        ("Faithful", "ok", ["NoiseMaker 9.9", "takes its state", "repeats", "as the embedded"]),
        ("Leaking", "ok", ["NoiseMaker 9.9", "takes its state", "process each", "as the embed"]),
        ("Quieter", "ok", ["NoiseMaker 9.9", "takes its state", "repeats", "6 dB signal-to-e"]),
        ("Deaf", "broken", ["same sound whatever state"]),
    ],
)
def test_the_doctor_looks_at_the_plug_in(bundle, monkeypatch, name, status, texts):
    bundle(name)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    found = Tal().diagnose()
    assert len(found) == len(texts)
    for finding, text in zip(found, texts, strict=True):
        assert finding.status == status and text in finding.text


def test_the_doctor_says_what_is_missing(bundle, monkeypatch):
    folder = bundle("Faithful")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (finding,) = Tal().diagnose()
    assert finding.status == "absent" and "synthmatch[tal]" in finding.text
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    (folder / "TAL-NoiseMaker.vst3").rmdir()
    (finding,) = Tal().diagnose()
    assert finding.status == "broken" and "no plug-in at" in finding.text
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("synthmatch.hosting.finding._ELSEWHERE", ())
    monkeypatch.setattr("synthmatch.hosting.finding._LOCATIONS", {})
    (finding,) = Tal().diagnose()
    assert finding.status == "absent" and "is not installed" in finding.text


@pytest.fixture(scope="module")
def real():
    """Return a synth that plays the real plug-in; its workers are kept."""
    return Tal(backend="plugin")


@needs_real
@pytest.mark.parametrize(
    ("pitch", "velocity", "rate"), [(60, 100, 44100), (43.3, 25, 16384), (81, 127, 96000)]
)
def test_the_real_plug_in_plays_as_the_engine_does(real, pitch, velocity, rate):
    note = Note(pitch, velocity, held=0.5, total=1.0)
    own = Tal()
    x = np.delete(vectors(own), 3, axis=0)  # but for the random one
    x = np.concatenate([x, own.sample(np.random.default_rng(3), 8)])
    expected = own.render_batch(x, note, rate)
    heard = real.render_batch(x, note, rate)
    assert signal_to_error(heard, expected).min() > 40
    np.testing.assert_array_equal(heard, real.render_batch(x[::-1], note, rate)[::-1])


@needs_real
def test_every_parameter_of_the_real_plug_in_takes(real):
    """Others report that all its presets sounded alike: what is audible must be heard."""
    own = Tal("tal-core")
    x = own.sample(np.random.default_rng(8), 6)
    flags, changed = own.audible(x), []
    for column in np.flatnonzero(flags.any(axis=0)):
        row = flags[:, column].argmax()
        y = x[row].copy()
        y[column] = (y[column] + 0.4) % 1
        changed += [x[row], y]
    core = Tal("tal-core", backend="plugin", plugin=REAL)
    sounds = core.render_batch(np.array(changed), NOTE, RATE)
    expected = own.render_batch(np.array(changed), NOTE, RATE)
    differs, should = (np.linalg.norm(s[::2] - s[1::2], axis=1) > 0 for s in (sounds, expected))
    np.testing.assert_array_equal(differs, should)
    assert should.sum() > 25


@needs_real
def test_the_real_plug_in_passes_the_conformance_kit():
    """Where no dice are thrown, which the plug-in never throws alike."""
    check_synth(Tal("tal-core", backend="plugin"))


@needs_real
def test_the_real_plug_in_opens_the_preset_files_that_are_written(real, tmp_path):
    patch = patches(real)[1]
    save_patch(real, patch, tmp_path / "bell.vstpreset")
    order = Play((tmp_path / "bell.vstpreset").read_bytes(), NOTE, RATE)
    with PluginHost(REAL, loader=LOADER) as host:
        np.testing.assert_array_equal(host.render(order), real.render(patch, NOTE, RATE))


@needs_real
def test_the_doctor_finds_the_real_plug_in_well():
    found = Tal().diagnose()
    assert {finding.status for finding in found} == {"ok"}
    assert found[-1].text == "plays as the embedded engine does"
