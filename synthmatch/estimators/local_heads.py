"""Sound2Synth's masked local heads: from global features to the outputs, group by group."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from .head import Head

Grouping = Literal["parameter", "group"]

HIDDEN = 64
"""Hidden units of each group in the paper."""


class GroupedLinear(nn.Module):
    """A linear layer whose inputs and outputs fall into groups that do not see each other.

    Parameters
    ----------
    width : int
        Inputs of each group.
    outputs : Tensor of int64 ``[outputs]``
        The group that each output looks at, ``0 .. groups - 1``.
    groups : int
        Number of groups.

    Notes
    -----
    The same as one dense layer with masked weights, but only weights that are not masked
    are stored or multiplied.
    """

    places: Tensor

    def __init__(self, width: int, outputs: Tensor, groups: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(len(outputs), width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(len(outputs)).uniform_(-bound, bound))
        sizes = torch.bincount(outputs, minlength=groups)
        self.shape = (groups, int(sizes.max()), width)
        order = torch.argsort(outputs, stable=True)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(outputs))
        within = rank - (sizes.cumsum(0) - sizes)[outputs]
        self.register_buffer("places", outputs * self.shape[1] + within, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[b, outputs]`` for ``x [b, groups, width]``."""
        groups, most, width = self.shape
        padded = self.weight.new_zeros(groups * most, width).index_copy(0, self.places, self.weight)
        out = torch.bmm(x.transpose(0, 1), padded.view(groups, most, width).transpose(1, 2))
        return out.transpose(0, 1).flatten(1).index_select(1, self.places) + self.bias


class LocalHeads(nn.Module):
    """Global features, then local ones for each group, then the output of each parameter.

    Sound2Synth, section 2.2 and appendix A: a linear layer from the global features to 64
    hidden units for each group, a layer within the group, and the output of a parameter
    from its group alone, with leaky ReLUs between.

    Parameters
    ----------
    features : int
        Global features; 2,048 in the paper.
    head : Head
        Whose outputs to give.
    grouping : {"parameter", "group"}
        A group for each parameter, or for each ``Parameter.group`` (an oscillator).
    hidden : int
        Units of each group.
    """

    def __init__(
        self, features: int, head: Head, grouping: Grouping = "parameter", hidden: int = HIDDEN
    ) -> None:
        super().__init__()
        if grouping not in ("parameter", "group"):
            raise ParameterError(f"local heads go by 'parameter' or 'group', not {grouping!r}")
        free = head.space.free
        names = [p.name if grouping == "parameter" else p.group for p in free]
        group = {name: i for i, name in enumerate(dict.fromkeys(names))}
        owners = torch.tensor([group[name] for name in names])
        widths = torch.tensor([part.stop - part.start for part in head.slices])
        self.hidden = hidden
        self.spread = nn.Linear(features, len(group) * hidden)
        inner = torch.arange(len(group)).repeat_interleave(hidden)
        self.inner = GroupedLinear(hidden, inner, len(group))
        self.outer = GroupedLinear(hidden, owners.repeat_interleave(widths), len(group))

    def forward(self, x: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for global features ``x [b, features]``."""
        x = functional.leaky_relu(self.spread(x)).view(len(x), -1, self.hidden)
        x = functional.leaky_relu(self.inner(x)).view(len(x), -1, self.hidden)
        out: Tensor = self.outer(x)
        return out
