"""Match every synth's sounds, and recordings, on every synth: which of them reaches furthest.

The sounds of each synth are draws of its prior, without the silent ones; recordings are the
files named. All are matched on all synths as ``synthmatch match`` does it, with as many
renders each, and the best candidates' distances and log-spectral distances make a table by
where the sound came from. What a synth reaches of the others' sounds says how expressive it is.

    python examples/compare_synths.py bell.wav --synths dexed tal --renders 1000
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from synthmatch import Matcher, list_synths, load_synth
from synthmatch.audio import loudness, read_recording, write_wav
from synthmatch.search import Budget
from synthmatch.synth import Note, own_note, sample_prior

NOTE = Note(60, 100, held=1.0, total=1.5)
AUDIBLE = -50.0  # LUFS


def draw(name: str, n: int, seed: int, folder: Path) -> list[Path]:
    """Write ``n`` sounds of the prior of a synth that one can hear, and return the files."""
    synth, files = load_synth(name), []
    rng = np.random.default_rng(seed)
    note = own_note(synth) or NOTE
    while len(files) < n:
        patch = synth.space.decode(sample_prior(synth, rng, 1)[0])
        audio = synth.render(patch, note, synth.sample_rate)
        if loudness(audio, synth.sample_rate) > AUDIBLE:
            files.append(folder / f"{name}-{len(files)}.wav")
            write_wav(files[-1], audio, synth.sample_rate)
    return files


def cell(figures: list[tuple[float, float]]) -> str:
    """Return mean and median of distances, and the median LSD in dB."""
    distance, spectral = np.array(figures).T
    return f"{distance.mean():.3f} ({np.median(distance):.3f}), {np.median(spectral):.1f}"


def main() -> None:
    """Draw, match, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recordings", type=Path, nargs="*")
    parser.add_argument("--synths", nargs="+", default=list_synths())
    parser.add_argument("--sounds", type=int, default=10, help="of each synth")
    parser.add_argument("--renders", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/synths"))
    parser.add_argument("--quick", action="store_true", help="a sound each, 60 renders")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.renders = 1, 60
    args.output.mkdir(parents=True, exist_ok=True)
    sources = {name: draw(name, args.sounds, args.seed, args.output) for name in args.synths}
    if args.recordings:
        sources["recordings"] = args.recordings
    matchers = {name: Matcher(name, seed=args.seed) for name in args.synths}
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for source, files in sources.items():
        found[source] = {name: [] for name in args.synths}
        for file in files:
            recording = read_recording(file)
            for name, matcher in matchers.items():
                budget = Budget(renders=args.renders)
                best = matcher.predict(recording, budget=budget, candidates=1).best
                figures = best.distance, best.metrics["log_spectral_distance"]
                found[source][name].append(figures)
    (args.output / "synths.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    others = {
        name: [pair for source in found if source != name for pair in found[source][name]]
        for name in args.synths
    }
    print(f"distance, mean (median), and LSD dB, median; {args.renders:,} renders each\n")
    print("| sounds of | n | " + " | ".join(args.synths) + " |")
    print("|---|---:|" + "---:|" * len(args.synths))
    for source, by_synth in found.items():
        cells = " | ".join(cell(by_synth[name]) for name in args.synths)
        print(f"| {source} | {len(sources[source])} | {cells} |")
    if all(others.values()):
        print("| all others' | | " + " | ".join(cell(others[name]) for name in args.synths) + " |")


if __name__ == "__main__":
    main()
