"""What a :class:`~synthmatch.matcher.MultiMatcher` returns."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..audio import Recording
from ..objective import Candidate
from ..parameters import Patch
from .match import Match, provenance
from .saving import save_candidates


@dataclasses.dataclass(frozen=True)
class MultiMatch:
    """The ranked candidates of several synths for one recording.

    Attributes
    ----------
    matches : tuple of Match
        One for each synth, the one with the best candidate first. Their sounds and
        distances are at one sample rate and of one length, so they compare.
    candidates : tuple of Candidate
        Best first, whichever synth they are for; ``candidate.patch.synth`` names it.
    """

    matches: tuple[Match, ...]
    candidates: tuple[Candidate, ...]

    @classmethod
    def of(cls, matches: Sequence[Match], count: int) -> MultiMatch:
        """Return a match of ``count`` candidates, the best of each synth first among them."""
        ordered = sorted(matches, key=lambda match: match.best.distance)
        first = [match.best for match in ordered][:count]
        others = [candidate for match in ordered for candidate in match.candidates[1:]]
        others.sort(key=lambda candidate: candidate.distance)
        chosen = [*first, *others[: count - len(first)]]
        chosen.sort(key=lambda candidate: candidate.distance)
        return cls(tuple(ordered), tuple(chosen))

    @property
    def best(self) -> Candidate:
        """The candidate with the smallest distance."""
        return self.candidates[0]

    @property
    def patch(self) -> Patch:
        """The preset of the best candidate."""
        return self.best.patch

    @property
    def target(self) -> Recording:
        """The recording."""
        return self.matches[0].target

    @property
    def sample_rate(self) -> int:
        """Rate in Hz of all sounds."""
        return self.matches[0].sample_rate

    @property
    def stopped(self) -> str:
        """Why it ended: "budget", "stagnation", "exact" or "interrupted"."""
        return self.matches[0].stopped

    @property
    def method(self) -> str:
        """How they were found, for people."""
        return "search on " + ", ".join(
            f"{match.synth} ({match.renders:,} renders, distance {match.best.distance:.4f})"
            for match in self.matches
        )

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by stage, of all synths together."""
        stages = self.matches[0].timings
        return {name: sum(match.timings[name] for match in self.matches) for name in stages}

    def save(
        self,
        folder: str | os.PathLike[str],
        name: str | None = None,
        *,
        report: bool = False,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write a preset and a WAV of every candidate, all of them or none.

        They are called as those of one synth, each preset with the suffix that its synth
        prefers: ``name.syx``, ``name.2.json``, with ``name.1.wav`` and ``name.2.wav``.

        Parameters
        ----------
        folder, name, report, overwrite
            As for :meth:`Match.save`.

        Raises
        ------
        OutputError
            If a file of these names is there, or is the recording itself, or the folder
            cannot be written.
        """
        return save_candidates(
            folder,
            name,
            self.candidates,
            {match.synth: match.synth_at_hand() for match in self.matches},
            recording=self.target,
            sample_rate=self.sample_rate,
            suffix=None,
            report=self.report if report else None,
            overwrite=overwrite,
        )

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write an HTML page with the candidates of all synths.

        Raises
        ------
        ReportUnavailableError
            If what draws it is not installed: ``pip install "synthmatch[report]"``.
        OutputError
            If the file cannot be written.
        """
        from ..metrics import METRICS
        from ..report import describe_note, write_report

        first = next(match for match in self.matches if match.best is self.best)
        on = {
            f"On {match.synth}": f"distance {match.best.distance:.4f}; {match.method}; "
            f"{describe_note(match.note)}"
            for match in self.matches
        }
        backends = {
            f"{match.synth} played by: {name}": text
            for match in self.matches
            for name, text in match.backend.items()
        }
        write_report(
            path,
            title=self.target.name,
            target_audio=self.target.at(self.sample_rate),
            sample_rate=self.sample_rate,
            candidates=self.candidates,
            spaces={match.synth: match.synth_at_hand().space for match in self.matches},
            note=first.note,
            provenance={**on, **backends, **provenance(first), "Time": self._time()},
            warnings=self.target.warnings,
            metrics=METRICS,
        )

    def _time(self) -> str:
        return f"{sum(self.timings.values()):.1f} s"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the audio, ready for JSON."""
        return {
            "synth": "all",
            "target": self.target.name,
            "sample_rate": self.sample_rate,
            "stopped": self.stopped,
            "candidates": [
                {
                    "synth": candidate.patch.synth,
                    "distance": candidate.distance,
                    "metrics": dict(candidate.metrics),
                    "parameters": dict(candidate.patch),
                }
                for candidate in self.candidates
            ],
            "matches": [match.to_dict() for match in self.matches],
        }
