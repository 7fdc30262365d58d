"""The table of scores: a row for a metric, a cell for a candidate."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .formatting import decimals

if TYPE_CHECKING:
    from ..metrics import Metric
    from ..objective import Candidate

_DISTANCE = "what the candidates are ranked by; 0 is identical"
_DIRECTIONS = {True: "↑ higher is better", False: "↓ lower is better", None: ""}


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """One metric.

    Attributes
    ----------
    name, unit, meaning, direction : str
        For people; the last two are empty where nothing is known of the metric.
    cells : tuple of (str, bool)
        Of each candidate the value, and whether it is the best.
    """

    name: str
    unit: str
    meaning: str
    direction: str
    cells: tuple[tuple[str, bool], ...]


def score_rows(candidates: Sequence[Candidate], metrics: Sequence[Metric]) -> list[ScoreRow]:
    """Return a row for the distance, for each metric in order, and for all other scores."""
    rows = [_row("distance", "", _DISTANCE, False, [c.distance for c in candidates])]
    present = dict.fromkeys(name for c in candidates for name in c.metrics)
    described = {metric.name: metric for metric in metrics}
    names = [name for name in described if name in present]
    for name in [*names, *(name for name in present if name not in described)]:
        values = [c.metrics.get(name, math.nan) for c in candidates]
        if name in described:
            metric = described[name]
            higher: bool | None = metric.higher_is_better
            rows.append(_row(name, metric.unit, metric.meaning, higher, values))
        else:
            rows.append(_row(name, "", "", None, values))
    return rows


def _row(
    name: str, unit: str, meaning: str, higher: bool | None, values: Sequence[float]
) -> ScoreRow:
    finite = [v for v in values if math.isfinite(v)]
    digits = decimals(max(map(abs, finite), default=0.0))
    best = (max(finite) if higher else min(finite)) if finite and higher is not None else None
    cells = tuple(
        (f"{v:.{digits}f}" if math.isfinite(v) else "–", v == best and len(values) > 1)
        for v in values
    )
    return ScoreRow(name.replace("_", " "), unit, meaning, _DIRECTIONS[higher], cells)
