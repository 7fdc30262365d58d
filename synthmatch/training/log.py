"""The log of a training run: one JSON object a line, and a picture of it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path
from typing import Any

from .._files import atomic
from ..errors import TrainingError

Row = dict[str, Any]


def read_log(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows of a log; a last line that was cut short is left out.

    Parameters
    ----------
    path : path
        The ``log.jsonl`` of a run, or its folder.

    Raises
    ------
    TrainingError
        If there is none, or it is not one.
    """
    file = _file(path)
    if not file.is_file():
        raise TrainingError(f"no training log at {file}")
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise TrainingError(f"cannot read {file}: {error.strerror or error}") from error
    rows: list[Row] = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not _is_row(row):
            raise TrainingError(f"{file}, line {number}: not a training log")
        rows.append(row)
    return rows


def _is_row(row: Row) -> bool:
    numbers = (value for name, value in row.items() if name != "event")
    return (
        isinstance(row.get("event"), str)
        and type(row.get("step")) is int
        and all(value is None or type(value) in (int, float) for value in numbers)
    )


def _file(path: str | os.PathLike[str]) -> Path:
    given = Path(path)
    return given / "log.jsonl" if given.is_dir() or not given.suffix else given


class Log:
    """Appends rows to ``log.jsonl``.

    Parameters
    ----------
    path : Path
        The file. Rows of a step after ``step`` are dropped first: a run that was killed
        goes on from its checkpoint.
    step : int
        The step the run starts from.
    """

    def __init__(self, path: Path, step: int) -> None:
        kept = []
        if step and path.is_file():
            kept = [row for row in read_log(path) if row["step"] <= step]
        self._path = path
        try:
            with atomic(path) as temporary:
                temporary.write_text("".join(map(_line, kept)), encoding="utf-8")
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"cannot write {path}: {error.strerror or error}") from error

    def write(self, event: str, step: int, **values: Any) -> None:
        """Append a row; numbers that are not finite become null."""
        try:
            self._file.write(_line({"event": event, "step": step, **values}))
            self._file.flush()
        except OSError as error:
            raise TrainingError(f"cannot write {self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # of a full disk, which a write has told
            self._file.close()


def _line(row: Row) -> str:
    clean = {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()
    }
    return json.dumps(clean) + "\n"


def plot_log(path: str | os.PathLike[str], picture: str | os.PathLike[str]) -> None:
    """Draw the curves of a run: loss, held-out scores, learning rate, by step.

    Parameters
    ----------
    path : path
        The ``log.jsonl`` of a run, or its folder.
    picture : path
        Image to write; the suffix picks the format.

    Raises
    ------
    TrainingError
        If there is no log, nothing in it yet, or matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TrainingError('drawing needs matplotlib: pip install "synthmatch[report]"') from None
    rows = read_log(path)
    trained = [r for r in rows if r["event"] == "train"]
    scored = [r for r in rows if r["event"] == "validation"]
    if not trained:
        raise TrainingError(f"the log at {path} has no training steps yet")
    extra = [k for k in (scored[0] if scored else {}) if k not in ("event", "step", "seconds")]
    extra.remove("loss") if "loss" in extra else None
    panels = ["loss", *extra, "learning_rate"]
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained")
    for axis, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, some in (("training", trained), ("held out", scored)):
            points = [(r["step"], r[name]) for r in some if r.get(name) is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, linewidth=1.2)
        axis.set_xlabel("step")
        axis.set_title(name.replace("_", " "))
        axis.grid(alpha=0.3)
        if name == "loss":
            axis.legend()
    figure.savefig(Path(picture), dpi=120)
