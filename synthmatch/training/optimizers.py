"""What moves the weights: AdamW, or Muon for the matrices and AdamW for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from .recipe import Recipe

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of the quintic iteration (Jordan)
_SHORTEST = 16  # side of a matrix under which orthogonalising it means little


def optimizer_for(goal: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser; weights decay, biases and norms do not.

    Muon takes the weights of hidden layers whose matrix (outputs by all that one output
    sees; the other way round for transposed convolutions) is at least 16 wide both ways.
    Output layers stay with AdamW.
    """
    named = [(n, p) for n, p in goal.named_parameters() if p.requires_grad]
    matrices = []
    if recipe.optimizer == "muon":
        matrices = [p for n, p in named if ".output." not in f".{n}" and _is_matrix(p)]
    taken = {id(p) for p in matrices}
    others = [p for _, p in named if id(p) not in taken]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay, "orthogonal": True},
        {"params": [p for p in others if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "muon":
        return Muon(groups, lr=recipe.learning_rate)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _is_matrix(parameter: Tensor) -> bool:
    rows = len(parameter) if parameter.ndim > 1 else 0
    return rows >= _SHORTEST and parameter.numel() // rows >= _SHORTEST


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """Return ``matrix [r, c]`` with singular values brought to about 1, in bfloat16.

    Newton-Schulz iteration of the fifth order (Jordan et al. 2024).
    """
    a, b, c = _NEWTON_SCHULZ
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.mT if tall else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    out: Tensor = x.mT if tall else x
    return out


class Muon(torch.optim.AdamW):
    """AdamW whose groups marked ``orthogonal`` move by orthogonalised momentum instead.

    Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with
    the update scaled by ``0.2 sqrt(max(rows, columns))`` so that both kinds of group share
    a learning rate and a decay (Liu et al., "Muon is scalable for LLM training", 2025,
    equation 4). Convolutions count as matrices of outputs by all that one output sees.
    torch's own Muon takes matrices only, no convolutions.
    """

    momentum = 0.95
    """Share of the running gradient that a step keeps; Nesterov's variant."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        whole = self.param_groups
        for group in whole:
            if group.get("orthogonal"):
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        rate, decay = group["lr"], group["weight_decay"]
                        self._turn(parameter, parameter.grad, rate, decay)
        self.param_groups = [group for group in whole if not group.get("orthogonal")]
        try:
            super().step()
        finally:
            self.param_groups = whole
        return loss

    def _turn(self, parameter: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # AdamW looks for it when it takes up a state
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        running = state["momentum"].lerp_(gradient, 1.0 - self.momentum)
        update = orthogonalised(gradient.lerp(running, self.momentum).flatten(1))
        scale = 0.2 * math.sqrt(max(update.shape))
        parameter.mul_(1.0 - rate * decay)
        parameter.add_(update.reshape(parameter.shape).to(parameter.dtype), alpha=-rate * scale)
