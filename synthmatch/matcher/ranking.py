"""From many vectors and their losses to a few ranked candidates that sound different."""

from __future__ import annotations

import numpy as np

from ..audio import Recording
from ..metrics import audio_metrics
from ..objective import Objective
from ..parameters import FloatArray
from ..search import SearchResult
from ..synth import AudioArray, Note, Synth, render_batch
from .match import Candidate

_RENDERED = 64  # vectors that candidates are picked from, by ear
_APART = 0.05  # mean difference of coordinates from which vectors count as apart
_ALIKE = 0.25  # candidates closer to each other than this share of the best distance are alike


def pick(
    synth: Synth,
    recording: Recording,
    note: Note,
    found: SearchResult,
    start: FloatArray,
    count: int,
    workers: int,
) -> tuple[Candidate, ...]:
    """Return the best, then the next best that sound different, then what is left, ranked.

    Candidates come from what a search ``found`` and what it started from, and are ranked
    at the native rate of ``synth``, whatever the search compared at, in ``workers`` threads.
    """
    rate = synth.sample_rate
    target = fit_length(recording.at(rate), note.samples(rate))
    rows = found.vectors[_spread(found.vectors, _RENDERED)]
    tried = np.concatenate([rows, start[:_RENDERED]])
    distinct = {synth.space.decode(vector): vector for vector in tried}
    patches, vectors = list(distinct), np.stack(list(distinct.values()))
    audio = render_batch(synth, vectors, note, rate)
    losses = Objective(target, rate, workers=workers)(audio)
    order = np.argsort(losses, kind="stable")
    vectors, audio, losses = vectors[order], audio[order], losses[order]
    least = _ALIKE * max(float(losses[0]), 1e-9)
    chosen = [0]
    apart = np.full(len(audio), np.inf)
    while len(chosen) < min(count, len(audio)):
        last = Objective(audio[chosen[-1]], rate, workers=workers)
        apart = np.minimum(apart, last(audio))
        rest = np.setdiff1d(np.arange(len(audio)), chosen)
        fresh = rest[apart[rest] >= least]
        chosen.append(int(fresh[0] if len(fresh) else rest[0]))
    chosen.sort()
    metrics = audio_metrics(target, audio[chosen], rate)
    return tuple(
        Candidate(
            patch=patches[order[k]],
            vector=vectors[k],
            audio=audio[k],
            distance=float(losses[k]),
            metrics={name: float(values[i]) for name, values in metrics.items()},
        )
        for i, k in enumerate(chosen)
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


def fit_length(samples: AudioArray, length: int) -> AudioArray:
    """Return the first ``length`` samples, silence after the end."""
    out = np.zeros(length, dtype=np.float32)
    out[: len(samples)] = samples[:length]
    return out
