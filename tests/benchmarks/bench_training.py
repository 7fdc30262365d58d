"""What one training step costs, in CPU milliseconds a sound: rendering, network, averaging.

Run by hand: python tests/benchmarks/bench_training.py conv6xl conve2e
CPU time of one thread, best of several, so that other load on the machine counts little.
"""

import copy
import sys
import time

import click
import torch

from synthmatch.datasets import RenderedBatches
from synthmatch.estimators import build
from synthmatch.settings import open_source
from synthmatch.training import Goal, Recipe
from synthmatch.training.loop import average, optimizer_for

BATCH = 64


def best(action, repeats=5):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1000 * min(times) / BATCH


def main():
    torch.set_num_threads(1)
    source = open_source("jsyn-23")
    batches = RenderedBatches(source, BATCH, 0)
    batch = batches(0)
    click.echo(f"rendering {best(lambda: batches(1)):.3f} ms a sound")
    audio, vectors = torch.from_numpy(batch.audio), torch.from_numpy(batch.vectors).float()
    for architecture in sys.argv[1:] or ["conv6xl"]:
        setting = source.setting
        shape = {"sample_rate": setting.sample_rate, "samples": setting.samples}
        goal = Goal(build(architecture, source.synth.space, **shape))
        kept = copy.deepcopy(goal)
        optimizer = optimizer_for(goal, Recipe(steps=1))
        for half in (False, True):

            def step(goal=goal, kept=kept, optimizer=optimizer, half=half):
                with torch.autocast("cpu", torch.bfloat16, enabled=half):
                    loss = goal(audio, vectors)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                average(kept, goal, 0.999)

            cost = best(step)
            name = "bfloat16" if half else "float32"
            click.echo(
                f"{architecture} {name} {cost:.3f} ms a sound: {1000 / cost:.0f} a second a core"
            )


if __name__ == "__main__":
    main()
