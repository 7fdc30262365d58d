"""Compiling the inner loops of engines with numba, and keeping the machine code where it can be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(signature: Any = None, **options: Any) -> Callable[[_Function], _Function]:
    """Return a decorator that lets numba compile a function without the interpreter's lock.

    With a signature it is compiled when its module is imported, else when it is first called.
    Machine code is kept on disk where numba finds a folder that it may write to, and is made
    anew in each process where there is none. Numba looks whether the file of the function has
    changed, but not those of what it calls or takes constants from; the digest in its name does,
    of all files in the same folder.

    Parameters
    ----------
    signature : optional
        Types of the arguments, as :func:`numba.njit` takes them.
    **options
        Of :func:`numba.njit`: ``error_model``, ``fastmath`` and so on.
    """
    njit: Any = numba.njit

    def compiled(function: _Function) -> _Function:
        digest = source_digest(Path(function.__code__.co_filename).parent)
        function.__qualname__ = f"{function.__name__}_{digest}"
        try:
            made: _Function = njit(signature, nogil=True, cache=True, **options)(function)
        except (RuntimeError, OSError):  # no folder for the cache, or a full disk
            made = njit(signature, nogil=True, **options)(function)
        return made

    return compiled


def source_digest(folder: Path) -> str:
    """Return a digest of all Python files in a folder, 12 hexadecimal digits."""
    files = sorted(folder.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
