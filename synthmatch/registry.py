"""Synths and models by name, found through entry points and loaded when asked for.

An adapter package registers a synth in group ``synthmatch.synths``; the entry point is a
class or function that returns a :class:`~synthmatch.synth.Synth`. A package that ships
weights registers each model in group ``synthmatch.models``; the entry point is a
function without arguments that returns the model's folder.
"""

from __future__ import annotations

import difflib
import inspect
import os
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path
from typing import Any

from .errors import RegistryError, RegistryWarning, SynthmatchError
from .synth import Synth

SYNTHS = "synthmatch.synths"
MODELS = "synthmatch.models"


def _distribution(entry: EntryPoint) -> str:
    try:
        return str(entry.dist.name) if entry.dist is not None else entry.value
    except Exception:  # a package without metadata of its own
        return entry.value


def installed(group: str) -> dict[str, list[EntryPoint]]:
    """Return the entry points of ``group`` by name, one for each package that claims it.

    Nothing is loaded. A package whose list of entry points cannot be read is left out with
    a warning.
    """
    found: dict[str, dict[tuple[str, str], EntryPoint]] = {}
    for entry in _entries(group):
        found.setdefault(entry.name, {})[_distribution(entry), entry.value] = entry
    return {name: list(claims.values()) for name, claims in sorted(found.items())}


def _entries(group: str) -> Iterable[EntryPoint]:
    """Return the entry points of ``group``, package by package where one is broken."""
    try:
        return entry_points(group=group)
    except Exception:
        entries: dict[str, list[EntryPoint]] = {}
        for package in distributions():
            name = str(package.name)
            try:
                mine = [entry for entry in package.entry_points if entry.group == group]
            except Exception as error:
                warnings.warn(
                    f"package {name!r} is left out: its entry points cannot be read "
                    f"({_line(error)}); install it again",
                    RegistryWarning,
                    stacklevel=3,
                )
                continue
            entries.setdefault(name, mine)  # the first on the path is the one that is imported
        return [entry for mine in entries.values() for entry in mine]


def load_entry(group: str, kind: str, name: str) -> Any:
    """Return what entry point ``name`` of ``group`` loads; ``kind`` names it in errors.

    Raises
    ------
    RegistryError
        If the name is unknown, claimed by two packages, or its package fails to load.
    """
    found = installed(group)
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        have = ", ".join(found) or "none"
        raise RegistryError(
            f"no {kind} named {name!r}; {hint}installed: {have}. "
            f"Another needs a package that registers it in entry-point group {group!r}"
        )
    claims = found[name]
    if len(claims) > 1:
        owners = " and ".join(sorted(f"{_distribution(e)} ({e.value})" for e in claims))
        raise RegistryError(f"{kind} {name!r} is claimed by {owners}; uninstall one of them")
    return _call(claims[0].load, f"{kind} {name!r} of package {_distribution(claims[0])}")


def _call(function: Callable[..., Any], what: str, **options: Any) -> Any:
    """Return ``function(**options)``; whatever a foreign package raises becomes one line."""
    try:
        return function(**options)
    except SynthmatchError:
        raise
    except (Exception, SystemExit) as error:
        raise RegistryError(f"{what} fails to load: {_line(error)}") from error


def _line(error: BaseException) -> str:
    """Return an error of a foreign package in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def list_synths() -> list[str]:
    """Return the names of all installed synths, sorted, without loading any."""
    return list(installed(SYNTHS))


def load_synth(name: str, **options: Any) -> Synth:
    """Return the synth registered under ``name``.

    Parameters
    ----------
    name : str
        One of :func:`list_synths`.
    **options
        Passed to the adapter, which documents them.

    Raises
    ------
    RegistryError
        If the name is unknown, claimed by two packages, or its package fails to load.
    """
    factory = load_entry(SYNTHS, "synth", name)
    if not callable(factory):
        raise RegistryError(
            f"synth {name!r} is registered as {factory!r}; register a class or function"
        )
    try:
        inspect.signature(factory).bind(**options)
    except TypeError as error:
        raise RegistryError(f"synth {name!r} does not take these options: {error}") from error
    except ValueError:
        pass  # a factory without a signature, such as one in C, says so itself
    synth: Synth = _call(factory, f"synth {name!r}", **options)
    if not _call(lambda: isinstance(synth, Synth), f"synth {name!r}"):
        raise RegistryError(
            f"synth {name!r} is not a Synth: it needs name, space, sample_rate and render; "
            f"run synthmatch.testing.check_synth on it"
        )
    return synth


def _bundled_models() -> dict[str, Path]:
    """Return the model folders that came with synthmatch: in the wheel, else beside the source."""
    package = Path(__file__).parent
    for folder in (package / "pretrained", package.parent / "pretrained"):
        if folder.is_dir():
            return {p.parent.name: p.parent for p in sorted(folder.glob("*/config.json"))}
    return {}


def list_models() -> list[str]:
    """Return the names of all installed models, sorted."""
    return sorted({*_bundled_models(), *installed(MODELS)})


def find_model(model: str | os.PathLike[str]) -> Path:
    """Return the folder of an installed model, or else the folder that ``model`` is.

    A folder that has the name of an installed model is meant by ``./name`` or a ``Path``.

    Raises
    ------
    RegistryError
        If there is neither, or the name is claimed twice.
    """
    if isinstance(model, str) and model in list_models():
        return model_folder(model)
    folder = Path(model)
    return folder if folder.is_dir() else model_folder(os.fspath(model))


def model_folder(name: str) -> Path:
    """Return the folder of the model registered under ``name``.

    Raises
    ------
    RegistryError
        If the name is unknown or claimed twice.
    """
    bundled = _bundled_models()
    registered = installed(MODELS)
    if name in bundled and name in registered:
        owners = ", ".join(_distribution(e) for e in registered[name])
        raise RegistryError(f"model {name!r} comes with synthmatch and with {owners}")
    if name in bundled:
        return bundled[name]
    if name not in registered:
        have = ", ".join(list_models()) or "none"
        raise RegistryError(f"no model named {name!r}; installed: {have}; or give a folder")
    function = load_entry(MODELS, "model", name)
    return Path(_call(lambda: os.fspath(function()), f"model {name!r}"))
