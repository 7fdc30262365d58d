"""How fast jsyn and fm render, beside the slow renderings that the tests compare them with.

Run ``python tests/benchmarks/bench_jsyn.py``. Each line averages random sounds of one
second at 16,384 Hz (100 of them; 10 for numpy and scipy) and is the best of several runs.
"Cold" is the time from the first sound asked for to its samples, where nothing is compiled
yet, "warm" the same with the compiled code on disk; both include loading numba.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from synthmatch import Note, Synth, load_synth
from synthmatch.synth import render_batch

sys.path.append(str(Path(__file__).parents[1]))
import test_fm
import test_jsyn

REFERENCES = {"jsyn": test_jsyn.reference, "fm": test_fm.reference}
NOTE = Note(69, 100, 0.7, 1.0)
RATE = 16_384


def best(function, runs: int) -> float:
    """Seconds of wall clock of the fastest of ``runs`` calls."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def speed(synth: Synth) -> float:
    """Seconds of sound in a second."""
    vectors = synth.space.sample(np.random.default_rng(0), 100)
    render_batch(synth, vectors, NOTE)
    return len(vectors) * NOTE.total / best(lambda: render_batch(synth, vectors, NOTE), 30)


def slow_speed(synth: Synth) -> float:
    vectors = synth.space.sample(np.random.default_rng(0), 10)
    patches = [synth.space.decode(vector) for vector in vectors]
    reference = REFERENCES[synth.name]
    return (
        len(patches)
        * NOTE.total
        / best(lambda: [reference(patch, NOTE, RATE) for patch in patches], 5)
    )


def first_sound(synth: Synth) -> float:
    return best(lambda: synth.render(synth.space.patch(), NOTE, RATE), 1)


def elsewhere(measure: str, name: str, **environment: str) -> float:
    """Run a function of this file in a process of its own."""
    command = [sys.executable, __file__, measure, name]
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    if len(sys.argv) == 3:
        measure = {"speed": speed, "first_sound": first_sound}[sys.argv[1]]
        click.echo(measure(load_synth(sys.argv[2])))
        return
    for name in REFERENCES:
        one = elsewhere("speed", name, NUMBA_NUM_THREADS="1")
        two = elsewhere("speed", name, NUMBA_NUM_THREADS="2")
        slow = slow_speed(load_synth(name))
        with tempfile.TemporaryDirectory() as folder:
            cold = elsewhere("first_sound", name, NUMBA_CACHE_DIR=folder)
            warm = elsewhere("first_sound", name, NUMBA_CACHE_DIR=folder)
        click.echo(
            f"{name}: {one:,.0f} x real time on one core, {two:,.0f} x on two, {slow:,.0f} x with "
            f"numpy and scipy on one; first sound after {cold:.1f} s cold, {warm:.2f} s warm"
        )


if __name__ == "__main__":
    main()
