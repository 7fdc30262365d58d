"""What is ranked: a preset, what it sounds like, and how far that is from the target."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..parameters import FloatArray, Patch
from ..synth import AudioArray


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One preset that may make the sound.

    Attributes
    ----------
    patch : Patch
        The preset.
    vector : ndarray
        Its unit-cube vector ``[d]``.
    audio : ndarray
        What it sounds like, ``float32 [samples]`` at the match's sample rate and note.
    distance : float
        The objective that ranks candidates; 0 is identical, lower is better.
    metrics : dict
        The plain metrics of :func:`synthmatch.metrics.audio_metrics`.
    """

    patch: Patch
    vector: FloatArray
    audio: AudioArray
    distance: float
    metrics: Mapping[str, float]
