"""The command line: thin wrappers, one error line, no heavy import until a command runs."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .._version import __version__
from ..errors import PresetError, SynthmatchError, SynthmatchWarning
from .doctor import doctor
from .match import match, synth_with_backend
from .training import dataset, evaluate, train


class _Group(click.Group):
    """Turns errors and warnings of synthmatch into one line each, errors into exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _shown_by(warnings.showwarning)
                return super().invoke(ctx)
        except SynthmatchError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)


def _shown_by(otherwise: Callable[..., None]) -> Callable[..., None]:
    """Return a ``showwarning`` that prints synthmatch's own warnings as people read them."""

    def show(message: Warning, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, SynthmatchWarning):
            click.echo(f"warning: {message}", err=True)
        else:
            otherwise(message, category, *where, **more)

    return show


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synthmatch")
def main() -> None:
    """Find the synthesizer preset that makes a sound.

    Start with: synthmatch match SOUND.wav --synth NAME
    """


for _command in (match, dataset, train, evaluate, doctor):
    main.add_command(_command)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def synths(as_json: bool) -> None:
    """List the installed synths."""
    from ..registry import list_synths, load_synth
    from ..synth import preset_suffixes

    rows: list[dict[str, Any]] = []
    for name in list_synths():
        try:
            synth = load_synth(name)
        except SynthmatchError as error:
            rows.append({"name": name, "error": str(error)})
            continue
        rows.append(
            {
                "name": name,
                "parameters": len(synth.space),
                "sample_rate": synth.sample_rate,
                "presets": list(preset_suffixes(synth)),
                "about": _first_line(synth),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        if "error" in row:
            click.echo(f"{row['name']:<10} {row['error']}")
        else:
            click.echo(
                f"{row['name']:<10} {row['parameters']:>4} parameters  "
                f"{row['sample_rate']:>6} Hz  {' '.join(row['presets']):<22} {row['about']}"
            )
    if not rows:
        click.echo("no synths are installed; reinstall synthmatch or install an adapter", err=True)


def _first_line(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().partition("\n")[0]


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(as_json: bool) -> None:
    """List the installed models."""
    from ..weights import describe_models

    rows = describe_models()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        if "error" in row:
            click.echo(f"{row['name']:<16} {row['error']}")
            continue
        mark = f"  (used for {row['synth']} by default)" if row["default"] else ""
        click.echo(
            f"{row['name']:<16} {row['synth']:<8} {row['architecture']:<14} "
            f"{row['megabytes']:>6.1f} MB  {row['headline']}{mark}"
        )
    if not rows:
        click.echo("no models are installed; `synthmatch match` searches without one", err=True)


@main.command()
@click.argument("synth")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def params(synth: str, as_json: bool) -> None:
    """List the parameters of SYNTH: range or choices, default, group."""
    from ..registry import load_synth

    space = load_synth(synth).space
    if as_json:
        click.echo(json.dumps(space.to_dict(), indent=2))
        return
    width = max(len(p.name) for p in space.parameters)
    for p in space.parameters:
        if p.kind == "continuous":
            domain = f"{p.low:g} to {p.high:g}" + (" (log)" if p.scale == "log" else "")
        else:
            shown = [f"{c:g}" if isinstance(c, float) else str(c) for c in p.choices]
            few = len(shown) <= 8
            domain = ", ".join(shown) if few else f"{shown[0]} ... {shown[-1]} ({len(shown)})"
        default = f"{p.default:g}" if isinstance(p.default, float) else str(p.default)
        held = "  frozen" if p.name in space.frozen else ""
        click.echo(
            f"{p.name:<{width}}  {p.group:<20} {p.kind:<12} {domain} {p.unit}"
            f"  [{default}]{held}".rstrip()
        )


@main.command()
@click.argument("preset", type=click.Path(path_type=Path))
@click.option("-s", "--synth", help="Synth of the preset; JSON presets say it themselves.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="WAV to write."
)
@click.option("-n", "--note", default="C4", show_default=True, help="Name or MIDI number.")
@click.option("--velocity", default=100, show_default=True, help="MIDI velocity, 1 to 127.")
@click.option("--held", default=1.0, show_default=True, help="Seconds the key is held.")
@click.option("--total", type=float, help="Seconds rendered.  [default: held + 1]")
@click.option("--rate", type=int, help="Sample rate in Hz.  [default: the synth's]")
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

    if output.exists() and not overwrite:
        raise PresetError(f"{output} exists; choose another name or give --overwrite")
    loaded = synth_with_backend(synth or _synth_of(preset), backend, plugin)
    patch = load_patch(loaded, preset)
    played = Note(parse_pitch(note), velocity, held, total if total is not None else held + 1.0)
    chosen = rate or loaded.sample_rate
    write_wav(output, loaded.render(patch, played, chosen), chosen)
    click.echo(f"{output}")


def _synth_of(preset: Path) -> str:
    """Return the synth that a JSON preset names, or the only one with this file suffix."""
    from ..parameters import Patch
    from ..registry import list_synths, load_synth
    from ..synth import preset_suffixes

    if not preset.is_file():
        raise PresetError(f"no such preset file: {preset}")
    if preset.suffix.lower() == ".json":
        try:
            return Patch.from_json(preset.read_text(encoding="utf-8")).synth
        except UnicodeDecodeError:
            raise PresetError(f"{preset} is not a text file; expected a JSON patch") from None
    able = [n for n in list_synths() if preset.suffix.lower() in preset_suffixes(load_synth(n))]
    if len(able) == 1:
        return able[0]
    why = f"{' and '.join(able)} read" if able else "no installed synth reads"
    raise PresetError(f"{why} {preset.suffix or 'such'} files; name the synth with --synth")


@main.command()
@click.argument("preset", type=click.Path(path_type=Path))
@click.option("-s", "--synth", help="Synth of the file; JSON presets say it themselves.")
@click.option("--json", "as_json", is_flag=True, help="Print every parameter as JSON.")
def presets(preset: Path, synth: str | None, as_json: bool) -> None:
    """List the presets in a file of a synth, a bank for example."""
    from ..registry import load_synth
    from ..synth import load_bank

    loaded = load_synth(synth or _synth_of(preset))
    found = load_bank(loaded, preset)
    if as_json:
        rows = [{"name": name, "parameters": dict(patch)} for name, patch in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for number, (name, _) in enumerate(found, start=1):
        click.echo(f"{number:>4}  {name}")


@main.command()
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
    other = read_recording(candidate).at(rate)[None]
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
