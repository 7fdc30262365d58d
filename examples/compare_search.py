"""Rebuild random sounds of a synth with every search method, at equal numbers of renders.

The targets are the synth's own sounds, so a perfect answer exists; the methods see only
the audio. Prints a Markdown table of log-STFT correlation (x100, higher is closer),
spectral convergence (lower is closer) and seconds, mean and median, and writes the
figures of every sound to a JSON file. An interrupted run goes on where it stopped.

    python examples/compare_search.py --output runs/compare_search
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _results import Results

from synthmatch import Note, Synth, load_synth
from synthmatch.metrics import spectral_convergence, stft_correlation
from synthmatch.objective import Objective
from synthmatch.search import METHODS, Budget, make_optimizer, search
from synthmatch.synth import render_batch, sample_prior

NOTE = Note(pitch=69, velocity=100, held=0.5, total=1.0)


class Recorder:
    """Evaluates vectors against a target and keeps the best one at each checkpoint."""

    def __init__(self, synth: Synth, target: np.ndarray, checkpoints: list[int]) -> None:
        self.synth = synth
        self.objective = Objective(target, synth.sample_rate)
        self.left = sorted(checkpoints)
        self.renders, self.best_loss, self.began = 0, np.inf, time.perf_counter()
        self.best = np.full(len(synth.space), 0.5)
        self.found: dict[int, tuple[np.ndarray, float]] = {}

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Return the distances ``[n]`` of ``vectors [n, d]``."""
        losses = self.objective(render_batch(self.synth, vectors, NOTE))
        for vector, loss in zip(vectors, losses, strict=True):
            self.renders += 1
            if loss < self.best_loss:
                self.best, self.best_loss = vector, float(loss)
            if self.left and self.renders == self.left[0]:
                self.found[self.left.pop(0)] = self.best, time.perf_counter() - self.began
        return losses


def rebuild(name: str, method: str, number: int, checkpoints: list[int]) -> dict[str, dict]:
    """Return the metrics at each checkpoint for one random target."""
    synth = load_synth(name)
    target_vector = sample_prior(synth, np.random.default_rng([2026, number]), 1)
    target = render_batch(synth, target_vector, NOTE)[0]
    recorder = Recorder(synth, target, checkpoints)
    optimizer = make_optimizer(method, synth.space, np.random.default_rng([7, number]))
    search(recorder, optimizer, Budget(renders=max(checkpoints)))
    for checkpoint in recorder.left:  # the search stopped early: it had nothing left to try
        recorder.found[checkpoint] = recorder.best, time.perf_counter() - recorder.began
    row = {}
    for checkpoint, (vector, seconds) in recorder.found.items():
        audio = render_batch(synth, vector[None], NOTE)[0]
        row[str(checkpoint)] = {
            "correlation": float(stft_correlation(target, audio)),
            "convergence": float(spectral_convergence(target, audio)),
            "seconds": seconds,
        }
    return row


def table(results: dict[str, dict[str, dict]]) -> str:
    """Return the Markdown table of mean (median) figures."""
    lines = [
        "| synth | search | renders | STFT correlation x100 | spectral convergence | seconds |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for key in sorted({k.rpartition("/")[0] for k in results}):
        name, method = key.split("/")
        rows = [row for k, row in results.items() if k.rpartition("/")[0] == key]
        for checkpoint in rows[0]:
            cells = []
            for metric, digits in (("correlation", 1), ("convergence", 3), ("seconds", 1)):
                values = [row[checkpoint][metric] for row in rows]
                cells.append(f"{np.mean(values):.{digits}f} ({np.median(values):.{digits}f})")
            lines.append(f"| {name} | {method} | {int(checkpoint):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/compare_search"))
    parser.add_argument("--synths", nargs="+", default=["jsyn", "fm"])
    parser.add_argument("--sounds", type=int, default=50)
    parser.add_argument("--renders", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--quick", action="store_true", help="2 sounds, 100 and 200 renders")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.renders = 2, [100, 200]
    results = Results(args.output / f"search_{'_'.join(map(str, args.renders))}.json")
    jobs = {
        f"{name}/{method}/{number}": (name, method, number, args.renders)
        for number in range(args.sounds)
        for name in args.synths
        for method in METHODS
    }
    rows = results.measure(rebuild, jobs)
    print(f"{args.sounds} sounds per synth, mean (median):\n\n{table(rows)}")


if __name__ == "__main__":
    main()
