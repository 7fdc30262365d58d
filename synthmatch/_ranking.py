"""From many vectors and their losses to a few ranked candidates that sound different."""

from __future__ import annotations

import numpy as np

from ._match import Candidate
from .metrics import audio_metrics
from .objective import Objective
from .parameters import FloatArray
from .search import SearchResult
from .synth import AudioArray, Note, Synth, render_batch

_ALIKE = 0.25  # candidates closer to each other than this share of the best distance are alike


def pick(
    found: SearchResult, synth: Synth, target: AudioArray, note: Note, rate: int, count: int
) -> tuple[Candidate, ...]:
    """Return the best, then the next best that sound different, then what is left, ranked."""
    audio = render_batch(synth, found.vectors, note, rate)
    least = _ALIKE * max(float(found.losses[0]), 1e-9)
    chosen = [0]
    apart = np.full(len(audio), np.inf)
    while len(chosen) < min(count, len(audio)):
        apart = np.minimum(apart, Objective(audio[chosen[-1]], rate)(audio))
        rest = np.setdiff1d(np.arange(len(audio)), chosen)
        fresh = rest[apart[rest] >= least]
        chosen.append(int(fresh[0] if len(fresh) else rest[0]))
    chosen.sort()
    metrics = audio_metrics(target, audio[chosen], rate)
    return tuple(
        Candidate(
            patch=synth.space.decode(found.vectors[k]),
            vector=found.vectors[k],
            audio=audio[k],
            distance=float(found.losses[k]),
            metrics={name: float(values[i]) for name, values in metrics.items()},
        )
        for i, k in enumerate(chosen)
    )


def ranked(vectors: FloatArray, losses: FloatArray) -> SearchResult:
    """Return vectors ``[n, d]`` and losses ``[n]`` in order, as a search that tried just them."""
    order = np.argsort(losses, kind="stable")
    best = (len(order), 0.0, float(losses[order[0]]))
    return SearchResult(vectors[order], losses[order], len(order), 0.0, "ranked", (best,))
