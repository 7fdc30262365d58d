"""The sample rates that a search compares at: low for most of it, higher at the end."""

from __future__ import annotations

from ..audio import Recording
from ..objective import Objective
from ..search import Evaluate
from ..synth import Note, Synth, render_batch
from .ranking import fit_length

_RATES = (16_000, 22_050, 32_000)  # Hz; the objective hears no further than 16 kHz
_UNHEARD = 0.1  # share of a sound that may lie above half the rate of the first stage
_WORTHWHILE = 0.8  # of a rate: a lower one that saves less is not used


def search_rates(recording: Recording, note: Note, native: int) -> tuple[int, ...]:
    """Return one or two rates in Hz to search at for a synth of a native rate, in order.

    The first is the lowest at which little of the recording is lost.
    """
    highest = min(native, _RATES[-1])
    lower = [rate for rate in _RATES if rate <= _WORTHWHILE * highest]
    if not lower:
        return (highest,)
    heard = Objective(fit_length(recording.at(highest), note.samples(highest)), highest)
    enough = (rate for rate in lower if heard.share_above(rate / 2) <= _UNHEARD)
    first = next(enough, highest)
    return (first, highest) if first < highest else (highest,)


def distances(synth: Synth, recording: Recording, note: Note, rate: int, workers: int) -> Evaluate:
    """Return what tells how far vectors ``[n, d]`` are from a recording, heard at a rate in Hz."""
    target = fit_length(recording.at(rate), note.samples(rate))
    objective = Objective(target, rate, workers=workers)
    return lambda vectors: objective(render_batch(synth, vectors, note, rate))
