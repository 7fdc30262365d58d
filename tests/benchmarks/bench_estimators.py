"""Time a training step of each architecture: python tests/benchmarks/bench_estimators.py.

Processor seconds of one thread for forward and backward pass, best of three, by sound.
"""

import sys
import time

import click
import torch

from synthmatch.estimators import ARCHITECTURES, build
from synthmatch.parameters import Parameter, ParameterSpace

BATCH = 16
SPACE = ParameterSpace("jsyn", [Parameter.continuous(f"p{i}", 0, 1, classes=16) for i in range(23)])


def milliseconds(name: str, precision: torch.dtype | None) -> float:
    estimator = build(name, SPACE, sample_rate=16384, samples=16384)
    audio, vectors = 0.1 * torch.randn(BATCH, 16384), torch.rand(BATCH, 23)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with torch.autocast("cpu", precision, enabled=precision is not None):
            output = estimator(audio)
        estimator.head.loss(output, vectors).backward()
        best = min(best, time.process_time() - start)
    return 1000.0 * best / BATCH


if __name__ == "__main__":
    torch.set_num_threads(1)
    click.echo(f"{'ms a sound':>16} {'float32':>9} {'bfloat16':>9}")
    for name in sys.argv[1:] or ARCHITECTURES:
        times = [milliseconds(name, precision) for precision in (None, torch.bfloat16)]
        click.echo(f"{name:>16} {times[0]:9.2f} {times[1]:9.2f}")
