"""The ``.pluck`` format: a first line that names it, then ``parameter = value`` lines."""

from __future__ import annotations

from pathlib import Path

from synthmatch import ParameterSpace, Patch
from synthmatch.errors import PresetError
from synthmatch.parameters import Value
from synthmatch.synth import StrPath

_FIRST_LINE = "plucked string 1"


def write_preset(patch: Patch, path: StrPath) -> None:
    """Write ``patch``; numbers keep all their digits."""
    lines = [_FIRST_LINE, *(f"{name} = {value}" for name, value in patch.items())]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_preset(path: StrPath, space: ParameterSpace) -> dict[str, Value]:
    """Return the values in a ``.pluck`` file; ``space`` tells which are numbers.

    Raises
    ------
    PresetError
        If the file is not in this format.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if not lines or lines[0] != _FIRST_LINE:
        raise PresetError(f"{path} is not a plucked-string preset")
    values: dict[str, Value] = {}
    for number, line in enumerate(lines[1:], start=2):
        name, equals, text = (part.strip() for part in line.partition("="))
        if not equals:
            raise PresetError(f"{path}, line {number}: expected `parameter = value`, not {line!r}")
        try:
            values[name] = text if space[name].kind == "categorical" else float(text)
        except ValueError:
            raise PresetError(f"{path}, line {number}: {text!r} is not a number") from None
    return values
