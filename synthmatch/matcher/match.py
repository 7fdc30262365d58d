"""What a :class:`~synthmatch.matcher.Matcher` returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..audio import Recording
from ..parameters import FloatArray, Patch
from ..synth import AudioArray, Note


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


@dataclasses.dataclass(frozen=True)
class Match:
    """The ranked candidates for one recording, and how they were found.

    Attributes
    ----------
    synth : str
        Name of the synth.
    target : Recording
        The recording that was matched.
    note : Note
        What was played to make the candidates.
    sample_rate : int
        Rate in Hz at which candidates were rendered and compared.
    candidates : tuple of Candidate
        Best first; never empty.
    method : str
        How they were found, for people.
    renders : int
        Sounds rendered on the way.
    stopped : str
        Why it ended: "budget", "stagnation", "interrupted", or "ranked" where a network's
        candidates were only ranked.
    timings : dict
        Seconds by stage.
    seed : int
        The seed everything random came from.
    backend : dict
        What made the sounds, for people; empty for a synth that has one engine only.
    instrument : Synth or None
        The synth, which :meth:`save` and :meth:`report` need; None where it is not at hand.
    history : tuple
        ``(renders, seconds, best distance)`` as the search went on, by what the search
        compared at: towards the end a longer one goes to a higher sample rate.
    """

    synth: str
    target: Recording
    note: Note
    sample_rate: int
    candidates: tuple[Candidate, ...]
    method: str
    renders: int
    stopped: str
    timings: Mapping[str, float]
    seed: int
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    history: tuple[tuple[int, float, float], ...] = ()
    instrument: Synth | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def best(self) -> Candidate:
        """The candidate with the smallest distance."""
        return self.candidates[0]

    @property
    def patch(self) -> Patch:
        """The preset of the best candidate."""
        return self.best.patch

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the audio, ready for JSON."""
        return {
            "synth": self.synth,
            "backend": dict(self.backend),
            "target": self.target.name,
            "note": dataclasses.asdict(self.note),
            "sample_rate": self.sample_rate,
            "method": self.method,
            "renders": self.renders,
            "stopped": self.stopped,
            "seed": self.seed,
            "timings": {name: round(value, 3) for name, value in self.timings.items()},
            "warnings": list(self.target.warnings),
            "candidates": [
                {"distance": c.distance, "metrics": dict(c.metrics), "parameters": dict(c.patch)}
                for c in self.candidates
            ],
        }
