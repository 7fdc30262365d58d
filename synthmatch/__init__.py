"""Give synthmatch a recording; it returns a preset that makes that sound on a synthesizer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .errors import SynthmatchError

if TYPE_CHECKING:
    from .matcher import Match, Matcher
    from .parameters import Parameter, ParameterSpace, Patch
    from .registry import list_synths, load_synth
    from .synth import Note, Synth

_HOMES = {
    "Match": "matcher",
    "Matcher": "matcher",
    "Note": "synth",
    "Parameter": "parameters",
    "ParameterSpace": "parameters",
    "Patch": "parameters",
    "Synth": "synth",
    "list_synths": "registry",
    "load_synth": "registry",
}

__all__ = [
    "Match",
    "Matcher",
    "Note",
    "Parameter",
    "ParameterSpace",
    "Patch",
    "Synth",
    "SynthmatchError",
    "__version__",
    "list_synths",
    "load_synth",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'synthmatch' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
