"""Reading many damaged files of one kind, and noting everything but results and clear errors."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import pkgutil
import shutil
import signal
import threading
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from synthmatch.errors import SynthmatchError, SynthmatchWarning

from . import kinds
from .mutate import mutate


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of file that is read.

    Attributes
    ----------
    name : str
        For reports.
    seeds : callable
        Writes whole files into an empty folder and returns their paths.
    read : callable
        Reads one file completely.
    errors : tuple
        What reading a damaged file may raise, with a message of one line.
    whole_folder : bool
        Whether the files beside a seed belong to it: each case is then a copy of the
        seed's folder with this one file damaged.
    seconds : float
        How long reading may take.
    """

    name: str
    seeds: Callable[[Path], list[Path]]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...] = (SynthmatchError,)
    whole_folder: bool = False
    seconds: float = 10.0


@dataclasses.dataclass(frozen=True)
class Finding:
    """A damaged file that was met with something else than a result or a clear error."""

    kind: str
    case: int
    problem: str
    file: Path


class _TooLongError(BaseException):
    """Reading takes longer than it may."""


def all_kinds() -> list[Kind]:
    """Return the kinds of all modules in ``kinds``; one that misses an extra is left out."""
    found: list[Kind] = []
    for module in pkgutil.iter_modules(kinds.__path__):
        try:
            found += importlib.import_module(f"{kinds.__name__}.{module.name}").KINDS
        except ModuleNotFoundError as error:
            warnings.warn(f"not fuzzed: {module.name} needs {error.name}", stacklevel=2)
    return found


def run(kind: Kind, folder: Path, cases: int, first: int = 0) -> list[Finding]:
    """Read damaged files number ``first`` to ``first + cases - 1``; keep those that break it."""
    (folder / "seeds").mkdir(parents=True)
    seeds = kind.seeds(folder / "seeds")
    for seed in seeds:
        kind.read(seed)  # whole files are read
    found = []
    for case in range(first, first + cases):
        rng = np.random.default_rng([zlib.crc32(kind.name.encode()), case])
        seed = seeds[rng.integers(len(seeds))]
        place = folder / f"case-{case}"
        if kind.whole_folder:
            shutil.copytree(seed.parent, place)
        else:
            place.mkdir()
        file = place / seed.name
        file.write_bytes(mutate(seed.read_bytes(), rng))
        problem = _problem(kind, file)
        if problem:
            found.append(Finding(kind.name, case, problem, file))
        else:
            shutil.rmtree(place)
    return found


def _problem(kind: Kind, file: Path) -> str:
    """Return what is wrong with how a damaged file is read, "" if nothing is."""
    with warnings.catch_warnings(), _limited(kind.seconds):
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SynthmatchWarning)
        try:
            kind.read(file)
        except kind.errors as error:
            text = str(error)
            return "" if text and "\n" not in text else f"not one line: {text!r}"
        except _TooLongError:
            return f"takes more than {kind.seconds:g} s"
        except Exception:
            return traceback.format_exc()
    return ""


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise :class:`_TooLongError` after so many seconds, where the system can."""
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
