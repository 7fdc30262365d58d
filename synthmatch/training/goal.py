"""What training minimises: a goal is a module whose forward pass is the loss."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..weights.folder import save_model

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator


class Goal(nn.Module):
    """The loss of an estimator, and its scores on held-out sounds.

    Subclasses add networks of their own and losses through them.

    Parameters
    ----------
    estimator : Estimator
        What is trained, and saved.
    """

    def __init__(self, estimator: Estimator) -> None:
        super().__init__()
        self.estimator = estimator
        self.options: dict[str, Any] = {}  # what defines the goal, in the recipe of the model

    def forward(self, audio: Tensor, vectors: Tensor) -> Tensor:
        """Return the scalar loss for sounds ``[b, samples]`` of ``vectors [b, d]``."""
        return self.estimator.loss(audio, vectors)

    def scores(self, audio: Tensor, vectors: Tensor) -> dict[str, float]:
        """Return means over sounds; the first is what training keeps the best of, low is good.

        ``loss`` is the forward pass, ``accuracy`` the share of parameters whose class is
        right, in percent.
        """
        output = self.estimator(audio)
        head = self.estimator.head
        right = head.classes(head.decode(output)) == head.classes(vectors)
        return {
            "loss": float(head.loss(output, vectors)),
            "accuracy": 100.0 * float(right.float().mean()),
        }

    def save(self, folder: Path, metadata: Mapping[str, Any], *, half: bool = False) -> None:
        """Write the model folder."""
        save_model(folder, self.estimator, metadata, half=half)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back the tensors of a model folder that :meth:`save` wrote."""
        own = self.estimator.state_dict()
        self.estimator.load_state_dict({k: t.to(own[k].dtype) for k, t in tensors.items()})


def validate(
    goal: Goal, audio: Tensor, vectors: Tensor, size: int, device: torch.device
) -> dict[str, float]:
    """Return the scores of a goal over sounds ``[n, samples]``, ``size`` at a time."""
    totals: dict[str, float] = {}
    goal.eval()
    with torch.no_grad():
        for start in range(0, len(audio), size):
            part = slice(start, start + size)
            some = goal.scores(audio[part].to(device), vectors[part].to(device))
            for name, value in some.items():
                totals[name] = totals.get(name, 0.0) + value * len(audio[part])
    goal.train()
    return {name: total / len(audio) for name, total in totals.items()}
