"""Rendering, drawing and describing any synth, whatever it implements itself."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..parameters import FloatArray, Value
from .capabilities import (
    AUDIBLE,
    BACKEND,
    BATCH,
    CANONICAL,
    DIAGNOSIS,
    EXCERPTS,
    OWN_NOTE,
    PRIOR,
    STARTS,
)
from .note import Note
from .protocol import AudioArray, BoolArray, Finding, Spans, Synth


def render(
    synth: Synth, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
) -> AudioArray:
    """Return ``float32 [samples]``: ``patch`` rendered, at the synth's own rate by default.

    Parameters
    ----------
    synth : Synth
        Any synth.
    patch : mapping
        A patch, or a plain dict of native values; what it leaves out takes its default.
    note : Note
        What is played.
    sample_rate : int, optional
        In Hz.

    Raises
    ------
    ParameterError
        If the patch does not fit the synth.

    Examples
    --------
    >>> from synthmatch import load_synth
    >>> render(load_synth("jsyn"), {"cutoff": 1000.0}, Note(69, held=0.5, total=1.0)).shape
    (16384,)
    """
    rate = synth.sample_rate if sample_rate is None else sample_rate
    return synth.render(synth.space.patch(patch), note, rate)


def render_batch(
    synth: Synth, vectors: npt.ArrayLike, note: Note, sample_rate: int | None = None
) -> AudioArray:
    """Return ``float32 [n, samples]``: each unit-cube vector of ``vectors [n, d]`` rendered.

    Uses the synth's own ``render_batch`` where it has one.
    """
    rate = synth.sample_rate if sample_rate is None else sample_rate
    checked = synth.space.check_vectors(vectors)
    own = BATCH.of(synth)
    if len(checked) and own is not None:
        return own.render_batch(checked, note, rate)
    out = np.empty((len(checked), note.samples(rate)), dtype=np.float32)
    for row, vector in enumerate(checked):
        out[row] = synth.render(synth.space.decode(vector), note, rate)
    return out


def renders_excerpts(synth: Synth) -> bool:
    """Return whether ``synth`` renders parts of a sound faster than the whole."""
    return EXCERPTS.of(synth) is not None


def check_spans(spans: Spans, samples: int) -> int:
    """Return how many samples parts of a sound have together.

    Parameters
    ----------
    spans : sequence of (int, int)
        First sample and the one after the last of each.
    samples : int
        Of the whole.

    Raises
    ------
    ParameterError
        Unless there is a part at least, and all are in order, not empty and apart.
    """
    ends = [0, *(end for span in spans for end in span), samples]
    ordered = all(a <= b for a, b in itertools.pairwise(ends))
    if not spans or not ordered or any(first == last for first, last in spans):
        raise ParameterError(
            f"spans {list(spans)} of {samples} samples; give (first, last) of at least one, "
            f"in order, not empty and apart"
        )
    return sum(last - first for first, last in spans)


def render_excerpts(
    synth: Synth, vectors: npt.ArrayLike, note: Note, sample_rate: int, spans: Spans
) -> AudioArray:
    """Return ``float32 [n, samples]``: parts of the sounds of ``vectors [n, d]``, joined.

    Parameters
    ----------
    synth : Synth
        Any synth; one that cannot do better renders the whole.
    vectors, note, sample_rate
        See :func:`render_batch`.
    spans : sequence of (int, int)
        First sample and the one after the last of each part, in order and apart.

    Raises
    ------
    ParameterError
        If vectors or spans do not fit.
    """
    checked = synth.space.check_vectors(vectors)
    check_spans(spans, note.samples(sample_rate))
    own = EXCERPTS.of(synth)
    if len(checked) and own is not None:
        return own.render_excerpts(checked, note, sample_rate, spans)
    whole = render_batch(synth, checked, note, sample_rate)
    return np.concatenate([whole[:, first:last] for first, last in spans], axis=1)


def sample_prior(synth: Synth, rng: np.random.Generator, n: int) -> FloatArray:
    """Return ``n`` vectors ``[n, d]`` of the synth's prior, or of the uniform cube."""
    own = PRIOR.of(synth)
    return own.sample(rng, n) if own is not None else synth.space.sample(rng, n)


def starts_file(synth: Synth) -> Path | None:
    """Return the index of starts that comes with ``synth``, None if none does."""
    own = STARTS.of(synth)
    return Path(own.starts) if own is not None else None


def own_note(synth: Synth) -> Note | None:
    """Return the one note that ``synth`` plays whatever the recording, None if it plays any."""
    own = OWN_NOTE.of(synth)
    return own.note if own is not None else None


def audible(synth: Synth, vectors: npt.ArrayLike) -> BoolArray:
    """Return ``bool [n, d]``: which coordinates of ``vectors [n, d]`` matter to the sound.

    All of them, unless the synth knows better.
    """
    checked = synth.space.check_vectors(vectors)
    own = AUDIBLE.of(synth)
    if len(checked) and own is not None:
        return own.audible(checked)
    return np.ones(checked.shape, dtype=np.bool_)


def canonical(synth: Synth, vectors: npt.ArrayLike) -> FloatArray:
    """Return vectors ``[n, d]``: for each of ``vectors`` the one of all that sound like it.

    A copy of them, unless the synth knows better.
    """
    checked = synth.space.check_vectors(vectors)
    own = CANONICAL.of(synth)
    return own.canonical(checked) if len(checked) and own is not None else checked.copy()


def backend_info(synth: Synth) -> dict[str, str]:
    """Return what makes the sound of ``synth``, for people; empty if that goes without saying."""
    own = BACKEND.of(synth)
    return dict(own.backend_info) if own is not None else {}


def diagnose(synth: Synth) -> list[Finding]:
    """Return what ``synth`` finds of what it relies on outside its package; mostly nothing."""
    own = DIAGNOSIS.of(synth)
    return own.diagnose() if own is not None else []
