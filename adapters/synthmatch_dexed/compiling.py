"""How numba compiles functions, and keeps the machine code where it can."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
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


def compiled_now(signature: Any) -> Callable[[_Function], _Function]:
    """Compile a function for one signature when its module is imported.

    Machine code is kept on disk where numba finds a folder that it may write to, and is
    made anew in each process where there is none. Numba looks whether the file of the
    function has changed, but not those of what it calls; the digest in its name does.
    """

    def compile_function(function: _Function) -> _Function:
        digest = source_digest(Path(function.__code__.co_filename).parent)
        function.__qualname__ = f"{function.__name__}_{digest}"
        try:
            made = numba.njit(signature, nogil=True, cache=True)(function)
        except (RuntimeError, OSError):  # no folder for the cache, or a full disk
            made = numba.njit(signature, nogil=True)(function)
        return cast(_Function, made)

    return compile_function


def source_digest(folder: Path) -> str:
    """Return a digest of all Python files in a folder, 12 hexadecimal digits."""
    files = sorted(folder.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
