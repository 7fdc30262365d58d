"""``synthmatch match``: recordings in; presets, sounds and reports out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PresetError, SynthmatchError

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from ..matcher import Match, Matcher
    from ..search import Budget, Progress
    from ..synth import Synth

_OUTPUT_FOLDER = Path("matches")


@dataclass(frozen=True)
class _Job:
    """One recording and the names of the files it makes."""

    recording: Path
    base: Path  # without suffix
    suffix: str  # of presets

    def preset(self, rank: int) -> Path:
        middle = "" if rank == 1 else f".{rank}"
        return self.base.with_name(f"{self.base.name}{middle}{self.suffix}")

    def audio(self, rank: int) -> Path:
        return self.base.with_name(f"{self.base.name}.{rank}.wav")

    @property
    def report(self) -> Path:
        return self.base.with_name(f"{self.base.name}.html")


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IN...")
@click.option("-s", "--synth", required=True, help="Synth to match on; see `synthmatch synths`.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder, or a file whose suffix picks the preset format.  [default: matches/]",
)
@click.option("-m", "--model", help="Model name or folder, or 'none'.  [default: the synth's best]")
@click.option(
    "-b",
    "--bank",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Your own presets, a file or folder; the nearest are tried first. Repeatable.",
)
@click.option("--search", "method", help="Search method.  [default: the best measured]")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Search time.")
@click.option("--renders", type=click.IntRange(min=1), help="Search budget in sounds rendered.")
@click.option(
    "-c", "--candidates", default=5, show_default=True, type=click.IntRange(1, 50), help="How many."
)
@click.option("-n", "--note", help="Note to play: C4, F#3, 60.  [default: the recording's pitch]")
@click.option("--seed", default=0, show_default=True, help="Same seed, same --renders: same match.")
@click.option("--device", default="cpu", show_default=True, help="Where a network runs: cpu, cuda.")
@click.option("--backend", help="What plays: a synth's own engine, or its real plug-in ('plugin').")
@click.option("--plugin", type=click.Path(path_type=Path), help="The plug-in, if it is elsewhere.")
@click.option("--report/--no-report", default=True, help="Write the HTML report.")
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON on standard output.")
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
def match(
    inputs: tuple[Path, ...],
    synth: str,
    output: Path | None,
    model: str | None,
    bank: tuple[Path, ...],
    method: str | None,
    seconds: float | None,
    renders: int | None,
    candidates: int,
    note: str | None,
    seed: int,
    device: str,
    backend: str | None,
    plugin: Path | None,
    report: bool,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Match recordings: find presets of a synth that sound like each of them.

    IN are sound files, or folders of them. For each, the best preset, a WAV of every
    candidate and an HTML report are written to the output folder.
    """
    from ..audio import find_recordings
    from ..matcher import DEFAULT_SECONDS, Matcher
    from ..search import Budget
    from ..synth import parse_pitch, preset_suffixes

    pitch = parse_pitch(note) if note is not None else None
    if seconds is None and renders is None:
        seconds = DEFAULT_SECONDS
    budget = Budget(renders=renders, seconds=seconds)
    matcher = Matcher(
        synth_with_backend(synth, backend, plugin),
        model=model,
        device=device,
        bank=list(bank) or None,
        method=method,
        seed=seed,
    )
    if matcher.bank is not None:
        for line in matcher.bank.skipped:
            click.echo(f"warning: {line}", err=True)
    found, failures = _expand(inputs, find_recordings)
    jobs = _plan(found, output, preset_suffixes(matcher.synth))
    rows: list[dict[str, Any]] = []
    interrupted = False
    for number, job in enumerate(jobs, start=1):
        try:
            if not overwrite:
                _refuse_existing(job)
            label = f"[{number}/{len(jobs)}] {job.recording.name}"
            result = _match_one(matcher, job, pitch, candidates, budget, label)
            files = _write(matcher, result, job, report)
        except SynthmatchError as error:
            failures.append((job.recording, str(error)))
            click.echo(f"error: {job.recording}: {error}", err=True)
            continue
        rows.append({**result.to_dict(), "files": [str(f) for f in files]})
        _announce(result, files, as_json)
        if result.stopped == "interrupted":
            interrupted = True
            left = len(jobs) - number
            click.echo(
                f"interrupted: this is the best so far; {left} recordings left out", err=True
            )
            break
    if as_json:
        errors = [{"input": str(path), "error": text} for path, text in failures]
        click.echo(json.dumps({"matches": rows, "errors": errors}, indent=2))
    if interrupted:
        sys.exit(130)
    if failures:
        if len(rows) + len(failures) > 1:
            click.echo(f"{len(rows)} matched, {len(failures)} failed", err=True)
        sys.exit(1)


def synth_with_backend(name: str, backend: str | None, plugin: Path | None) -> Synth:
    """Return a synth by name, with the options of its adapter that were given."""
    from ..registry import load_synth

    if plugin is not None and backend is None:
        backend = "plugin"
    given = {"backend": backend, "plugin": plugin}
    return load_synth(name, **{key: value for key, value in given.items() if value is not None})


def _expand(inputs: tuple[Path, ...], find: Any) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the recordings under ``inputs`` and the inputs that are none."""
    found: list[Path] = []
    failures: list[tuple[Path, str]] = []
    for path in inputs:
        try:
            found.extend(p for p in find([path]) if p not in found)
        except SynthmatchError as error:
            failures.append((path, str(error)))
            click.echo(f"error: {error}", err=True)
    return found, failures


def _plan(recordings: list[Path], output: Path | None, suffixes: tuple[str, ...]) -> list[_Job]:
    """Name the files of every recording, no two alike."""
    folder, suffix = output or _OUTPUT_FOLDER, suffixes[0]
    if output is not None and output.suffix and not output.is_dir():
        suffix = output.suffix.lower()
        if suffix not in suffixes:
            raise PresetError(
                f"this synth writes {' or '.join(suffixes)} files, not {output.suffix}; "
                f"change the suffix of {output.name}, or give a folder"
            )
        if len(recordings) > 1:
            raise PresetError(f"{len(recordings)} recordings need a folder; {output} is a file")
        return [_Job(path, output.with_suffix(""), suffix) for path in recordings]
    jobs: list[_Job] = []
    taken: set[str] = set()
    for path in recordings:
        stem, k = path.stem, 2
        while stem in taken:
            stem, k = f"{path.stem}-{k}", k + 1
        taken.add(stem)
        jobs.append(_Job(path, folder / stem, suffix))
    return jobs


def _refuse_existing(job: _Job) -> None:
    for path in (job.preset(1), job.audio(1), job.report):
        if path.exists():
            raise PresetError(f"{path} exists; give --overwrite or another --output")


def _match_one(
    matcher: Matcher, job: _Job, pitch: float | None, count: int, budget: Budget, label: str
) -> Match:
    from ..audio import read_recording

    recording = read_recording(job.recording, pitch=pitch)
    for text in recording.warnings:
        click.echo(f"warning: {job.recording.name}: {text}", err=True)
    with _progress(label) as progress:
        return matcher.predict(recording, candidates=count, budget=budget, progress=progress)


@contextmanager
def _progress(label: str) -> Iterator[Progress | None]:
    """Show a bar with the time left and the best distance, where someone is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    steps, done = 1000, 0
    bar: ProgressBar[float] = click.progressbar(
        length=steps,
        label=label,
        file=sys.stderr,
        item_show_func=lambda best: "" if best is None else f"distance {best:.4f}",
    )

    def show(fraction: float, best: float, seconds_left: float) -> None:
        nonlocal done
        now = min(steps, round(steps * fraction))
        bar.update(now - done, best)
        done = now

    with bar:
        yield show


def _write(matcher: Matcher, result: Match, job: _Job, report: bool) -> list[Path]:
    from ..audio import write_wav
    from ..synth import save_patch

    try:
        job.base.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PresetError(f"cannot make {job.base.parent}: {error.strerror}") from error
    files: list[Path] = []
    for rank, candidate in enumerate(result.candidates, start=1):
        save_patch(matcher.synth, candidate.patch, job.preset(rank))
        write_wav(job.audio(rank), candidate.audio, result.sample_rate)
        files += [job.preset(rank), job.audio(rank)]
    if report:
        from ..report import ReportUnavailableError, report_match

        try:
            report_match(job.report, result, matcher.synth.space)
        except ReportUnavailableError as error:
            click.echo(f"no report: {error}", err=True)
        else:
            files.append(job.report)
    return files


def _announce(result: Match, files: list[Path], as_json: bool) -> None:
    best = result.best
    seconds = sum(result.timings.values())
    click.echo(
        f"{result.target.name}: distance {best.distance:.4f} by {result.method} "
        f"in {seconds:.1f} s, {len(result.candidates)} candidates",
        err=as_json,
    )
    for path in files:
        if path.suffix != ".wav":
            click.echo(f"  {path}", err=as_json)
