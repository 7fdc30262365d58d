"""The result of an evaluation, as text, Markdown and JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .columns import Column

Figure = tuple[float, float | None]
Grid = list[list[str]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    name : str
        Of the contestant.
    kind : {"model", "baseline", "published"}
        Published figures are of other sounds.
    figures : mapping
        Mean and, of metrics that each sound has, median, by column name.
    seconds : float or None
        To predict one sound.
    parameters : mapping
        By column name, the value of each parameter.
    citation : str
        Paper and table of published figures.
    """

    name: str
    kind: str
    figures: Mapping[str, Figure]
    seconds: float | None = None
    parameters: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    citation: str = ""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The tables of one setting.

    Attributes
    ----------
    setting : str
        Its name.
    sounds, seed : int
        How many sounds were drawn from the test stream of which seed.
    columns : tuple of Column
        Of the main table.
    rows : tuple of Row
        Models, baselines, published figures.
    names, groups : tuple of str
        Name and group of each parameter.
    remark : str
        What to know when comparing.
    """

    setting: str
    sounds: int
    seed: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    remark: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything, JSON-ready; what is not a number is null."""
        return {
            "setting": self.setting,
            "sounds": self.sounds,
            "seed": self.seed,
            "remark": self.remark,
            "columns": [
                {"name": c.name, "title": c.title, "higher_is_better": c.higher_is_better}
                for c in self.columns
            ],
            "rows": [
                {
                    "name": row.name,
                    "kind": row.kind,
                    "citation": row.citation,
                    "seconds_per_sound": _number(row.seconds),
                    "figures": {
                        name: {"mean": _number(mean), "median": _number(median)}
                        for name, (mean, median) in row.figures.items()
                    },
                    "parameters": {
                        column: dict(zip(self.names, map(_number, values), strict=True))
                        for column, values in row.parameters.items()
                    },
                }
                for row in self.rows
            ],
        }

    def to_markdown(self) -> str:
        """Return the tables as Markdown."""
        parts = [f"### {self._title()}", _markdown(self._main()), self._notes()]
        parts += [f"#### {title}\n\n{_markdown(grid)}" for title, grid in self._details()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def to_text(self) -> str:
        """Return the tables for a terminal."""
        parts = [self._title(), _text(self._main()), self._notes()]
        parts += [f"{title}\n{_text(grid)}" for title, grid in self._details()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _title(self) -> str:
        return f"{self.setting}: {self.sounds:,} held-out sounds, seed {self.seed}"

    def _notes(self) -> str:
        halves = any(median is not None for r in self.rows for _, median in r.figures.values())
        notes = ["Mean / median over sounds."] if halves else []
        if any(row.kind == "published" for row in self.rows):
            notes.append("(paper): as published, on other sounds than ours.")
        return " ".join([*notes, self.remark]).strip()

    def _main(self) -> Grid:
        shown = [c for c in self.columns if any(c.name in row.figures for row in self.rows)]
        grid = [
            ["", *(f"{c.title} {'↑' if c.higher_is_better else '↓'}" for c in shown), "s/sound"]
        ]
        for row in self.rows:
            mark = " (paper)" if row.kind == "published" else ""
            cells = [_cell(row.figures.get(c.name), c.digits) for c in shown]
            pace = "" if row.seconds is None else f"{row.seconds:.4f}"
            grid.append([f"{row.name}{mark}", *cells, pace])
        return grid

    def _details(self) -> list[tuple[str, Grid]]:
        """Return tables by group of parameters, and one by parameter of the first column."""
        by_group, by_parameter = [], []
        for column in (c for c in self.columns if c.detail):
            having = [row for row in self.rows if column.name in row.parameters]
            if not having:
                continue
            head = ["", *(row.name for row in having)]
            groups = dict.fromkeys(self.groups)
            means = [[g, *(self._group(row, column, g) for row in having)] for g in groups]
            by_group.append((f"{column.title} by group", [head, *means]))
            values = zip(*(row.parameters[column.name] for row in having), strict=True)
            lines = [
                [name, *(_value(v, column.digits) for v in row)]
                for name, row in zip(self.names, values, strict=True)
            ]
            by_parameter.append((f"{column.title} by parameter", [head, *lines]))
        return (by_group if len(set(self.groups)) > 1 else []) + by_parameter[:1]

    def _group(self, row: Row, column: Column, group: str) -> str:
        pairs = zip(row.parameters[column.name], self.groups, strict=True)
        values = [v for v, g in pairs if g == group and not math.isnan(v)]
        return _value(sum(values) / len(values) if values else None, column.digits)


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _value(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:,.{digits}f}" if abs(value) < 1e6 else f"{value:.3g}"


def _cell(figure: Figure | None, digits: int) -> str:
    if figure is None:
        return ""
    mean, median = figure
    return _value(mean, digits) + (f" / {_value(median, digits)}" if median is not None else "")


def _markdown(grid: Grid) -> str:
    lines = [f"| {' | '.join(row)} |" for row in grid]
    rule = "|" + "|".join(["---", *["---:"] * (len(grid[0]) - 1)]) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _text(grid: Grid) -> str:
    widths = [max(len(row[i]) for row in grid) for i in range(len(grid[0]))]
    lines = []
    for row in grid:
        rest = [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join(lines)
