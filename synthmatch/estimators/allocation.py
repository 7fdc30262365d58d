"""A limit on what building a network may allocate, for configurations that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..errors import ParameterError

LARGEST = 1 << 31
"""Numbers that a network may hold where nothing else says how many it should."""

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn)


class AllocationLimit(TorchFunctionMode):
    """While it is active, refuses to make new tensors of more than ``most`` numbers in all.

    It looks at the size before anything is allocated. Weights are made by the functions
    it watches; what is computed from tensors is not counted.

    Parameters
    ----------
    most : int
        How many numbers.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = self._most = most

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _FACTORIES:
            size = args[0] if args and isinstance(args[0], Sequence) else args
            self._left -= math.prod(n for n in size if isinstance(n, int))
            if self._left < 0:
                raise ParameterError(
                    f"this network would hold more than {self._most:,} numbers; use smaller options"
                )
        return func(*args, **(kwargs or {}))
