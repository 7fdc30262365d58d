"""How numba compiles what the kernels call, and the types of it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Word = np.int32  # numba computes with 64 bits unless it is told otherwise
_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it."""
    return cast(_Function, numba.njit(function))
