"""What a match is asked with, in the forms people have it: sounds, notes and budgets."""

from __future__ import annotations

import os
from typing import Any

import numpy.typing as npt

from ..audio import Recording, read_recording
from ..errors import SearchError
from ..search import Budget
from ..synth import Note, Synth, as_note, own_note

AudioInput = str | os.PathLike[str] | npt.NDArray[Any] | Recording
NoteInput = Note | str | float


def read_for(
    synth: Synth, audio: AudioInput, sample_rate: int | None, note: NoteInput | None
) -> Recording:
    """Return a recording as it is matched on a synth; :meth:`Matcher.read` explains it.

    Raises
    ------
    AudioError
        If the recording cannot be used.
    """
    if isinstance(audio, Recording):
        return audio
    own = own_note(synth)
    default = own or Note()
    pitch = default.pitch if own is not None else None
    if note is not None:
        pitch = as_note(note, default).pitch
    least = own.total if own is not None else 0.0
    return read_recording(audio, sample_rate, pitch=pitch, least=least)


def note_for(synth: Synth, recording: Recording, note: NoteInput | None) -> Note:
    """Return what a synth plays for a recording: what is asked, its own, or the estimate."""
    if isinstance(note, Note):
        return note
    own = own_note(synth)
    if own is None:
        return as_note(note, recording.note)
    estimated = recording.note
    if estimated.total > own.total:  # longer than what the synth plays by itself
        own = Note(own.pitch, own.velocity, estimated.held, estimated.total)
    if note is None and recording.pitch_given and recording.pitch is not None:
        note = recording.pitch
    return as_note(note, own)


def budget_of(seconds: float | None, renders: int | None, budget: Budget | None) -> Budget | None:
    """Return the budget of a call, given either way.

    Raises
    ------
    SearchError
        If it is given both ways, or out of range.
    """
    if seconds is None and renders is None:
        return budget
    if budget is not None:
        raise SearchError("give seconds and renders, or a budget, not both")
    return Budget(renders=renders, seconds=seconds)
