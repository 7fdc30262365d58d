"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; rename it to ``target`` on success.

    It keeps the suffix of ``target``, so that writers which look at it work. On any
    error the temporary file is removed and ``target`` stays as it was. Permissions are
    those of an ordinary new file.
    """
    temporary = target.with_name(f".{os.getpid()}-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
