"""Dexed's parameters, against the plug-in's own and the papers' counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthmatch.errors import ParameterError
from synthmatch.synth import FrozenSynth
from synthmatch_dexed import Dexed, dexed_t6, dx7_144
from synthmatch_dexed.space import (
    NEUTRAL,
    dexed_space,
    to_patch,
    to_vectors,
    to_voice,
    to_voices,
    whole,
)
from synthmatch_dexed.voices import COLUMN, LARGEST, SOUND, init_voice, pack, unpack, voice_name

SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))

sounds = st.tuples(*(st.integers(0, int(top)) for top in LARGEST[:SOUND]))


def counts(space):
    discrete = sum(p.kind == "categorical" for p in space)
    return len(space) - discrete, discrete


def test_there_are_155_parameters_in_nine_groups():
    space = Dexed().space
    assert len(space.parameters) == 155
    assert Counter(p.group for p in space.parameters) == {
        **{f"operator {op}": 22 for op in range(1, 7)},
        "pitch envelope": 8,
        "LFO": 7,
        "global": 8,
    }
    assert len(space) == 145 and dict(space.frozen) == dict(NEUTRAL)


def test_ranges_are_those_that_dexed_shows():
    space = Dexed().space
    assert space["algorithm"].choices == tuple(range(1, 33))
    assert space["op3_osc_detune"].choices == tuple(range(-7, 8))
    assert space["transpose"].choices == tuple(range(-24, 25))
    assert space["op1_eg_rate_1"].choices == tuple(range(100))
    assert space["op1_mode"].choices == ("ratio", "fixed")
    assert space["op6_l_key_scale"].choices == ("-LN", "-EX", "+EX", "+LN")
    assert [len(space[n].choices) for n in ("feedback", "p_mode_sens", "lfo_wave")] == [8, 8, 6]
    assert [len(space[f"op1_{n}"].choices) for n in ("f_coarse", "a_mod_sens")] == [32, 4]


def test_sound2synth_s_counts():
    # Paper: 155 parameters, 87 continuous in 64 classes, 66 discrete, algorithm and output
    # fixed. Cutoff, resonance and tuning are among the 87 and frozen, as nothing plays them.
    for algorithm in (1, 32):
        space = dexed_t6(algorithm).space
        assert space.frozen["algorithm"] == algorithm and space.frozen["output"] == 1.0
        fixed = ("algorithm", "output")
        rest = [p for p in space.parameters if p.name not in fixed]
        assert Counter(p.kind == "categorical" for p in rest) == {False: 87, True: 66}
        assert {p.classes for p in rest if p.kind != "categorical"} == {64}
        assert counts(space) == (84, 66)
    assert counts(dexed_t6().space) == (84, 67)
    assert dexed_t6(5).sample_rate == 48000


def test_inversynth_2_s_counts():
    synth = dx7_144()
    assert isinstance(synth, FrozenSynth) and synth.sample_rate == 22050
    assert counts(synth.space) == (90, 54) and len(synth.space) == 144
    assert "algorithm" in synth.space.names and "transpose" not in synth.space.names


@pytest.mark.parametrize("view", ["voice", "dexed-t6", "dx7-144"])
@given(sounds)
def test_voices_survive_vectors_and_patches(view, sound):
    space = dexed_space(view)
    voice = np.array([sound])
    vectors = to_vectors(space, voice)
    assert np.array_equal(to_voices(space, vectors)[:, :SOUND], voice)
    patch = space.decode(vectors[0])
    assert np.array_equal(space.encode(patch), vectors[0])
    assert np.array_equal(to_voice(patch)[:SOUND], sound) and to_patch(voice[0]) == patch


@given(st.sampled_from(["voice", "dexed-t6", "dx7-144"]), st.integers(0, 999))
def test_any_point_of_the_cube_is_a_voice_in_range(view, seed):
    space = dexed_space(view)
    vectors = np.random.default_rng(seed).random((4, len(space)))
    vectors[0], vectors[1] = 0.0, 1.0
    voices = to_voices(space, vectors, "any name")
    assert (voices >= 0).all() and (voices <= [*LARGEST, 63]).all()
    for row, vector in zip(voices, vectors, strict=True):
        assert np.array_equal(to_voice(space.decode(vector), "any name"), row)
    assert voice_name(voices[0]) == "any name"


@given(st.integers(0, 63))
def test_switches_are_bits_from_operator_6_up(mask):
    voice = np.append(init_voice(), mask)
    patch = to_patch(voice)
    assert [patch[f"op{op}_switch"] for op in (6, 5, 4, 3, 2, 1)] == [
        bool(mask >> bit & 1) for bit in range(6)
    ]
    assert to_voice(patch)[-1] == mask


def test_classes_of_64_reach_both_ends():
    space = dexed_t6(1).space
    column = space.names.index("op1_eg_rate_1")
    ends = np.zeros((2, len(space)), dtype=np.int64)
    ends[1, column] = 63
    rates = [space.decode(x)["op1_eg_rate_1"] for x in space.from_classes(ends)]
    assert rates == [0, 99]


def test_the_default_patch_is_dexed_s_initial_voice():
    assert np.array_equal(to_voice(whole().patch(), "INIT VOICE")[:-1], init_voice())


def test_an_unknown_view_is_refused():
    with pytest.raises(ParameterError, match="voice, dexed-t6 and dx7-144, not 'dx21'"):
        dexed_space("dx21")


@given(sounds, st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=125), max_size=10))
def test_packing_is_exact(sound, name):
    voice = np.array([[*sound, *name.encode().ljust(10)]])
    data = pack(voice)
    assert len(data) == 128
    again, mended = unpack(data)
    assert np.array_equal(again, voice) and mended == 0


def test_packed_fields_sit_where_the_manual_has_them():
    voice = init_voice()
    for name, value in (
        ("op6_eg_rate_1", 11),
        ("op6_l_key_scale", 2),
        ("op6_r_key_scale", 3),
        ("op6_rate_scaling", 5),
        ("op6_osc_detune", 9),
        ("op1_a_mod_sens", 1),
        ("op1_key_velocity", 6),
        ("op1_f_fine", 77),
        ("algorithm", 31),
        ("feedback", 4),
        ("lfo_wave", 5),
        ("p_mode_sens", 7),
        ("transpose", 36),
    ):
        voice[COLUMN[name]] = value
    data = pack(voice[None])
    assert [data[i] for i in (0, 11, 12)] == [11, 2 | 3 << 2, 5 | 9 << 3]
    assert [data[i] for i in (5 * 17 + 13, 5 * 17 + 16)] == [1 | 6 << 2, 77]
    assert [data[i] for i in (110, 111, 116, 117)] == [31, 4 | 1 << 3, 1 | 5 << 1 | 7 << 4, 36]
    assert data[118:] == b"INIT VOICE"


def test_the_plug_in_has_the_same_names_and_native_values():
    index = SHARED / "reference" / "dexed" / "index.json"
    if not index.is_file():
        pytest.skip("the reference renders are not beside the checkout")
    for clip in json.loads(index.read_text())[:20]:
        voice = np.zeros(SOUND, dtype=np.int64)
        for name, value in clip["voice"].items():
            voice[COLUMN[name]] = value
        patch = to_patch(voice)
        assert patch["algorithm"] == clip["voice"]["algorithm"] + 1
        assert patch["op2_osc_detune"] == clip["voice"]["op2_osc_detune"] - 7
        assert patch["transpose"] == clip["voice"]["transpose"] - 24
        assert patch["op4_eg_rate_3"] == clip["voice"]["op4_eg_rate_3"]
        assert len(clip["voice"]) == SOUND
