"""Where plug-ins lie on each system."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import HostingError

FORMATS = (".vst3", ".component")
"""Suffixes of VST3 plug-ins and Audio Units, which pedalboard plays."""

_LOCATIONS = {
    "darwin": (
        "~/Library/Audio/Plug-Ins/VST3",
        "/Library/Audio/Plug-Ins/VST3",
        "~/Library/Audio/Plug-Ins/Components",
        "/Library/Audio/Plug-Ins/Components",
    ),
    "win32": ("%LOCALAPPDATA%/Programs/Common/VST3", "%COMMONPROGRAMFILES%/VST3"),
}
_ELSEWHERE = ("~/.vst3", "/usr/local/lib/vst3", "/usr/lib/vst3", "/usr/lib64/vst3")
_VARIABLE = {"%LOCALAPPDATA%": "LOCALAPPDATA", "%COMMONPROGRAMFILES%": "COMMONPROGRAMFILES"}
_DEPTH = 2  # vendors have folders of their own


def plugin_folders() -> list[Path]:
    """Return the standard VST3 and Audio Unit folders of this system that exist.

    Sources: "VST 3 Locations" of the VST 3 developer portal; Apple's Audio Unit
    Programming Guide. The user's own come first.
    """
    folders = []
    for location in _LOCATIONS.get(sys.platform, _ELSEWHERE):
        head, _, tail = location.partition("/")
        if head == "~":
            folders.append(Path.home() / tail)
        elif head in _VARIABLE:
            base = os.environ.get(_VARIABLE[head])
            folders += [Path(base) / tail] if base else []
        else:
            folders.append(Path(location))
    return [folder for folder in folders if folder.is_dir()]


def find_plugin(
    names: Sequence[str],
    *,
    path: str | os.PathLike[str] | None = None,
    variable: str | None = None,
    formats: Sequence[str] = FORMATS,
) -> Path:
    """Return the path of a plug-in, as pedalboard loads it.

    Parameters
    ----------
    names : sequence of str
        File names without suffix that it goes by, any case, preferred first.
    path : path, optional
        The plug-in itself or a folder that it is in, named by the user; nothing else is
        then looked at.
    variable : str, optional
        An environment variable that may hold such a path.
    formats : sequence of str
        Suffixes that will do, preferred first.

    Raises
    ------
    HostingError
        If it is not there; the message lists where was looked.
    """
    named = path or (os.environ.get(variable) if variable else None)
    if named:
        source = "" if path else f" (from {variable})"
        return _loadable(_given(Path(named).expanduser(), names, formats, source))
    folders = plugin_folders()
    found = _pick([p for folder in folders for p in _plugins(folder)], names, formats)
    if found is None:
        looked = ", ".join(map(str, folders)) or "no plug-in folder exists"
        where = f" or in the environment variable {variable}" if variable else ""
        raise HostingError(
            f"the plug-in {' or '.join(names)} is not installed (looked in: {looked}); "
            f"if it is elsewhere, say where with --plugin PATH{where}"
        )
    return _loadable(found)


def _given(path: Path, names: Sequence[str], formats: Sequence[str], source: str) -> Path:
    """Return the plug-in at, around or in a path that the user named."""
    if not path.exists():
        raise HostingError(f"there is no plug-in at {path}{source}")
    for place in (path, *path.parents):
        if place.suffix.lower() in formats:
            return place
    found = _pick(_plugins(path), names, formats) if path.is_dir() else None
    if found is None:
        raise HostingError(
            f"{path}{source} is not the plug-in {' or '.join(names)} "
            f"({', '.join(formats)}), nor a folder that it is in"
        )
    return found


def _pick(plugins: Sequence[Path], names: Sequence[str], formats: Sequence[str]) -> Path | None:
    """Return the plug-in with the first of ``names`` in the first of ``formats``."""
    for name in names:
        for suffix in formats:
            for plugin in plugins:
                if (plugin.stem.casefold(), plugin.suffix.lower()) == (name.casefold(), suffix):
                    return plugin
    return None


def _plugins(folder: Path) -> list[Path]:
    return list(_walk(folder, _DEPTH))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # no folder, or not ours to read
        return
    for entry in entries:
        if entry.suffix.lower() in FORMATS:
            yield entry
        elif depth > 0:
            yield from _walk(entry, depth - 1)


def _loadable(path: Path) -> Path:
    """Return what pedalboard loads: the bundle, but on Windows the binary inside it."""
    if sys.platform != "win32" or not path.is_dir():
        return path
    kinds = ("arm64-win", "arm64x-win") if platform.machine() == "ARM64" else ("x86_64-win",)
    for kind in kinds:
        inner = sorted((path / "Contents" / kind).glob("*.vst3"))
        if inner:
            return inner[0]
    raise HostingError(f"{path} holds no plug-in for this system ({' or '.join(kinds)})")
