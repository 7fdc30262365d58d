"""Measure how much each parameter changes the sound; weights for a network's loss.

    python examples/measure_effects.py runs/dexed-t6/sounds -o runs/dexed-t6/effects.npy

Of some of the patches that ``render_note_sounds.py`` draws, every parameter that can be
audible is set to what another patch has there, one at a time; the effect is the mean MFCCD
between before and after, over all patches, and over the six operators of Dexed. A weight is
the root of the effect over the median effect, from 0.4 to 2.5, mean 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from render_note_sounds import draw, render_quickly, synth_of

from synthmatch import Note
from synthmatch.metrics import mfccd
from synthmatch.synth import Synth, audible, canonical, render_batch

NOTE = Note(60, 110, 1.0, 1.8)
RATE = 16000


def effects(synth: Synth, patches: np.ndarray, count: int) -> np.ndarray:
    """Return the distance ``[count, d]`` that each change makes, NaN where it cannot be heard."""
    rng = np.random.default_rng(1)
    found = []
    for vector in patches[:count]:
        heard = audible(synth, vector[None])[0]
        moved = np.tile(vector, (len(vector) + 1, 1))
        for i in range(len(vector)):
            others = patches[rng.integers(0, len(patches), 8), i]
            others = others[others != vector[i]]
            if len(others):
                moved[i + 1, i] = others[0]
        audio = render_batch(synth, moved, NOTE, RATE)
        distance = mfccd(np.repeat(audio[:1], len(vector), axis=0), audio[1:], RATE)
        found.append(np.where(heard, distance, np.nan))
    return np.stack(found)


def weigh(found: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the weight of each parameter ``[d]``; those of six operators are one."""
    fields = [name[4:] if name.startswith("op") else name for name in names]
    pooled: dict[str, list[np.ndarray]] = {}
    for field, column in zip(fields, found.T, strict=True):
        pooled.setdefault(field, []).append(column[np.isfinite(column)])
    every = {field: np.concatenate(columns) for field, columns in pooled.items()}
    mean = np.array([every[f].mean() if len(every[f]) else 0.0 for f in fields])
    weights = np.clip((mean / np.median(mean[mean > 0])) ** 0.5, 0.4, 2.5)
    return weights / weights.mean()


def main() -> None:
    """Measure, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sounds", type=Path, nargs="?", default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/effects.npy"))
    parser.add_argument("--patches", type=int, default=19)
    parser.add_argument("--quick", action="store_true", help="one patch of Dexed's prior")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.patches = args.output.with_suffix(".sounds"), 1
        render_quickly(args.sounds)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    synth = synth_of(args.sounds)
    drawn, _ = draw(args.sounds, np.random.default_rng(1), max(512, args.patches))
    patches = canonical(synth, drawn)
    found = weigh(effects(synth, patches, args.patches), synth.space.names)
    with args.output.open("wb") as file:
        np.save(file, found)
    print(f"weights from {found.min():.2f} to {found.max():.2f}")


if __name__ == "__main__":
    main()
