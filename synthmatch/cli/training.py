"""``synthmatch train``, ``dataset`` and ``evaluate``: thin; heavy modules load when one runs."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError

if TYPE_CHECKING:
    from ..settings import Source
    from ..synth import Note
    from ..training import Progress

_LENGTH = click.FloatRange(0, 600, min_open=True)
_SEED = click.IntRange(min=0)


def _source(synth: str | None, setting: str | None, note: Note | None) -> Source:
    """Return what the options name: a setting, or a synth and maybe a note."""
    from ..registry import load_synth
    from ..settings import load_setting, open_source

    if (synth is None) == (setting is None):
        raise ParameterError("say what to render: --setting NAME or --synth NAME, one of them")
    if setting is not None:
        if note is not None:
            raise ParameterError(
                "a setting has its own note; give --note, --held and --seconds with --synth"
            )
        return open_source(load_setting(setting))
    return open_source(load_synth(synth or ""), note)


def _note(pitch: str | None, held: float | None, seconds: float | None) -> Note | None:
    """Return the note that the options describe, None if they say nothing."""
    from ..synth import Note, parse_pitch

    if pitch is None and held is None and seconds is None:
        return None
    usual = Note()
    if held is None:
        held = usual.held if seconds is None else min(usual.held, seconds)
    total = held + usual.total - usual.held if seconds is None else seconds
    return Note(usual.pitch if pitch is None else parse_pitch(pitch), usual.velocity, held, total)


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return ``NAME=VALUE`` texts as a mapping, values read as JSON where they are."""
    out: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(f"write options as NAME=VALUE, not {pair!r}")
        try:
            out[name] = json.loads(value)
        except ValueError:
            out[name] = value
    return out


def clock(seconds: float) -> str:
    """Return ``h:mm:ss`` or ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def status_line(text: str, done: bool = False) -> None:
    """Rewrite the last line of a terminal; elsewhere print a line now and then."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", nl=done, err=True)
    else:
        click.echo(text, err=True)


def _show(progress: Progress) -> None:
    scores = ", ".join(f"{k} {v:.4g}" for k, v in progress.scores.items())
    status_line(
        f"step {progress.step:,}  {100 * progress.fraction:.0f} %  "
        f"{clock(progress.seconds_left)} left  {progress.sounds_per_second:,.0f} sounds/s  "
        f"loss {progress.loss:.4f}" + (f"  held out: {scores}" if scores else "")
    )


def _what(command: Any) -> Any:
    """Add the options that say what is rendered."""
    for option in (
        click.option("--seconds", type=_LENGTH, help="Seconds of a sound.  [default: held + 0.5]"),
        click.option("--held", type=_LENGTH, help="Seconds the key is held.  [default: 1]"),
        click.option("-n", "--note", help="Note the synth plays: C4, F#3, 60."),
        click.option("-s", "--synth", help="Or a synth, on patches of its own prior."),
        click.option("--setting", help="A paper's setting: jsyn-23, fm-9, ..."),
    ):
        command = option(command)
    return command


@click.command()
@_what
@click.option("--data", type=click.Path(path_type=Path), help="Or a data set on disk.")
@click.option("-m", "--model", "architecture", help="Architecture: conv6xl, ...")
@click.option("--start", help="Or the weights to begin with: a model's name or folder.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Model folder."
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Budget in time.")
@click.option("--steps", type=click.IntRange(min=1), help="Budget in steps: reproducible.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(min=1))
@click.option("--accumulate", default=1, show_default=True, help="Batches to one step.")
@click.option("--optimizer", default="adamw", show_default=True, help="Or muon.")
@click.option("--learning-rate", default=1e-3, show_default=True, help="Peak.")
@click.option("--precision", default="float32", show_default=True, help="Or bfloat16.")
@click.option("--patience", type=click.IntRange(min=1), help="Validations without a better one.")
@click.option("--validate", default=512, show_default=True, help="Held-out sounds.")
@click.option("--gate", type=float, help="Redraw sounds under this level in dB.")
@click.option("--proxy", is_flag=True, help="Train a proxy along; for inversynth2.")
@click.option("--proxy-share", type=float, help="Of a batch that it sees.  [default: 1]")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the model.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option("--seed", default=0, show_default=True, type=_SEED)
@click.option("--half", is_flag=True, help="Store the model in float16.")
@click.option("--overwrite", is_flag=True, help="Start anew.")
def train(
    setting: str | None,
    synth: str | None,
    note: str | None,
    held: float | None,
    seconds: float | None,
    data: Path | None,
    architecture: str | None,
    start: str | None,
    output: Path,
    options: tuple[str, ...],
    proxy: bool,
    proxy_share: float | None,
    device: str,
    half: bool,
    overwrite: bool,
    **recipe: Any,
) -> None:
    """Train a network to estimate the parameters of a synth.

    The same command goes on with a run that was interrupted.
    """
    from functools import partial

    from ..datasets import Dataset
    from ..training import ProxyGoal, Recipe
    from ..training import train as run

    played = _note(note, held, seconds)
    if data is not None and (synth or setting or played):
        raise ParameterError("a data set says what was rendered; leave the other options out")
    if proxy_share is not None and not proxy:
        raise ParameterError("--proxy-share goes with --proxy")
    chosen = Recipe(**recipe)
    result = run(
        Dataset(data) if data is not None else _source(synth, setting, played),
        architecture,
        out=output,
        recipe=chosen,
        options=_options(options),
        start=start,
        goal=partial(ProxyGoal, share=1.0 if proxy_share is None else proxy_share)
        if proxy
        else None,
        device=device,
        half=half,
        overwrite=overwrite,
        notify=lambda text: status_line(text, done=True),
        progress=_show,
    )
    scores = ", ".join(f"{k} {v:.4g}" for k, v in result.scores.items())
    status_line(
        f"{result.stopped} after {result.steps:,} steps, {clock(result.seconds)}; "
        f"best at step {result.step:,}: {scores}",
        done=True,
    )
    if result.stopped == "interrupted":
        click.echo("run the same command to go on", err=True)
        sys.exit(128 + (result.signal or signal.SIGINT))
    click.echo(f"{result.folder}")


@click.command()
@_what
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the data set."
)
@click.option("--sounds", required=True, type=click.IntRange(min=1), help="How many.")
@click.option("--seed", default=0, show_default=True, type=_SEED)
@click.option("--encoding", default="flac", show_default=True, help="flac (24 bit) or float16.")
@click.option("--gate", type=float, help="Redraw sounds under this level in dB.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes here."
)
@click.option("--scheduler", metavar="ADDRESS", help="Dask cluster that renders instead.")
@click.option("--overwrite", is_flag=True, help="Start anew.")
def dataset(
    setting: str | None,
    synth: str | None,
    note: str | None,
    held: float | None,
    seconds: float | None,
    output: Path,
    sounds: int,
    seed: int,
    encoding: Any,
    gate: float | None,
    workers: int,
    scheduler: str | None,
    overwrite: bool,
) -> None:
    """Render a data set: Parquet files, one row a sound.

    The same command goes on with one that was interrupted. Train on it with
    synthmatch train --data FOLDER.
    """
    from ..datasets import build_dataset

    def show(there: int, of: int, left: float) -> None:
        wait = f", {clock(left)} left" if left < float("inf") else ""
        status_line(f"{there:,} of {of:,} sounds{wait}", done=there == of)

    folder = build_dataset(
        _source(synth, setting, _note(note, held, seconds)).setting,
        output,
        sounds,
        seed=seed,
        encoding=encoding,
        gate=gate,
        workers=workers,
        scheduler=scheduler,
        overwrite=overwrite,
        progress=show,
    )
    click.echo(f"{folder}")


@click.command()
@_what
@click.option("-m", "--models", default="", help="Names or folders, comma-separated.")
@click.option("--sounds", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, type=_SEED, help="Which held-out sounds.")
@click.option(
    "--reference",
    default=5000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Sounds the baselines know.",
)
@click.option("--finetuned", is_flag=True, help="Also finetune models with a proxy; slow.")
@click.option("--table", "tables", multiple=True, help="Instead of the setting's own tables.")
@click.option("--gate", type=float, help="Redraw sounds under this level in dB.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
def evaluate(
    setting: str | None,
    synth: str | None,
    note: str | None,
    held: float | None,
    seconds: float | None,
    models: str,
    as_json: bool,
    markdown: bool,
    **options: Any,
) -> None:
    """Print a paper's tables: models, baselines and published figures on held-out sounds."""
    from ..estimators.device import pick_device
    from ..evaluation import evaluate as run

    pick_device(options["device"])  # baselines alone would not ask for it
    names = [name.strip() for name in models.split(",") if name.strip()]
    source = _source(synth, setting, _note(note, held, seconds))
    result = run(source, names, progress=lambda text: status_line(text), **options)
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        click.echo(result.to_markdown() if markdown else result.to_text(), nl=False)
