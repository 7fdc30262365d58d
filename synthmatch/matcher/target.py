"""What a search is for: a recording, and the note that is played to match it."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from ..audio import Recording
from ..audio.framing import fit_length
from ..audio.trimming import sounding
from ..objective import Objective
from ..parameters import FloatArray
from ..search import Evaluate
from ..synth import AudioArray, Note, Synth, render_batch, render_excerpts

_EXCERPTS = 8  # parts of a sound that stand for the whole
_WORTHWHILE = 0.5  # share of a sound: more in excerpts saves too little
_MARGIN = 0.2  # seconds after the end of a recording, in which a candidate should be silent too


class Target:
    """A recording and a note: samples and objective at any rate, each made once.

    Parameters
    ----------
    recording : Recording
        What is matched.
    note : Note
        What is played.
    pool : ThreadPoolExecutor, optional
        Threads to compare in; one thread without.

    Attributes
    ----------
    recording, note
        As given.
    """

    def __init__(
        self, recording: Recording, note: Note, pool: ThreadPoolExecutor | None = None
    ) -> None:
        self.recording = recording
        self.note = note
        self._pool = pool
        self._samples: dict[int, AudioArray] = {}
        self._objectives: dict[tuple[int, bool], Objective] = {}

    def samples(self, sample_rate: int) -> AudioArray:
        """Return the recording at a rate in Hz, as long as the note: ``float32 [samples]``."""
        if sample_rate not in self._samples:
            wanted = self.note.samples(sample_rate)
            self._samples[sample_rate] = fit_length(self.recording.at(sample_rate), wanted)
        return self._samples[sample_rate]

    def objective(self, sample_rate: int, quick: bool = False) -> Objective:
        """Return the distance from the recording at a rate in Hz, exact or quick."""
        key = sample_rate, quick
        if key not in self._objectives:
            samples = self.samples(sample_rate)
            if quick:
                samples = samples[: self.sounding.samples(sample_rate)]
            self._objectives[key] = Objective(
                samples, sample_rate, pool=self._pool, overlap=not quick
            )
        return self._objectives[key]

    @functools.cached_property
    def sounding(self) -> Note:
        """The note, cut a little after the recording has died away."""
        end, rate = self.note.total, self.recording.sample_rate
        samples = self.recording.samples[: self.note.samples(rate)]
        if samples.any():
            end = min(end, sounding(samples, rate).stop / rate + _MARGIN)
        return dataclasses.replace(self.note, held=min(self.note.held, end), total=end)

    def evaluate(self, synth: Synth, sample_rate: int, quick: bool = False) -> Evaluate:
        """Return the distances of a synth's vectors, ``[n, d] -> [n]``, at a rate in Hz.

        Quick ones compare in windows that do not overlap, and only as long as the recording
        sounds. They take less time and order sounds nearly alike, but do not compare with
        exact ones.
        """
        objective = self.objective(sample_rate, quick)
        note = self.sounding if quick else self.note

        def distances(vectors: FloatArray) -> FloatArray:
            return objective(render_batch(synth, vectors, note, sample_rate))

        return distances

    def evaluate_excerpts(self, synth: Synth, sample_rate: int) -> Evaluate | None:
        """Return distances by a few windows of the sound, spread evenly from first to last.

        They order sounds much as the quick ones of all windows do. None where the sound is
        so short that excerpts are most of it.
        """
        window = self.objective(sample_rate, quick=True).window
        samples = self.samples(sample_rate)[: self.sounding.samples(sample_rate)]
        windows = len(samples) // window
        if _WORTHWHILE * windows < _EXCERPTS:
            return None
        chosen = np.linspace(0, windows - 1, _EXCERPTS).round().astype(int).tolist()
        spans = [(k * window, (k + 1) * window) for k in chosen]
        parts = np.concatenate([samples[first:last] for first, last in spans])
        objective = Objective(parts, sample_rate, pool=self._pool, overlap=False)
        note = self.sounding

        def distances(vectors: FloatArray) -> FloatArray:
            return objective(render_excerpts(synth, vectors, note, sample_rate, spans))

        return distances


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor | None]:
    """Yield so many threads to compare in, None for one; engines by numba use as many meanwhile."""
    numba = sys.modules.get("numba")
    before = numba.get_num_threads() if numba is not None else 0
    if numba is not None:
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        if count == 1:
            yield None
        else:
            with ThreadPoolExecutor(count) as pool:
                yield pool
    finally:
        if numba is not None:
            numba.set_num_threads(before)
