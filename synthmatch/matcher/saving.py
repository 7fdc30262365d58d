"""The files of a match: preset and sound of each candidate, and the report, all or none."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from .._files import atomic_group
from ..audio import Recording, write_wav
from ..errors import OutputError, PresetError
from ..objective import Candidate
from ..synth import Synth, preset_suffixes, save_patch


def planned_files(folder: Path, name: str, suffixes: Sequence[str], report: bool) -> list[Path]:
    """Return the files of a match: preset and sound of each rank, then the report.

    ``suffixes`` are those of the presets, one for each rank.
    """
    files = []
    for rank, suffix in enumerate(suffixes, start=1):
        middle = "" if rank == 1 else f".{rank}"
        files += [folder / f"{name}{middle}{suffix}", folder / f"{name}.{rank}.wav"]
    return [*files, folder / f"{name}.html"] if report else files


def save_candidates(
    folder: str | os.PathLike[str],
    name: str | None,
    candidates: Sequence[Candidate],
    synths: Mapping[str, Synth],
    *,
    recording: Recording,
    sample_rate: int,
    suffix: str | None,
    report: Callable[[Path], None] | None,
    overwrite: bool,
) -> list[Path]:
    """Write a preset and a sound of every candidate, and the report; return the files.

    Parameters
    ----------
    folder, name
        Where, and how names start; the recording's name by default.
    candidates : sequence of Candidate
        Best first.
    synths : mapping
        The synths of the candidates by name.
    recording : Recording
        What was matched, which is not overwritten.
    sample_rate : int
        Of the sounds, in Hz.
    suffix : str, optional
        Of the presets; what each synth prefers by default.
    report : callable, optional
        Writes the report to a path.
    overwrite : bool
        Whether files that are there may be replaced; candidates of lower ranks that an
        earlier match left are removed then.

    Raises
    ------
    OutputError
        If a file of these names is there, or is the recording itself, or the folder
        cannot be written.
    PresetError
        If a synth does not write presets of this suffix.
    """
    stem = name or Path(recording.name).stem or "match"
    suffixes = []
    for candidate in candidates:
        synth = synths[candidate.patch.synth]
        known = preset_suffixes(synth)
        suffixes.append((suffix or known[0]).lower())
        if suffixes[-1] not in known:
            raise PresetError(
                f"{synth.name!r} writes presets in {' or '.join(known)}, not {suffixes[-1]}"
            )
    plan = planned_files(Path(folder), stem, suffixes, report is not None)
    taken = None if recording.path is None else recording.path.resolve()
    for path in plan:
        if taken is not None and path.resolve() == taken:
            raise OutputError(f"{path} is the recording itself; choose another name or folder")
        if path.exists() and not overwrite:
            raise OutputError(f"{path} exists; choose another name, or overwrite it")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with atomic_group(plan, overwrite=overwrite) as temporary:
            for rank, candidate in enumerate(candidates):
                synth = synths[candidate.patch.synth]
                save_patch(synth, candidate.patch, temporary[plan[2 * rank]])
                write_wav(temporary[plan[2 * rank + 1]], candidate.audio, sample_rate)
            if report is not None:
                report(temporary[plan[-1]])
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    if overwrite:
        every = {end for synth in synths.values() for end in preset_suffixes(synth)}
        _remove_further(Path(folder), stem, len(candidates) + 1, every)
    return plan


def _remove_further(folder: Path, stem: str, first: int, suffixes: Collection[str]) -> None:
    """Remove the candidates from a rank on that an earlier match of more of them left."""
    for rank in itertools.count(first):
        presets = [folder / f"{stem}.{rank}{suffix}" for suffix in suffixes]
        pair = [path for path in (*presets, folder / f"{stem}.{rank}.wav") if path.is_file()]
        if len(pair) < 2:  # none, or another file of such a name
            return
        for path in pair:
            path.unlink()
