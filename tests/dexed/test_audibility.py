"""What Dexed calls inaudible, held against its sound."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from synthmatch.synth import Note
from synthmatch_dexed import Dexed
from synthmatch_dexed.space import to_patch, to_vectors
from synthmatch_dexed.voices import init_voice, unpack

SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
BANK = SHARED / "presets" / "dx7_train.vmem"
VIEWS = ("voice", "dexed-t6", "dx7-144")


def vectors_of(synth, kind, n, rng):
    """Return vectors of people's voices, of the prior, or of numbers at the ends of ranges."""
    if kind == "people":
        if not BANK.is_file():
            pytest.skip("people's voices are not beside the checkout")
        every, _ = unpack(BANK.read_bytes())
        vectors = to_vectors(synth.space, every[rng.choice(len(every), n, replace=False)])
    else:
        vectors = synth.sample(rng, n)
    if kind == "ends":
        ends = np.round(rng.random(vectors.shape))
        vectors = np.where(rng.random(vectors.shape) < 0.4, ends, vectors)
    for column, name in enumerate(synth.space.names):
        if name.endswith("switch"):
            vectors[:, column] = np.where(rng.random(n) < 0.2, 0.25, 0.75)
    return vectors


@pytest.mark.parametrize("engine", ["mark1", "modern"])
@pytest.mark.parametrize("kind", ["people", "prior", "ends"])
@pytest.mark.parametrize("view", VIEWS)
def test_what_is_inaudible_may_move(view, kind, engine):
    rng = np.random.default_rng(0)
    synth = Dexed(engine, view=view)
    vectors = vectors_of(synth, kind, 100, rng)
    audible = synth.audible(vectors)
    assert audible.shape == vectors.shape and audible.dtype == np.bool_
    long = Note(60, 100, held=6.0, total=9.0)  # long enough for slow envelopes
    notes = [
        Note(int(rng.integers(128)), int(rng.integers(1, 128)), held=held, total=0.5)
        for held in (0.02, 0.2, 0.5)
    ]
    for note, rate in [*((note, 16000) for note in notes), (long, 8000)]:
        moved = rng.random(vectors.shape)
        moved = np.where(rng.random(vectors.shape) < 0.5, np.round(moved), moved)
        moved = np.where(audible, vectors, moved)
        few = slice(25 if note is long else None)
        before, after = (synth.render_batch(x[few], note, rate) for x in (vectors, moved))
        assert np.array_equal(before, after)


def inaudible(**values):
    """Return the names of what is inaudible in the initial voice with some values changed."""
    synth = Dexed()
    patch = {**to_patch(init_voice()), **values}
    audible = synth.audible(synth.space.encode(patch)[None])[0]
    return {name for name, heard in zip(synth.space.names, audible, strict=True) if not heard}


def test_an_operator_without_level_is_vouched_for_by_its_level():
    names = inaudible()
    assert {"op2_f_coarse", "op3_eg_rate_1", "op6_key_velocity", "op4_a_mod_sens"} <= names
    assert not {"op2_output_level", "op2_l_scale_depth", "op2_r_scale_depth"} & names
    # Scaling can lift an operator of level 0.
    assert "op2_f_coarse" not in inaudible(op2_l_scale_depth=99, op2_l_key_scale="+LN")


def test_an_lfo_without_depth_is_inaudible():
    lfo = {"lfo_speed", "lfo_delay", "lfo_key_sync", "lfo_wave"}
    assert lfo | {"p_mode_sens", "lfo_am_depth"} <= inaudible()
    assert not (lfo | {"p_mode_sens"}) & inaudible(lfo_pm_depth=1)
    # A sensitivity lowers the level even where nothing modulates.
    still = inaudible(op1_a_mod_sens=1)
    assert lfo <= still and not {"op1_a_mod_sens", "lfo_am_depth"} & still
    assert not lfo & inaudible(op1_a_mod_sens=1, lfo_am_depth=1)
    assert lfo <= inaudible(lfo_pm_depth=99, op1_mode="fixed")


def test_stages_that_change_nothing_are_inaudible():
    assert {"op1_eg_rate_2", "op1_eg_rate_3"} <= inaudible()
    assert {"op1_eg_rate_3"} <= inaudible(op1_eg_level_1=50)
    assert not {"op1_eg_rate_2", "op1_eg_rate_3"} & inaudible(op1_eg_level_3=50)
    pitch = {f"pitch_eg_rate_{i}" for i in (1, 2, 3, 4)}
    assert pitch <= inaudible()
    assert inaudible(pitch_eg_level_2=60) & pitch == {"pitch_eg_rate_1"}


def test_operators_that_reach_no_carrier_are_inaudible():
    # Algorithm 1: 6 modulates 5, which modulates 4, which modulates the carrier 3.
    loud = {f"op{op}_output_level": 90 for op in (3, 5, 6)}
    names = inaudible(**loud)
    assert {"op6_output_level", "op5_output_level", "feedback"} <= names
    assert "op4_output_level" not in names
    assert not {"op5_output_level", "op6_f_fine", "feedback"} & inaudible(
        **loud, op4_output_level=80
    )


@pytest.mark.skipif(not BANK.is_file(), reason="people's voices are not beside the checkout")
def test_a_sixth_of_people_s_numbers_is_inaudible():
    every, _ = unpack(BANK.read_bytes())
    synth = Dexed()
    share = 1 - synth.audible(to_vectors(synth.space, every[::10])).mean()
    assert share == pytest.approx(0.17, abs=0.01)
