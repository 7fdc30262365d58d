"""How close the embedded DX7 engine is to the real Dexed, and how fast each is.

Run ``python tests/benchmarks/bench_dexed_plugin.py --voices BANK``, where Dexed and
pedalboard are installed. Each line is one engine at one note; signal-to-error is that of
the embedded engine against the plug-in, sample by sample, without any alignment. Times are
wall time per sound of 4 s, on one worker process and one thread.
"""

import time
from pathlib import Path

import click
import numba
import numpy as np

from synthmatch.synth import Note
from synthmatch_dexed.backends.embedded import play
from synthmatch_dexed.backends.plugin import Plugin
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.voices import SWITCHES_ON

NOTES = ((Note(60, 100, 2, 4), 44100), (Note(48, 127, 2, 4), 48000), (Note(72, 64, 2, 4), 22050))


@click.command()
@click.option("--voices", type=click.Path(path_type=Path), required=True, help="A bank.")
@click.option("--plugin", type=click.Path(path_type=Path), help="Dexed, if it is elsewhere.")
@click.option("-n", "count", default=30, show_default=True, help="Voices drawn from the bank.")
@click.option("--seed", default=0, show_default=True)
def main(voices, plugin, count, seed):
    """Compare the engine with the plug-in."""
    bank = read_voices(voices)
    chosen = np.random.default_rng(seed).choice(len(bank), min(count, len(bank)), replace=False)
    rows = np.pad(bank[chosen], ((0, 0), (0, 1)), constant_values=SWITCHES_ON)
    numba.set_num_threads(1)
    click.echo("engine  note rate    dB signal-to-error      level  plug-in  engine")
    click.echo("                     lowest median highest     dB      ms      ms")
    for engine in ("mark1", "modern"):
        hosted = Plugin(plugin, engine=engine, processes=1)
        for note, rate in NOTES:
            heard, slow = timed(hosted.render_batch, rows, note, rate)
            made, quick = timed(play, rows, note, rate, engine)
            wanted = np.linalg.norm(heard.astype(np.float64), axis=1)
            audible = wanted > 0
            error = np.linalg.norm(heard.astype(np.float64) - made, axis=1)
            ratio = 20 * np.log10(wanted[audible] / np.maximum(error[audible], 1e-12))
            level = 20 * np.log10(np.linalg.norm(made[audible], axis=1) / wanted[audible])
            click.echo(
                f"{engine:<7} {note.pitch:>4} {rate:>5}   {ratio.min():>6.0f} "
                f"{np.median(ratio):>6.0f} {ratio.max():>7.0f} {np.abs(level).max():>8.4f} "
                f"{1000 * slow / len(rows):>7.1f} {1000 * quick / len(rows):>7.1f}"
            )
        hosted.close()


def timed(play, *arguments):
    """Return the sounds, and the seconds of the second time they are played."""
    play(*arguments)
    began = time.perf_counter()
    return play(*arguments), time.perf_counter() - began


if __name__ == "__main__":
    main()
