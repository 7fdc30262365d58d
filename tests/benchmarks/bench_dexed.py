"""How long the embedded DX7 engine takes for 4 s at 44.1 kHz, held for 2 s.

Run ``python tests/benchmarks/bench_dexed.py [BANK.vmem]``: packed voices of 128 bytes; without a
file the voices of ``tests/dexed/data``. Times are of one core (processor time, the best of five
runs), but for the last line, which is wall clock on all cores. "Cold" is the time from importing
the engine to the first samples where nothing is compiled yet, "warm" the same with the compiled
code on disk, each in a process of its own; both include loading numba.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
from numba import get_num_threads, set_num_threads

from synthmatch_dexed.backends import ENGINES
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.voices import RANGES, init_voice, unpack

DATA = Path(__file__).parents[1] / "dexed" / "data" / "index.json"
NOTE = {"held": 2.0, "total": 4.0, "sample_rate": 44_100}
FIRST = (
    "import time; t = time.perf_counter(); "
    "from synthmatch_dexed.backends.embedded import render_voices; "
    "from synthmatch_dexed.voices import init_voice; render_voices([init_voice()]); "
    "print(time.perf_counter() - t)"
)


def voices(path: Path | None) -> np.ndarray:
    """Up to 400 voices, ``[n, 155]``, spread over the file."""
    if path is not None:
        every, _ = unpack(path.read_bytes())
        return every[:: -(-len(every) // 400)]
    rows = []
    for clip in json.loads(DATA.read_text(encoding="utf-8")):
        rows.append(init_voice())
        rows[-1][: len(RANGES)] = [clip["voice"][name] for name in RANGES]
    return np.array(rows)


def best(function: Callable[[], object], clock: Callable[[], float], runs: int = 5) -> float:
    """Milliseconds of the fastest of some calls."""
    taken = []
    for _ in range(runs):
        start = clock()
        function()
        taken.append(clock() - start)
    return 1000 * min(taken)


def first_sound(folder: str) -> float:
    """Seconds to the first sound in a process of its own."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    command = [sys.executable, "-c", FIRST]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


@click.command()
@click.argument("bank", type=click.Path(exists=True, path_type=Path), required=False)
def main(bank: Path | None) -> None:
    rows = voices(bank)
    cores = get_num_threads()
    for engine in ENGINES:
        set_num_threads(1)
        render = partial(render_voices, engine=engine, **NOTE)
        times = [best(partial(render, [row]), time.process_time) for row in rows]
        together = best(partial(render, rows), time.process_time)
        click.echo(
            f"{engine}: {len(rows)} voices, one at a time mean {np.mean(times):.2f} ms, median "
            f"{np.median(times):.2f}, 90 % {np.quantile(times, 0.9):.2f}, worst {max(times):.2f} "
            f"(algorithm {rows[np.argmax(times), 134] + 1}); "
            f"together {together / len(rows):.2f} ms a voice"
        )
        set_num_threads(cores)
        wall = best(partial(render, rows), time.perf_counter)
        click.echo(f"{engine}: on {cores} cores {wall / len(rows):.2f} ms a voice, wall clock")
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = first_sound(folder), first_sound(folder)
    click.echo(f"first sound after {cold:.1f} s cold, {warm:.2f} s warm")


if __name__ == "__main__":
    main()
