"""Gradient-inspired weighting on synths whose gradients are known."""

import numpy as np
import pytest

from synthmatch.errors import ParameterError
from synthmatch.estimators.weighting import gradient_weights
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.synth import Note

NOTE = Note(69, 100, 0.1, 0.25)
GAINS = {"loud": 3.0, "soft": 1.0, "deaf": 0.0, "steps": 2.0}


class Linear:
    """Its sound is a constant: the sum of its parameters, each times a gain."""

    name = "linear"
    sample_rate = 8000
    space = ParameterSpace(
        "linear",
        [
            Parameter.continuous("loud", 0, 1),
            Parameter.continuous("soft", 0, 1),
            Parameter.continuous("deaf", 0, 1),
            Parameter.ordinal("steps", [0.125, 0.375, 0.625, 0.875]),
            Parameter.categorical("kind", ["a", "b", "c"]),
            Parameter.categorical("only", ["this"]),
        ],
    )

    def render(self, patch, note, sample_rate):
        level = sum(gain * patch[name] for name, gain in GAINS.items())
        level += {"a": 0.0, "b": 5.0, "c": 10.0}[patch["kind"]]
        return np.full(note.samples(sample_rate), level, np.float32)


def square_error(target, candidate):
    return ((target - candidate) ** 2).mean(1)


def weigh(**options):
    synth = Linear()
    vectors = synth.space.sample(np.random.default_rng(0), 12)
    return gradient_weights(
        synth, vectors, NOTE, np.random.default_rng(1), distance=square_error, **options
    )


def test_weights_are_the_ratio_of_equation_13():
    # The distance is (gain * change)^2, so the ratio is gain^2 wherever it is taken.
    weights = weigh()
    assert weights.shape == (12, 6)
    assert weights.mean() == pytest.approx(1)
    unit = weights[:, 1].mean()
    np.testing.assert_allclose(weights[:, 0] / unit, 9.0, rtol=1e-3)
    np.testing.assert_allclose(weights[:, 1] / unit, 1.0, rtol=1e-3)
    np.testing.assert_allclose(weights[:, 3] / unit, 4.0, rtol=1e-3)
    assert (weights[:, 2] == 0).all()
    assert (weights[:, 5] == 0).all()
    assert set(np.round(weights[:, 4] / unit)) <= {25.0, 100.0}


def test_any_step_gives_the_same_ratio():
    np.testing.assert_allclose(weigh(step=0.5)[:, :4], weigh(step=0.02)[:, :4], rtol=1e-3)


def test_by_default_what_is_not_heard_weighs_nothing():
    synth = Linear()
    with pytest.raises(ParameterError, match="no parameter"):
        gradient_weights(
            synth,
            synth.space.sample(np.random.default_rng(0), 1),
            NOTE,
            np.random.default_rng(0),
            distance=lambda target, candidate: np.zeros(len(target)),
        )
    with pytest.raises(ParameterError, match="half"):
        weigh(step=0.7)


class Tone:
    name = "tone"
    sample_rate = 16000
    space = ParameterSpace(
        "tone", [Parameter.continuous("pitch", 100, 4000), Parameter.continuous("deaf", 0, 1)]
    )

    def render(self, patch, note, sample_rate):
        t = np.arange(note.samples(sample_rate)) / sample_rate
        return np.sin(2 * np.pi * patch["pitch"] * t).astype(np.float32)


def test_the_default_distance_is_of_mfcc():
    weights = gradient_weights(Tone(), [[0.3, 0.5]], NOTE, np.random.default_rng(0))
    np.testing.assert_allclose(weights, [[2.0, 0.0]])
