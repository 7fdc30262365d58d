"""A training run in one file, written whole or not at all: safetensors and JSON, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from ..weights.tensors import read_tensors, write_tensors

Tensors = dict[str, torch.Tensor]


def save_checkpoint(
    path: Path,
    modules: dict[str, torch.nn.Module],
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write modules, the optimiser's state, torch's generators and ``state`` (JSON).

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    tensors: Tensors = {"generator.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["generator.cuda"] = torch.cuda.get_rng_state()
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{name}": t for name, t in module.state_dict().items()}
    for index, entries in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": t for key, t in entries.items()}
    write_tensors(path, tensors, {"state": json.dumps(state)})


def load_checkpoint(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors and the state of a checkpoint.

    Raises
    ------
    WeightsError
        If the file is damaged or no checkpoint.
    """
    tensors, metadata = read_tensors(path)
    try:
        state = json.loads(metadata["state"])
    except (KeyError, ValueError):
        raise WeightsError(f"{path} is not a training checkpoint") from None
    return tensors, state


def restore(
    tensors: Tensors,
    modules: dict[str, torch.nn.Module],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put the tensors of a checkpoint back where they came from.

    Raises
    ------
    WeightsError
        If they are of another network.
    """
    try:
        for prefix, module in modules.items():
            module.load_state_dict(_under(tensors, prefix))
    except RuntimeError:
        raise WeightsError("the checkpoint is of another network; use another folder") from None
    entries: dict[int, Tensors] = {}
    for name, tensor in _under(tensors, "optimizer").items():
        index, _, key = name.partition(".")
        entries.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": entries})
    torch.set_rng_state(tensors["generator.cpu"])
    if "generator.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["generator.cuda"])


def _under(tensors: Tensors, prefix: str) -> Tensors:
    start = f"{prefix}."
    return {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
