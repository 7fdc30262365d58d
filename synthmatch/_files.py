"""Files that are whole or not there at all, and locks that die with who holds them."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import BusyError

_WAIT = 0.05  # seconds between two looks at a lock that another holds


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to ``target`` on success.

    It has the name of ``target``, in a folder of its own beside it, so that writers which
    look at the name or the suffix work. What was written is on the disk before the name
    is, so that a power cut leaves no empty file. On any error the folder is removed and
    ``target`` stays as it was. Permissions are those of an ordinary new file.
    """
    folder = target.parent / f".{os.getpid()}-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder / target.name
        _sync(folder / target.name)
        (folder / target.name).replace(target)
        if os.name == "posix":
            _sync(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock(
    path: Path, message: str = "", *, waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs: one process and thread at a time.

    The system releases it when its process ends, however it ends, so that nothing is left
    to block the next one. On a file system that knows no locks there is none.

    Parameters
    ----------
    path : Path
        Made if needed, removed at the end. Its folder exists.
    message : str
        Of the error, one line: what is going on, and what to do.
    waiting : callable, optional
        Called once if another holds the lock, which is then waited for.

    Raises
    ------
    BusyError
        If another holds the lock, and ``waiting`` is not given.
    OSError
        If the file cannot be made.
    """
    descriptor = _acquire(path, message or f"another process holds {path}", waiting)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows removes no open file: it stays, unlocked
            path.unlink()
        _close(descriptor)


_open: set[int] = set()  # descriptors that are, or are about to be, locked


def _acquire(path: Path, message: str, waiting: Callable[[], None] | None) -> int:
    """Return the descriptor of the locked file."""
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _open.add(descriptor)
        try:
            if _try_lock(descriptor):
                if _is_at(descriptor, path):  # not one that its last holder removed meanwhile
                    return descriptor
            elif waiting is None:
                raise BusyError(message)
            else:
                if not told:
                    waiting()
                told = True
                time.sleep(_WAIT)
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)


def _close(descriptor: int) -> None:
    _open.discard(descriptor)
    os.close(descriptor)


def _close_all() -> None:
    """Let go of what a forked child has from its parent: the lock is the parent's alone."""
    while _open:
        os.close(_open.pop())


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    os.register_at_fork(after_in_child=_close_all)

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
        return True
