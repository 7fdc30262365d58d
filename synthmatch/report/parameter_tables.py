"""The parameters of the best candidate by group, and where the others differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..parameters import Parameter, ParameterSpace, Patch, Value
from .formatting import describe_value

_MOST_STEPS = 16  # choices that are drawn as steps rather than as a bar


@dataclasses.dataclass(frozen=True)
class ParameterRow:
    """One parameter of one patch.

    Attributes
    ----------
    name, value : str
        For people.
    frozen : bool
        Whether it was fixed beforehand.
    steps : tuple of bool
        For few choices, which of them it is; else empty.
    percent : float
        Where it stands in its range.
    """

    name: str
    value: str
    frozen: bool
    steps: tuple[bool, ...]
    percent: float


@dataclasses.dataclass(frozen=True)
class DifferenceRow:
    """One parameter in which candidates differ.

    Attributes
    ----------
    name : str
        Of the parameter.
    cells : tuple of (str, bool)
        Of each candidate the value, and whether it is, in another than the first, the
        same as there.
    positions : tuple of float
        Of each candidate where the value stands in its range, 0 to 1.
    """

    name: str
    cells: tuple[tuple[str, bool], ...]
    positions: tuple[float, ...]


def parameter_groups(space: ParameterSpace, patch: Patch) -> dict[str, list[ParameterRow]]:
    """Return the parameters of a patch by the names of their groups."""
    groups: dict[str, list[ParameterRow]] = {}
    for parameter in space.parameters:
        frozen = parameter.name in space.frozen
        row = _parameter_row(parameter, patch[parameter.name], frozen)
        groups.setdefault(parameter.group or "general", []).append(row)
    return groups


def _parameter_row(parameter: Parameter, value: Value, frozen: bool) -> ParameterRow:
    choices = parameter.choices
    steps: tuple[bool, ...] = ()
    if choices and len(choices) <= _MOST_STEPS:
        chosen = choices.index(value)
        steps = tuple(i == chosen for i in range(len(choices)))
    text = describe_value(parameter, value)
    percent = 100 * parameter.unit_value(value)
    return ParameterRow(parameter.name, text, frozen, steps, percent)


def difference_rows(space: ParameterSpace, patches: Sequence[Patch]) -> list[DifferenceRow]:
    """Return a row for each parameter that is not the same in all patches."""
    rows = []
    for parameter in space.parameters:
        values = [patch[parameter.name] for patch in patches]
        if all(value == values[0] for value in values):
            continue
        cells = tuple(
            (describe_value(parameter, value), rank > 0 and value == values[0])
            for rank, value in enumerate(values)
        )
        positions = tuple(parameter.unit_value(value) for value in values)
        rows.append(DifferenceRow(parameter.name, cells, positions))
    return rows
