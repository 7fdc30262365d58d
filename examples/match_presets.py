"""Match the presets of a bank on their own synth, in every way and time, and compare.

Every preset is played, and only the sound is given to the matcher. Beside the default
search stand a random patch, the best of 1,000 draws from the synth's prior, and hill
climbing and a genetic algorithm that start from uniform noise, as the papers have them.
Prints a Markdown table of MFCCD (13 coefficients), log-spectral distance and STFT
correlation, mean and median. An interrupted run goes on where it stopped.

    python examples/match_presets.py BANK.syx --synth dexed --seconds 2 10 60
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from synthmatch import Match, Matcher, Note, Synth, load_synth
from synthmatch.banks import read_bank
from synthmatch.metrics import audio_metrics
from synthmatch.search import Budget
from synthmatch.synth import sample_prior

METRICS = ("mfccd", "log_spectral_distance", "stft_correlation")


class Uninformed:
    """A synth whose prior is forgotten: its patches are drawn from the uniform cube."""

    def __init__(self, synth: Synth) -> None:
        self.name, self.space, self.sample_rate = synth.name, synth.space, synth.sample_rate
        self.render, self.render_batch = synth.render, synth.render_batch

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return ``n`` uniform vectors ``[n, d]``."""
        return self.space.sample(rng, n)


def ways(synth: Synth, seconds: list[float], baseline: float) -> dict[str, tuple[Matcher, Budget]]:
    """Return every way of matching, by name."""
    blind = Uninformed(synth)
    return {
        "a uniform random patch": (Matcher(blind, method="random"), Budget(renders=1)),
        "best of 1,000 of the prior": (Matcher(synth, method="random"), Budget(renders=1000)),
        **{
            f"{method} from uniform patches, {baseline:g} s": (
                Matcher(blind, method=method),
                Budget(seconds=baseline),
            )
            for method in ("hill-climbing", "genetic")
        },
        **{f"synthmatch, {s:g} s": (Matcher(synth), Budget(seconds=s)) for s in seconds},
    }


def row(match: Match, target: np.ndarray) -> dict[str, float]:
    """Return the figures of a match against the sound itself."""
    measured = audio_metrics(target, match.best.audio[None], match.sample_rate)
    return {name: float(measured[name][0]) for name in METRICS}


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the Markdown table of mean (median) figures."""
    lines = [
        "| | sounds | MFCCD | log-spectral distance, dB | STFT correlation x100 |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in results.items():
        values = {m: [r[m] for r in rows.values()] for m in METRICS}
        cells = [f"{np.mean(v):.2f} ({np.median(v):.2f})" for v in values.values()]
        lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bank", type=Path, nargs="?", help="By default: draws of the prior.")
    parser.add_argument("--synth", default="fm")
    parser.add_argument("--seconds", type=float, nargs="+", default=[2.0, 10.0])
    parser.add_argument("--baseline", type=float, default=10.0, help="Seconds of the baselines.")
    parser.add_argument("--sounds", type=int, default=100)
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
    note = Note(pitch=60, velocity=127, held=2.0, total=4.0)
    args.output.mkdir(parents=True, exist_ok=True)
    file = args.output / f"{args.synth}.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for name, (matcher, budget) in ways(synth, args.seconds, args.baseline).items():
        rows = results.setdefault(name, {})
        began = time.perf_counter()
        for number, vector in enumerate(vectors):
            if str(number) in rows:
                continue
            target = synth.render(synth.space.decode(vector), note, synth.sample_rate)
            match = matcher.predict(target, synth.sample_rate, note=note, budget=budget)
            rows[str(number)] = row(match, target)
            temporary = file.with_suffix(".tmp")
            temporary.write_text(json.dumps(results))
            temporary.replace(file)
            print(f"\r{name}: {number + 1}/{len(vectors)} ", end="", flush=True)
        print(f"in {time.perf_counter() - began:.0f} s")
    print(f"\nmean (median), {len(vectors)} sounds of {args.synth}:\n\n{table(results)}")


if __name__ == "__main__":
    main()
