"""What a :class:`~synthmatch.matcher.Matcher` returns."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._version import __version__
from ..audio import Recording
from ..errors import ParameterError
from ..objective import Candidate
from ..parameters import Patch
from ..synth import Note, Synth
from .saving import save_candidates


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
        Why it ended: "budget", "stagnation", "exact" at a distance of 0, "interrupted", or
        "ranked" where a network's candidates were only ranked.
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

    def save(
        self,
        folder: str | os.PathLike[str],
        name: str | None = None,
        *,
        suffix: str | None = None,
        report: bool = False,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write a preset and a WAV of every candidate, all of them or none.

        They are called as `synthmatch match` calls them: the best preset ``name`` and a
        suffix, the others ``name.2`` and so on, the sounds ``name.1.wav`` and so on.

        Parameters
        ----------
        folder : path
            Made if needed.
        name : str, optional
            The recording's by default, without its suffix.
        suffix : str, optional
            Of the presets, such as ".syx"; the synth's preferred one by default.
        report : bool
            Whether to write ``name.html`` beside them; see :meth:`report`.
        overwrite : bool
            Whether they may take the place of files that are there; candidates of lower
            ranks that an earlier match left are removed then.

        Returns
        -------
        list of Path
            What was written, best candidate first, preset before sound.

        Raises
        ------
        OutputError
            If a file of these names is there, or is the recording itself, or the folder
            cannot be written.
        PresetError
            If the synth does not write presets of this suffix.
        """
        return save_candidates(
            folder,
            name,
            self.candidates,
            {self.synth: self.synth_at_hand()},
            recording=self.target,
            sample_rate=self.sample_rate,
            suffix=suffix,
            report=self.report if report else None,
            overwrite=overwrite,
        )

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write an HTML page with players, pictures, scores and parameters.

        Raises
        ------
        ReportUnavailableError
            If what draws it is not installed: ``pip install "synthmatch[report]"``.
        OutputError
            If the file cannot be written.
        """
        from ..metrics import METRICS
        from ..report import describe_note, write_report

        write_report(
            path,
            title=self.target.name,
            target_audio=self.target.at(self.sample_rate),
            sample_rate=self.sample_rate,
            candidates=self.candidates,
            spaces={self.synth: self.synth_at_hand().space},
            note=self.note,
            provenance={
                "Synth": self.synth,
                **{f"Played by: {name}": text for name, text in self.backend.items()},
                "Note": describe_note(self.note),
                "Method": self.method,
                "Sounds rendered": f"{self.renders:,}",
                **provenance(self),
            },
            warnings=self.target.warnings,
            metrics=METRICS,
            history=self.history,
        )

    def synth_at_hand(self) -> Synth:
        """Return the synth.

        Raises
        ------
        ParameterError
            If the match came from another process or from disk, where it is left behind.
        """
        if self.instrument is None:
            raise ParameterError(
                f"this match has lost its synth; load {self.synth!r} and save candidates "
                f"with synthmatch.synth.save_patch"
            )
        return self.instrument

    def __getstate__(self) -> dict[str, Any]:
        """Leave the synth behind where the match goes to another process or to disk."""
        state = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**state, "instrument": None}

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


def provenance(match: Match) -> dict[str, str]:
    """Return how a match came about, for people: time, seed, rate and version."""
    return {
        "Time": f"{sum(match.timings.values()):.1f} s",
        "Ended by": match.stopped,
        "Seed": str(match.seed),
        "Compared at": f"{match.sample_rate:,} Hz",
        "Version": f"synthmatch {__version__}",
    }
