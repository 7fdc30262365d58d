"""All commands put together."""

from __future__ import annotations

import click

from .._version import __version__
from .doctor import doctor
from .group import Group
from .listing import models, params, presets, synths
from .match import match
from .sounds import compare, render
from .starts import starts
from .training import dataset, evaluate, train


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="synthmatch")
def commands() -> None:
    """Find the synthesizer preset that makes a sound.

    Start with: synthmatch match SOUND.wav --synth NAME
    """


for _command in (
    *(match, dataset, train, evaluate, starts, doctor),
    *(synths, models, params, render, presets, compare),
):
    commands.add_command(_command)
