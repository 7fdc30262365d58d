"""From many vectors and their losses to a few ranked candidates that sound different."""

from __future__ import annotations

import numpy as np

from ..metrics import audio_metrics
from ..objective import Candidate
from ..parameters import FloatArray
from ..search import SearchResult
from ..synth import Synth, render_batch
from .target import Target

_RENDERED = 64  # vectors that candidates are picked from, by their sound
_APART = 0.05  # mean difference of coordinates from which vectors count as apart
_ALIKE = 0.25  # candidates closer to each other than this share of the best distance are alike


def pick(
    synth: Synth, target: Target, found: SearchResult, start: FloatArray, count: int
) -> tuple[Candidate, ...]:
    """Return the best, then the next best that sound different, then what is left, ranked.

    Candidates come from what a search ``found`` and what it started from, and are ranked
    at the native rate of ``synth``, whatever the search compared at.
    """
    rate = synth.sample_rate
    rows = found.vectors[_spread(found.vectors, _RENDERED)]
    tried = np.concatenate([rows, start[:_RENDERED]])
    distinct = {synth.space.decode(vector): vector for vector in tried}
    patches, vectors = list(distinct), np.stack(list(distinct.values()))
    audio = render_batch(synth, vectors, target.note, rate)
    objective = target.objective(rate)
    features = objective.features(audio)
    losses = objective.from_target(features)
    order = np.argsort(losses, kind="stable")
    least = _ALIKE * max(float(losses[order[0]]), 1e-9)
    chosen = [int(order[0])]
    apart = np.full(len(audio), np.inf)
    while len(chosen) < min(count, len(audio)):
        apart = np.minimum(apart, objective.between(features, chosen[-1], features))
        rest = [int(row) for row in order if row not in chosen]
        chosen.append(next((row for row in rest if apart[row] >= least), rest[0]))
    chosen.sort(key=lambda row: (losses[row], row))
    metrics = audio_metrics(target.samples(rate), audio[chosen], rate)
    return tuple(
        Candidate(
            patch=patches[row],
            vector=vectors[row],
            audio=audio[row],
            distance=float(losses[row]),
            metrics={name: float(values[i]) for name, values in metrics.items()},
        )
        for i, row in enumerate(chosen)
    )


def _spread(vectors: FloatArray, count: int) -> list[int]:
    """Return up to ``count`` rows: half the first ones, half the first that lie apart.

    A search ends with hundreds of vectors next to the best; those that sound different
    are further down.
    """
    rows = list(range(min(len(vectors), count // 2)))
    apart = [0]
    for row in range(1, len(vectors)):
        if len(apart) >= count // 2:
            break
        if np.abs(vectors[apart] - vectors[row]).mean(axis=1).min() >= _APART:
            apart.append(row)
    return sorted({*rows, *apart})


def ranked(vectors: FloatArray, losses: FloatArray) -> SearchResult:
    """Return vectors ``[n, d]`` and losses ``[n]`` in order, as a search that tried just them."""
    order = np.argsort(losses, kind="stable")
    best = (len(order), 0.0, float(losses[order[0]]))
    return SearchResult(vectors[order], losses[order], len(order), 0.0, "ranked", (best,))
