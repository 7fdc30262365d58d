"""The synths that a command is asked for, by name and with the options of their adapters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ParameterError
from .group import one_line

if TYPE_CHECKING:
    from ..synth import Synth

ALL = "all"  # in place of a synth's name


def synth_with_backend(name: str, backend: str | None, plugin: Path | None) -> Synth:
    """Return a synth by name, with the options of its adapter that were given."""
    from ..registry import load_synth

    if plugin is not None and backend is None:
        backend = "plugin"
    given = {"backend": backend, "plugin": plugin}
    return load_synth(name, **{key: value for key, value in given.items() if value is not None})


def every_synth() -> list[Synth]:
    """Return all installed synths; one that does not load is reported and left out."""
    from ..registry import list_synths, load_synth

    loaded = []
    for name in list_synths():
        try:
            loaded.append(load_synth(name))
        except Exception as error:  # of a package that anybody may have written
            click.echo(f"warning: synth {name!r} is left out: {one_line(error)}", err=True)
    return loaded


def refuse_for_all(**options: object) -> None:
    """Raise ParameterError if an option is given that belongs to one synth.

    Raises
    ------
    ParameterError
        Naming it. A model of "none" goes for all.
    """
    for name, value in options.items():
        if value is not None and not (name == "model" and value == "none"):
            raise ParameterError(f"--{name} is for one synth; with --synth {ALL} leave it out")
