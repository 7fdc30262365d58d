"""``synthmatch render`` and ``compare``: presets to sounds, and how far sounds are apart."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..errors import OutputError
from .listing import synth_of
from .synths import synth_with_backend

_HIGHEST_RATE = 768_000  # Hz, of audio interfaces
_LONGEST = 600.0  # seconds of a note


@click.command()
@click.argument("preset", type=click.Path(path_type=Path))
@click.option("-s", "--synth", help="Synth of the preset; JSON presets say it themselves.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="WAV to write."
)
@click.option("-n", "--note", default="C4", show_default=True, help="Name or MIDI number.")
@click.option(
    "--velocity", default=100, show_default=True, type=click.IntRange(1, 127), help="MIDI velocity."
)
@click.option(
    "--held",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, _LONGEST, min_open=True),
    help="Seconds the key is held.",
)
@click.option(
    "--total",
    type=click.FloatRange(0, _LONGEST + 1, min_open=True),
    help="Seconds rendered.  [default: held + 1]",
)
@click.option(
    "--rate",
    type=click.IntRange(1000, _HIGHEST_RATE),
    help="Sample rate in Hz.  [default: the synth's]",
)
@click.option("--backend", help="What plays: a synth's own engine, or its real plug-in ('plugin').")
@click.option("--plugin", type=click.Path(path_type=Path), help="The plug-in, if it is elsewhere.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def render(
    preset: Path,
    synth: str | None,
    output: Path,
    note: str,
    velocity: int,
    held: float,
    total: float | None,
    rate: int | None,
    backend: str | None,
    plugin: Path | None,
    overwrite: bool,
) -> None:
    """Play PRESET to a WAV file."""
    from ..audio import write_wav
    from ..synth import Note, load_patch, parse_pitch

    if output.exists():
        if not overwrite:
            raise OutputError(f"{output} exists; choose another name or give --overwrite")
        if preset.exists() and output.samefile(preset):
            raise OutputError(f"{output} is the preset itself; choose another name")
    loaded = synth_with_backend(synth or synth_of(preset), backend, plugin)
    patch = load_patch(loaded, preset)
    played = Note(parse_pitch(note), velocity, held, total if total is not None else held + 1.0)
    chosen = rate if rate is not None else loaded.sample_rate
    write_wav(output, loaded.render(patch, played, chosen), chosen)
    click.echo(f"{output}")


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(target: Path, candidate: Path, as_json: bool) -> None:
    """Measure how far the sound CANDIDATE is from TARGET, at TARGET's sample rate."""
    from ..audio import read_recording
    from ..metrics import METRICS, audio_metrics
    from ..objective import Objective

    first = read_recording(target)
    rate = first.sample_rate
    second = read_recording(candidate)
    for path, recording in ((target, first), (candidate, second)):
        for line in recording.warnings:
            click.echo(f"warning: {path.name}: {line}", err=True)
    other = second.at(rate)[None]
    values = {"distance": float(Objective(first.samples, rate)(other)[0])}
    metrics = audio_metrics(first.samples, other, rate)
    values.update({name: float(v[0]) for name, v in metrics.items()})
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    click.echo(f"{'distance':<28} {values['distance']:>10.4f}           0 is identical")
    for metric in METRICS:
        better = "higher is closer" if metric.higher_is_better else "lower is closer"
        click.echo(
            f"{metric.name:<28} {values[metric.name]:>10.4f} {metric.unit:<8}  "
            f"{better}; {metric.meaning}"
        )
