"""The ordered parameters of one synth, and the three views of a sound of it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .parameter import FloatArray, IntArray, Parameter, Value
from .patch import Patch


class ParameterSpace:
    """The ordered parameters of one synth, some of which may be frozen.

    Parameters
    ----------
    synth : str
        Name of the synth that patches of this space belong to.
    parameters : sequence of Parameter
        All parameters, frozen ones included; names must be unique.
    frozen : mapping, optional
        Native values of the parameters that are held fixed. Vectors and classes have
        no coordinate for them; patches always carry them.

    Notes
    -----
    Iterating, ``len`` and vectors go over the *free* parameters, in order.
    """

    def __init__(
        self,
        synth: str,
        parameters: Sequence[Parameter],
        frozen: Mapping[str, Value] | None = None,
    ) -> None:
        self.synth = synth
        self.parameters = tuple(parameters)
        self._by_name = {p.name: p for p in self.parameters}
        if len(self._by_name) != len(self.parameters):
            names = [p.name for p in self.parameters]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ParameterError(f"synth {synth!r} names a parameter twice: {', '.join(twice)}")
        given = frozen or {}
        for name in given:
            self[name]
        self.frozen: Mapping[str, Value] = MappingProxyType(
            {p.name: p.canonical(given[p.name]) for p in self.parameters if p.name in given}
        )

    @cached_property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that vectors have a coordinate for, in order."""
        return tuple(p for p in self.parameters if p.name not in self.frozen)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free parameters, in the order of vector coordinates."""
        return tuple(p.name for p in self.free)

    @cached_property
    def _free_columns(self) -> IntArray:
        return np.array(
            [i for i, p in enumerate(self.parameters) if p.name not in self.frozen], dtype=np.int64
        )

    @cached_property
    def _base_vector(self) -> FloatArray:
        values = [self.frozen.get(p.name, p.default) for p in self.parameters]
        pairs = zip(self.parameters, values, strict=True)
        return np.array([p.unit_value(v) for p, v in pairs], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.free)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.free)

    def __getitem__(self, name: str) -> Parameter:
        """Return a parameter, free or frozen, by name."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ParameterError(self._unknown(name)) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ParameterSpace):
            return NotImplemented
        return (self.synth, self.parameters, dict(self.frozen)) == (
            other.synth,
            other.parameters,
            dict(other.frozen),
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[ParameterSpace], tuple[Any, ...]]:
        return ParameterSpace, (self.synth, self.parameters, dict(self.frozen))

    def __repr__(self) -> str:
        return f"<ParameterSpace {self.synth!r}: {len(self)} free, {len(self.frozen)} frozen>"

    def _unknown(self, name: object) -> str:
        near = difflib.get_close_matches(str(name), self._by_name, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"see `synthmatch params {self.synth}`"
        return f"synth {self.synth!r} has no parameter {name!r}; {hint}"

    def patch(self, values: Mapping[str, Value] | None = None) -> Patch:
        """Return a full, checked patch: ``values`` over frozen values over defaults.

        Raises
        ------
        ParameterError
            For a patch of another synth, an unknown name, a value out of range, not
            finite or not a choice, or one that contradicts a frozen value.
        """
        given = values if values is not None else {}
        if isinstance(given, Patch) and given.synth != self.synth:
            raise ParameterError(
                f"this patch belongs to synth {given.synth!r}, not to {self.synth!r}; "
                f"load it with that synth"
            )
        for name in given:
            if name not in self._by_name:
                raise ParameterError(self._unknown(name))
        full: dict[str, Value] = {}
        for p in self.parameters:
            full[p.name] = self.frozen.get(p.name, p.default)
            if p.name in given:
                value = p.canonical(given[p.name])
                if p.name in self.frozen and value != self.frozen[p.name]:
                    raise ParameterError(
                        f"parameter {p.name!r} is frozen at {self.frozen[p.name]!r}; "
                        f"leave it out or unfreeze it to use {value!r}"
                    )
                full[p.name] = value
        return Patch(self.synth, full)

    def encode(self, patch: Mapping[str, Value]) -> FloatArray:
        """Return the unit-cube vector ``[d]`` of a patch (missing values: defaults)."""
        full = self.patch(patch)
        return np.array([p.unit_value(full[p.name]) for p in self.free], dtype=np.float64)

    def decode(self, vector: npt.ArrayLike) -> Patch:
        """Return the patch of one unit-cube vector ``[d]``."""
        row = self.expand(np.asarray(vector, dtype=np.float64)[None])[0]
        values: dict[str, Value] = {}
        for p, u in zip(self.parameters, row, strict=True):
            if p.name in self.frozen:
                values[p.name] = self.frozen[p.name]
            elif p.kind == "continuous":
                values[p.name] = float(p.native(u))
            else:
                values[p.name] = p.choices[int(p.choice_of(u))]
        return Patch(self.synth, values)

    def includes(self, other: ParameterSpace) -> bool:
        """Return whether every patch of another space of this synth is one of this space.

        Then :meth:`adopt` makes vectors of it vectors of this space.
        """
        names = {p.name for p in other.parameters}
        if other.synth != self.synth or names != set(self._by_name):
            return False
        for theirs in other.parameters:
            mine = self._by_name[theirs.name]
            native: tuple[Value, ...] = theirs.choices
            if theirs.name in other.frozen:
                native = (other.frozen[theirs.name],)
            elif theirs.kind == "continuous":
                if mine.kind != "continuous":
                    return False
                native = (theirs.low, theirs.high)
            try:
                kept = {mine.canonical(value) for value in native}
            except ParameterError:
                return False
            if mine.name in self.frozen and kept != {self.frozen[mine.name]}:
                return False
        return True

    def adopt(self, other: ParameterSpace, vectors: npt.ArrayLike) -> FloatArray:
        """Return vectors ``[n, d]`` of this space for ``[n, k]`` of one that it includes.

        They are of the same patches.
        """
        x = other.check_vectors(vectors)
        columns = {p.name: x[:, i] for i, p in enumerate(other.free)}
        made = np.empty((len(x), len(self)))
        for i, mine in enumerate(self.free):
            theirs = other[mine.name]
            if mine.name in other.frozen:
                made[:, i] = mine.unit_value(mine.canonical(other.frozen[mine.name]))
            elif theirs.kind == "continuous":
                native = theirs.native(columns[mine.name])
                made[:, i] = [mine.unit_value(mine.canonical(float(value))) for value in native]
            else:
                units = [mine.unit_value(mine.canonical(choice)) for choice in theirs.choices]
                made[:, i] = np.array(units)[theirs.choice_of(columns[mine.name])]
        return made

    def check_vectors(self, vectors: npt.ArrayLike) -> FloatArray:
        """Return ``vectors`` as ``float64 [n, d]``; refuse another shape, NaN, or out of [0, 1]."""
        x = np.asarray(vectors, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self):
            raise ParameterError(
                f"vectors of {self.synth!r} have shape [n, {len(self)}], not {list(x.shape)}"
            )
        bad = ~((x >= 0.0) & (x <= 1.0))
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ParameterError(
                f"vector {row} has {x[row, column]} for parameter {self.names[column]!r}; "
                f"unit-cube coordinates run from 0 to 1"
            )
        return x

    def expand(self, vectors: npt.ArrayLike) -> FloatArray:
        """Return ``[n, len(parameters)]``: free coordinates with the frozen ones filled in."""
        x = self.check_vectors(vectors)
        if not self.frozen:
            return x
        full = np.tile(self._base_vector, (len(x), 1))
        full[:, self._free_columns] = x
        return full

    def to_native(self, vectors: npt.ArrayLike) -> FloatArray:
        """Return native numbers ``[n, len(parameters)]``, frozen ones included.

        Ordinal parameters give their number, categorical ones the index of the choice.
        """
        full = self.expand(vectors)
        out = np.empty_like(full)
        for column, p in enumerate(self.parameters):
            out[:, column] = p.native(full[:, column])
        return out

    def to_native_by_name(self, vectors: npt.ArrayLike) -> dict[str, npt.NDArray[Any]]:
        """Return the native values of ``vectors [n, d]`` by parameter name, frozen ones included.

        Returns
        -------
        dict of str to ndarray
            Arrays ``[n]``. Continuous and ordinal parameters: ``float64`` native numbers.
            Categorical ones: ``int64`` indices into ``choices``, to look values up in
            tables; ``np.array(parameter.choices)[index]`` gives the choices themselves.

        Examples
        --------
        >>> space = ParameterSpace(
        ...     "organ",
        ...     [
        ...         Parameter.continuous("level", 0, 10),
        ...         Parameter.categorical("pipe", ["oak", "tin"]),
        ...     ],
        ... )
        >>> space.to_native_by_name([[0.5, 0.0], [1.0, 0.75]])
        {'level': array([ 5., 10.]), 'pipe': array([0, 1])}
        """
        columns = zip(self.parameters, self.expand(vectors).T, strict=True)
        return {
            p.name: (p.choice_of if p.kind == "categorical" else p.native)(u) for p, u in columns
        }

    def to_classes(self, vectors: npt.ArrayLike) -> IntArray:
        """Return the classes ``int64 [n, d]`` of vectors ``[n, d]``."""
        x = self.check_vectors(vectors)
        columns = [p.class_of(x[:, i]) for i, p in enumerate(self.free)]
        return np.stack(columns, axis=1) if columns else np.zeros(x.shape, dtype=np.int64)

    def from_classes(self, classes: npt.ArrayLike) -> FloatArray:
        """Return the vectors ``[n, d]`` at the centres of classes ``[n, d]``."""
        k = np.asarray(classes)
        if k.ndim != 2 or k.shape[1] != len(self) or not np.issubdtype(k.dtype, np.integer):
            raise ParameterError(
                f"classes of {self.synth!r} are integers [n, {len(self)}], "
                f"not {k.dtype} {list(k.shape)}"
            )
        out = np.empty(k.shape, dtype=np.float64)
        for i, p in enumerate(self.free):
            if k.size and (k[:, i].min() < 0 or k[:, i].max() >= p.classes):
                raise ParameterError(f"parameter {p.name!r} has classes 0 to {p.classes - 1}")
            out[:, i] = p.unit_of_class(k[:, i])
        return out

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` uniform in the unit cube."""
        return rng.random((n, len(self)))

    def sample_classes(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, d]`` with every parameter uniform over its classes."""
        k = rng.integers(0, [p.classes for p in self.free], size=(n, len(self)))
        return self.from_classes(k)

    def freeze(self, values: Mapping[str, Value]) -> ParameterSpace:
        """Return this space with more parameters held at native ``values``."""
        return ParameterSpace(self.synth, self.parameters, {**self.frozen, **values})

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready description; :meth:`from_dict` gives the space back."""
        return {
            "synth": self.synth,
            "parameters": [dataclasses.asdict(p) for p in self.parameters],
            "frozen": dict(self.frozen),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ParameterSpace:
        """Return the space that :meth:`to_dict` described.

        Raises
        ------
        ParameterError
            If ``data`` is not such a description.
        """
        try:
            parameters = [_parameter(p) for p in data["parameters"]]
            return cls(data["synth"], parameters, data["frozen"])
        except (KeyError, TypeError, AttributeError, OverflowError):
            raise ParameterError("not the description of a parameter space") from None


def _parameter(data: Mapping[str, Any]) -> Parameter:
    """Return the parameter of a JSON object, checked as if it were defined anew."""
    name, kind = data["name"], data["kind"]
    common = {key: data[key] for key in ("default", "group", "unit")}
    if kind == "continuous":
        low, high, scale, classes = (data[key] for key in ("low", "high", "scale", "classes"))
        return Parameter.continuous(name, low, high, scale=scale, classes=classes, **common)
    if kind == "ordinal":
        return Parameter.ordinal(name, data["choices"], classes=data["classes"], **common)
    if kind == "categorical":
        return Parameter.categorical(name, data["choices"], **common)
    raise ParameterError(f"parameter {name!r} is of unknown kind {kind!r}")
