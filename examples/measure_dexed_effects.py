"""Measure how much each parameter of Dexed changes the sound; weights for the network's loss.

    python examples/measure_dexed_effects.py runs/dexed-t6/sounds -o runs/dexed-t6/effects.npy

Of some of the voices that ``render_dexed_sounds.py`` split off, every number that can be
audible is set to what another voice has there, one at a time; the effect is the mean MFCCD
between before and after, over all voices, and over the six operators. A weight is the root
of the effect over the median effect, from 0.4 to 2.5, mean 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from render_dexed_sounds import split_nobody

from synthmatch import Note, load_synth
from synthmatch.metrics import mfccd

NOTE = Note(60, 110, 1.0, 1.8)
RATE = 16000


def effects(voices: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """Return the distance ``[count, d]`` that each change makes, NaN where it cannot be heard."""
    synth = load_synth("dexed")
    rng = np.random.default_rng(1)
    chosen = voices[rng.choice(len(voices), count, p=weights / weights.sum())]
    found = []
    for vector in synth.canonical(chosen):
        audible = synth.audible(vector[None])[0]
        moved = np.tile(vector, (len(vector) + 1, 1))
        for i in range(len(vector)):
            others = voices[rng.integers(0, len(voices), 8), i]
            others = others[others != vector[i]]
            if len(others):
                moved[i + 1, i] = others[0]
        audio = synth.render_batch(moved, NOTE, RATE)
        distance = mfccd(np.repeat(audio[:1], len(vector), axis=0), audio[1:], RATE)
        found.append(np.where(audible, distance, np.nan))
    return np.stack(found)


def weigh(found: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the weight of each parameter ``[d]``."""
    fields = [name[4:] if name.startswith("op") else name for name in names]
    pooled: dict[str, list[np.ndarray]] = {}
    for field, column in zip(fields, found.T, strict=True):
        pooled.setdefault(field, []).append(column[np.isfinite(column)])
    every = {field: np.concatenate(columns) for field, columns in pooled.items()}
    mean = np.array([every[f].mean() if len(every[f]) else 0.0 for f in fields])
    weights = np.clip((mean / np.median(mean)) ** 0.5, 0.4, 2.5)
    return weights / weights.mean()


def main() -> None:
    """Measure, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sounds", type=Path, nargs="?", default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/effects.npy"))
    parser.add_argument("--voices", type=int, default=19)
    parser.add_argument("--quick", action="store_true", help="one voice, nobody's")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.voices = args.output.with_suffix(".sounds"), 1
        split_nobody(args.sounds)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    voices, weights = np.load(args.sounds / "voices.npy"), np.load(args.sounds / "weights.npy")
    found = weigh(effects(voices, weights, args.voices), load_synth("dexed").space.names)
    with args.output.open("wb") as file:
        np.save(file, found)
    print(f"weights from {found.min():.2f} to {found.max():.2f}")


if __name__ == "__main__":
    main()
