"""Plot what a network is sure and unsure of, for one sound.

One strip for each parameter: the probability of every class, the class the network would
pick, and the true one, since the sound is the synth's own. A flat strip means that the
network cannot tell; two peaks mean that it sees two explanations.

    python examples/plot_uncertainty.py --model MODEL_FOLDER --output runs/uncertainty

Without ``--model`` a small network is trained first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch

from synthmatch.datasets import draw, stream
from synthmatch.settings import load_setting
from synthmatch.training import Recipe, train
from synthmatch.weights import load_model

mpl.use("Agg")
import matplotlib.pyplot as plt


def main() -> None:
    """Train or load, listen to one sound, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/uncertainty"))
    parser.add_argument("--model", type=Path, help="A model folder of the setting.")
    parser.add_argument("--setting", default="fm-9")
    parser.add_argument("--sound", type=int, default=0, help="Which held-out sound.")
    parser.add_argument("--minutes", type=float, default=3.0, help="Training, without --model.")
    parser.add_argument("--quick", action="store_true", help="train for a few seconds")
    args = parser.parse_args()
    folder = args.model or args.output / "model"
    if not (folder / "config.json").is_file():
        minutes = 0.1 if args.quick else args.minutes
        train(args.setting, "conv3", out=folder, recipe=Recipe(minutes=minutes, validate=128))
    estimator, _ = load_model(folder)
    source = load_setting(args.setting).open()
    held_out = draw(source, stream(0, "test"), args.sound + 1)
    audio = torch.from_numpy(held_out.audio[-1:])
    with torch.inference_mode():
        probabilities = estimator.head.probabilities(estimator(audio))
    truth = source.synth.space.to_classes(held_out.vectors[-1:])[0]

    rows = list(source.synth.space)
    figure, axes = plt.subplots(len(rows), 1, figsize=(7, 0.55 * len(rows) + 0.8))
    for axis, parameter, probability, true in zip(axes, rows, probabilities, truth, strict=True):
        p = probability[0].numpy()
        axis.imshow(p[None], aspect="auto", cmap="viridis", vmin=0, vmax=1)
        axis.plot(int(p.argmax()), 0, "o", color="white", markersize=5, markeredgecolor="black")
        axis.plot(int(true), 0, "x", color="red", markersize=7, markeredgewidth=2)
        bits = -np.sum(p * np.log2(np.maximum(p, 1e-12)))
        axis.set_ylabel(parameter.name, rotation=0, ha="right", va="center", fontsize=8)
        axis.text(1.01, 0.5, f"{bits:.1f} bit", transform=axis.transAxes, va="center", fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0].set_title("class probabilities: o the pick, x the truth", fontsize=9)
    figure.tight_layout()
    args.output.mkdir(parents=True, exist_ok=True)
    picture = args.output / "uncertainty.png"
    figure.savefig(picture, dpi=120)
    print(picture)


if __name__ == "__main__":
    main()
