"""Training: AdamW or Muon, averaged weights, resumable to the step, on any device.

>>> import tempfile
>>> recipe = Recipe(steps=2, batch=4, validate=4, validations=1)  # to learn: Recipe(minutes=5)
>>> with tempfile.TemporaryDirectory() as folder:
...     result = train("jsyn-23", "conv1", out=folder, recipe=recipe, device="cpu")
>>> result.steps
2
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
