"""The files that matching makes of each recording: named apart, and checked beforehand."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

from ..errors import OutputError, PresetError, SynthmatchError
from ..synth import Synth, load_patch, preset_suffixes

State = Literal["new", "done", "taken"]


@dataclasses.dataclass(frozen=True)
class Job:
    """One recording and the files it makes.

    Attributes
    ----------
    recording : Path
        The sound.
    folder, name : Path, str
        Of the files: where, and how their names start.
    synths : tuple of Synth
        That presets are for.
    suffix : str or None
        Of the presets; None for what each synth prefers.
    candidates : int
        How many there may be.
    report : bool
        Whether an HTML report is among them.
    """

    recording: Path
    folder: Path
    name: str
    synths: tuple[Synth, ...]
    suffix: str | None
    candidates: int
    report: bool

    @property
    def files(self) -> list[Path]:
        """All files that it may make, whichever synth a candidate is for."""
        return self._files(self.candidates)

    def _files(self, candidates: int) -> list[Path]:
        from ..matcher.saving import planned_files

        planned = (
            planned_files(self.folder, self.name, [suffix] * candidates, self.report)
            for suffix in self._suffixes()
        )
        return list(dict.fromkeys(path for files in planned for path in files))

    def _suffixes(self) -> list[str]:
        """Return the suffixes that its presets may have, each once."""
        if self.suffix is not None:
            return [self.suffix]
        return list(dict.fromkeys(preset_suffixes(synth)[0] for synth in self.synths))

    @property
    def lock(self) -> Path:
        """What a process holds that makes them."""
        return self.folder / f".{self.name}.lock"

    def state(self) -> State:
        """Return whether no file is there, all that the best candidate makes are, or others.

        The files of a job appear all at once, so those of the best candidate stand for all.
        """
        if not any(path.exists() for path in self.files):
            return "new"
        best = {path for path in self._files(1) if path.is_file()}
        rest = set(self._files(1)) - {self.folder / f"{self.name}{s}" for s in self._suffixes()}
        presets = best - rest
        return "done" if rest <= best and any(map(self._loads, presets)) else "taken"

    def _loads(self, preset: Path) -> bool:
        for synth in self.synths:
            try:
                load_patch(synth, preset)
            except SynthmatchError:
                continue
            return True
        return False

    def refuse(self) -> OutputError:
        """Return the error for files that are there."""
        there = next(path for path in self.files if path.exists())
        return OutputError(f"{there} exists; give --overwrite or another --output")


def plan(
    recordings: Sequence[Path],
    output: Path,
    synths: Sequence[Synth],
    candidates: int,
    report: bool,
    inputs: Iterable[Path],
) -> list[Job]:
    """Return a job for each recording, no two with a file in common, none with an input.

    Parameters
    ----------
    recordings : sequence of Path
        The sounds.
    output : Path
        A folder, or the preset of a single recording, whose suffix picks its format.
    synths : sequence of Synth
        What presets are for.
    candidates, report : int, bool
        How many candidates there may be; whether there is a report.
    inputs : iterable of Path
        Files that are read; the recordings are among them anyway.

    Raises
    ------
    PresetError
        If a synth writes no presets of this suffix.
    OutputError
        If ``output`` is one file for several recordings, or a file of the job an input.
    """
    playing = tuple(synths)
    read = {_identity(path) for path in (*recordings, *inputs)}
    if output.suffix and not output.is_dir():
        suffix = output.suffix.lower()
        if len(playing) > 1:
            raise PresetError(f"several synths need a folder; {output} is a preset of one")
        suffixes = preset_suffixes(playing[0])
        if suffix not in suffixes:
            raise PresetError(
                f"this synth writes {' or '.join(suffixes)} files, not {output.suffix}; "
                f"change the suffix of {output.name}, or give a folder"
            )
        if len(recordings) > 1:
            raise OutputError(f"{len(recordings)} recordings need a folder; {output} is a file")
        jobs = [
            Job(path, output.parent, output.stem, playing, suffix, candidates, report)
            for path in recordings
        ]
        for path in (path for job in jobs for path in job.files):
            if _is_among(path, read):
                raise OutputError(f"{path} is an input of this match; give another --output")
        return jobs
    jobs = []
    taken: set[str] = set()
    for path, start in zip(recordings, _names(recordings), strict=True):
        name, number = start, 1
        while True:
            job = Job(path, output, name, playing, None, candidates, report)
            names = {_folded(file.name) for file in job.files}
            if not names & taken and not any(_is_among(file, read) for file in job.files):
                break
            number += 1
            name = f"{start}-{number}"
        taken |= names
        jobs.append(job)
    return jobs


def _names(recordings: Sequence[Path]) -> list[str]:
    """Return the names of recordings without suffixes; those alike with their folders' names.

    So a recording that comes in later does not take the name of another.
    """
    groups: dict[str, list[Path]] = {}
    for path in recordings:
        groups.setdefault(_folded(path.stem), []).append(path.absolute())
    named: dict[Path, str] = {}
    for paths in groups.values():
        folders = len({_folded(str(path.parent)) for path in paths})
        inside = [path.parts[1:-1] for path in paths]  # without the root, which is no name
        names: list[str] = []
        for depth in range(max(map(len, inside)) + 1):  # a folder more, until all are told apart
            names = [
                "-".join((*parts[max(0, len(parts) - depth) :], path.stem))
                for parts, path in zip(inside, paths, strict=True)
            ]
            if len({_folded(name) for name in names}) >= folders:
                break
        named.update(zip(paths, names, strict=True))
    return [named[path.absolute()] for path in recordings]


def leave_out_own_sounds(found: Sequence[Path], suffixes: Collection[str]) -> list[Path]:
    """Return the recordings that are not sounds of candidates which a match wrote there."""
    return [path for path in found if not _is_candidate(path, suffixes)]


def _is_candidate(path: Path, suffixes: Collection[str]) -> bool:
    """Return whether the preset that makes this sound lies beside it, and the best one too."""
    ranked = re.fullmatch(r"(.+)\.([1-9]\d*)", path.stem, re.DOTALL)
    if ranked is None or path.suffix != ".wav":
        return False
    names = {ranked[1], ranked[1] if ranked[2] == "1" else path.stem}
    return all(
        any(path.with_name(f"{name}{suffix}").is_file() for suffix in suffixes) for name in names
    )


def _folded(name: str) -> str:
    """Return what is the same for names that some file systems do not tell apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _is_among(path: Path, identities: Collection[tuple[int, int]]) -> bool:
    try:
        return _identity(path) in identities
    except OSError:  # there is none, or its name is too long
        return False
