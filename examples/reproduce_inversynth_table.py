"""Reproduce the main table of InverSynth: networks by depth, against its baselines.

Trains each network for the same number of minutes on sounds rendered as it goes, then
measures all on the same held-out sounds, with the papers' figures beside them. What is
already trained in the output folder is not trained again, and an interrupted training
goes on. The papers trained for days on a GPU; minutes here show the order, not the level.

    python examples/reproduce_inversynth_table.py --minutes 60 --output runs/inversynth
"""

from __future__ import annotations

import argparse
from pathlib import Path

from synthmatch.evaluation import evaluate
from synthmatch.training import Progress, Recipe, train


def show(progress: Progress) -> None:
    """Print where a run is."""
    print(f"\r  {progress.seconds_left:6.0f} s left, loss {progress.loss:.4f} ", end="", flush=True)


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/inversynth"))
    parser.add_argument(
        "--models", nargs="+", default=["fc2", "conv1", "conv3", "conv6", "conv6xl"]
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="For each network.")
    parser.add_argument("--sounds", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="two networks, a few seconds each")
    args = parser.parse_args()
    if args.quick:
        args.models, args.minutes, args.sounds = ["conv1"], 0.1, 32
    folders = []
    for model in args.models:
        folder = args.output / model
        if (folder / "config.json").is_file() and not (folder / "checkpoint.safetensors").is_file():
            print(f"{model}: trained before")
        else:
            print(f"{model}: training for {args.minutes:g} minutes")
            recipe = Recipe(minutes=args.minutes, precision="bfloat16")
            train("jsyn-23", model, out=folder, recipe=recipe, progress=show)
            print()
        folders.append(folder)
    table = evaluate("jsyn-23", folders, sounds=args.sounds, reference=200 if args.quick else 5000)
    print(table.to_text())
    (args.output / "table.md").write_text(table.to_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
