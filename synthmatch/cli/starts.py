"""``synthmatch starts``: indexes of draws of a synth's prior, which a match starts from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .training import clock, status_line


@click.group()
def starts() -> None:
    """Sounds of a synth that a match starts from."""


@starts.command()
@click.option("-s", "--synth", required=True, help="Name of the synth; see synthmatch synths.")
@click.option("--draws", required=True, type=click.IntRange(min=2), help="How many.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="By default where matches look for it."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default all cores.")
@click.option("--nice", default=0, show_default=True, type=click.IntRange(0, 19), help="Yield.")
def build(
    synth: str, draws: int, output: Path | None, seed: int, workers: int | None, nice: int
) -> None:
    """Render draws of a synth's prior and index them by their sound.

    Where the synth has no prior they are uniform. The same command goes on where it was
    interrupted, and with more draws where it ended. Matches of the synth then start from
    the nearest.
    """
    from ..banks import build_starts, building_pool

    def show(done: int, of: int, left: float) -> None:
        status_line(f"{done:,} of {of:,} draws, {clock(left)} left", done=done == of)

    with building_pool(workers or os.cpu_count() or 1, nice) as pool:
        path = build_starts(synth, draws, output, seed=seed, executor=pool, progress=show)
    click.echo(f"{path}")
