"""One recording on several synths at once, under one budget: :class:`MultiMatcher`."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..audio import Recording, resample
from ..audio.framing import fit_length
from ..errors import ParameterError
from ..metrics import audio_metrics
from ..objective import Candidate
from ..search import Budget, Search, SearchProgress
from ..synth import Note, backend_info
from .arguments import AudioInput, NoteInput, budget_of, note_for
from .finding import Proposed
from .match import Match
from .matcher import DEFAULT_SECONDS, Matcher
from .multi_match import MultiMatch
from .ranking import pick
from .target import Target, threads

_EQUAL = 1 / 3  # share of the budget that all synths get alike, before gains decide
_SLICES = 6  # of the rest, for each synth


class MultiMatcher:
    """Matches recordings on several synths under one budget.

    Each synth first gets the same small share; the rest goes slice by slice to the one that
    promises the smallest distance: its best so far, less what its last slice gained.

    Parameters
    ----------
    matchers : sequence of Matcher
        One for each synth, at least one.
    workers : int, optional
        Threads for rendering and comparing; all cores by default.

    Raises
    ------
    ParameterError
        If there is none, or two are for the same synth.
    """

    def __init__(self, matchers: Sequence[Matcher], *, workers: int | None = None) -> None:
        names = [matcher.synth.name for matcher in matchers]
        if not names:
            raise ParameterError("give at least one matcher")
        if len(set(names)) < len(names):
            raise ParameterError(f"give one matcher for each synth, not {', '.join(names)}")
        if workers is not None and workers < 1:
            raise ParameterError(f"workers must be at least 1, not {workers}")
        self.matchers = tuple(matchers)
        self.workers = workers or os.cpu_count() or 1

    def read(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: NoteInput | None = None,
    ) -> Recording:
        """Return a recording as a synth that plays any note takes it, if there is one here.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        general = (m for m in self.matchers if getattr(m.synth, "note", None) is None)
        return next(general, self.matchers[0]).read(audio, sample_rate, note=note)

    def predict(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: NoteInput | None = None,
        candidates: int = 5,
        seconds: float | None = None,
        renders: int | None = None,
        budget: Budget | None = None,
        progress: SearchProgress | None = None,
    ) -> MultiMatch:
        """Return candidates ranked across all synths.

        Parameters
        ----------
        audio, sample_rate, note, candidates, seconds, renders, budget, progress
            As for :meth:`Matcher.predict`; of each synth one sound is rendered at least. The
            best candidate of each synth is among those returned as far as they go.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        ParameterError, SearchError
            If an argument is out of range.
        """
        if candidates < 1:
            raise ParameterError(f"ask for at least 1 candidate, not {candidates}")
        recording = self.read(audio, sample_rate, note=note)
        chosen = budget_of(seconds, renders, budget) or Budget(seconds=DEFAULT_SECONDS)
        with threads(self.workers) as pool:
            runs = [_Run.of(m, recording, note, chosen, pool) for m in self.matchers]
            stopped = _share_out(runs, chosen, progress)
            runs = [run for run in runs if run.search.vectors is not None]
            rate = max(run.matcher.synth.sample_rate for run in runs)
            longest = max((run.target.note for run in runs), key=lambda n: n.total)
            common = Target(recording, longest, pool)
            matches = [run.result(common, rate, candidates, stopped) for run in runs]
        return MultiMatch.of(matches, candidates)


@dataclasses.dataclass
class _Run:
    """The search on one synth, which goes on slice by slice."""

    matcher: Matcher
    target: Target
    proposed: Proposed
    search: Search
    prepared: float  # seconds
    budget: Budget
    over: bool = False
    gain: float = np.inf  # of the last slice, as a share of the distance before it

    @classmethod
    def of(
        cls,
        matcher: Matcher,
        recording: Recording,
        note: NoteInput | None,
        budget: Budget,
        pool: ThreadPoolExecutor | None,
    ) -> _Run:
        began = time.perf_counter()
        played: Note = note_for(matcher.synth, recording, note)
        target = Target(recording, played, pool)
        finder = matcher.finder()
        stages = finder.prepare(target, None)
        proposed = finder.propose(target, budget, None)
        search = finder.begin(stages[0].evaluate, proposed)
        return cls(matcher, target, proposed, search, time.perf_counter() - began, budget)

    @property
    def best(self) -> float:
        """The smallest distance so far."""
        return float(self.search.losses[0]) if len(self.search.losses) else np.inf

    @property
    def promise(self) -> float:
        """The distance that the next slice may come to."""
        return self.best * (1 - min(self.gain, 1.0))

    def advance(self, share: float) -> str:
        """Search on for a share of the budget; return why it ended."""
        before, search = self.best, self.search
        renders, seconds = self.budget.renders, self.budget.seconds
        more = Budget(
            None if renders is None else search.renders + max(1, int(share * renders)),
            None if seconds is None else search.seconds + share * seconds,
        )
        stopped = search.advance(more).stopped
        self.gain = 1 - self.best / before if np.isfinite(before) and before > 0 else 1.0
        self.over = stopped in ("stagnation", "exact")
        return stopped

    def result(self, common: Target, rate: int, count: int, stopped: str) -> Match:
        """Return the match of this synth, its distances at a rate and length common to all."""
        began = time.perf_counter()
        synth, found = self.matcher.synth, self.search.result(stopped)
        picked = pick(synth, self.target, found, self.proposed.vectors, count)
        wanted = common.note.samples(rate)
        sounds = np.stack(
            [fit_length(resample(c.audio, synth.sample_rate, rate), wanted) for c in picked]
        )
        objective = common.objective(rate)
        distances = objective(sounds)
        metrics = audio_metrics(common.samples(rate), sounds, rate)
        ranked = sorted(
            (
                Candidate(
                    patch=candidate.patch,
                    vector=candidate.vector,
                    audio=sounds[row],
                    distance=float(distances[row]),
                    metrics={name: float(values[row]) for name, values in metrics.items()},
                )
                for row, candidate in enumerate(picked)
            ),
            key=lambda candidate: candidate.distance,
        )
        return Match(
            synth=synth.name,
            target=common.recording,
            note=self.target.note,
            sample_rate=rate,
            candidates=tuple(ranked),
            method=self.matcher.finder().describe(self.proposed, found, self.budget),
            renders=found.renders,
            stopped=stopped,
            timings={
                "prepare": self.prepared,
                "search": found.seconds,
                "rank": time.perf_counter() - began,
            },
            seed=self.matcher.seed,
            backend=backend_info(synth),
            history=found.history,
            instrument=synth,
        )


def _share_out(runs: Sequence[_Run], budget: Budget, progress: SearchProgress | None) -> str:
    """Spend the budget on the runs; return why it ended."""
    slices = _SLICES * len(runs)
    done = 0.0
    began = time.perf_counter()

    def spend(run: _Run, share: float) -> bool:
        nonlocal done
        stopped = run.advance(share)
        done += share
        if progress is not None:
            spent = time.perf_counter() - began
            best = min(each.best for each in runs)
            progress(min(done, 1.0), best, max(0.0, spent / done * (1 - done)))
        return stopped == "interrupted"

    try:
        for run in runs:
            if spend(run, _EQUAL / len(runs)):
                return "interrupted"
        for _ in range(slices):
            if budget.renders is not None and _rendered(runs) >= budget.renders:
                break
            going = [run for run in runs if not run.over]
            if min(run.best for run in runs) <= 0.0:
                return "exact"
            if not going:
                return "stagnation"
            if spend(min(going, key=lambda run: run.promise), (1 - _EQUAL) / slices):
                return "interrupted"
    except KeyboardInterrupt:
        if all(run.search.vectors is None for run in runs):
            raise
        return "interrupted"
    return "budget"


def _rendered(runs: Sequence[_Run]) -> int:
    return sum(run.search.renders for run in runs)
