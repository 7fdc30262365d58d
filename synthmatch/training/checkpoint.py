"""A training run in one file, written whole or not at all: safetensors and JSON, no pickle."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import WeightsError
from ..weights.tensors import TensorFile, open_tensors, write_tensors

Tensors = dict[str, torch.Tensor]
_OPTIMIZER = "optimizer."
_CPU, _CUDA = "generator.cpu", "generator.cuda"


def save_checkpoint(
    path: Path,
    modules: dict[str, torch.nn.Module],
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
) -> None:
    """Write modules, the optimiser's state, torch's generators and ``state`` (JSON).

    A tensor at a time: it needs next to no memory beside what training has.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    tensors: Tensors = {_CPU: torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors[_CUDA] = torch.cuda.get_rng_state()
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{name}": t for name, t in module.state_dict().items()}
    for index, entries in optimizer.state_dict()["state"].items():
        tensors |= {f"{_OPTIMIZER}{index}.{key}": t for key, t in entries.items()}
    write_tensors(path, tensors, {"state": json.dumps(state)})


@contextlib.contextmanager
def open_checkpoint(path: Path) -> Iterator[tuple[TensorFile, dict[str, Any]]]:
    """Yield the tensors of a checkpoint, read when they are asked for, and its state.

    Raises
    ------
    WeightsError
        If the file is damaged or no checkpoint.
    """
    with open_tensors(path) as file:
        try:
            state = json.loads(file.metadata["state"])
        except (KeyError, ValueError, RecursionError):
            state = None
        if not isinstance(state, dict):
            raise WeightsError(f"{path} is not a training checkpoint")
        yield file, state


def restore(
    file: TensorFile,
    modules: dict[str, torch.nn.Module],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put the tensors of a checkpoint back where they came from, one after the other.

    Raises
    ------
    WeightsError
        If they are of another network, or damaged.
    """
    foreign = WeightsError("the checkpoint is of another network; use another folder")
    for prefix, module in modules.items():
        own = module.state_dict()
        names = {n.removeprefix(f"{prefix}.") for n in file.names if n.startswith(f"{prefix}.")}
        if own.keys() != names:
            raise foreign
        for name, tensor in own.items():
            saved = file[f"{prefix}.{name}"]
            if saved.shape != tensor.shape or saved.dtype != tensor.dtype:
                raise foreign
            tensor.copy_(saved)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": _entries(file, optimizer)})
    try:
        torch.set_rng_state(file[_CPU])
        if _CUDA in file.names and torch.cuda.is_available():
            torch.cuda.set_rng_state(file[_CUDA])
    except (RuntimeError, TypeError):
        raise WeightsError("the checkpoint is damaged; start anew, or use another folder") from None


def _entries(file: TensorFile, optimizer: torch.optim.Optimizer) -> dict[int, Tensors]:
    """Return the state of each parameter of an optimiser, by its number."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    entries: dict[int, Tensors] = {}
    for name in file.names:
        if not name.startswith(_OPTIMIZER):
            continue
        index, _, key = name.removeprefix(_OPTIMIZER).partition(".")
        saved = file[name]
        fits = index.isdecimal() and len(index) < 9 and int(index) < len(parameters)
        if not fits or saved.shape not in (parameters[int(index)].shape, torch.Size([])):
            raise WeightsError("the checkpoint is of another optimiser; use another folder")
        entries.setdefault(int(index), {})[key] = saved
    wanted = {"step", "exp_avg", "exp_avg_sq"}, {"step", "momentum"}
    if any(entry.keys() not in wanted for entry in entries.values()):
        raise WeightsError("the checkpoint is of another optimiser; use another folder")
    return entries
