"""What a :class:`~synthmatch.matcher.Matcher` returns."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import atomic_group
from .._version import __version__
from ..audio import Recording, write_wav
from ..errors import OutputError, ParameterError, PresetError
from ..objective import Candidate
from ..parameters import Patch
from ..synth import Note, Synth, preset_suffixes, save_patch


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
            Whether they may take the place of files that are there.

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
        synth = self._instrument()
        stem = name or Path(self.target.name).stem or "match"
        known = preset_suffixes(synth)
        chosen = (suffix or known[0]).lower()
        if chosen not in known:
            raise PresetError(
                f"{synth.name!r} writes presets in {' or '.join(known)}, not {chosen}"
            )
        plan = planned_files(Path(folder), stem, chosen, len(self.candidates), report)
        taken = None if self.target.path is None else self.target.path.resolve()
        for path in plan:
            if taken is not None and path.resolve() == taken:
                raise OutputError(f"{path} is the recording itself; choose another name or folder")
            if path.exists() and not overwrite:
                raise OutputError(f"{path} exists; choose another name, or overwrite it")
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            with atomic_group(plan, overwrite=overwrite) as temporary:
                for rank, candidate in enumerate(self.candidates):
                    save_patch(synth, candidate.patch, temporary[plan[2 * rank]])
                    write_wav(temporary[plan[2 * rank + 1]], candidate.audio, self.sample_rate)
                if report:
                    self.report(temporary[plan[-1]])
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
        return plan

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

        provenance = {
            "Synth": self.synth,
            **{f"Played by: {name}": text for name, text in self.backend.items()},
            "Note": describe_note(self.note),
            "Method": self.method,
            "Sounds rendered": f"{self.renders:,}",
            "Time": f"{sum(self.timings.values()):.1f} s",
            "Ended by": self.stopped,
            "Seed": str(self.seed),
            "Compared at": f"{self.sample_rate:,} Hz",
            "Version": f"synthmatch {__version__}",
        }
        write_report(
            path,
            title=self.target.name,
            target_audio=self.target.at(self.sample_rate),
            sample_rate=self.sample_rate,
            candidates=self.candidates,
            space=self._instrument().space,
            note=self.note,
            provenance=provenance,
            warnings=self.target.warnings,
            metrics=METRICS,
            history=self.history,
        )

    def _instrument(self) -> Synth:
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


def planned_files(
    folder: Path, name: str, suffix: str, candidates: int, report: bool
) -> list[Path]:
    """Return the files that a match is saved to: preset and sound of each rank, then the report."""
    files = []
    for rank in range(1, candidates + 1):
        middle = "" if rank == 1 else f".{rank}"
        files += [folder / f"{name}{middle}{suffix}", folder / f"{name}.{rank}.wav"]
    return [*files, folder / f"{name}.html"] if report else files
