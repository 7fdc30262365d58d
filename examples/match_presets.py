"""Match the presets of a bank on their own synth, in every way and time, and compare.

Every preset is played, and only the sound is given to the matcher. Beside the default
search stand a random patch, the best of 1,000 draws from the synth's prior, and hill
climbing and a genetic algorithm that start from uniform noise, as the papers have them.
Every match has one core; --processes runs as many side by side. Prints a Markdown table of
MFCCD (13 coefficients), log-spectral distance and STFT correlation, mean and median. An
interrupted run goes on where it stopped.

    python examples/match_presets.py BANK.syx --synth dexed --seconds 2 10 60 --processes 4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _results import Results

from synthmatch import Matcher, Note, Synth, load_synth
from synthmatch.banks import read_bank
from synthmatch.metrics import audio_metrics
from synthmatch.search import DEFAULT, Budget
from synthmatch.synth import sample_prior

METRICS = ("mfccd", "log_spectral_distance", "stft_correlation")
NOTE = Note(pitch=60, velocity=127, held=2.0, total=4.0)


class Uninformed:
    """A synth whose prior is forgotten: its patches are drawn from the uniform cube."""

    def __init__(self, synth: Synth) -> None:
        self.name, self.space, self.sample_rate = synth.name, synth.space, synth.sample_rate
        self.render, self.render_batch = synth.render, synth.render_batch

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return ``n`` uniform vectors ``[n, d]``."""
        return self.space.sample(rng, n)


def ways(seconds: list[float], baseline: float) -> dict[str, tuple[str, bool, Budget]]:
    """Return search method, whether it knows the prior, and budget of every way, by name."""
    ours = {f"synthmatch, {s:g} s": (DEFAULT, True, Budget(seconds=s)) for s in seconds}
    if not baseline:
        return ours
    return {
        "a uniform random patch": ("random", False, Budget(renders=1)),
        "best of 1,000 of the prior": ("random", True, Budget(renders=1000)),
        **{
            f"{method} from uniform patches, {baseline:g} s": (
                method,
                False,
                Budget(seconds=baseline),
            )
            for method in ("hill-climbing", "genetic")
        },
        **ours,
    }


def measure(
    name: str, vector: np.ndarray, method: str, informed: bool, budget: Budget
) -> dict[str, float]:
    """Match the sound of one vector on one core; return the best candidate's figures."""
    synth = load_synth(name)
    target = synth.render(synth.space.decode(vector), NOTE, synth.sample_rate)
    options = {} if informed and method != "random" else {"model": "none", "starts": False}
    player = synth if informed else Uninformed(synth)
    matcher = Matcher(player, method=method, workers=1, **options)
    match = matcher.predict(target, synth.sample_rate, note=NOTE, candidates=1, budget=budget)
    measured = audio_metrics(target, match.best.audio[None], match.sample_rate)
    return {name: float(measured[name][0]) for name in METRICS}


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Return the Markdown table of mean (median) figures."""
    lines = [
        "| | sounds | MFCCD | log-spectral distance, dB | STFT correlation x100 |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in results.items():
        values = {m: [row[m] for row in rows] for m in METRICS}
        cells = [f"{np.mean(v):.2f} ({np.median(v):.2f})" for v in values.values()]
        lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bank", type=Path, nargs="?", help="By default: draws of the prior.")
    parser.add_argument("--synth", default="fm")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 10.0])
    parser.add_argument("--baseline", type=float, default=10.0, help="Their seconds; 0: none.")
    parser.add_argument("--sounds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/match_presets"))
    parser.add_argument("--quick", action="store_true", help="two sounds, half a second each")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.seconds, args.baseline = 2, [0.5], 0.5
    synth = load_synth(args.synth)
    rng = np.random.default_rng(2026)
    if args.bank:
        vectors = read_bank(synth, [args.bank]).vectors
        vectors = vectors[rng.permutation(len(vectors))[: args.sounds]]
    else:
        vectors = sample_prior(synth, rng, args.sounds)
    chosen = ways(args.seconds, args.baseline)
    jobs = {
        f"{name}/{number}": (args.synth, vector, *way)
        for name, way in chosen.items()
        for number, vector in enumerate(vectors)
    }
    results = Results(args.output / f"{args.synth}.json")
    rows = results.measure(measure, jobs, args.processes)
    wanted = {name: [rows[f"{name}/{n}"] for n in range(len(vectors))] for name in chosen}
    print(f"mean (median), {len(vectors)} sounds of {args.synth}:\n\n{table(wanted)}")


if __name__ == "__main__":
    main()
