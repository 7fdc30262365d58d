"""Sound2Synth's gradient-inspired weighting: a parameter counts by its effect on the sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..metrics import mfccd
from ..parameters import FloatArray, Parameter
from ..synth import AudioArray, Note, Synth, render_batch

Distance = Callable[[AudioArray, AudioArray], npt.ArrayLike]


def gradient_weights(
    synth: Synth,
    vectors: npt.ArrayLike,
    note: Note,
    rng: np.random.Generator,
    *,
    sample_rate: int | None = None,
    step: float = 0.1,
    distance: Distance | None = None,
) -> FloatArray:
    """Return how much the sound changes with each parameter, ``[n, d]``, mean 1.

    Equation 13 of Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022): around each true patch,
    the change of the distance of sounds by the squared change of a parameter, by finite
    differences. Renders ``n * (d + 1)`` sounds. One row goes with one sound as the
    ``weights`` of :meth:`~synthmatch.estimators.head.Head.loss`; the mean over rows can be
    set as ``head.weights``.

    Parameters
    ----------
    synth : Synth
        What renders.
    vectors : array_like
        True patches ``[n, d]`` in the unit cube.
    note : Note
        What they play.
    rng : numpy.random.Generator
        Picks the direction of each step, and other categories.
    sample_rate : int, optional
        In Hz; the synth's own by default.
    step : float
        How far numbers move, of their range, at least to the next class. Another category
        counts as a move over the whole range.
    distance : callable, optional
        ``(target [n, samples], candidate [n, samples]) -> [n]``;
        :func:`synthmatch.metrics.mfccd` by default.

    Raises
    ------
    ParameterError
        If the vectors do not fit the synth, or no parameter changes any sound.
    """
    if not 0 < step <= 0.5:
        raise ParameterError(f"a step is more than 0 and at most half of the range, not {step}")
    rate = synth.sample_rate if sample_rate is None else sample_rate
    measure = distance or (lambda target, candidate: mfccd(target, candidate, rate))
    truths = synth.space.check_vectors(vectors)
    weights = np.empty_like(truths)
    for row, truth in enumerate(truths):
        moved = np.tile(truth, (len(truth) + 1, 1))
        change = np.ones(len(truth))
        for i, parameter in enumerate(synth.space.free):
            moved[i + 1, i] = _moved(parameter, truth[i], step, rng)
            if parameter.kind == "ordinal":
                here = float(parameter.unit_of_class(parameter.class_of(truth[i])))
                change[i] = abs(moved[i + 1, i] - here)
            elif parameter.kind == "continuous":
                change[i] = step
        audio = render_batch(synth, moved, note, rate)
        distances = measure(np.repeat(audio[:1], len(truth), axis=0), audio[1:])
        weights[row] = np.asarray(distances) / np.maximum(change, 1e-9) ** 2
    mean = weights.mean()
    if not mean > 0:
        raise ParameterError(f"no parameter of {synth.name!r} changes any of these sounds")
    return np.asarray(weights / mean)


def _moved(parameter: Parameter, unit: float, step: float, rng: np.random.Generator) -> float:
    """Return a coordinate near ``unit``, or of another category."""
    if parameter.classes == 1:
        return unit
    index = int(parameter.class_of(unit))
    if parameter.kind == "categorical":
        other = (index + rng.integers(1, parameter.classes)) % parameter.classes
        return float(parameter.unit_of_class(other))
    up = bool(rng.random() < 0.5)
    if parameter.kind == "continuous":
        reached = unit + step if up else unit - step
        return reached if 0.0 <= reached <= 1.0 else 2.0 * unit - reached
    count = max(1, round(step * parameter.classes))
    reached_class = index + count if up else index - count
    if not 0 <= reached_class < parameter.classes:
        reached_class = min(max(2 * index - reached_class, 0), parameter.classes - 1)
    return float(parameter.unit_of_class(reached_class))
