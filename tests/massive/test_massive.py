"""Massive's 16 parameters and the stand-in that plays them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from synthmatch.audio import loudness
from synthmatch.errors import ParameterError, PresetError
from synthmatch.synth import Note, backend_info, load_patch, preset_suffixes, save_patch
from synthmatch.testing import parametrize
from synthmatch_massive import Massive
from synthmatch_massive.backends.embedded import play
from synthmatch_massive.backends.embedded.wavetables import SIZE, waves
from synthmatch_massive.settings import MASSIVE_16
from synthmatch_massive.space import ORDER

NOTE = Note(69, 127, held=1.0, total=1.0)
RATE = 44100
OPEN = {"envelope4_att_tme": 0.0, "envelope4_dec_tme": 1.0, "filter1_cut_prm_1": 1.0}


def sound(note=NOTE, rate=RATE, **values):
    return Massive().render({**OPEN, "filter1_res_prm_3": 0.0, **values}, note, rate)


def spectrum(audio):
    return np.abs(np.fft.rfft(audio * np.hanning(len(audio))))


@parametrize(Massive)
def test_it_keeps_every_rule(check):
    check()


def test_the_parameters_are_those_of_the_paper():
    assert len(ORDER) == 16 and ORDER[0] == "osc1_position" and ORDER[-1] == "master_fx2_dry_wet"
    assert Massive().space.names == ORDER
    assert all(parameter.kind == "continuous" for parameter in Massive().space.free)
    assert MASSIVE_16.samples == 4 * 22050 and MASSIVE_16.note.velocity == 127


def test_the_stand_in_says_what_it_is(tmp_path):
    synth = Massive()
    assert "not Massive" in backend_info(synth)["plays"]
    save_patch(synth, synth.space.patch({}), tmp_path / "a.json")
    assert "not Massive" in json.loads((tmp_path / "a.json").read_text())["made_on"]
    assert "stand-in" in MASSIVE_16.remark
    assert Massive(backend="engine").backend_info["backend"] == "stand-in"


def test_presets_are_json_by_parameter_name(tmp_path):
    synth = Massive()
    assert preset_suffixes(synth) == (".json",)
    patch = synth.space.decode(np.random.default_rng(0).random(16))
    save_patch(synth, patch, tmp_path / "a.json")
    assert set(json.loads((tmp_path / "a.json").read_text())["parameters"]) == set(ORDER)
    assert load_patch(synth, str(tmp_path / "a.json")) == patch
    for suffix in (".vstpreset", ".nmsv"):
        with pytest.raises(PresetError, match=r"only Massive itself|end in"):
            synth.save_patch(patch, tmp_path / f"a{suffix}")
        (tmp_path / f"a{suffix}").write_bytes(b"x")
        with pytest.raises(PresetError, match=r"only Massive itself|end in"):
            synth.load_patch(tmp_path / f"a{suffix}")
    for data, text in ((b"\xff", "not a text file"), (b"{}", "not a synthmatch patch")):
        (tmp_path / "b.json").write_bytes(data)
        with pytest.raises(PresetError, match=text):
            synth.load_patch(tmp_path / "b.json")
    with pytest.raises(PresetError, match="cannot be read"):
        synth.load_patch(tmp_path / "none.json")
    with pytest.raises(PresetError, match="cannot write"):
        synth.save_patch(patch, tmp_path / "none" / "a.json")


def test_pitch_and_detuning():
    assert np.argmax(spectrum(sound(osc1_position=0.0))) == 440
    second = {"osc1_amp": 0.0, "osc2_amp": 1.0, "osc2_position": 0.0}
    assert np.argmax(spectrum(sound(**second, osc2_pitch=0.5))) == 440
    octave = 0.5 + 12 / 128
    assert np.argmax(spectrum(sound(**second, osc2_pitch=octave))) == 880


def test_positions_go_from_a_sine_to_rich_waves():
    for name in ("osc1", "osc2"):
        amps = {"osc1_amp": float(name == "osc1"), "osc2_amp": float(name == "osc2")}
        rich = []
        for position in (0.0, 0.5, 1.0):
            heard = spectrum(sound(**amps, **{f"{name}_position": position})) ** 2
            rich.append(heard[600:].sum() / heard.sum())
        assert rich[0] < 1e-3 and min(rich[1:]) > 0.1


def test_a_sawtooth_is_a_sawtooth():
    (wave,) = waves(np.array([[3 / 8, 0.0]]), np.array([[512, 512]]))
    t = np.arange(SIZE) / SIZE
    rising = 0.5 - t  # sum of sin(2 pi k t) / (pi k)
    scale = wave[0][:-1] @ rising / (rising @ rising)
    assert np.abs(wave[0][:-1] / scale - rising)[20:-20].max() < 0.03
    np.testing.assert_array_equal(wave[:, 0], wave[:, -1])


def test_high_notes_do_not_alias():
    heard = spectrum(sound(Note(101, 127, held=1.0, total=1.0), osc1_position=1.0))
    fundamental = 440 * 2 ** ((101 - 69) / 12)
    at = np.arange(len(heard)) / fundamental
    between = heard[(np.abs(at - np.round(at)) * fundamental > 30) & (at > 0.2)]
    assert 20 * np.log10(between.max() / heard.max()) < -60


def test_filters_cut_and_resonate():
    white = {"osc1_amp": 0.0, "noise_amp": 1.0, "filter2_cut_prm_1": 0.0}
    low = spectrum(sound(**{**white, "filter1_cut_prm_1": 0.5})) ** 2  # 640 Hz
    assert low[5000:6000].mean() < 1e-5 * low[200:400].mean()  # 24 dB an octave
    high = spectrum(sound(**{**white, "filter2_cut_prm_1": 0.8})) ** 2  # 5,120 Hz
    assert high[500:640].mean() < 1e-3 * high[8000:12000].mean()  # 12 dB an octave
    peak = spectrum(sound(**{**white, "filter1_cut_prm_1": 0.5, "filter1_res_prm_3": 1.0})) ** 2
    smooth = np.convolve(peak, np.ones(20) / 20, "same")
    assert np.argmax(smooth) == pytest.approx(640, abs=40)


def test_envelopes():
    slow = sound(envelope4_att_tme=0.75)  # 0.85 s
    assert np.abs(slow[:2000]).max() < 0.1 * np.abs(slow[-4000:]).max()
    short = sound(envelope4_dec_tme=0.4)
    assert np.abs(short[-4000:]).max() < 0.01 * np.abs(short[:4000]).max()
    released = sound(Note(69, 127, held=0.3, total=1.0))
    assert np.abs(released[-4000:]).max() < 0.01 * np.abs(released[:4000]).max()
    swept = {"osc1_position": 0.6, "filter1_cut_prm_1": 0.3, "envelope1_att_lev": 1.0}
    moving = sound(**swept, envelope1_att_tme=0.0, envelope1_dec_tme=0.5)
    early, late = (spectrum(part) ** 2 for part in (moving[:8000], moving[-8000:]))
    assert early[200:].sum() / early.sum() > 3 * late[200:].sum() / late.sum()


def test_the_reverb_goes_on_after_the_note():
    note = Note(69, 127, held=0.3, total=1.2)
    dry, wet = (sound(note, master_fx2_dry_wet=share) for share in (0.0, 0.8))
    assert np.abs(wet[-10000:]).max() > 1e-3 > np.abs(dry[-10000:]).max()


@pytest.mark.parametrize("rate", [4000, 16384, 48000, 96000])
def test_any_rate_gives_the_same_sound(rate):
    note = Note(45, 100, held=0.4, total=0.6)
    values = {"osc1_position": 0.3, "filter1_cut_prm_1": 0.5, "master_fx2_dry_wet": 0.3}
    here, there = (sound(note, r, **values) for r in (rate, RATE))
    level = [20 * np.log10(np.sqrt(np.mean(x.astype(float) ** 2))) for x in (here, there)]
    assert level[0] == pytest.approx(level[1], abs=0.7)


def test_what_cannot_be_played_is_refused():
    row = np.full((1, 16), 0.5)
    for presets, rate, text in (
        (row[:, 1:], RATE, "presets of shape"),
        (2 * row + 1, RATE, "from 0 to 1"),
        (row * np.nan, RATE, "from 0 to 1"),
        (row, 2000, "sample rate"),
    ):
        with pytest.raises(ParameterError, match=text):
            play(presets, NOTE, rate)


def test_the_prior_is_heard_more_often_than_chance():
    synth, note = Massive(sample_rate=22050), Note(60, 127, held=0.5, total=1.0)
    audible = []
    for drawn in (
        synth.sample(np.random.default_rng(0), 100),
        synth.space.sample(np.random.default_rng(0), 100),
    ):
        sounds = synth.render_batch(drawn, note)
        assert np.isfinite(sounds).all()
        audible.append(np.mean([loudness(x, 22050) > -50 for x in sounds]))
    assert audible[0] > 0.95 > audible[1]


def test_rows_are_independent():
    synth = Massive()
    x = synth.sample(np.random.default_rng(1), 37)
    note = Note(60, 100, held=0.1, total=0.15)
    together = synth.render_batch(x, note, 22050)
    np.testing.assert_array_equal(together[::-1], synth.render_batch(x[::-1], note, 22050))
    np.testing.assert_array_equal(together[7], synth.render_batch(x[7:8], note, 22050)[0])
