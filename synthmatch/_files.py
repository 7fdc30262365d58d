"""Files that are whole or not there at all, and locks that die with who holds them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .errors import BusyError, OutputError, SynthmatchError

_WAIT = 0.05  # seconds between two looks at a lock that another holds
_GROUP = ".synthmatch-"  # how the folders start that groups of files are made in
_REPLACED, _JOURNAL = "replaced", "journal.json"  # names in such a folder
_RANDOM = 8  # bytes in the names of folders that single files are made in
_SINGLE = re.compile(rf"\.\d+-[0-9a-f]{{{2 * _RANDOM}}}")


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to ``target`` on success.

    It has the name of ``target``, in a folder of its own beside it, so that writers which
    look at the name or the suffix work. What was written is on the disk before the name
    is, so that a power cut leaves no empty file. On any error the folder is removed and
    ``target`` stays as it was. Permissions are those of an ordinary new file.

    Raises
    ------
    OutputError
        If ``target`` is there and no file: a folder, a device.
    """
    _identity(target)
    folder = target.parent / f".{os.getpid()}-{secrets.token_hex(_RANDOM)}"
    folder.mkdir()
    try:
        yield folder / target.name
        _sync(folder / target.name)
        (folder / target.name).replace(target)
        if os.name == "posix":
            _sync(target.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed in :func:`atomic` left; no other may write there."""
    for path in folder.glob(".*"):
        if _SINGLE.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


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
def atomic_group(targets: Iterable[Path], *, overwrite: bool = True) -> Iterator[dict[Path, Path]]:
    """Yield a temporary path for each target; rename all that were written, or none.

    A process that is killed among the renames leaves a journal of them, by which the next
    group in the same folder, or :func:`finish_groups`, goes on.

    Parameters
    ----------
    targets : iterable of Path
        Of different names, in one folder, which exists.
    overwrite : bool
        Whether they may take the place of files that are there.

    Raises
    ------
    OutputError
        If a target is there and is no file, or may not be overwritten.
    SynthmatchError
        What the block raises; where it names a temporary path, with the target instead.
    """
    paths = list(targets)
    names, folder = [path.name for path in paths], paths[0].parent
    finish_groups(folder)
    scratch = folder / f"{_GROUP}{secrets.token_hex(8)}"
    with lock(_lock_of(scratch)):
        new = scratch / "new"
        try:
            new.mkdir(parents=True)
            (scratch / _REPLACED).mkdir()
            yield {path: new / path.name for path in paths}
            written = [name for name in names if (new / name).exists()]
            _commit(scratch, folder, written, overwrite)
        except SynthmatchError as error:
            for name in names:
                text = str(error).replace(str(new / name), str(folder / name))
                error.args = (text, *error.args[1:])
            raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def finish_groups(folder: Path) -> None:
    """Finish or remove what processes that were killed in :func:`atomic_group` left."""
    for lock_file in sorted(folder.glob(f"{_GROUP}*.lock")):
        with contextlib.suppress(BusyError), lock(lock_file):
            scratch = lock_file.with_suffix("")
            _finish(scratch, folder)
            shutil.rmtree(scratch, ignore_errors=True)


def _lock_of(scratch: Path) -> Path:
    return scratch.with_name(f"{scratch.name}.lock")


def _commit(scratch: Path, folder: Path, names: list[str], overwrite: bool) -> None:
    """Rename the new files to their names, or leave everything as it was."""
    for name in names:
        _sync(scratch / "new" / name)
    there = {name: _identity(folder / name) for name in names}
    for name, identity in there.items():
        if identity is not None and not overwrite:
            raise OutputError(f"{folder / name} exists; choose another name, or overwrite it")
    with atomic(scratch / _JOURNAL) as temporary:
        temporary.write_text(json.dumps(there), encoding="utf-8")
    try:
        _finish(scratch, folder)
        for name in names:
            if (scratch / "new" / name).exists():  # a file of its name came meanwhile
                raise OutputError(f"{folder / name} exists; choose another name, or overwrite it")
    except BaseException:
        (scratch / _JOURNAL).unlink()  # so that it is not gone on with
        for name in names:
            if not (scratch / "new" / name).exists():
                (folder / name).unlink()
            if (scratch / _REPLACED / name).exists():
                (scratch / _REPLACED / name).replace(folder / name)
        raise


def _finish(scratch: Path, folder: Path) -> None:
    """Do the renames of a journal that were not done; other files that came meanwhile stay."""
    try:
        there = json.loads((scratch / _JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # it was stopped before anything was renamed
    for name, identity in there.items():
        new, target = scratch / "new" / name, folder / name
        if not new.exists():
            continue
        if identity is not None and _identity(target) == identity:
            target.replace(scratch / _REPLACED / name)
        if _identity(target) is None:
            new.rename(target)
    if os.name == "posix":
        _sync(folder)


def _identity(path: Path) -> list[int] | None:
    """Return what tells a file from another of its name, None if there is none.

    Raises
    ------
    OutputError
        If there is something else than a file.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{path} is there and is no file; choose another name")
    return [found.st_ino, found.st_size, found.st_mtime_ns]


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
        try:
            with contextlib.suppress(OSError):  # Windows removes no open file: it stays, unlocked
                path.unlink()
        finally:
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
