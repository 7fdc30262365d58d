"""How near the starts of a synth come to the presets of a bank, by the number of draws.

Every preset is played, and only its sound is looked up in the synth's index of starts, of
which more and more draws are used. Of the nearest, the best by the distance that searches
go by is measured. Prints a Markdown table, mean and median. Of a synth without an index
build one first: synthmatch starts build --synth NAME --draws N. With --renders a second table
says what searches of so many renders come to with the index and without. An interrupted run
goes on where it stopped.

    python examples/compare_starts.py BANK.syx --synth dexed --sounds 40
    python examples/compare_starts.py --synth jsyn --sounds 30 --renders 300 1000 4000
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from _results import Results

from synthmatch import Matcher, Note, load_synth
from synthmatch.banks import Starts, find_starts, read_bank
from synthmatch.metrics import audio_metrics
from synthmatch.objective import Objective
from synthmatch.synth import own_note, render_batch, sample_prior

NOTE = Note(pitch=60, velocity=127, held=2.0, total=4.0)
TRIED = (8, 64)
TOLD_APART = 1000  # draws whose codes tell one index from another
METRICS = ("mfccd", "stft_correlation")


def search(
    name: str, target: np.ndarray, renders: int, starts: bool, codes: np.ndarray
) -> list[float]:
    """Return distance, MFCCD and STFT correlation that a search on one core comes to.

    The first ``codes`` of the index say which starts there are, for what is kept of it.
    """
    synth = load_synth(name)
    matcher = Matcher(synth, model="none", starts=starts, workers=1)
    note = own_note(synth) or NOTE
    found = matcher.predict(target, synth.sample_rate, note=note, candidates=1, renders=renders)
    metrics = audio_metrics(target, found.best.audio[None], found.sample_rate)
    return [found.best.distance, *(float(metrics[metric][0]) for metric in METRICS)]


def print_searches(
    name: str, targets: np.ndarray, renders: list[int], codes: np.ndarray, results: Results
) -> None:
    """Search for every target with the starts and without, and print the table."""
    jobs = {
        f"search {count} {starts}/{n}": (name, target, count, starts, codes)
        for count in renders
        for starts in (False, True)
        for n, target in enumerate(targets)
    }
    rows = results.measure(search, jobs)
    print("\n| renders | starts | distance | MFCCD | STFT correlation x100 |")
    print("|---:|---|---:|---:|---:|")
    for count in renders:
        for starts in (False, True):
            named = [rows[f"search {count} {starts}/{n}"] for n in range(len(targets))]
            means, medians = np.mean(named, axis=0), np.median(named, axis=0)
            cells = [
                f"{mean:.{digits}f} ({median:.{digits}f})"
                for mean, median, digits in zip(means, medians, (3, 1, 1), strict=True)
            ]
            print(f"| {count:,} | {'yes' if starts else 'no'} | {' | '.join(cells)} |")


def measure(starts: Starts, note: Note, size: int, target: np.ndarray) -> list[float]:
    """Return distance and MFCCD of the best of the 8 and of the 64 nearest of ``size`` draws."""
    index = dataclasses.replace(starts.index, codes=starts.index.codes[:size])
    starts = Starts(starts.synth, index)
    synth, rate = starts.synth, starts.synth.sample_rate
    vectors = starts.nearest(target, rate, note, max(TRIED)).take(max(TRIED))
    sounds = render_batch(synth, vectors, note)
    distances = Objective(target, rate)(sounds)
    found: list[float] = []
    for count in TRIED:
        best = int(distances[:count].argmin())
        metrics = audio_metrics(target, sounds[best : best + 1], rate)
        found += [float(distances[best]), float(metrics["mfccd"][0])]
    return found


def main() -> None:
    """Look every sound up among more and more draws and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bank", type=Path, nargs="?", help="By default: draws of the prior.")
    parser.add_argument("--synth", default="dexed")
    parser.add_argument("--sounds", type=int, default=40)
    parser.add_argument("--renders", type=int, nargs="+", default=[], help="Of searches.")
    parser.add_argument("--output", type=Path, default=Path("runs/compare_starts"))
    parser.add_argument("--quick", action="store_true", help="two sounds")
    args = parser.parse_args()
    synth = load_synth(args.synth)
    starts = find_starts(synth)
    if starts is None:
        raise SystemExit(f"{args.synth} has no starts; synthmatch starts build makes some")
    rng = np.random.default_rng(2026)
    if args.bank:
        vectors = read_bank(synth, [args.bank]).vectors
        vectors = vectors[rng.permutation(len(vectors))]
    else:
        vectors = sample_prior(synth, rng, args.sounds)
    note = own_note(synth) or NOTE
    targets = render_batch(synth, vectors[: 2 if args.quick else args.sounds], note)
    sizes = [*(n for n in (1_000, 10_000, 100_000) if n < len(starts)), len(starts)]
    results = Results(args.output / f"{args.synth}.json")
    codes = np.array(starts.index.codes[:TOLD_APART])
    jobs = {
        f"{size}/{n}": (size, target, codes) for size in sizes for n, target in enumerate(targets)
    }

    def work(size: int, target: np.ndarray, codes: np.ndarray) -> list[float]:
        return measure(starts, note, size, target)

    rows = results.measure(work, jobs)
    nearest = " | ".join(f"best of {n} nearest: distance | MFCCD" for n in TRIED)
    print(f"| draws | {nearest} |\n|---:|{'---:|' * 2 * len(TRIED)}")
    for size in sizes:
        table = np.array([rows[f"{size}/{n}"] for n in range(len(targets))])
        means, medians = table.mean(axis=0), np.median(table, axis=0)
        cells = [
            f"{mean:.{digits}f} ({median:.{digits}f})"
            for mean, median, digits in zip(means, medians, (3, 1) * len(TRIED), strict=True)
        ]
        print(f"| {size:,} | {' | '.join(cells)} |")
    if args.renders:
        print_searches(args.synth, targets, args.renders, codes, results)
    print(f"\nmean (median), {len(targets)} sounds of {args.synth}")


if __name__ == "__main__":
    main()
