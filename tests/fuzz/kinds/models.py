"""Models and training runs: configurations, tensors, checkpoints, logs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from sine_synth import NOTE, RATE, SPACE

from synthmatch.estimators import build
from synthmatch.training import Goal, Recipe, read_log
from synthmatch.training.launch import OneDevice
from synthmatch.training.loop import Run, State
from synthmatch.weights import load_model, save_model

from ..campaign import Kind

SAMPLES = NOTE.samples(RATE)
RECIPE = Recipe(steps=4, batch=4, validations=2, validate=4)
IDENTITY = {"data": {"setting": "sine"}, "config": {}, "half": False, "goal": {}, "start": ""}


def write(folder: Path) -> list[Path]:
    torch.manual_seed(0)
    places = []
    for name, options in (("conv1", {}), ("ast-small", {"width": 12, "heads": 2, "layers": 1})):
        estimator = build(name, SPACE, sample_rate=RATE, samples=SAMPLES, **options)
        setting = {"name": "sine", "synth": "sine"}
        save_model(folder / name, estimator, {"setting": setting, "headline": "good", "step": 3})
        places.append(folder / name)
    return places


def read(path: Path) -> None:
    estimator, _ = load_model(path.parent, device="cpu")
    estimator(torch.zeros(1, estimator.samples))


def read_rehashed(path: Path) -> None:
    """Read tensors under the hash that they have now, as if someone had made them on purpose."""
    file = path.parent / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["tensors"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    file.write_text(json.dumps(config), encoding="utf-8")
    read(path)


def run_in(folder: Path) -> Run:
    goal = Goal(build("conv1", SPACE, sample_rate=RATE, samples=SAMPLES))
    launcher = OneDevice("cpu", "float32")
    return Run(goal, RECIPE, launcher, folder, IDENTITY, lambda goal, state: None)


def write_checkpoint(folder: Path) -> list[Path]:
    torch.manual_seed(0)
    run = run_in(folder)
    run.goal(torch.randn(2, SAMPLES), torch.rand(2, len(SPACE))).backward()
    run.optimizer.step()
    run.state = State(step=2, seconds=0.5, best=0.25, best_step=2, best_scores={"loss": 0.25})
    run._checkpoint([])
    return [run.checkpoint]


def read_checkpoint(path: Path) -> None:
    run = run_in(path.parent)
    run.resume()
    run.check_best(None)


def write_log(folder: Path) -> list[Path]:
    rows = [{"event": "train", "step": k, "loss": 1.0 / k, "seconds": 2.0 * k} for k in (1, 2, 3)]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [folder / "log.jsonl"]


KINDS = [
    Kind(
        "configurations of models",
        lambda folder: [place / "config.json" for place in write(folder)],
        read,
        whole_folder=True,
    ),
    Kind(
        "tensors of models",
        lambda folder: [place / "model.safetensors" for place in write(folder)],
        read,
        whole_folder=True,
    ),
    Kind(
        "tensors under a hash of their own",
        lambda folder: [place / "model.safetensors" for place in write(folder)],
        read_rehashed,
        whole_folder=True,
    ),
    Kind("checkpoints", write_checkpoint, read_checkpoint),
    Kind("training logs", write_log, read_log),
]
