"""``synthmatch synths``, ``models``, ``params`` and ``presets``: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..errors import PresetError
from .group import one_line

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@_JSON
def synths(as_json: bool) -> None:
    """List the installed synths."""
    from ..registry import list_synths, load_synth
    from ..synth import preset_suffixes

    rows: list[dict[str, Any]] = []
    for name in list_synths():
        try:
            synth = load_synth(name)
            rows.append(
                {
                    "name": name,
                    "parameters": len(synth.space),
                    "sample_rate": int(synth.sample_rate),
                    "presets": list(preset_suffixes(synth)),
                    "about": _first_line(synth),
                }
            )
        except Exception as error:  # of a package that anybody may have written
            rows.append({"name": name, "error": one_line(error)})
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


@click.command()
@_JSON
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


@click.command()
@click.argument("synth")
@_JSON
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


@click.command()
@click.argument("preset", type=click.Path(path_type=Path))
@click.option("-s", "--synth", help="Synth of the file; JSON presets say it themselves.")
@click.option("--json", "as_json", is_flag=True, help="Print every parameter as JSON.")
def presets(preset: Path, synth: str | None, as_json: bool) -> None:
    """List the presets in a file of a synth, a bank for example."""
    from ..registry import load_synth
    from ..synth import load_bank

    loaded = load_synth(synth or synth_of(preset))
    found = load_bank(loaded, preset)
    if as_json:
        rows = [{"name": name, "parameters": dict(patch)} for name, patch in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for number, (name, _) in enumerate(found, start=1):
        click.echo(f"{number:>4}  {name}")


def synth_of(preset: Path) -> str:
    """Return the synth that a JSON preset names, or the only one with this file suffix.

    Raises
    ------
    PresetError
        If there is no such file, or not exactly one synth that reads it.
    """
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
    able = []
    for name in list_synths():
        try:
            if preset.suffix.lower() in preset_suffixes(load_synth(name)):
                able.append(name)
        except Exception as error:  # of a package that anybody may have written
            click.echo(f"warning: synth {name!r} is left out: {one_line(error)}", err=True)
    if len(able) == 1:
        return able[0]
    why = f"{' and '.join(able)} read" if able else "no installed synth reads"
    raise PresetError(f"{why} {preset.suffix or 'such'} files; name the synth with --synth")
