"""How many times faster than real time the embedded engine of TAL-NoiseMaker plays.

Run ``python tests/benchmarks/bench_tal.py``: presets of the prior, in batches, in processor
time of one core, the best of five runs.
"""

import time

import click
import numpy as np
from numba import set_num_threads

from synthmatch.settings import load_setting
from synthmatch_tal import Tal


def main() -> None:
    """Measure and print."""
    set_num_threads(1)
    click.echo("| setting | batch | times real time on a core |\n|---|---:|---:|")
    for name in ("tal-9", "tal-core"):
        setting = load_setting(name)
        synth = Tal(**setting.options)
        for batch in (1, 16, 256):
            vectors = synth.sample(np.random.default_rng(0), batch)
            taken = []
            for _ in range(6):
                began = time.process_time()
                synth.render_batch(vectors, setting.note, setting.sample_rate)
                taken.append(time.process_time() - began)
            click.echo(f"| {name} | {batch} | {batch * setting.note.total / min(taken):.0f} |")


if __name__ == "__main__":
    main()
