"""One parameter of a synthesizer: its native range or choices, and its coordinate in [0, 1]."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from .errors import ParameterError

Value = bool | int | float | str
Kind = Literal["continuous", "ordinal", "categorical"]
Scale = Literal["linear", "log"]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_DIGITS = 9  # significant digits kept of a continuous native value


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
        Number of classes a classifier uses: ``len(choices)``, or for continuous
        parameters the size of an even grid that includes both ends of the range.
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
        if scale == "log" and low <= 0:
            raise ParameterError(f"parameter {name!r}: a log scale needs low > 0, not {low}")
        if classes < 2:
            raise ParameterError(f"parameter {name!r}: give at least 2 classes, not {classes}")
        start = float(low if default is None else default)
        made = cls(
            name, "continuous", float(low), float(high), scale, (), start, classes, group, unit
        )
        return dataclasses.replace(made, default=made.canonical(start))

    @classmethod
    def ordinal(
        cls,
        name: str,
        choices: Sequence[float],
        *,
        default: float | None = None,
        group: str = "",
        unit: str = "",
    ) -> Parameter:
        """Return a parameter over the strictly increasing numbers ``choices``."""
        values = tuple(choices)
        if any(not b > a for a, b in itertools.pairwise(values)):
            raise ParameterError(f"parameter {name!r}: ordinal choices must increase")
        return cls._of_choices(name, "ordinal", values, default, group, unit)

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
        values = tuple(choices)
        if len(set(values)) != len(values):
            raise ParameterError(f"parameter {name!r}: categorical choices must be distinct")
        return cls._of_choices(name, "categorical", values, default, group, unit)

    @classmethod
    def _of_choices(
        cls,
        name: str,
        kind: Kind,
        values: tuple[Value, ...],
        default: Value | None,
        group: str,
        unit: str,
    ) -> Parameter:
        if not values:
            raise ParameterError(f"parameter {name!r}: give at least one choice")
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
        if self.kind != "continuous":
            for choice in self.choices:
                if choice == value and isinstance(choice, str) == isinstance(value, str):
                    return choice
            shown = ", ".join(map(repr, self.choices[:8]))
            more = f", ... ({len(self.choices)} in all)" if len(self.choices) > 8 else ""
            raise ParameterError(
                f"parameter {self.name!r}: {value!r} is not a choice; use one of {shown}{more}"
            )
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
            raise ParameterError(
                f"parameter {self.name!r}: {value!r} is not a number; "
                f"use one from {self.low:g} to {self.high:g}"
            )
        number = float(value)
        if not math.isfinite(number):
            raise ParameterError(
                f"parameter {self.name!r}: {number} is not finite; "
                f"use a number from {self.low:g} to {self.high:g}"
            )
        if not self.low <= number <= self.high:
            raise ParameterError(
                f"parameter {self.name!r}: {number:g} is out of range; "
                f"use a number from {self.low:g} to {self.high:g}"
            )
        return float(self.native(self.unit_value(number)))

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
            index = self.class_of(u)
            if self.kind == "categorical":
                return index.astype(np.float64)
            return np.asarray(self.choices, dtype=np.float64)[index]
        if self.scale == "log":
            value = self.low * np.exp(u * math.log(self.high / self.low))
            decimals = _DIGITS - 1 - np.floor(np.log10(value))
        else:
            value = self.low + u * (self.high - self.low)
            decimals = np.float64(_DIGITS - math.ceil(math.log10(self.high - self.low)))
        step = 10.0**decimals
        value = np.clip(np.rint(value * step) / step, self.low, self.high)
        return np.where(u <= 0.0, self.low, np.where(u >= 1.0, self.high, value))

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
        return cast(FloatArray, (k + 0.5) / self.classes)
