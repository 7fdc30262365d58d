"""What a training run does: its budget, its optimiser, its schedule."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from ..errors import ParameterError


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How to train: the optimiser, warm-up and cosine, clipping, weight averaging, early stopping.

    Attributes
    ----------
    steps, minutes : int, float
        The budget: give one. With ``steps``, the same seed gives the same run on the CPU;
        with ``minutes`` the schedule follows the clock, so a run ends on time but no two
        are the same.
    batch : int
        Sounds in a batch on each device.
    accumulate : int
        Batches whose gradients are summed for one step of the optimiser.
    optimizer : {"adamw", "muon"}
        ``muon`` turns the matrices of hidden layers by orthogonalised momentum
        (:class:`~synthmatch.training.optimizers.Muon`), which learns more from as many
        sounds, in slightly longer steps.
    learning_rate, final : float
        The peak, and the share of it that the cosine ends at.
    warmup : float
        Share of the budget over which the learning rate rises from 0.
    weight_decay : float
        Decoupled decay (Loshchilov and Hutter 2019) of weights; biases and norms have none.
    clip : float
        Largest norm of the gradient.
    average : float
        Decay of the exponential moving average of the weights that is validated and
        saved, as ``min(average, (1 + step) / (10 + step))``; 0 turns it off.
    precision : {"float32", "bfloat16"}
        ``bfloat16`` runs the network under autocast.
    validations : int
        How often, evenly over the budget, the held-out sounds are scored.
    validate : int
        How many held-out sounds.
    patience : int, optional
        Stop after this many validations without a better score.
    gate : float, optional
        Level in dB under which rendered sounds are drawn again.
    seed : int
        Everything random derives from it.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 64
    accumulate: int = 1
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    final: float = 0.01
    warmup: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    precision: Literal["float32", "bfloat16"] = "float32"
    validations: int = 40
    validate: int = 512
    patience: int | None = None
    gate: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ParameterError("give a training budget either in steps or in minutes")
        least = {
            "steps": self.steps,
            "batch": self.batch,
            "accumulate": self.accumulate,
            "validations": self.validations,
            "validate": self.validate,
            "patience": self.patience,
        }
        for name, value in least.items():
            if value is not None and value < 1:
                raise ParameterError(f"{name} must be at least 1, not {value}")
        for name in ("minutes", "learning_rate", "clip"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ParameterError(f"{name} must be more than 0, not {value}")
        for name in ("final", "warmup", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name} is from 0 to less than 1, not {getattr(self, name)}")
        if self.optimizer not in ("adamw", "muon"):
            raise ParameterError(f"the optimizer is adamw or muon, not {self.optimizer!r}")
        if self.precision not in ("float32", "bfloat16"):
            raise ParameterError(f"precision is float32 or bfloat16, not {self.precision!r}")

    def fraction(self, step: int, seconds: float) -> float:
        """Return the share of the budget spent after ``step`` steps and ``seconds``."""
        if self.steps is not None:
            return step / self.steps
        return seconds / (60.0 * (self.minutes or math.inf))

    def rate(self, fraction: float) -> float:
        """Return the learning rate at a share of the budget, linear warm-up then cosine."""
        spent = min(max(fraction, 0.0), 1.0)
        if spent < self.warmup:
            return self.learning_rate * max(spent / self.warmup, 1e-3)
        x = (spent - self.warmup) / (1.0 - self.warmup)
        cosine = 0.5 * (1.0 + math.cos(math.pi * x))
        return self.learning_rate * (self.final + (1.0 - self.final) * cosine)
