"""Where plug-ins lie on each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import HostingError

_SUFFIXES = (".vst3", ".component")


def plugin_folders() -> list[Path]:
    """Return the standard VST3 and Audio Unit folders of this system that exist.

    Sources: "VST 3 Locations" of the VST 3 developer portal; Apple's Audio Unit
    Programming Guide.
    """
    home = Path.home()
    if sys.platform == "darwin":
        roots = [base / "Library/Audio/Plug-Ins" for base in (home, Path("/"))]
        folders = [root / kind for root in roots for kind in ("VST3", "Components")]
    elif sys.platform == "win32":
        bases = [os.environ.get("LOCALAPPDATA"), os.environ.get("COMMONPROGRAMFILES")]
        tails = ["Programs/Common/VST3", "VST3"]
        folders = [Path(b) / t for b, t in zip(bases, tails, strict=True) if b]
    else:
        folders = [home / ".vst3", Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3")]
    return [folder for folder in folders if folder.is_dir()]


def _bundles(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Yield plug-ins in a folder and, vendors having folders of their own, below it."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix.lower() in _SUFFIXES:
            yield entry
        elif depth > 0 and entry.is_dir():
            yield from _bundles(entry, depth - 1)


def loadable(path: Path) -> Path:
    """Return what pedalboard loads: the bundle, but on Windows the binary inside it."""
    if sys.platform == "win32" and path.is_dir():
        inner = sorted(path.glob("Contents/x86_64-win/*.vst3"))
        if inner:
            return inner[0]
    return path


def find_plugin(
    names: Sequence[str], *, path: str | os.PathLike[str] | None = None, variable: str | None = None
) -> Path:
    """Return the path of a plug-in.

    Parameters
    ----------
    names : sequence of str
        File names without suffix that it goes by, any case, preferred first.
    path : path, optional
        The plug-in itself, which the user named; nothing else is then looked at.
    variable : str, optional
        An environment variable that may hold such a path.

    Raises
    ------
    HostingError
        If it is not there; the message lists where was looked.
    """
    named = path or (os.environ.get(variable) if variable else None)
    if named:
        given = Path(named)
        if not given.exists():
            raise HostingError(f"no plug-in at {given}; check --plugin or {variable}")
        return loadable(given)
    folders = plugin_folders()
    installed = [bundle for folder in folders for bundle in _bundles(folder)]
    for name in names:
        for bundle in installed:
            if bundle.stem.casefold() == name.casefold():
                return loadable(bundle)
    looked = ", ".join(map(str, folders)) or "no plug-in folder exists here"
    where = f" or set {variable}" if variable else ""
    raise HostingError(
        f"plug-in {' / '.join(names)} is not installed (looked in: {looked}); "
        f"name it with --plugin PATH{where}"
    )
