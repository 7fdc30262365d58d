import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.audio import read_recording
from synthmatch.matcher.finding import Finder
from synthmatch.matcher.target import Target
from synthmatch.search import Budget
from synthmatch.synth import FrozenSynth, render_batch, renders_excerpts, sample_prior

RATE = 16_000


def blip(seconds: float, total: float) -> np.ndarray:
    time = np.arange(int(total * RATE)) / RATE
    return np.where(time < seconds, np.sin(2 * np.pi * 440 * time), 0.0).astype(np.float32)


def target(sound: np.ndarray, note: Note) -> Target:
    return Target(read_recording(sound, RATE), note)


def test_a_quick_distance_goes_a_little_further_than_the_recording_sounds():
    note = Note(69, 100, held=2.0, total=3.0)
    quick = target(blip(0.5, 3.0), note).sounding
    assert quick.total == pytest.approx(0.72, abs=0.02)
    assert quick.held == quick.total
    late = target(blip(2.5, 3.0), note).sounding
    assert (late.held, late.total) == (2.0, pytest.approx(2.72, abs=0.02))
    assert target(blip(3.0, 3.0), note).sounding == note


def test_quick_distances_order_sounds_as_exact_ones_do():
    synth = load_synth("jsyn")
    rng = np.random.default_rng(1)
    vectors = sample_prior(synth, rng, 40)
    note = Note(60, 100, held=0.5, total=1.5)
    made = target(render_batch(synth, vectors[:1], note, RATE)[0], note)
    assert made.sounding.total < note.total
    exact, quick = (made.evaluate(synth, RATE, quick)(vectors) for quick in (False, True))
    assert quick.argmin() == 0 and quick[0] < 0.02
    ranks = [np.argsort(np.argsort(d)) for d in (exact, quick)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9


@pytest.fixture(scope="module")
def dexed():
    """Return Dexed with two numbers held fixed, some vectors, and one of them as a target."""
    synth = FrozenSynth(load_synth("dexed"), {"transpose": 24, "master_tune_adj": 0.0})
    vectors = sample_prior(synth, np.random.default_rng(5), 40)
    note = Note(60, 100, held=2.0, total=3.0)
    return synth, vectors, target(render_batch(synth, vectors[3:4], note, RATE)[0], note)


def test_excerpts_order_sounds_as_the_whole_does(dexed):
    synth, vectors, made = dexed
    parts = made.evaluate_excerpts(synth, RATE)
    assert parts is not None
    quick, few = made.evaluate(synth, RATE, quick=True)(vectors), parts(vectors)
    assert quick.argmin() == few.argmin() == 3 and few[3] < 0.1
    ranks = [np.argsort(np.argsort(d)) for d in (quick, few)]
    assert np.corrcoef(*ranks)[0, 1] > 0.95


def test_a_short_sound_has_no_excerpts(dexed):
    synth, vectors, _ = dexed
    note = Note(60, 100, held=0.5, total=1.0)
    short = target(render_batch(synth, vectors[:1], note, RATE)[0], note)
    assert short.evaluate_excerpts(synth, RATE) is None


def test_searches_of_seconds_begin_with_excerpts_where_the_synth_renders_them(dexed):
    synth, vectors, made = dexed

    def stages(which, budget, start=None):
        return Finder(which, None, None, "genetic", 0).prepare(made, budget, start)

    assert renders_excerpts(synth) and not renders_excerpts(load_synth("jsyn"))
    seconds = stages(synth, Budget(seconds=1))
    assert len(seconds) == 3 and [stage.exact for stage in seconds] == [False, True, True]
    assert 0 < seconds[0].until < seconds[1].until < 1
    assert stages(synth, Budget(seconds=100))[0].until * 100 < seconds[0].until * 100 / 2
    for budget in (Budget(renders=10), None):
        assert len(stages(synth, budget)) == 2
    started = stages(synth, Budget(seconds=1), start=vectors[:2])
    assert len(started) == 2  # what is refined is near already
    whole = seconds[1].evaluate(vectors)
    np.testing.assert_array_equal(whole, stages(synth, None)[0].evaluate(vectors))
    assert len(stages(load_synth("jsyn"), Budget(seconds=1))) == 1
