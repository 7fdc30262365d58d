"""Massive's plug-in side, on a plug-in that behaves as Massive is said to."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import pickle
import sys

import fake_massive
import numpy as np
import pytest

from synthmatch.errors import HostingError, ParameterError, PresetError
from synthmatch.synth import Note, backend_info, load_patch, save_patch
from synthmatch_massive import Massive
from synthmatch_massive.backends.plugin import BASE, VARIABLE, hosted, states
from synthmatch_massive.backends.plugin.instrument import MassiveInstrument
from synthmatch_massive.space import ORDER

NOTE = Note(60, 100, held=0.2, total=0.3)
RATE = 22050


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Return a function that puts a stand-in where the plug-in is looked for."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "Massive.vst3"))
    (tmp_path / "Massive.vst3").mkdir()
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    found = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0" if name == "pedalboard" else found(name)
    )

    def install(kind):
        for module in (hosted, states):
            monkeypatch.setattr(module, "LOADER", f"fake_massive:{kind}")
        return tmp_path

    return install


@pytest.fixture
def loaded(monkeypatch):
    """Return a function that loads an instrument in this process."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0")

    def load(kind):
        monkeypatch.setitem(sys.modules, "pedalboard", None)
        fake_massive.install(kind)
        return MassiveInstrument("Massive.vst3")

    return load


def state(**values):
    return json.dumps({**dict.fromkeys(ORDER, 0.5), **values}).encode()


def vectors(n=3):
    return Massive().sample(np.random.default_rng(0), n)


def test_set_and_rendered_at_once_every_preset_would_sound_alike():
    """What the instrument works round."""
    sounds = []
    for amplitude in (0.2, 0.9):
        plugin = fake_massive.Resetting("", initialization_timeout=0)
        plugin.parameters["osc1_amp"].raw_value = amplitude
        on_and_off = [(bytes([0x90, 60, 100]), 0.0), (bytes([0x80, 60, 0]), 0.2)]
        sounds.append(
            plugin(on_and_off, duration=0.3, sample_rate=RATE, num_channels=2, reset=False)
        )
    np.testing.assert_array_equal(*sounds)


def test_parameters_hold_and_are_heard(loaded):
    instrument = loaded(fake_massive.Resetting)
    assert instrument.info["name"] == "Massive"
    quiet, loud = (
        instrument.play(state(osc1_amp=amplitude), NOTE, RATE) for amplitude in (0.2, 0.9)
    )
    assert np.linalg.norm(loud) > 2 * np.linalg.norm(quiet) > 0
    np.testing.assert_array_equal(quiet, instrument.play(state(osc1_amp=0.2), NOTE, RATE))
    assert quiet.shape == (NOTE.samples(RATE),) and quiet.dtype == np.float32


def test_a_plug_in_that_never_keeps_them_is_refused(loaded):
    with pytest.raises(HostingError, match=r"takes its parameters back when it renders \(osc1_pos"):
        loaded(fake_massive.Stubborn).play(state(osc1_position=0.1), NOTE, RATE)


def test_other_plug_ins_are_refused(loaded):
    with pytest.raises(HostingError, match=r"no parameter noise_amp; is it Massive 1.x"):
        loaded(fake_massive.Another)
    with pytest.raises(HostingError, match="an effect"):
        loaded(fake_massive.Effect)


def test_a_base_preset_is_what_the_parameters_change(loaded, tmp_path, monkeypatch):
    base = tmp_path / "base.vstpreset"
    base.write_bytes(
        b"NI" + json.dumps({**dict.fromkeys(ORDER, 0.9), "macro_control_1": 0.7}).encode()
    )
    monkeypatch.setenv(BASE, str(base))
    instrument = loaded(fake_massive.Resetting)
    instrument.play(state(), NOTE, RATE)
    assert instrument.plugin.parameters["macro_control_1"].raw_value == 0.7
    assert instrument.values == dict.fromkeys(ORDER, 0.5)
    base.unlink()
    with pytest.raises(HostingError, match=r"base preset .* cannot be read: No such file"):
        loaded(fake_massive.Resetting)


def test_what_played_has_the_base_preset_by_name_and_content(bundle, tmp_path):
    bundle("resetting")
    base = tmp_path / "warm.vstpreset"
    told = []
    for content in (b"one", b"other"):
        base.write_bytes(content)
        told.append(backend_info(Massive(backend="plugin", base=base))["base"])
    assert all(text.startswith("warm.vstpreset (") for text in told) and told[0] != told[1]


def test_batches_are_played_by_processes(bundle):
    folder = bundle("resetting")
    synth, own = Massive(backend="plugin"), Massive()
    audio = synth.render_batch(vectors(), NOTE, RATE)
    np.testing.assert_allclose(audio, own.render_batch(vectors(), NOTE, RATE), atol=1e-6)
    patch = synth.space.decode(vectors()[1])
    np.testing.assert_allclose(synth.render(patch, NOTE, RATE), audio[1], atol=1e-6)
    assert (folder / "started").read_text().count("started") <= 2
    copy = pickle.loads(pickle.dumps(synth))  # noqa: S301
    np.testing.assert_allclose(copy.render(patch, NOTE, RATE), audio[1], atol=1e-6)
    assert backend_info(synth) == {
        **{"backend": "plugin", "path": str(folder / "Massive.vst3"), "name": "Massive"},
        **{"version": "1.7", "manufacturer": "Native Instruments", "base": "its own"},
        "pedalboard": backend_info(synth)["pedalboard"],
    }
    backwards = synth.render_batch(vectors()[::-1], NOTE, RATE)
    np.testing.assert_array_equal(backwards[::-1], audio)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("stubborn", "takes its parameters back"),
        ("deaf", "same sound whatever state"),
        ("another", "no parameter noise_amp"),
    ],
)
def test_a_plug_in_that_does_not_obey_is_an_error(bundle, monkeypatch, kind, text):
    bundle(kind)
    with pytest.raises(HostingError, match=text):
        Massive(backend="plugin").render_batch(vectors(), NOTE, RATE)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    stand_in, plugin = Massive().diagnose()
    assert stand_in.status == "ok" and "starting point" in stand_in.text
    assert plugin.status == "broken" and text in plugin.text


def test_the_doctor_looks_at_the_plug_in(bundle, monkeypatch):
    folder = bundle("resetting")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    found = Massive().diagnose()
    assert [finding.status for finding in found] == ["ok"] * 3
    assert "Massive 1.7" in found[1].text and "keeps its parameters" in found[2].text
    (folder / "Massive.vst3").rmdir()
    assert "no plug-in at" in Massive().diagnose()[1].text
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert Massive().diagnose()[1].status == "absent"
    assert "synthmatch[massive]" in Massive().diagnose()[1].text


def test_its_presets_are_made_and_opened_by_the_plug_in(bundle, tmp_path):
    bundle("resetting")
    synth = Massive(backend="plugin")
    patch = synth.space.patch({"osc1_amp": 0.3, "noise_amp": 0.4})
    save_patch(synth, patch, tmp_path / "tone.vstpreset")
    assert synth.suffixes == (".vstpreset", ".json")
    assert (tmp_path / "tone.vstpreset").read_bytes().startswith(b"NI")
    assert load_patch(synth, tmp_path / "tone.vstpreset") == patch
    (tmp_path / "bad.vstpreset").write_bytes(b"VST3")
    with pytest.raises(PresetError, match="ValueError: not a preset of Massive"):
        load_patch(synth, tmp_path / "bad.vstpreset")


def test_an_audio_unit_has_no_presets_of_that_kind(bundle, tmp_path):
    bundle("resetting")
    (tmp_path / "Massive.component").mkdir()
    synth = Massive(backend="plugin", plugin=tmp_path / "Massive.component")
    assert synth.suffixes == (".json",)
    with pytest.raises(PresetError, match=r"only the VST3 of Massive"):
        synth.save_patch({}, tmp_path / "tone.vstpreset")


def test_presets_that_keep_nothing_are_not_written(bundle, tmp_path):
    bundle("forgetful")
    synth = Massive(backend="plugin")
    with pytest.raises(PresetError, match=r"does not keep osc1_amp"):
        save_patch(synth, synth.space.patch({"osc1_amp": 0.3}), tmp_path / "tone.vstpreset")
    assert not (tmp_path / "tone.vstpreset").exists()


def test_options_that_make_no_sense_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="stand-in or plugin, not 'magic'"):
        Massive(backend="magic")
    for wrong in ({"plugin": tmp_path}, {"base": tmp_path}):
        with pytest.raises(ParameterError, match='backend="plugin" only'):
            Massive(**wrong)
    with pytest.raises(HostingError, match=r"no plug-in at .*gone"):
        Massive(backend="plugin", plugin=tmp_path / "gone")
