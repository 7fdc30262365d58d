"""How numba compiles what the kernels call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it.

    Nothing but compiled code calls it: wrappers would only take time to compile.
    """
    njit: Any = numba.njit
    made: _Function = njit(
        function, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )
    return made
