"""One label for the patches of Dexed that sound alike, held against their sound."""

from __future__ import annotations

import numpy as np
import pytest
from test_audibility import VIEWS, vectors_of

from synthmatch.synth import Note
from synthmatch_dexed import Dexed
from synthmatch_dexed.space import to_patch
from synthmatch_dexed.voices import init_voice


@pytest.mark.parametrize("kind", ["people", "prior", "ends"])
@pytest.mark.parametrize("view", VIEWS)
def test_it_sounds_the_same_and_stays(view, kind):
    rng = np.random.default_rng(1)
    synths = [Dexed(engine, view=view) for engine in ("mark1", "modern")]
    vectors = vectors_of(synths[0], kind, 100, rng)
    made = synths[0].canonical(vectors)
    assert (made != vectors).any()
    for synth in synths:
        assert np.array_equal(synth.canonical(made), made)
        for note, rate, few in (
            (Note(int(rng.integers(128)), 90, held=0.2, total=0.5), 16000, 100),
            (Note(50, 127, held=6.0, total=9.0), 8000, 25),
        ):
            before, after = (synth.render_batch(x[:few], note, rate) for x in (vectors, made))
            assert np.array_equal(before, after)
    # Whatever cannot be heard, the label is the same.
    moved = np.where(synths[0].audible(vectors), vectors, rng.random(vectors.shape))
    assert np.array_equal(synths[0].canonical(moved), made)


def label(synth, **values):
    """Return the label of the initial voice with some values changed."""
    patch = {**to_patch(init_voice()), **values}
    return dict(synth.space.decode(synth.canonical(synth.space.encode(patch)[None])[0]))


def operator(number, **values):
    return {f"op{number}_{name}": value for name, value in values.items()}


def test_operators_change_places():
    synth = Dexed()
    loud, soft = {"output_level": 99, "f_coarse": 3}, {"output_level": 70, "f_coarse": 5}
    # The carriers of algorithm 32, and whole stacks of algorithm 5.
    organ = {"algorithm": 32}
    one, other = (
        label(synth, **organ, **operator(a, **loud), **operator(b, **soft))
        for a, b in ((2, 4), (3, 1))
    )
    assert one != other  # operator 1 of the first plays too
    quiet = operator(1, output_level=0)
    one, other = (
        label(synth, **organ, **quiet, **operator(a, **loud), **operator(b, **soft))
        for a, b in ((2, 4), (5, 3))
    )
    assert one == other
    stacks = [
        {"algorithm": 5, **operator(a, **loud), **operator(a + 1, **soft), **operator(b, **soft)}
        for a, b in ((1, 3), (3, 1))
    ]
    assert label(synth, **stacks[0]) == label(synth, **stacks[1])
    # A modulator is no carrier, and operator 6 has the feedback.
    fed_back = {"algorithm": 32, "feedback": 7, **quiet}
    assert label(synth, **fed_back, **operator(6, **loud)) != label(
        synth, **fed_back, **operator(5, **loud)
    )


def test_numbers_that_the_engine_plays_alike():
    synth = Dexed()
    for values, likeness in (
        ({"op1_eg_level_2": 80}, {"op1_eg_level_2": 81}),
        ({"op1_eg_rate_4": 64}, {"op1_eg_rate_4": 65}),
        ({"op1_mode": "fixed", "op1_f_coarse": 5}, {"op1_mode": "fixed", "op1_f_coarse": 1}),
        ({"op1_a_mod_sens": 2}, {"op1_a_mod_sens": 1}),
        ({"op1_r_scale_depth": 50, "op1_r_key_scale": "+LN"}, {}),
        ({"lfo_pm_depth": 50, "p_mode_sens": 0}, {}),
    ):
        assert label(synth, **values) == label(synth, **likeness)
    assert label(synth, op1_a_mod_sens=1) != label(synth)


def test_switched_off_is_as_good_as_level_0():
    synth = Dexed(view="dexed-t6")
    loud = operator(2, output_level=80, f_coarse=4)
    off = label(synth, **loud, op2_switch=False)
    assert off == label(synth) and off["op2_switch"] is True
    assert label(synth, op1_output_level=0, algorithm=9) == label(synth, op1_switch=False)
