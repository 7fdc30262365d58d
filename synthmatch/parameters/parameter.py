"""One parameter of a synthesizer: its native range or choices, and its coordinate in [0, 1]."""

from __future__ import annotations

import dataclasses
import itertools
import math
import numbers
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError

Value = bool | int | float | str
Kind = Literal["continuous", "ordinal", "categorical"]
Scale = Literal["linear", "log"]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_DIGITS = 9  # significant digits kept of a continuous native value
_NARROWEST = 1e-5  # of the larger end of a range: below, doubles cannot hold _DIGITS of it
_EXTREME = 1e100  # ends and widths of ranges stay within this and its inverse
_NEAR = 1e-12  # of the width of a range (linear) or of its end (log)
_POWERS = np.array([float(f"1e{n}") for n in range(112)])


def _plain(value: object) -> object:
    """Return a numpy scalar as the Python value it stands for, anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _rounded(value: FloatArray, place: IntArray) -> FloatArray:
    """Round to multiples of ``10**place``, alike for one value and for arrays of them."""
    power: FloatArray = np.asarray(_POWERS[np.abs(place)])
    return np.where(place < 0, np.rint(value * power) / power, np.rint(value / power) * power)


def _family(value: object) -> str | None:
    """Tell switches, text and finite numbers apart; None is none of them."""
    if isinstance(value, bool):
        return "switch"
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, (int, float)) and abs(value) < math.inf else None


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """One knob or switch; build it with one of the three class methods.

    Attributes
    ----------
    name : str
        Unique within its space.
    kind : {"continuous", "ordinal", "categorical"}
        Continuous parameters have ``low``, ``high`` and ``scale``; the others ``choices``.
    default : value
        Native value a patch takes where none is given.
    classes : int
        Number of classes a classifier uses: ``len(choices)``, for ordinal parameters
        maybe fewer (neighbours share one), for continuous parameters the size of an even
        grid that includes both ends of the range.
    group, unit : str
        For people: "filter", "Hz".
    """

    name: str
    kind: Kind
    low: float
    high: float
    scale: Scale
    choices: tuple[Value, ...]
    default: Value
    classes: int
    group: str
    unit: str

    @classmethod
    def continuous(
        cls,
        name: str,
        low: float,
        high: float,
        *,
        default: float | None = None,
        scale: Scale = "linear",
        classes: int = 64,
        group: str = "",
        unit: str = "",
    ) -> Parameter:
        """Return a parameter over ``[low, high]``; ``scale="log"`` needs ``low > 0``."""
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ParameterError(f"parameter {name!r}: give finite low < high, not [{low}, {high}]")
        if scale not in ("linear", "log"):
            raise ParameterError(f"parameter {name!r}: the scale is linear or log, not {scale!r}")
        if scale == "log" and low <= 0:
            raise ParameterError(f"parameter {name!r}: a log scale needs low > 0, not {low}")
        size = max(abs(low), abs(high))
        least = low if scale == "log" else high - low
        if size > _EXTREME or least < 1 / _EXTREME or high - low < _NARROWEST * size:
            raise ParameterError(
                f"parameter {name!r}: [{low}, {high}] is too extreme or too narrow for doubles; "
                f"use another unit, or the offset from one end"
            )
        if classes < 2:
            raise ParameterError(f"parameter {name!r}: give at least 2 classes, not {classes}")
        made = cls(
            name,
            "continuous",
            float(low) + 0.0,
            float(high) + 0.0,
            scale,
            (),
            0.0,
            int(classes),
            group,
            unit,
        )
        return dataclasses.replace(
            made, default=made.canonical(low if default is None else default)
        )

    @classmethod
    def ordinal(
        cls,
        name: str,
        choices: Sequence[float],
        *,
        default: float | None = None,
        classes: int | None = None,
        group: str = "",
        unit: str = "",
    ) -> Parameter:
        """Return a parameter over the strictly increasing numbers ``choices``.

        With fewer ``classes`` than choices, neighbouring choices share a class, as evenly
        as possible; the default is a class for each.
        """
        values = tuple(map(_plain, choices))
        if any(_family(v) != "number" for v in values):
            raise ParameterError(f"parameter {name!r}: ordinal choices must be finite numbers")
        if any(not b > a for a, b in itertools.pairwise(cast(tuple[float, ...], values))):
            raise ParameterError(f"parameter {name!r}: ordinal choices must increase")
        made = cls._of_choices(name, "ordinal", values, default, group, unit)
        if classes is None or classes == len(values):
            return made
        if not 2 <= classes <= len(values):
            raise ParameterError(
                f"parameter {name!r}: {len(values)} choices make up to {len(values)} classes, "
                f"and at least 2, not {classes}"
            )
        return dataclasses.replace(made, classes=int(classes))

    @classmethod
    def categorical(
        cls,
        name: str,
        choices: Sequence[Value],
        *,
        default: Value | None = None,
        group: str = "",
        unit: str = "",
    ) -> Parameter:
        """Return a parameter over the distinct labels ``choices``, in no order."""
        values = tuple(map(_plain, choices))
        if any(_family(v) is None for v in values):
            raise ParameterError(
                f"parameter {name!r}: categorical choices must be texts, switches or finite numbers"
            )
        if len(set(values)) != len(values):
            raise ParameterError(f"parameter {name!r}: categorical choices must be distinct")
        return cls._of_choices(name, "categorical", values, default, group, unit)

    @classmethod
    def _of_choices(
        cls,
        name: str,
        kind: Kind,
        plain: tuple[object, ...],
        default: Value | None,
        group: str,
        unit: str,
    ) -> Parameter:
        if not plain:
            raise ParameterError(f"parameter {name!r}: give at least one choice")
        values = cast(tuple[Value, ...], plain)
        start = values[0] if default is None else default
        made = cls(name, kind, 0.0, 1.0, "linear", values, values[0], len(values), group, unit)
        return dataclasses.replace(made, default=made.canonical(start))

    def canonical(self, value: object) -> Value:
        """Return ``value`` as a patch stores it.

        Raises
        ------
        ParameterError
            If it is of the wrong type, not finite, out of range or not a choice.
        """
        plain = _plain(value)
        if self.kind != "continuous":
            family = _family(plain)
            if family is not None and plain in self.choices:
                choice = self.choices[self.choices.index(plain)]
                if _family(choice) == family:  # True equals 1, but is no number
                    return choice
            shown = ", ".join(map(repr, self.choices[:8]))
            more = f", ... ({len(self.choices)} in all)" if len(self.choices) > 8 else ""
            raise ParameterError(
                f"parameter {self.name!r}: {plain!r} is not a choice; use one of {shown}{more}"
            )
        usable = f"use a number from {self.low:.9g} to {self.high:.9g}"
        if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
            raise ParameterError(f"parameter {self.name!r}: {plain!r} is not a number; {usable}")
        if plain != plain or abs(plain) == math.inf:
            raise ParameterError(f"parameter {self.name!r}: {plain} is not finite; {usable}")
        if not self.low <= plain <= self.high:  # type: ignore[operator]
            raise ParameterError(f"parameter {self.name!r}: {plain} is out of range; {usable}")
        return float(self.native(self.unit_value(float(plain))))

    def unit_value(self, value: Value) -> float:
        """Return the coordinate in [0, 1] of a native value (choices: the centre of a bin)."""
        if self.kind != "continuous":
            return (self.choices.index(value) + 0.5) / len(self.choices)
        number = float(value)
        if self.scale == "log":
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def native(self, unit: npt.ArrayLike) -> FloatArray:
        """Return native numbers for coordinates in [0, 1], of the same shape.

        Ordinal parameters give their number, categorical ones the index of the choice.
        """
        u = np.asarray(unit, dtype=np.float64)
        if self.kind != "continuous":
            index = self.choice_of(u)
            if self.kind == "categorical":
                return index.astype(np.float64)
            return np.asarray(self.choices, dtype=np.float64)[index]
        if self.scale == "log":
            value = self.low * np.exp(u * math.log(self.high / self.low))
            place: IntArray = np.floor(np.log10(value)).astype(np.int64) - (_DIGITS - 1)
        else:
            value = self.low + u * (self.high - self.low)
            place = np.asarray(math.ceil(math.log10(self.high - self.low)) - _DIGITS)
        value = _rounded(value, place) + 0.0  # no negative zero
        # A grid point this near an end has the coordinate of the end: it is the end.
        low, high = (self.low, self.high) if self.scale == "log" else (self.high - self.low,) * 2
        at_low = (u <= 0.0) | (value <= self.low + _NEAR * low)
        at_high = (u >= 1.0) | (value >= self.high - _NEAR * high)
        return np.where(at_low, self.low, np.where(at_high, self.high, value))

    def choice_of(self, unit: npt.ArrayLike) -> IntArray:
        """Return the index of the choice, ``0 .. len(choices) - 1``, of coordinates in [0, 1]."""
        u = np.asarray(unit, dtype=np.float64)
        return np.minimum((u * len(self.choices)).astype(np.int64), len(self.choices) - 1)

    def class_of(self, unit: npt.ArrayLike) -> IntArray:
        """Return the class, ``0 .. classes - 1``, of coordinates in [0, 1]."""
        u = np.asarray(unit, dtype=np.float64)
        if self.kind == "continuous":
            return np.rint(u * (self.classes - 1)).astype(np.int64)
        return np.minimum((u * self.classes).astype(np.int64), self.classes - 1)

    def unit_of_class(self, index: npt.ArrayLike) -> FloatArray:
        """Return the coordinate of the centre of classes ``0 .. classes - 1``."""
        k = np.asarray(index, dtype=np.float64)
        if self.kind == "continuous":
            return k / (self.classes - 1)
        return (k + 0.5) / self.classes
