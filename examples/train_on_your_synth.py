"""Train a small network on a synth of your own in five minutes, and measure what it is worth.

The synth here is twenty lines of numpy: a decaying tone through a brightness control, with
a tremolo. Nothing is registered and no package is made; `Matcher` takes any object with a
name, a space, a sample rate and a render method. At the end the network's answer is held
against a random patch and against a search of equal renders, on sounds it has not seen.

    python examples/train_on_your_synth.py --minutes 5 --output runs/my_synth
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from synthmatch import Matcher, Note, Parameter, ParameterSpace, Patch
from synthmatch.search import Budget

NOTE = Note(pitch=57, velocity=100, held=0.5, total=0.5)


class Tremolo:
    """A decaying harmonic tone with a tremolo."""

    name = "tremolo"
    sample_rate = 16_000
    space = ParameterSpace(
        "tremolo",
        [
            Parameter.continuous("decay", 0.05, 2.0, scale="log", classes=16, unit="s"),
            Parameter.continuous("brightness", 0.0, 1.0, classes=16),
            Parameter.continuous("tremolo_rate", 2.0, 20.0, classes=16, unit="Hz"),
            Parameter.continuous("tremolo_depth", 0.0, 1.0, classes=16),
            Parameter.categorical("partials", ["all", "odd"]),
        ],
    )

    def render(self, patch: Patch, note: Note, sample_rate: int) -> np.ndarray:
        """Return ``float32 [samples]``."""
        values = dict(patch)
        t = np.arange(note.samples(sample_rate)) / sample_rate
        step = 1 if values["partials"] == "all" else 2
        harmonics = np.arange(1, int(0.45 * sample_rate / note.frequency) + 1, step)
        weights = harmonics ** -(3.0 - 2.5 * float(values["brightness"]))
        tone = weights @ np.sin(2 * np.pi * note.frequency * harmonics[:, None] * t)
        swing = 0.5 - 0.5 * np.cos(2 * np.pi * float(values["tremolo_rate"]) * t)
        level = np.exp(-t / float(values["decay"])) * (1 - float(values["tremolo_depth"]) * swing)
        return (0.25 * note.velocity / 127 * level * tone).astype(np.float32)


def main() -> None:
    """Train, then compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/my_synth"))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--sounds", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.minutes, args.sounds = 0.1, 4
    synth = Tremolo()
    matcher = Matcher(synth, model="conv3")
    matcher.fit(minutes=args.minutes, note=NOTE, out=args.output / "model", batch=32, validate=128)

    rng = np.random.default_rng(2_000_000)
    distances: dict[str, list[float]] = {"random patch": [], "network": [], "search": []}
    for vector in synth.space.sample(rng, args.sounds):
        sound = synth.render(synth.space.decode(vector), NOTE, synth.sample_rate)
        one = Matcher(synth, model="none", method="random", seed=1).predict(
            sound, synth.sample_rate, note=NOTE, budget=Budget(renders=1), candidates=1
        )
        network = matcher.predict(sound, synth.sample_rate, note=NOTE, candidates=1)
        search = Matcher(synth, model="none").predict(
            sound, synth.sample_rate, note=NOTE, budget=Budget(renders=network.renders)
        )
        for name, match in zip(distances, (one, network, search), strict=True):
            distances[name].append(match.best.distance)
    print(f"distance on {args.sounds} unheard sounds, mean (median):")
    for name, values in distances.items():
        print(f"  {name:<14} {np.mean(values):.4f} ({np.median(values):.4f})")


if __name__ == "__main__":
    main()
