import numpy as np
import pytest

from synthmatch import Note, load_synth
from synthmatch.audio import read_recording
from synthmatch.matcher.target import Target
from synthmatch.synth import render_batch, sample_prior

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
