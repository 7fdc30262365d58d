"""The prior over voices, and augmentation of voices."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from synthmatch.errors import ParameterError
from synthmatch.synth import sample_prior
from synthmatch_dexed import Dexed, dexed_t6, dx7_144
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.prior import FILE, Prior, load_prior, sample_voices
from synthmatch_dexed.prior.augment import mix_operators, resample
from synthmatch_dexed.space import dexed_space, to_voices
from synthmatch_dexed.voices import COLUMN, LARGEST, SOUND

SHARED = Path(os.environ.get("SYNTHMATCH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
SPACE = Dexed().space


def made_up(rng, hidden=3, scale=0.0):
    """Return the tensors of a model: two values to a bin, sources for every third number."""
    columns = rng.permutation(SOUND)
    columns = columns[np.argsort(LARGEST[columns] != 99, kind="stable")]
    sizes = LARGEST[columns] + 1
    bins = [np.arange(n) // 2 for n in sizes]
    rows = sum(b[-1] + 1 for b in bins)
    copies = np.zeros(SOUND, dtype=np.int64)
    sources = []
    for i in range(3, 90, 3):
        copies[i] = 2
        sources += columns[rng.choice(i, 2, replace=False)].tolist()
    parents = np.full((SOUND, 2), 255)
    parents[1:, 0] = columns[0]
    heights = np.where(np.arange(SOUND) > 0, bins[0][-1] + 1, 0)
    cells = sum(h * (b[-1] + 1) for h, b in zip(heights, bins, strict=True))
    return {
        "parents": parents,
        "tables": scale * rng.standard_normal(cells),
        "columns": columns,
        "copies": copies,
        "sources": np.array(sources),
        "bins": np.concatenate(bins),
        "frequencies": rng.uniform(0.1, 1.0, sizes.sum()),
        "embeddings": scale * rng.standard_normal((rows, hidden)),
        "matches": scale * rng.standard_normal((copies.sum(), hidden)),
        "weights": scale * rng.standard_normal((rows, hidden)),
        "biases": rng.standard_normal(rows),
        "gates": scale * rng.standard_normal(((copies + 1).sum(), hidden)),
        "gate_biases": rng.standard_normal((copies + 1).sum()),
        "start": np.ones(hidden),
    }


def test_the_first_number_comes_as_often_as_the_model_says():
    rng = np.random.default_rng(1)
    tensors = made_up(rng, scale=0.5)
    drawn = Prior.from_tensors(tensors).sample(rng, 5_000)
    column = int(tensors["columns"][0])
    size = LARGEST[column] + 1
    of, frequencies = tensors["bins"][:size], tensors["frequencies"][:size]
    logits = tensors["weights"][: of[-1] + 1] @ tensors["start"] + tensors["biases"][: of[-1] + 1]
    by_bin = np.exp(logits) / np.exp(logits).sum()
    expected = by_bin[of] * frequencies / np.bincount(of, frequencies)[of]
    found = np.bincount(drawn[:, column], minlength=size) / len(drawn)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / len(drawn)))


@pytest.mark.parametrize("place", [-1, 3])
def test_probabilities_agree_with_how_often_values_are_drawn(place):
    """Given all before it, a number's values are drawn as their probabilities say."""
    rng = np.random.default_rng(2)
    tensors = made_up(rng, scale=0.7)
    prior = Prior.from_tensors(tensors)
    one = prior.sample(rng, 1)
    assert (one >= 0).all() and (one <= LARGEST[:SOUND]).all()
    step = prior.steps[place]
    assert len(step.sources) == (2 if place == 3 else 0)
    hidden = np.maximum(prior.start + sum(s.seen(one) for s in prior.steps[:place]), 0.0)
    every = np.repeat(one, LARGEST[step.column] + 1, axis=0)
    every[:, step.column] = np.arange(len(every))
    told = np.exp(step.log_probability(every, np.repeat(hidden, len(every), axis=0)))
    assert told.sum() == pytest.approx(1.0, abs=1e-6)
    held = {s.column: int(one[0, s.column]) for s in prior.steps[:place]}
    found = np.bincount(prior.sample(rng, 5_000, held)[:, step.column], minlength=len(every))
    np.testing.assert_allclose(found / 5_000, told, atol=0.03)


def test_the_log_probability_is_that_of_all_numbers_in_turn():
    rng = np.random.default_rng(4)
    prior = Prior.from_tensors(made_up(rng, scale=0.7))
    sounds = prior.sample(rng, 3)
    total, hidden = np.zeros(3), np.tile(prior.start, (3, 1))
    for step in prior.steps:
        total += step.log_probability(sounds, np.maximum(hidden, 0.0))
        hidden = hidden + step.seen(sounds)
    np.testing.assert_allclose(prior.log_probability(sounds), total, rtol=1e-6)


def test_a_gate_copies():
    rng = np.random.default_rng(3)
    tensors = made_up(rng)
    tensors["gate_biases"][:] = 0.0
    first = 3 + 1  # gates of numbers 0, 1 and 2, then the first of number 3
    tensors["gate_biases"][first] = 50.0
    step = Prior.from_tensors(tensors).steps[3]
    drawn = Prior.from_tensors(tensors).sample(rng, 200)
    assert np.array_equal(drawn[:, step.column], drawn[:, step.sources[0]])


def test_the_model_is_small_and_whole():
    assert FILE.stat().st_size < 1_000_000
    steps = load_prior().steps
    assert sorted(step.column for step in steps) == list(range(SOUND))
    before = set()
    for step in steps:
        assert len(step.bins) == len(step.ladder) == LARGEST[step.column] + 1
        assert (np.diff(step.bins) >= 0).all() and (np.diff(step.ladder) > 0).all()
        assert step.ladder[-1] == step.bins[-1] + 1
        assert set(step.sources.tolist()) <= before
        assert (LARGEST[step.sources] == LARGEST[step.column]).all()
        before.add(step.column)


# What it draws


def test_draws_depend_on_the_generator_alone():
    a, b, c = (sample_voices(np.random.default_rng(seed), 20) for seed in (5, 5, 6))
    assert a.shape == (20, 155) and a.dtype == np.int64
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert (a >= 0).all() and (a <= LARGEST).all()
    assert sample_voices(np.random.default_rng(0), 0).shape == (0, 155)


@pytest.mark.parametrize(
    ("seed", "n", "digest"),
    [(0, 1, "8c6d986da92c1d12"), (1, 64, "7e4e1ec1cdffe748"), (2, 2100, "492b6f167b520f0d")],
)
def test_what_a_seed_gives_never_changes(seed, n, digest):
    """Banks of draws are remade from their seeds: another digest is another format."""
    sounds = sample_voices(np.random.default_rng(seed), n)[:, :SOUND]
    assert hashlib.sha256(sounds.astype(np.uint8).tobytes()).hexdigest()[:16] == digest


def test_draws_at_once_are_those_one_after_the_other():
    together = sample_voices(np.random.default_rng(3), 2100)
    rng = np.random.default_rng(3)
    parts = [sample_voices(rng, n) for n in (1, 30, 2069)]
    assert np.array_equal(together, np.concatenate(parts))
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = sample_voices(np.random.default_rng(3), 2100)
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(together, alone)


def test_given_numbers_are_held():
    rng = np.random.default_rng(0)
    drawn = sample_voices(rng, 50, {"algorithm": 31, "op2_f_coarse": 7})
    assert (drawn[:, COLUMN["algorithm"]] == 31).all()
    assert (drawn[:, COLUMN["op2_f_coarse"]] == 7).all()
    for wrong in ({"algorithm": 32}, {"op7_mode": 0}, {"feedback": -1}):
        with pytest.raises(ParameterError, match="a DX7 voice has no"):
            sample_voices(rng, 1, wrong)
    with pytest.raises(ParameterError, match="temperature"):
        sample_voices(rng, 1, temperature=0.0)


def test_the_settings_draw_for_what_they_hold():
    rng = np.random.default_rng(0)
    space = dexed_t6(32).space
    drawn = to_voices(space, sample_prior(dexed_t6(32), rng, 300))
    assert (drawn[:, COLUMN["algorithm"]] == 31).all() and (drawn[:, -1] == 63).all()
    # People give algorithm 22 more feedback than the sine organs of algorithm 32.
    other = to_voices(dexed_t6(22).space, sample_prior(dexed_t6(22), rng, 300))
    feedback = COLUMN["feedback"]
    assert other[:, feedback].mean() - drawn[:, feedback].mean() > 1
    whole = sample_prior(dx7_144(), rng, 3)
    assert whole.shape == (3, 144)


def test_thousands_of_voices_a_second():
    rng = np.random.default_rng(0)
    sample_voices(rng, 10)
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        sample_voices(rng, 2000)
        best = min(best, time.process_time() - start)
    assert best < 1.0


def level(voices):
    """Return the level in dB of a note of each voice."""
    audio = render_voices(voices, 60, 100, held=1.0, total=1.5, sample_rate=16000)
    return 10 * np.log10((audio.astype(np.float64) ** 2).mean(axis=1) + 1e-18)


def test_drawn_voices_sound_where_uniform_ones_do_not():
    rng = np.random.default_rng(0)
    drawn = level(sample_voices(rng, 300))
    uniform = level(rng.integers(0, LARGEST + 1, size=(300, len(LARGEST))))
    assert (drawn > -60).mean() > 0.93 and (uniform > -60).mean() < 0.6
    assert -32 < np.median(drawn) < -20 and np.median(uniform) < -50


def test_drawn_voices_hang_together():
    voices = sample_voices(np.random.default_rng(0), 3000)

    def number(name):
        return voices[:, COLUMN[name]]

    # Envelopes that end in silence, flat pitch envelopes, and pairs that people set alike:
    # rank correlations are 0.2 to 0.55 in people's voices.
    assert np.mean(number("op1_eg_level_4") == 0) > 0.9
    assert np.mean(number("pitch_eg_level_1") == number("pitch_eg_level_4")) > 0.55
    for one, other in (
        ("op1_eg_rate_4", "op2_eg_rate_4"),
        ("op1_key_velocity", "op3_key_velocity"),
        ("op3_eg_rate_1", "op5_eg_rate_1"),
        ("op1_f_coarse", "op2_f_coarse"),
        ("op1_l_scale_depth", "op1_r_scale_depth"),
        ("lfo_pm_depth", "lfo_delay"),
    ):
        assert spearmanr(number(one), number(other)).statistic > 0.15, (one, other)


def test_people_s_voices_are_far_more_likely_than_under_independence():
    bank = SHARED / "presets" / "dx7_test.vmem"
    if not bank.is_file():
        pytest.skip("the test voices are not beside the checkout")
    from synthmatch_dexed.files import read_voices

    with np.errstate(all="raise"), pytest.warns(UserWarning, match="stray bits"):
        sounds = read_voices(bank)[:, :SOUND]
    log_probability = load_prior().log_probability(sounds)
    assert np.isfinite(log_probability).all()
    independent = 0.0
    for column in sounds.T:  # fitted to the test voices themselves
        counts = np.bincount(column)
        independent += np.log(counts[column] / len(column)).mean()
    assert log_probability.mean() > independent + 15


# Augmentation


def test_resampling_keeps_most():
    rng = np.random.default_rng(0)
    vectors = rng.random((200, len(SPACE)))
    assert np.array_equal(resample(vectors, rng, 0.0), vectors)
    changed = resample(vectors, rng, 0.2) != vectors
    assert changed.mean() == pytest.approx(0.2, abs=0.02)
    assert (resample(vectors, rng, 1.0) != vectors).all()


def test_resampling_from_a_pool_takes_its_coordinates():
    rng = np.random.default_rng(0)
    vectors, pool = rng.random((50, 145)), rng.random((9, 145))
    fresh = resample(vectors, rng, 1.0, pool)
    assert all(np.isin(fresh[:, i], pool[:, i]).all() for i in range(145))
    for share, wrong in ((1.5, pool), (0.5, pool[:, :3]), (0.5, pool[:0])):
        with pytest.raises(ParameterError):
            resample(vectors, rng, share, wrong)


@given(st.sampled_from(["voice", "dexed-t6"]), st.integers(0, 99))
def test_operators_are_mixed_whole_within_an_algorithm(view, seed):
    space = dexed_space(view)
    rng = np.random.default_rng(seed)
    vectors = rng.random((12, len(space)))
    column = space.names.index("algorithm")
    vectors[:, column] = rng.choice([0.1, 0.5, 0.9], 12)
    vectors[0, column] = 0.3  # alone
    mixed = mix_operators(space, vectors, rng)
    assert np.array_equal(mixed[0], vectors[0])
    groups = np.array([p.group for p in space])
    for row, old in zip(mixed, vectors, strict=True):
        others = vectors[vectors[:, column] == old[column]]
        for group in np.unique(groups):
            mine = groups == group
            if not np.array_equal(row[mine], old[mine]):
                assert group.startswith("operator")
                assert any(np.array_equal(row[mine], other[mine]) for other in others)


def test_operators_are_mixed_half_the_time():
    space = dexed_t6(5).space
    rng = np.random.default_rng(0)
    vectors = rng.random((100, len(space)))
    operators = np.array([p.group.startswith("operator") for p in space])
    changed = mix_operators(space, vectors, rng) != vectors
    assert changed[:, operators].mean() == pytest.approx(0.5, abs=0.06)
    assert not changed[:, ~operators].any()
