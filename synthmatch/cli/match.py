"""``synthmatch match``: recordings in; presets, sounds and reports out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import OutputError, SynthmatchError
from .group import interrupted_status
from .synths import ALL, every_synth, refuse_for_all, synth_with_backend
from .training import clock, status_line

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from ..matcher import Match, Matcher, MultiMatch, MultiMatcher
    from ..search import Budget, SearchProgress
    from .jobs import Job

_OUTPUT_FOLDER = Path("matches")


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IN...")
@click.option("-s", "--synth", required=True, help="Synth, or 'all'; see `synthmatch synths`.")
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
@click.option(
    "--search",
    "method",
    help="genetic, cma, hill-climbing or random.  [default: genetic]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Search time.  [default: 4, unless --renders is given]",
)
@click.option("--renders", type=click.IntRange(min=1), help="Search budget in sounds rendered.")
@click.option(
    "-c", "--candidates", default=5, show_default=True, type=click.IntRange(1, 50), help="How many."
)
@click.option("-n", "--note", help="Note to play: C4, F#3, 60.  [default: the recording's pitch]")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Same seed, same --renders: same match.",
)
@click.option(
    "--device", default="auto", show_default=True, help="Of a network: auto, cpu, cuda, mps."
)
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
    candidate and an HTML report are written to the output folder, all of them or none.
    The same command goes on with several recordings where it was interrupted.
    """
    from ..matcher import DEFAULT_SECONDS, Matcher, MultiMatcher
    from ..search import Budget
    from ..synth import parse_pitch, preset_suffixes
    from .jobs import plan

    pitch = parse_pitch(note) if note is not None else None
    if seconds is None and renders is None:
        seconds = DEFAULT_SECONDS
    budget = Budget(renders=renders, seconds=seconds)
    if device not in ("auto", "cpu"):
        from ..estimators.device import pick_device

        pick_device(device)
    report = report and _can_report()
    if synth == ALL:
        refuse_for_all(model=model, bank=bank or None, backend=backend, plugin=plugin)
        synths = every_synth()
    else:
        synths = [synth_with_backend(synth, backend, plugin)]
    suffixes = tuple(suffix for each in synths for suffix in preset_suffixes(each))
    found, failures = _expand(inputs, suffixes)
    several = len(found) > 1 or any(path.is_dir() for path in inputs)
    planned = plan(found, output or _OUTPUT_FOLDER, synths, candidates, report, _files_of(bank))
    jobs, skipped = _to_do(planned, overwrite, several, failures)
    rows: list[dict[str, Any]] = []
    interrupted = False
    if jobs:
        options: dict[str, Any] = {"device": device, "method": method, "seed": seed}
        matcher: Matcher | MultiMatcher
        if synth == ALL:
            matcher = MultiMatcher([Matcher(each, model=model, **options) for each in synths])
        else:
            matcher = Matcher(synths[0], model=model, bank=list(bank) or None, **options)
        if isinstance(matcher, Matcher) and matcher.bank is not None:
            for line in matcher.bank.skipped:
                click.echo(f"warning: {line}", err=True)
            matcher.bank.index(matcher.synth, _show_bank)
    for number, job in enumerate(jobs, start=1):
        label = f"[{number}/{len(jobs)}] {job.recording.name}"
        try:
            with _locked(job):
                if not overwrite and job.state() != "new":  # of another process meanwhile
                    raise job.refuse()
                result = _match_one(matcher, job, pitch, budget, label)
                files = _save(result, job, report, overwrite)
        except SynthmatchError as error:
            _note_failure(failures, job.recording, error)
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
        done = [str(job.recording) for job in skipped]
        click.echo(json.dumps({"matches": rows, "skipped": done, "errors": errors}, indent=2))
    if interrupted:
        sys.exit(interrupted_status())
    if failures:
        if len(rows) + len(skipped) + len(failures) > 1:
            click.echo(f"{len(rows)} matched, {len(failures)} failed", err=True)
        sys.exit(1)


def _show_bank(done: int, of: int, left: float) -> None:
    status_line(f"bank: {done:,} of {of:,} presets rendered, {clock(left)} left", done=done == of)


def _can_report() -> bool:
    from ..report import ReportUnavailableError, require_packages

    try:
        require_packages()
    except ReportUnavailableError as error:
        click.echo(f"no report: {error}", err=True)
        return False
    return True


def _expand(
    inputs: tuple[Path, ...], suffixes: tuple[str, ...]
) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the recordings under ``inputs`` and the inputs that are none."""
    from ..audio import find_recordings
    from .jobs import leave_out_own_sounds

    found: dict[Path, None] = {}
    failures: list[tuple[Path, str]] = []
    for path in inputs:
        try:
            inside = find_recordings([path])
        except SynthmatchError as error:
            _note_failure(failures, path, error)
            continue
        recordings = leave_out_own_sounds(inside, suffixes) if path.is_dir() else inside
        if len(recordings) < len(inside):
            count = len(inside) - len(recordings)
            click.echo(f"{path}: {count} sounds of earlier matches left out", err=True)
        found.update(dict.fromkeys(recordings))
    return list(found), failures


def _note_failure(failures: list[tuple[Path, str]], path: Path, error: Exception) -> None:
    text = str(error)
    failures.append((path, text))
    click.echo(f"error: {text if path.name in text else f'{path}: {text}'}", err=True)


def _files_of(paths: tuple[Path, ...]) -> list[Path]:
    """Return the files among and under ``paths``."""
    return [
        file
        for path in paths
        for file in (path.rglob("*") if path.is_dir() else [path])
        if file.is_file()
    ]


def _to_do(
    planned: list[Job],
    overwrite: bool,
    several: bool,
    failures: list[tuple[Path, str]],
) -> tuple[list[Job], list[Job]]:
    """Return the jobs to do and those that are done; those whose files are taken have failed."""
    from .._files import finish_groups

    jobs: list[Job] = []
    done: list[Job] = []
    for folder in {job.folder for job in planned if job.folder.is_dir()}:
        finish_groups(folder)
    for job in planned:
        state = job.state()
        if overwrite or state == "new":
            jobs.append(job)
        elif several and state == "done":
            done.append(job)
            click.echo(f"{job.recording.name}: done before; --overwrite redoes it", err=True)
        else:
            _note_failure(failures, job.recording, job.refuse())
    return jobs, done


@contextmanager
def _locked(job: Job) -> Iterator[None]:
    """Hold the lock of a job in its folder, which is made if needed."""
    from .._files import lock

    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        busy = f"another process is making {job.files[0]}; wait for it, or give another --output"
        with lock(job.lock, busy):
            yield
    except OSError as error:
        raise OutputError(f"cannot write to {job.folder}: {error.strerror or error}") from error


def _match_one(
    matcher: Matcher | MultiMatcher, job: Job, pitch: float | None, budget: Budget, label: str
) -> Match | MultiMatch:
    recording = matcher.read(job.recording, note=pitch)
    for text in recording.warnings:
        click.echo(f"warning: {job.recording.name}: {text}", err=True)
    with _progress(label) as progress:
        return matcher.predict(
            recording, candidates=job.candidates, budget=budget, progress=progress
        )


def _save(result: Match | MultiMatch, job: Job, report: bool, overwrite: bool) -> list[Path]:
    from ..matcher import Match

    if isinstance(result, Match):
        return result.save(
            job.folder, job.name, suffix=job.suffix, report=report, overwrite=overwrite
        )
    return result.save(job.folder, job.name, report=report, overwrite=overwrite)


@contextmanager
def _progress(label: str) -> Iterator[SearchProgress | None]:
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


def _announce(result: Match | MultiMatch, files: list[Path], as_json: bool) -> None:
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
