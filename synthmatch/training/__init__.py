"""Training: AdamW or Muon, averaged weights, resumable to the step, on any device.

>>> result = train("jsyn-23", "conv6xl", out="model", recipe=Recipe(minutes=5))  # doctest: +SKIP
"""

from __future__ import annotations

from .goal import Goal
from .joint import ProxyGoal
from .log import plot_log, read_log
from .loop import Progress
from .recipe import Recipe
from .run import TrainingResult, train

__all__ = [
    "Goal",
    "Progress",
    "ProxyGoal",
    "Recipe",
    "TrainingResult",
    "plot_log",
    "read_log",
    "train",
]
