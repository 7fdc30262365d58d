"""An immutable preset of one synth, and its JSON form."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ..errors import ParameterError
from .parameter import Value


class Patch(Mapping[str, Value]):
    """An immutable mapping from the parameter names of one synth to native values."""

    __slots__ = ("_synth", "_values")

    def __init__(self, synth: str, values: Mapping[str, Value]) -> None:
        self._synth = synth
        self._values = MappingProxyType(dict(values))

    @property
    def synth(self) -> str:
        """Name of the synth that the patch belongs to."""
        return self._synth

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Patch):
            return NotImplemented
        return self.synth == other.synth and self._values == other._values

    def __hash__(self) -> int:
        return hash((self.synth, frozenset(self._values.items())))

    def __repr__(self) -> str:
        return f"Patch({self.synth!r}, {dict(self._values)!r})"

    def __reduce__(self) -> tuple[type[Patch], tuple[str, dict[str, Value]]]:
        return Patch, (self.synth, dict(self._values))

    def replace(self, /, **values: Value) -> Patch:
        """Return a patch with other ``values``; they are checked when it is used.

        Raises
        ------
        ParameterError
            If the patch has no parameter of such a name.

        Examples
        --------
        >>> Patch("organ", {"level": 0.5, "octave": 0}).replace(level=0.25)
        Patch('organ', {'level': 0.25, 'octave': 0})
        """
        for name in values:
            if name not in self._values:
                near = difflib.get_close_matches(name, self._values, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self)}"
                raise ParameterError(f"this patch of {self.synth!r} has no {name!r}; {hint}")
        return Patch(self.synth, {**self._values, **values})

    def to_json(self) -> str:
        """Return the patch as readable JSON; :meth:`from_json` gives it back exactly."""
        return json.dumps({"synth": self.synth, "parameters": dict(self._values)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Patch:
        """Return the patch that :meth:`to_json` wrote; values are checked by the space.

        Raises
        ------
        ParameterError
            If ``text`` is not JSON, or not a patch.
        """
        try:
            data = json.loads(text)
            synth, values = data["synth"], data["parameters"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ParameterError(
                'not a synthmatch patch; expected JSON like {"synth": ..., "parameters": {...}}'
            ) from None
        if not isinstance(synth, str) or not isinstance(values, dict):
            raise ParameterError('not a patch: "synth" must be text and "parameters" an object')
        return cls(synth, values)
