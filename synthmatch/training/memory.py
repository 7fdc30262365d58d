"""What a training run needs of memory, told before it starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .optimizers import optimizer_for

if TYPE_CHECKING:
    from .goal import Goal
    from .recipe import Recipe

_GRADIENTS = 1.5  # activations and their gradients, by the activations kept for the backward pass


def memory_needed(goal: Goal, recipe: Recipe, samples: int) -> int:
    """Return about how many bytes training takes beside its data.

    Weights, their average, gradients, the optimiser's state, and what the backward pass
    keeps of a batch, which one sound on the CPU is run for.

    Parameters
    ----------
    goal : Goal
        What is minimised, on the CPU.
    recipe : Recipe
        Optimiser and batch.
    samples : int
        Of each sound.
    """
    state = sum(t.numel() * t.element_size() for t in goal.state_dict().values())
    moments = 0
    for group in optimizer_for(goal, recipe).param_groups:
        size = sum(p.numel() * p.element_size() for p in group["params"])
        moments += size * (2 if group.get("orthogonal") else 3)  # with the gradient
    return int(2 * state + moments + _GRADIENTS * recipe.batch * _activations(goal, samples))


def _activations(goal: Goal, samples: int) -> int:
    """Return the bytes that the backward pass of one sound keeps."""
    own = {t.untyped_storage().data_ptr() for t in (*goal.parameters(), *goal.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    goal.eval()  # so that no running mean moves and no random number is drawn
    vectors = torch.full((1, len(goal.estimator.head.space)), 0.5)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        goal(torch.zeros(1, samples), vectors)
    goal.train()
    return sum(kept.values())


def memory_free(device: torch.device) -> int | None:
    """Return how many bytes are free where training runs; None if nobody says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text(encoding="ascii"))
        found.append(limit - int((group / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError, IndexError):
        pass  # another system, or no limit
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


def size_of(count: int) -> str:
    """Return a number of bytes as one reads it: in GB, or in MB under a tenth of one."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{max(count / 1e6, 0.1):.1f} MB"
