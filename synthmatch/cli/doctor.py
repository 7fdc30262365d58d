"""``synthmatch doctor``: what is installed, and whether it works."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..synth import Finding

_MARKS = {"ok": ("ok", "green"), "absent": ("-", None), "broken": ("broken", "red")}


@click.command()
@click.argument("synths", nargs=-1, metavar="[SYNTH]...")
@click.option("--plugin", type=click.Path(path_type=Path), help="The plug-in of one SYNTH.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(synths: tuple[str, ...], plugin: Path | None, as_json: bool) -> None:
    """Check what is installed: packages, synths, their plug-ins, models.

    The exit status is 0 if all that is installed works. With names of synths, only these
    are looked at.
    """
    from .diagnosis import system

    if plugin is not None and len(synths) != 1:
        raise click.UsageError("--plugin needs the name of one synth")
    if not as_json:
        click.echo(system())
    rows: list[dict[str, str]] = []
    for section, findings in _sections(synths, plugin):
        if not as_json:
            click.echo(f"\n{section}")
        for finding in findings:
            rows.append({"section": section, **dataclasses.asdict(finding)})
            if not as_json:
                mark, color = _MARKS[finding.status]
                click.echo(
                    f"  {click.style(f'{mark:<7}', color)} {finding.subject:<17} {finding.text}"
                )
    broken = sum(row["status"] == "broken" for row in rows)
    if as_json:
        click.echo(json.dumps({"system": system(), "findings": rows}, indent=2))
    elif broken:
        click.echo(f"\n{broken} of these do not work", err=True)
    sys.exit(1 if broken else 0)


def _sections(
    synths: tuple[str, ...], plugin: Path | None
) -> Iterator[tuple[str, Iterable[Finding]]]:
    """Yield headings and what is found; each is looked at when it is asked for."""
    from . import diagnosis

    if not synths:
        yield "packages", diagnosis.examine_packages()
        yield "networks", diagnosis.examine_device()
    options = {} if plugin is None else {"backend": "plugin", "plugin": plugin}
    yield "synths", diagnosis.examine_synths(synths, **options)
    if not synths:
        yield "models", diagnosis.examine_models()
