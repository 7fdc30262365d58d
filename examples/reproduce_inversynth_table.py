"""Reproduce the main table of InverSynth: networks by depth, against its baselines.

Trains FC2 and HC3 (the papers' baselines) and Conv1, Conv3 and Conv6 on the same sounds,
rendered as training goes, by the same recipe, then measures all on the same held-out
sounds beside the models that ship, a random patch, and the papers' figures. What is
already trained in the output folder is not trained again, and an interrupted training
goes on. The features of HC3 take most of the time: it gets fewer steps, FC2 as many.

    python examples/reproduce_inversynth_table.py --output runs/inversynth
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from synthmatch.evaluation import evaluate
from synthmatch.registry import list_models
from synthmatch.training import Progress, Recipe, train
from synthmatch.weights import describe_model


def show(progress: Progress) -> None:
    """Print where a run is."""
    print(f"\r  {progress.seconds_left:6.0f} s left, loss {progress.loss:.4f} ", end="", flush=True)


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/inversynth"))
    parser.add_argument("--models", nargs="+", default=["fc2", "hc3", "conv1", "conv3", "conv6"])
    parser.add_argument("--steps", type=int, default=2000, help="Of 64 sounds.")
    parser.add_argument("--baseline-steps", type=int, default=300, help="Of fc2 and hc3.")
    parser.add_argument("--sounds", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="one network, a few steps")
    args = parser.parse_args()
    if args.quick:
        args.models, args.steps, args.sounds = ["conv1"], 20, 32
    folders: list[Path | str] = []
    for model in args.models:
        folder = args.output / model
        steps = args.baseline_steps if model in ("fc2", "hc3") else args.steps
        if (folder / "config.json").is_file() and not (folder / "checkpoint.safetensors").is_file():
            print(f"{model}: trained before")
        else:
            print(f"{model}: training on {64 * steps:,} sounds")
            options: dict[str, Any] = {"head": "softmax", "smoothing": 0.7}
            if model.startswith("conv"):
                options["batch_norm"] = True
            recipe = Recipe(steps=steps, optimizer="muon", learning_rate=3e-3, precision="bfloat16")
            train("jsyn-23", model, out=folder, recipe=recipe, options=options, progress=show)
            print()
        folders.append(folder)
    shipped = [row for row in map(describe_model, list_models()) if row["synth"] == "jsyn"]
    folders += [row["name"] for row in shipped]
    table = evaluate("jsyn-23", folders, sounds=args.sounds, reference=200 if args.quick else 5000)
    print(table.to_text())
    (args.output / "table.md").write_text(table.to_markdown(), encoding="utf-8")


if __name__ == "__main__":
    main()
