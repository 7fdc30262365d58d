"""Writing files so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to ``target`` on success.

    It has the name of ``target``, in a folder of its own beside it, so that writers which
    look at the name or the suffix work. On any error the folder is removed and ``target``
    stays as it was. Permissions are those of an ordinary new file.
    """
    folder = target.parent / f".{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder / target.name
        (folder / target.name).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
