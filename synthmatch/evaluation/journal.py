"""What an evaluation has measured, kept on disk until it is finished."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._files import lock
from .._version import __version__
from ..banks import cache_folder
from ..errors import BusyError
from .columns import Result

Part = tuple[int, float, dict[str, Result]]  # sounds, seconds, values by column


def code_digest() -> str:
    """Return a hash of the source of synthmatch: figures of other code are other figures."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Journal:
    """Values of contestants on some sounds, a line of JSON for each part.

    Parameters
    ----------
    file : Path or None
        Where; None keeps nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._found: dict[tuple[str, int], Part] = {}
        if file is not None and file.is_file():
            with contextlib.suppress(OSError):
                for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                    self._take(line)

    def _take(self, line: str) -> None:
        """Take a line; one that a kill cut short, or that is damaged, is measured again."""
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            row = json.loads(line)
            values = {k: np.asarray(v, dtype=np.float64) for k, v in row["values"].items()}
            part = int(row["sounds"]), float(row["seconds"]), values
            self._found[str(row["contestant"]), int(row["start"])] = part

    def get(self, contestant: str, start: int) -> Part | None:
        """Return the part of a contestant that begins at sound ``start``, if it is known."""
        return self._found.get((contestant, start))

    def keep(self, contestant: str, start: int, part: Part) -> None:
        """Keep a part."""
        if self._file is None:
            return
        sounds, seconds, values = part
        row = {
            "contestant": contestant,
            "start": start,
            "sounds": sounds,
            "seconds": seconds,
            "values": {name: value.tolist() for name, value in values.items()},
        }
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError:  # a journal that cannot be written costs time, nothing else
            self._file = None

    def remove(self) -> None:
        """Forget everything: the evaluation is finished."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)


@contextlib.contextmanager
def open_journal(identity: dict[str, Any] | None) -> Iterator[Journal]:
    """Yield the journal of the evaluation that ``identity`` defines, JSON-ready.

    It lies in the user's cache folder. Where that cannot be written, where another process
    makes the same evaluation, or without an identity, nothing is kept.
    """
    with contextlib.ExitStack() as stack:
        file = None
        if identity is not None:
            text = json.dumps({**identity, "code": code_digest()}, sort_keys=True)
            name = hashlib.sha256(text.encode()).hexdigest()[:32]
            file = cache_folder() / "evaluations" / f"{name}.jsonl"
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(file.with_suffix(".lock")))
            except (OSError, BusyError):
                file = None
        yield Journal(file)
