"""The stages of one match, one after the other: propose, search, rank."""

from __future__ import annotations

import time

from ..audio import Recording
from ..errors import ParameterError
from ..parameters import FloatArray
from ..search import Budget, SearchProgress
from ..synth import Note, Synth, backend_info
from .finding import Finder
from .match import Match
from .ranking import pick
from .target import Target, threads


def find_match(
    synth: Synth,
    finder: Finder,
    recording: Recording,
    note: Note,
    *,
    start: FloatArray | None,
    before: str,
    count: int,
    budget: Budget | None,
    progress: SearchProgress | None,
    seed: int,
    workers: int,
) -> Match:
    """Return the ranked candidates for a recording.

    Parameters
    ----------
    synth : Synth
        What plays.
    finder : Finder
        Proposes and searches.
    recording, note : Recording, Note
        What is matched, and what is played for it.
    start : ndarray or None
        Vectors ``[k, d]`` to start from, in place of what the finder proposes.
    before : str
        How they were found, for people.
    count : int
        Candidates to return at most.
    budget : Budget or None
        Of the search; None ranks what is proposed.
    progress : callable or None
        Called with (fraction done, best distance, seconds left).
    seed, workers : int
        Of the finder; threads to render and compare in.

    Raises
    ------
    ParameterError
        If ``count`` is below 1.
    """
    if count < 1:
        raise ParameterError(f"ask for at least 1 candidate, not {count}")
    with threads(workers) as pool:
        began = time.perf_counter()
        target = Target(recording, note, pool)
        stages = finder.prepare(target, budget, start)
        proposed = finder.propose(target, budget, start)
        prepared = time.perf_counter()
        found = finder.find(stages, proposed, budget, progress)
        searched = time.perf_counter()
        candidates = pick(synth, target, found, proposed.vectors, count)
        ended = time.perf_counter()
    return Match(
        synth=synth.name,
        target=recording,
        note=note,
        sample_rate=synth.sample_rate,
        candidates=candidates,
        method=before + finder.describe(proposed, found, budget),
        renders=found.renders,
        stopped=found.stopped,
        timings={
            "prepare": prepared - began,
            "search": searched - prepared,
            "rank": ended - searched,
        },
        seed=seed,
        backend=backend_info(synth),
        history=tuple(found.history),
        instrument=synth,
    )
