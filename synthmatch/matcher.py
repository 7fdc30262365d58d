"""From a recording to ranked presets: :class:`Matcher` and what it returns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._match import Candidate, Match
from .audio import Recording, read_recording
from .errors import ParameterError
from .metrics import audio_metrics
from .objective import Objective
from .parameters import FloatArray
from .registry import load_synth
from .search import DEFAULT, Budget, SearchResult, make_optimizer, search
from .synth import AudioArray, Note, Synth, render_batch, sample_prior

if TYPE_CHECKING:
    from .estimators import Estimator

AudioInput = str | os.PathLike[str] | npt.NDArray[Any] | Recording
Progress = Callable[[float, float, float], None]

DEFAULT_SECONDS = 4.0
_POOL = 64  # best distinct vectors of a search that candidates are picked from
_ALIKE = 0.25  # candidates closer to each other than this share of the best distance are alike


class Matcher:
    """Finds presets of one synth that sound like a recording.

    Parameters
    ----------
    synth : Synth or str
        The synth, or its name in the registry.
    model : Estimator, optional
        A trained network. Without one, :meth:`predict` searches.
    method : str
        Search method, one of :data:`synthmatch.search.METHODS`.
    seed : int
        Everything random derives from it.
    workers : int, optional
        Threads for rendering and comparing; all cores by default. Results do not
        depend on it.

    Examples
    --------
    >>> match = Matcher("jsyn").predict("bell.wav")  # doctest: +SKIP
    >>> match.patch["cutoff"], match.best.distance  # doctest: +SKIP
    """

    def __init__(
        self,
        synth: Synth | str,
        *,
        model: Estimator | None = None,
        method: str = DEFAULT,
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        self.synth = load_synth(synth) if isinstance(synth, str) else synth
        self.model = model
        self.method = method
        self.seed = seed
        self.workers = workers or os.cpu_count() or 1
        if self.workers < 1:
            raise ParameterError(f"workers must be at least 1, not {workers}")

    def predict(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: Note | None = None,
        candidates: int = 5,
        budget: Budget | None = None,
        progress: Progress | None = None,
    ) -> Match:
        """Return ranked candidates for a recording.

        Parameters
        ----------
        audio : path, array or Recording
            A file, samples ``[n]`` or ``[n, channels]`` with ``sample_rate``, or a recording.
        sample_rate : int, optional
            Rate in Hz of an array.
        note : Note, optional
            What to play; estimated from the recording by default.
        candidates : int
            How many to return at most.
        budget : Budget, optional
            For the search; :data:`DEFAULT_SECONDS` by default.
        progress : callable, optional
            Called with (fraction done, best distance, seconds left).

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        recording = _as_recording(audio, sample_rate)
        chosen = budget or Budget(seconds=DEFAULT_SECONDS)
        start = sample_prior(self.synth, np.random.default_rng([self.seed, 1]), _POOL)
        return self._search(recording, note, start, "", candidates, chosen, progress)

    def refine(
        self,
        audio: AudioInput,
        match: Match,
        budget: Budget | None = None,
        *,
        sample_rate: int | None = None,
        progress: Progress | None = None,
    ) -> Match:
        """Return a match at least as good: a search started from the candidates of ``match``.

        Parameters
        ----------
        audio : path, array or Recording
            The recording ``match`` is for.
        match : Match
            Where to start; of the same synth.
        budget : Budget, optional
            For the search; :data:`DEFAULT_SECONDS` by default.

        Raises
        ------
        ParameterError
            If ``match`` is of another synth.
        """
        if match.synth != self.synth.name:
            raise ParameterError(
                f"this match is for synth {match.synth!r}, not {self.synth.name!r}; "
                f"refine it with a Matcher of that synth"
            )
        recording = _as_recording(audio, sample_rate)
        start = np.stack([c.vector for c in match.candidates])
        chosen = budget or Budget(seconds=DEFAULT_SECONDS)
        count = len(match.candidates)
        return self._search(
            recording, match.note, start, f"{match.method}, then ", count, chosen, progress
        )

    def _search(
        self,
        recording: Recording,
        note: Note | None,
        start: FloatArray,
        before: str,
        count: int,
        budget: Budget,
        progress: Progress | None,
    ) -> Match:
        if count < 1:
            raise ParameterError(f"ask for at least 1 candidate, not {count}")
        began = time.perf_counter()
        played = note or recording.note
        rate = self.synth.sample_rate
        target = _fit_length(recording.at(rate), played.samples(rate))
        objective = Objective(target, rate, workers=self.workers)

        def evaluate(vectors: FloatArray) -> FloatArray:
            return objective(render_batch(self.synth, vectors, played, rate))

        rng = np.random.default_rng([self.seed, 2])
        with _threads(self.workers):
            prepared = time.perf_counter()
            optimizer = make_optimizer(self.method, self.synth.space, rng, start=start)
            found = search(evaluate, optimizer, budget, keep=_POOL, progress=progress)
            searched = time.perf_counter()
            candidates = self._candidates(found, target, played, rate, count)
        timings = {
            "prepare": prepared - began,
            "search": searched - prepared,
            "rank": time.perf_counter() - searched,
        }
        return Match(
            synth=self.synth.name,
            target=recording,
            note=played,
            sample_rate=rate,
            candidates=candidates,
            method=f"{before}{self.method} search of {found.renders:,} renders",
            renders=found.renders,
            stopped=found.stopped,
            timings=timings,
            seed=self.seed,
            history=tuple(found.history),
        )

    def _candidates(
        self, found: SearchResult, target: AudioArray, note: Note, rate: int, count: int
    ) -> tuple[Candidate, ...]:
        """Pick the best, then the next best that sound different, then fill up."""
        audio = render_batch(self.synth, found.vectors, note, rate)
        chosen = [0]
        while len(chosen) < min(count, len(audio)):
            threshold = _ALIKE * max(float(found.losses[0]), 1e-9)
            apart = np.full(len(audio), np.inf)
            for k in chosen:
                apart = np.minimum(apart, Objective(audio[k], rate)(audio))
            fresh = [k for k in np.flatnonzero(apart >= threshold) if k not in chosen]
            rest = [k for k in range(len(audio)) if k not in chosen]
            chosen.append(int(fresh[0] if fresh else rest[0]))
        chosen.sort()
        metrics = audio_metrics(target, audio[chosen], rate)
        return tuple(
            Candidate(
                patch=self.synth.space.decode(found.vectors[k]),
                vector=found.vectors[k],
                audio=audio[k],
                distance=float(found.losses[k]),
                metrics={name: float(values[i]) for name, values in metrics.items()},
            )
            for i, k in enumerate(chosen)
        )


def _as_recording(audio: AudioInput, sample_rate: int | None) -> Recording:
    if isinstance(audio, Recording):
        return audio
    return read_recording(audio, sample_rate)


def _fit_length(samples: AudioArray, length: int) -> AudioArray:
    out = np.zeros(length, dtype=np.float32)
    out[: len(samples)] = samples[:length]
    return out


@contextmanager
def _threads(workers: int) -> Iterator[None]:
    """Hold numba, which the engines use, to ``workers`` threads."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(workers, numba.config.NUMBA_NUM_THREADS)))
    try:
        yield
    finally:
        numba.set_num_threads(before)
