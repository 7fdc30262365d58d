"""Train the published networks for Dexed, an eighth as wide, on people's voices; resumable.

    python examples/train_published.py dexed-pdc --bank dx7_train.vmem
    python examples/train_published.py dexed-sound2synth --bank dx7_train.vmem

``dexed-pdc`` is the prime-dilated convolution alone, ``dexed-sound2synth`` the multi-modal
network (Chen et al., "Sound2Synth", 2022); widths keep the authors' ratios. All sounds play
C4. What the networks see of a sound is computed once and kept, float16, for both: that costs
as much as learning from it. Three quarters of the sounds are people's voices, as
``render_note_sounds.py`` draws them, the rest draws of the prior; one family in twenty is held
out. Labels are canonical, and what cannot be heard counts a tenth. The same command goes on with a
run that was interrupted.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from render_note_sounds import QUIET, draw, prepare, synth_of, write
from train_masked import INERT, load_shards

from synthmatch.estimators import build
from synthmatch.estimators.estimator import Estimator
from synthmatch.estimators.local_heads import GroupedLinear
from synthmatch.settings import Setting
from synthmatch.synth import Note, audible, canonical, render_batch
from synthmatch.training import Recipe
from synthmatch.training.checkpoint import open_checkpoint, restore, save_checkpoint
from synthmatch.training.loop import average
from synthmatch.weights.folder import save_model

NOTE, RATE = Note(60, 127, 2.0, 3.0), 16000
OPTIONS = {"divisor": 8, "bins_per_octave": 24, "hop": 768}
SPECTRA = {"n_fft": 1024, "mels": 128}
NETWORKS = {"dexed-pdc": "pdc-symmetric", "dexed-sound2synth": "sound2synth"}
VIEWS = {"dexed-pdc": ("view1",), "dexed-sound2synth": ("view0", "view1", "view2", "view3")}
SHARD, TOGETHER, FITTED = 1024, 32, 512  # sounds in a file, rendered at once, normalised by
SHARE = os.environ.get("SYNTHMATCH_SHARED", str(Path(__file__).parents[2] / "shared"))
BANK = Path(SHARE) / "presets" / "dx7_train.vmem"


def canonical_draws(folder: Path, seed: list[int], n: int) -> np.ndarray:
    """Return ``n`` canonical vectors to render."""
    return canonical(synth_of(folder), draw(folder, np.random.default_rng(seed), n)[0])


def untrained(folder: Path, name: str) -> Estimator:
    """Return a network whose front ends are fitted to some sounds, always the same."""
    options = OPTIONS if name == "dexed-pdc" else {**OPTIONS, **SPECTRA}
    space, samples = synth_of(folder).space, NOTE.samples(RATE)
    network = build(NETWORKS[name], space, sample_rate=RATE, samples=samples, **options)
    vectors = canonical_draws(folder, [15, 1 << 31], FITTED)
    sounds = torch.from_numpy(render_batch(synth_of(folder), vectors, NOTE, RATE))
    network.fit_normalisation(sounds.split(TOGETHER))
    return network


@functools.cache
def viewer(folder: Path) -> Estimator:
    """Return the network whose views are kept."""
    return untrained(folder, "dexed-sound2synth")


@torch.no_grad()
def describe(folder: Path, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """Render canonical vectors and return what is learned from them; quiet ones are left out."""
    synth, parts, kept = synth_of(folder), [], []
    for start in range(0, len(vectors), TOGETHER):
        some = vectors[start : start + TOGETHER]
        sounds = render_batch(synth, some, NOTE, RATE)
        loud = (sounds.astype(np.float64) ** 2).mean(axis=1) ** 0.5 > QUIET
        views = viewer(folder).views(torch.from_numpy(sounds[loud]))
        parts.append([view.half().numpy() for view in views])
        kept.append(some[loud])
    vectors = np.concatenate(kept)
    views = {f"view{i}": np.concatenate(p) for i, p in enumerate(zip(*parts, strict=True))}
    return {
        **views,
        "classes": synth.space.to_classes(vectors).astype(np.int16),
        "audible": audible(synth, vectors).astype(np.uint8),
    }


def render(folder: Path, shards: int, count: int = SHARD) -> None:
    """Write the shards that are missing, and the held-out sounds."""
    for number in range(shards):
        path = folder / f"{number:05}.safetensors"
        if not path.exists():
            made = describe(folder, canonical_draws(folder, [15, number], count))
            write(path, [made])
            print(f"shard {number + 1} of {shards}", flush=True)


class Data:
    """Rows of what was rendered, as a network takes them.

    Parameters
    ----------
    data : dict
        What :func:`describe` returned, as tensors.
    name : str
        Of the network.
    effects : Tensor ``[d]``
        Weight of each parameter where it is heard.
    """

    def __init__(self, data: dict[str, torch.Tensor], name: str, effects: torch.Tensor) -> None:
        self.views = [data[view] for view in VIEWS[name]]
        self.classes = data["classes"]
        self.audible = data["audible"]
        self.effects = effects

    def loss(self, network: Estimator, rows: torch.Tensor, inert: float = INERT) -> torch.Tensor:
        """Return the loss on some rows."""
        output = network.estimate(tuple(view[rows].float() for view in self.views))
        weights = self.effects * (inert + (1.0 - inert) * self.audible[rows].float())
        return network.head.loss(output, network.head.units(self.classes[rows].long()), weights)

    @torch.no_grad()
    def held_out(self, network: Estimator) -> float:
        """Return the loss over what is heard of all rows."""
        parts = torch.arange(len(self.classes)).split(TOGETHER)
        losses = [float(self.loss(network, rows, 0.0)) * len(rows) for rows in parts]
        return sum(losses) / len(self.classes)


def marginals(network: Estimator, data: Data) -> None:
    """Let the biases of the output say how frequent each class is, as smoothed as the labels."""
    for i, part in enumerate(network.head.slices):
        heard = data.classes[:, i][data.audible[:, i] > 0].long()
        count = torch.bincount(heard, minlength=part.stop - part.start).float() + 0.1
        if network.head.space.free[i].kind != "categorical":
            place = torch.arange(len(count))
            distance = (place[:, None] - place) / network.head.smoothing
            count = torch.softmax(-0.5 * distance**2, dim=1).T @ count
        network.output.outer.bias.data[part] = (count / count.sum()).log()


@torch.no_grad()
def spread_out(network: Estimator, data: Data) -> None:
    """Let every layer after the convolutions begin with outputs of mean 0 and deviation 1.

    Layer after layer, on some sounds (Mishkin and Matas, "All you need is a good init", 2016);
    the last begins at 0. So the narrow heads tell sounds apart from the first step on.
    """
    rows = torch.arange(min(256, len(data.classes)))
    kinds = (torch.nn.Linear, GroupedLinear)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    layers.remove(network.output.outer)

    def fit(layer: torch.nn.Module, _: object, output: torch.Tensor) -> torch.Tensor:
        mean, std = output.mean(0).flatten(), output.std(0).flatten().clamp_min(1e-3)
        layer.weight /= std[:, None]
        layer.bias.copy_((layer.bias - mean) / std)
        return (output - mean.view(output.shape[1:])) / std.view(output.shape[1:])

    hooks = [layer.register_forward_hook(fit) for layer in layers]
    data.loss(network.train(), rows)
    for hook in hooks:
        hook.remove()
    network.output.outer.weight.zero_()


def train(network: Estimator, data: Data, held: Data, recipe: Recipe, folder: Path) -> None:
    """Train for so many minutes of the processor, or so many steps, or go on."""
    torch.manual_seed(15)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.safetensors"
    if not checkpoint.exists():
        spread_out(network, data)
    mean = copy.deepcopy(network).eval()
    modules = {"network": network, "mean": mean}
    optimizer = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    step, seconds = 0, 0.0
    losses: list[float] = []
    if checkpoint.exists():
        with open_checkpoint(checkpoint) as (file, state), torch.no_grad():
            restore(file, modules, optimizer)
            step, seconds = state["step"], state["seconds"]
    began = time.process_time() - seconds
    setting = Setting("dexed", "dexed", NOTE, RATE)
    print(f"{len(data.classes):,} sounds, {sum(p.numel() for p in network.parameters()):,} weights")
    while (spent := recipe.fraction(step, seconds)) < 1.0:
        generator = torch.Generator().manual_seed(step)
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(spent)
        rows = torch.randint(0, len(data.classes), (recipe.batch,), generator=generator)
        loss = data.loss(network.train(), rows)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()
        average(mean, network, min(recipe.average, (1 + step) / (10 + step)))
        step += 1
        losses.append(float(loss.detach()))
        seconds = time.process_time() - began
        if step % 100 == 0 or recipe.fraction(step, seconds) >= 1.0:
            row = {
                "step": step,
                "seconds": round(seconds, 1),
                "loss": round(float(np.mean(losses)), 4),
                "held_out": round(held.held_out(mean), 4),
            }
            losses = []
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
            metadata = {
                "setting": setting.to_dict(),
                "recipe": {"steps": step, "batch": recipe.batch, "sounds": len(data.classes)},
                "scores": {"loss": row["held_out"]},
                "step": step,
                "default": False,  # used where it is asked for by name
                "headline": f"loss {row['held_out']:.3f} on {len(held.classes)} held-out sounds",
            }
            save_model(folder / "folder", mean, metadata, half=True)
            save_checkpoint(checkpoint, modules, optimizer, {"step": step, "seconds": seconds})


def main() -> None:
    """Render what is missing, and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="?", choices=NETWORKS, default="dexed-sound2synth")
    parser.add_argument("--bank", type=Path, default=BANK, help="packed DX7 voices (.vmem)")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs"))
    parser.add_argument("--shards", type=int, default=20, help=f"of {SHARD} sounds")
    parser.add_argument("--effects", type=Path, help="weights of the parameters (.npy)")
    parser.add_argument("--minutes", type=float, default=12.0, help="of one core, to train")
    parser.add_argument("--steps", type=int, help="in place of a time")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--quick", action="store_true", help="three steps on a few sounds")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    sounds = args.output / "published" / "sounds"
    if args.quick:
        args.steps, args.batch = 3, 8
        prepare(sounds, "dexed", {}, None)
        np.save(sounds / "held_out.npy", np.load(sounds / "held_out.npy")[:8])
        render(sounds, 1, 64)
    elif not args.bank.exists() and not (sounds / "weights.npy").exists():
        print(f"skipped: there are no voices at {args.bank}")
        return
    else:
        prepare(sounds, "dexed", {}, args.bank)
        render(sounds, args.shards)
    network = untrained(sounds, args.name)
    effects = torch.ones(len(network.head.space))
    if args.effects:
        effects = torch.from_numpy(np.load(args.effects)).float()
    data = Data(load_shards(sounds)[0], args.name, effects)
    vectors = canonical(synth_of(sounds), np.load(sounds / "held_out.npy"))
    kept = {name: torch.from_numpy(value) for name, value in describe(sounds, vectors).items()}
    torch.set_num_threads(1)  # again: numba, which shares OpenMP with torch, has set its own
    marginals(network, data)
    budget = {"minutes": args.minutes} if args.steps is None else {"steps": args.steps}
    recipe = Recipe(**budget, batch=args.batch, learning_rate=args.rate)
    train(network, data, Data(kept, args.name, effects), recipe, args.output / args.name)


if __name__ == "__main__":
    main()
