"""How well each search method rebuilds random sounds, at equal renders.

Run ``python tests/benchmarks/bench_search.py [TARGETS] [RENDERS ...]`` (20 targets and
1,000 and 5,000 renders by default). Targets are uniform over the classes of jsyn and fm,
one second at 16,384 Hz; those under -60 dB are left out. All methods search for the same
targets with the same seeds. "correlation" is that of log spectrograms, "convergence" the
spectral convergence, "MFCC" the mean absolute difference of 13 coefficients; means, with
medians after the stroke. Seconds are processor time of one thread, renders included.
"""

import sys
import time

import click
import numba
import numpy as np

from synthmatch import Note, load_synth
from synthmatch.metrics import mfcc_mae, spectral_convergence, stft_correlation
from synthmatch.objective import Objective
from synthmatch.search import METHODS, Budget, make_optimizer, search
from synthmatch.synth import render_batch

RATE = 16_384
NOTE = Note(69, 100, 1.0, 1.0)
COLUMNS = ("distance", "correlation", "convergence", "MFCC", "seconds")


def draw(synth, count) -> list:
    """Return ``count`` audible random sounds of ``synth``."""
    rng = np.random.default_rng(100)
    sounds = []
    while len(sounds) < count:
        sound = render_batch(synth, synth.space.sample_classes(rng, 1), NOTE, RATE)[0]
        if np.sqrt(np.mean(sound**2)) > 1e-3:
            sounds.append(sound)
    return sounds


def rebuild(synth, target, method, renders, seed) -> list[float]:
    """Search for ``target`` and return one value for each of ``COLUMNS``."""
    objective = Objective(target, RATE)
    start = time.process_time()
    found = search(
        lambda vectors: objective(render_batch(synth, vectors, NOTE, RATE)),
        make_optimizer(method, synth.space, np.random.default_rng([1, seed])),
        Budget(renders=renders),
    )
    seconds = time.process_time() - start
    best = render_batch(synth, found.vectors[:1], NOTE, RATE)
    values = (
        found.losses[0],
        stft_correlation(target, best),
        spectral_convergence(target, best),
        mfcc_mae(target, best, RATE, 13),
        seconds,
    )
    return [float(np.ravel(value)[0]) for value in values]


def main() -> None:
    numba.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    budgets = [int(text) for text in sys.argv[2:]] or [1_000, 5_000]
    click.echo(f"{'synth':6}{'renders':>8}  {'method':14}" + "".join(f"{c:>16}" for c in COLUMNS))
    for name in ("jsyn", "fm"):
        synth = load_synth(name)
        targets = draw(synth, count)
        for renders in budgets:
            for method in METHODS:
                rows = [rebuild(synth, t, method, renders, i) for i, t in enumerate(targets)]
                pairs = zip(np.mean(rows, axis=0), np.median(rows, axis=0), strict=True)
                cells = "".join(f"{mean:9.3f}/{median:6.3f}" for mean, median in pairs)
                click.echo(f"{name:6}{renders:8,}  {method:14}{cells}")


if __name__ == "__main__":
    main()
