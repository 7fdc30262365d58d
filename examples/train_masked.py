"""Train a network of any notes on the sounds of ``render_note_sounds.py``; resumable.

    python examples/train_masked.py runs/dexed-t6/sounds -o runs/dexed-t6/model

The loss counts what can be heard, by how much a change of it changes the sound
(``--effects``, made by ``measure_effects.py``). Half of the batches are altered: noise,
another equaliser, a late onset. The rate of learning is constant and falls over the last
fifth of the steps; the weights kept are their running mean. Every so often a checkpoint is
written, and the model folder; the same command goes on from there, with more shards and
another number of steps if wanted. With ``--also`` a share of each batch comes from a second
folder, of sounds that ``search_note_sounds.py`` matched. The last tenth of these is held out;
its loss is ``found`` in the log, also with ``--share 0``, which trains on the first alone:

    python examples/train_masked.py runs/dexed-t6/sounds --also runs/dexed-t6/found --share 0.3

What each choice is worth, ``ablate_masked.py`` measures.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import itertools
import json
import time
from pathlib import Path

import numpy as np
import torch
from render_note_sounds import RATE, SECONDS, held_out, render_quickly, synth_of
from safetensors import safe_open

from synthmatch.estimators import build
from synthmatch.estimators.masked import MaskedTransformer
from synthmatch.estimators.note_pictures import multiples
from synthmatch.settings import Setting
from synthmatch.synth import Note
from synthmatch.training.checkpoint import open_checkpoint, restore, save_checkpoint
from synthmatch.training.loop import average
from synthmatch.weights.folder import save_model

NOTE = Note(60, 127, 2.0, 4.0)
INERT = 0.1  # weight of what cannot be heard: enough to be drawn as the canonical label has it
HELD_OUT = 0.1  # share of the second folder's sounds, at most 512 of them
RISE, FALL = 300, 0.2  # steps over which the rate rises, share over which it falls
TILT, GRAIN = 1.5, 0.5  # dB an octave, dB, standard deviations
"""Of the equaliser and of each cell of a picture, where sounds are altered."""


def load_shards(*folders: Path) -> tuple[dict[str, torch.Tensor], list[int]]:
    """Return all sounds of folders, with no more memory than they take, and how many of each.

    What some of the shards lack is left out.
    """
    paths = [sorted(folder.glob("?????.safetensors")) for folder in folders]
    files = [safe_open(path, framework="pt") for path in itertools.chain(*paths)]
    counts = [file.get_slice("classes").get_shape()[0] for file in files]
    data: dict[str, torch.Tensor] = {}
    for name in set.intersection(*(set(file.keys()) for file in files)):
        first = 0
        for file, count in zip(files, counts, strict=True):
            part = file.get_tensor(name)
            if name not in data:
                data[name] = torch.empty((sum(counts), *part.shape[1:]), dtype=part.dtype)
            data[name][first : first + count] = part
            first += count
    in_order = iter(counts)
    return data, [sum(itertools.islice(in_order, len(some))) for some in paths]


def draw_rows(
    parts: list[torch.Tensor], batch: int, share: float, generator: torch.Generator
) -> torch.Tensor:
    """Return rows of a batch: of the first part, and a share of the second where it has any."""
    first, second = parts
    also = round(share * batch) if len(second) else 0
    rows = first[torch.randint(0, len(first), (batch - also,), generator=generator)]
    if not also:
        return rows
    return torch.cat([rows, second[torch.randint(0, len(second), (also,), generator=generator)]])


def alter(
    harmonics: torch.Tensor, times: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures with noise, another equaliser and a late onset, at random."""
    n = len(harmonics)

    def random() -> torch.Tensor:
        return torch.rand(n, 1, 1, generator=generator)

    tilt = torch.randn(n, 1, 1, generator=generator) * TILT / 80.0 * (random() < 0.5)
    floor = 0.4 * random() * (random() < 0.4)
    late = torch.randint(0, 3, (n,), generator=generator)
    rows = multiples().log2()
    bands = torch.linspace(0.5, 5.5, times.shape[1] - 1)  # octaves, about
    altered = []
    for picture, octaves in ((harmonics, rows), (times[:, :-1], bands)):
        grain = GRAIN / 80.0 * torch.randn(picture.shape, generator=generator)
        moved = picture + tilt * octaves[:, None] + grain
        moved = moved + 1.0 - moved.amax((1, 2), keepdim=True)
        altered.append(torch.maximum(moved, floor + grain).clamp(0.0, 1.0) * (picture > 0))
    second = torch.cat([altered[1], times[:, -1:]], dim=1)
    columns = (torch.arange(second.shape[2]) - late[:, None]).clamp_min(0)
    return altered[0], second.gather(2, columns[:, None].expand_as(second))


class Loss:
    """The loss on rows of a data set, and the weight of each parameter.

    Parameters
    ----------
    data : dict
        Sounds, from :func:`load_shards`.
    effects : Tensor ``[d]``
        Weight of each parameter where it is heard.
    inert : float
        Weight of what cannot be heard, beside that.
    """

    def __init__(
        self, data: dict[str, torch.Tensor], effects: torch.Tensor, inert: float = INERT
    ) -> None:
        self.data = data
        self.effects = effects
        self.inert = inert

    def __call__(
        self,
        network: MaskedTransformer,
        rows: torch.Tensor,
        generator: torch.Generator | None,
        shown: bool = True,
    ) -> torch.Tensor:
        """Return the loss; pictures are altered where there is a generator."""
        some = {name: value[rows] for name, value in self.data.items()}
        pictures = some["harmonics"].float() / 255.0, some["times"].float() / 255.0
        if generator is not None:
            pictures = alter(*pictures, generator)
        encoded = network.encode_pictures(*pictures, some["played"])
        weights = self.effects * (self.inert + (1.0 - self.inert) * some["audible"].float())
        vectors = network.head.units(some["classes"].long())
        if shown:
            return network.masked_loss(encoded, vectors, weights)
        return network.head.loss(network.fill(encoded), vectors, weights * some["audible"])


def marginals(
    network: MaskedTransformer, data: dict[str, torch.Tensor], rows: torch.Tensor
) -> None:
    """Let the biases of the output say how frequent each class is."""
    head = network.head
    classes, heard = data["classes"][rows], data["audible"][rows] > 0
    for i, part in enumerate(head.slices):
        audible = classes[:, i][heard[:, i]].long()
        count = torch.bincount(audible, minlength=part.stop - part.start).float() + 1.0
        network.biases.data[part] = (count / count.sum()).log()


def choose(
    data: dict[str, torch.Tensor], labels: str, source: str, count: int | None = None
) -> torch.Tensor:
    """Put the labels that are asked for in place, and return which rows to train on.

    They are of the first ``count`` sounds, of all by default.
    """
    count = len(data["classes"]) if count is None else count
    lacking = {"raw_classes", "raw_audible", "human"} - set(data)
    if lacking and (labels, source) != ("canonical", "all"):
        raise SystemExit(f"some shards have no {', '.join(sorted(lacking))}; render them anew")
    if labels == "raw":
        data["classes"], data["audible"] = data["raw_classes"], data["raw_audible"]
    if source == "all":
        return torch.arange(count)
    rows = ((data["human"][:count] > 0) == (source == "people")).nonzero()[:, 0]
    if not len(rows):
        raise SystemExit(f"no sound comes of {source}; use another --source")
    return rows


def option(pair: str) -> tuple[str, int | float | str]:
    """Return an option of the network and its value, a number if it can be read as one."""
    name, _, text = pair.partition("=")
    for read in (int, float):
        with contextlib.suppress(ValueError):
            return name, read(text)
    return name, text


def main() -> None:
    """Train, or go on."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sounds", type=Path, nargs="?", default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/model"))
    parser.add_argument("--also", type=Path, help="folder of more sounds, of the same synth")
    parser.add_argument("--share", type=float, default=0.3, help="of a batch, from --also")
    parser.add_argument("--effects", type=Path, help="weights of the parameters (.npy)")
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.999, help="of the mean of the weights")
    parser.add_argument("--save", type=float, default=180.0, help="seconds between checkpoints")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--labels", choices=["canonical", "raw"], default="canonical")
    parser.add_argument("--source", choices=["all", "people", "prior"], default="all")
    parser.add_argument("--inert", type=float, default=INERT, help="weight of what is not heard")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--quick", action="store_true", help="three steps on a few sounds")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.steps, args.batch = args.output / "sounds", 3, 8
        render_quickly(args.sounds)
    if not 0.0 <= args.share < 1.0:
        parser.error(f"a share is from 0 to below 1, not {args.share}")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)

    synth = synth_of(args.sounds)
    known = json.loads((args.sounds / "synth.json").read_text())
    if args.also and synth_of(args.also).space != synth.space:
        parser.error(f"{args.also} holds sounds of another synth than {args.sounds}")
    setting = Setting(synth.name, known["synth"], NOTE, RATE, options=known["options"])
    options = {"velocity": 127.0, "held": 2.0, **dict(map(option, args.option))}
    network = build(
        "masked", synth.space, sample_rate=RATE, samples=round(SECONDS * RATE), **options
    )
    data, counts = load_shards(args.sounds, *([args.also] if args.also else []))
    effects = torch.ones(len(synth.space))
    if args.effects:
        effects = torch.from_numpy(np.load(args.effects)).float()
    chosen = choose(data, args.labels, args.source, counts[0])
    loss_of = Loss(data, effects, args.inert)
    held = Loss(held_out(args.sounds), effects)
    torch.set_num_threads(1)  # again: numba, which shares OpenMP with torch, has set its own
    marginals(network, data, chosen)
    mean = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), args.rate, weight_decay=0.02, fused=True)
    args.output.mkdir(parents=True, exist_ok=True)
    checkpoint = args.output / "checkpoint.safetensors"
    modules = {"network": network, "mean": mean}
    step, spent, spent_cpu = 0, 0.0, 0.0
    if checkpoint.exists():
        with open_checkpoint(checkpoint) as (file, state), torch.no_grad():
            restore(file, modules, optimizer)
            step, spent, spent_cpu = state["step"], state["seconds"], state.get("cpu", 0.0)
    log = (args.output / "log.jsonl").open("a")
    unseen = min(round(HELD_OUT * counts[1]), 512) if args.also else 0
    parts = [chosen, torch.arange(counts[0], sum(counts) - unseen)]
    count = sum(map(len, parts))
    print(f"{count:,} sounds, {sum(p.numel() for p in network.parameters()):,} weights", flush=True)
    began, saved, losses = time.perf_counter() - spent, time.perf_counter(), []
    rise = min(RISE, max(1, args.steps // 5))
    while step < args.steps:
        generator = torch.Generator().manual_seed((args.seed << 32) + step)
        torch.manual_seed((args.seed << 32) + step)
        left = (args.steps - step) / (FALL * args.steps)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / rise, left)
        rows = draw_rows(parts, args.batch, args.share, generator)
        loss = loss_of(network.train(), rows, generator if step % 2 else None)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average(mean, network, min(args.decay, (1 + step) / (10 + step)))
        step += 1
        losses.append(float(loss.detach()))
        if time.perf_counter() - saved > args.save or step == args.steps:
            saved = time.perf_counter()
            with torch.no_grad():
                every = torch.arange(len(held.data["classes"]))
                nothing = float(held(mean, every, None, shown=False))
                last = torch.arange(sum(counts) - unseen, sum(counts))
                found = float(loss_of(mean, last, None, shown=False)) if unseen else None
            row = {
                "step": step,
                "seconds": round(saved - began, 1),
                "cpu": round(spent_cpu + time.process_time(), 1),
                "sounds": count,
                "loss": round(float(np.mean(losses)), 4),
                "held_out": round(nothing, 4),
            }
            if found is not None:
                row["found"] = round(found, 4)
            losses = []
            log.write(json.dumps(row) + "\n")
            log.flush()
            print(row, flush=True)
            state = {"step": step, "seconds": saved - began, "cpu": row["cpu"]}
            metadata = {
                "setting": setting.to_dict(),
                "recipe": {
                    "steps": step,
                    "batch": args.batch,
                    "rate": args.rate,
                    "sounds": count,
                    **({"found": len(parts[1]), "share": args.share} if args.also else {}),
                },
                "scores": {"loss": row["held_out"]},
                "step": step,
                "headline": f"parameters of {synth.name}, any note",
            }
            save_model(args.output / "folder", mean, metadata, half=True)
            save_checkpoint(checkpoint, modules, optimizer, state)


if __name__ == "__main__":
    main()
