"""From many vectors and their losses to a few ranked candidates that sound different."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import AudioError
from ..metrics import audio_metrics
from ..objective import Candidate, Features
from ..parameters import FloatArray
from ..search import SearchResult
from ..synth import AudioArray, Synth, render_batch
from .target import Target

_RENDERED = 64  # vectors that candidates are picked from, by their sound, at most
_FEWEST, _EACH = 16, 4  # of them at least, and for each candidate
_RENDERS = 32  # of a search, for one of them: picking takes little time beside it
_STARTED = 4  # of them for one besides of those that a search started from
_APART = 0.05  # mean difference of coordinates from which vectors count as apart
_ALIKE = 0.25  # candidates closer to each other than this share of the best distance are alike
_MEMORY = 24_000_000  # bytes of sounds and features made at a time, and again as many kept
_BYTES = 9  # of both for each sample, at most

_Sound = tuple[AudioArray, Features]


def pick(
    synth: Synth, target: Target, found: SearchResult, start: FloatArray, count: int
) -> tuple[Candidate, ...]:
    """Return the best, then the next best that sound different, then what is left, ranked.

    Candidates come from what a search ``found`` and what it started from, and are ranked
    at the native rate of ``synth``, whatever the search compared at.
    """
    wanted = min(_RENDERED, max(_FEWEST, _EACH * count, found.renders // _RENDERS))
    rows = found.vectors[_spread(found.vectors, wanted)]
    tried = np.concatenate([rows, start[: wanted // _STARTED]])
    distinct = {synth.space.decode(vector): vector for vector in tried}
    patches, vectors = list(distinct), np.stack(list(distinct.values()))
    losses, chosen = _choose(_Sounds(synth, target, vectors), count)
    rate = synth.sample_rate
    samples = target.samples(rate)
    return tuple(
        Candidate(
            patch=patches[row],
            vector=vectors[row],
            audio=audio[0],
            distance=float(losses[row]),
            metrics={
                name: float(values[0])
                for name, values in audio_metrics(samples, audio, rate).items()
            },
        )
        for row, audio in sorted(chosen.items(), key=lambda item: (losses[item[0]], item[0]))
    )


def _choose(sounds: _Sounds, count: int) -> tuple[FloatArray, dict[int, AudioArray]]:
    """Return all losses ``[n]``, and ``count`` sounds ``[1, samples]`` by their row."""
    losses = sounds.losses
    order = [int(row) for row in np.argsort(losses, kind="stable") if np.isfinite(losses[row])]
    if not order:
        raise AudioError("all candidates are NaN or infinite; the synth is at fault")
    chosen = _apart(sounds, order, _ALIKE * max(float(losses[order[0]]), 1e-9), count)
    for row in order:  # too few sound different: the best of the rest
        if len(chosen) < count and row not in chosen:
            chosen[row] = sounds[row]
    return losses, {row: audio for row, (audio, _) in chosen.items()}


def _apart(sounds: _Sounds, order: Sequence[int], least: float, count: int) -> dict[int, _Sound]:
    """Return the first rows, ``count`` at most, of which no two are closer than ``least``."""
    chosen: dict[int, _Sound] = {}
    for row in order:
        if len(chosen) == count:
            break
        one = sounds[row]
        others = (features for _, features in chosen.values())
        if all(sounds.objective.between(other, 0, one[1])[0] >= least for other in others):
            chosen[row] = one
    return chosen


class _Sounds:
    """Vectors as they sound at the native rate of a synth, in bounded memory.

    Long sounds are rendered a few at a time, and again where they are asked for.

    Attributes
    ----------
    objective : Objective
        At that rate.
    losses : ndarray
        Distances ``float64 [n]`` from the target; infinite for what is no sound.
    """

    def __init__(self, synth: Synth, target: Target, vectors: FloatArray) -> None:
        self._synth, self._note, self._vectors = synth, target.note, vectors
        self.objective = target.objective(synth.sample_rate)
        each = _BYTES * target.note.samples(synth.sample_rate)
        self._size = max(1, _MEMORY // each)
        self._kept: dict[int, _Sound] = {}  # the best, as many as are rendered at a time
        self.losses = np.full(len(vectors), np.inf)
        for start in range(0, len(vectors), self._size):
            self._kept |= self._render(slice(start, start + self._size))
            best = sorted(self._kept, key=lambda row: (self.losses[row], row))
            self._kept = {row: self._kept[row] for row in best[: self._size]}

    def _render(self, rows: slice) -> dict[int, _Sound]:
        audio = render_batch(self._synth, self._vectors[rows], self._note)
        features = self.objective.features(audio)
        finite = np.isfinite(features.peaks)
        self.losses[rows] = np.where(finite, self.objective.from_target(features), np.inf)
        return {
            rows.start + k: (
                audio[k : k + 1].copy(),
                Features(
                    features.values[k : k + 1].copy(),
                    features.energy[k : k + 1],
                    features.peaks[k : k + 1],
                ),
            )
            for k in range(len(audio))
        }

    def __getitem__(self, row: int) -> _Sound:
        """Return one sound ``float32 [1, samples]`` and its features."""
        return self._kept.get(row) or self._render(slice(row, row + 1))[row]


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
