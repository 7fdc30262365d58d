"""The perceptrons of InverSynth's table 1, and scikit-learn for their features."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..errors import SynthmatchError

Layer = tuple[int, float]

TABLE: Mapping[str, tuple[Layer, ...]] = {
    "fc-linear": ((869, 0.2),),
    "fc1": ((868, 0.3),),
    "fc2": ((603, 0.1), (602, 0.3)),
    "fc3": ((560, 0.0), (500, 0.2), (400, 0.4)),
    "hc": ((869, 0.2),),
    "hc3": ((560, 0.0), (500, 0.2), (400, 0.4)),
}
"""Table 1: width of each hidden layer, and the dropout after it. "fc-linear" and "hc" are
linear, the others have ReLUs."""


def perceptron(inputs: int, layers: Sequence[Layer], outputs: int, *, linear: bool) -> nn.Module:
    """Return the network from ``[b, inputs]`` to ``[b, outputs]``."""
    made: list[nn.Module] = []
    for width, dropout in layers:
        made.append(nn.Linear(inputs, width))
        if not linear:
            made.append(nn.ReLU(inplace=True))
        if dropout:
            made.append(nn.Dropout(dropout))
        inputs = width
    return nn.Sequential(*made, nn.Linear(inputs, outputs))


def scikit(module: str) -> Any:
    """Return a module of scikit-learn, or say how to install it."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError:
        raise SynthmatchError(
            "the fc and hc baselines are fitted with scikit-learn; "
            'install it with pip install "synthmatch[baselines]"'
        ) from None
