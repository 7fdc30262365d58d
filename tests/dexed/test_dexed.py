"""Dexed as a synth: options, sound, settings, registration."""

from __future__ import annotations

import numpy as np
import pytest

from synthmatch.errors import ParameterError, RegistryError
from synthmatch.parameters import Patch
from synthmatch.registry import load_synth
from synthmatch.settings import load_setting
from synthmatch.synth import (
    BankSynth,
    BatchSynth,
    ConditionalPriorSynth,
    Note,
    Synth,
    render_batch,
    sample_prior,
)
from synthmatch_dexed import Dexed, dexed_t6, dx7_144, t6_setting
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.space import to_voice, whole

NOTE = Note(60, 100, held=0.2, total=0.3)
RATE = 16000


def test_it_is_all_that_a_synth_may_be():
    synth = load_synth("dexed")
    for protocol in (Synth, BatchSynth, BankSynth, ConditionalPriorSynth):
        assert isinstance(synth, protocol)
    assert synth.name == "dexed" and synth.sample_rate == 44100
    assert synth.suffixes == (".syx", ".vstpreset", ".vmem", ".json")


def test_options():
    assert load_synth("dexed", engine="modern", sample_rate=48000).sample_rate == 48000
    with pytest.raises(RegistryError, match="does not take these options"):
        load_synth("dexed", filter="open")
    for wrong in ({"engine": "opl"}, {"view": "dx21"}, {"syx": "both"}):
        with pytest.raises(ParameterError):
            Dexed(**wrong)


@pytest.mark.parametrize("engine", ["mark1", "modern"])
def test_its_sound_is_the_engine_s(engine):
    synth = Dexed(engine)
    vectors = sample_prior(synth, np.random.default_rng(0), 4)
    batch = render_batch(synth, vectors, NOTE, RATE)
    assert batch.shape == (4, 4800) and batch.dtype == np.float32
    for row, vector in zip(batch, vectors, strict=True):
        patch = synth.space.decode(vector)
        assert np.array_equal(synth.render(patch, NOTE, RATE), row)
        played = render_voices(
            to_voice(patch)[None], 60, 100, held=0.2, total=0.3, sample_rate=RATE, engine=engine
        )
        assert np.array_equal(played[0], row)


def test_engines_differ():
    patch = whole().patch()
    assert not np.array_equal(*(Dexed(e).render(patch, NOTE, RATE) for e in ("mark1", "modern")))


def test_fractional_pitches_are_rounded():
    synth = Dexed()
    patch = synth.space.patch()
    near, exact = (synth.render(patch, Note(p, 100, held=0.2, total=0.3), RATE) for p in (60.4, 60))
    assert np.array_equal(near, exact)


def test_a_dictionary_is_a_patch_and_the_rate_the_synth_s_own():
    synth = Dexed(sample_rate=22050)
    values = {"algorithm": 5, "op3_output_level": 90}
    patch = synth.space.patch(values)
    expected = synth.render(patch, NOTE, 22050)
    assert np.array_equal(synth.render(values, NOTE), expected)
    vectors = synth.space.encode(patch)[None]
    assert np.array_equal(synth.render_batch(vectors, NOTE)[0], expected)
    with pytest.raises(ParameterError, match="no parameter 'algorythm'"):
        synth.render({"algorythm": 5}, NOTE)


def test_a_plain_sine_has_its_pitch():
    audio = Dexed().render(whole().patch(), Note(69, 100, held=1.0, total=1.0), RATE)
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert np.argmax(spectrum) * RATE / len(audio) == pytest.approx(440, abs=1)


def test_an_operator_switched_off_sounds_as_one_of_level_0():
    synth = dexed_t6()
    for seed in range(6):
        patch = synth.space.decode(sample_prior(synth, np.random.default_rng(seed), 1)[0])
        off = Patch("dexed", {**patch, "op2_switch": False, "op5_switch": False})
        low = Patch("dexed", {**patch, "op2_output_level": 0, "op5_output_level": 0})
        a, b = (synth.render(p, NOTE, RATE) for p in (off, low))
        np.testing.assert_allclose(a, b, atol=2e-3)


def test_what_the_engine_has_not_is_refused():
    synth = Dexed()
    patch = Patch("dexed", {**synth.space.patch(), "cutoff": 0.5})
    with pytest.raises(ParameterError, match="'cutoff' is frozen"):
        synth.render(patch, NOTE, RATE)


@pytest.mark.parametrize("name", ["dexed-t6", "dx7-144"])
def test_settings_are_registered(name):
    setting = load_setting(name)
    source = setting.open()
    sounds = source.render(source.sample(np.random.default_rng(0), 2))
    assert sounds.shape == (2, setting.samples) and np.abs(sounds).max() > 0
    assert setting.published and setting.remark


def test_settings_are_the_protocol_s():
    t6 = t6_setting(7)
    assert (t6.note, t6.sample_rate) == (Note(60, 127, held=2.0, total=4.0), 48000)
    assert t6.open().synth.space == dexed_t6(7).space
    assert load_setting("dexed-t6").open().synth.space == dexed_t6().space
    dx7 = load_setting("dx7-144")
    assert (dx7.note.total, dx7.sample_rate) == (3.0, 22050)
    assert dx7.open().synth.space == dx7_144().space
    with pytest.raises(ParameterError, match="33 is not a choice"):
        dexed_t6(33)
