"""Rendering, drawing and describing any synth, whatever it implements itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..parameters import FloatArray
from .note import Note
from .protocol import AudioArray, BackedSynth, BatchSynth, PriorSynth, Synth


def render_batch(
    synth: Synth, vectors: npt.ArrayLike, note: Note, sample_rate: int | None = None
) -> AudioArray:
    """Return ``float32 [n, samples]``: each unit-cube vector of ``vectors [n, d]`` rendered.

    Uses the synth's own ``render_batch`` where it has one.
    """
    rate = synth.sample_rate if sample_rate is None else sample_rate
    checked = synth.space.check_vectors(vectors)
    if len(checked) and isinstance(synth, BatchSynth):
        return synth.render_batch(checked, note, rate)
    out = np.empty((len(checked), note.samples(rate)), dtype=np.float32)
    for row, vector in enumerate(checked):
        out[row] = synth.render(synth.space.decode(vector), note, rate)
    return out


def sample_prior(synth: Synth, rng: np.random.Generator, n: int) -> FloatArray:
    """Return ``n`` vectors ``[n, d]`` of the synth's prior, or of the uniform cube."""
    return synth.sample(rng, n) if isinstance(synth, PriorSynth) else synth.space.sample(rng, n)


def backend_info(synth: Synth) -> dict[str, str]:
    """Return what makes the sound of ``synth``, for people; empty if that goes without saying."""
    return dict(synth.backend_info) if isinstance(synth, BackedSynth) else {}
