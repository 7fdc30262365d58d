"""Preset files: JSON by parameter name, and Massive's own through the plug-in.

``.json``
    Readable. One that was made on the stand-in says so under ``made_on``.
``.vstpreset``
    A preset of Massive's VST3. Only Massive can write and read it, so it takes
    ``backend="plugin"``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from synthmatch.errors import HostingError, PresetError, SynthmatchError
from synthmatch.parameters import Patch

from .space import ORDER, SYNTH, to_values

if TYPE_CHECKING:
    from .backends.plugin import Plugin

SUFFIXES = (".vstpreset", ".json")
_LIMIT = 64 << 20  # bytes
_NEEDED = 'only Massive itself knows .vstpreset files; use backend="plugin", or .json'


def write_patch(path: Path, patch: Patch, plugin: Plugin | None, remark: str = "") -> None:
    """Write a patch; the suffix of ``path`` picks the format, ``remark`` goes into JSON.

    Raises
    ------
    PresetError
        If the suffix is another, the file cannot be written, or Massive is needed and does
        not do it.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        made = {"made_on": remark} if remark else {}
        data = (json.dumps({**json.loads(patch.to_json()), **made}, indent=2) + "\n").encode()
    elif suffix == ".vstpreset":
        from .backends.plugin import write_state

        try:
            data = write_state(_needed(plugin), to_values(patch))
        except HostingError as error:
            raise PresetError(f"{path}: {error}") from None
    else:
        raise PresetError(f"{path}: presets of Massive end in {' or '.join(SUFFIXES)}")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PresetError(f"cannot write {path}: {error.strerror or error}") from error


def read_patch(path: Path, plugin: Plugin | None) -> Patch:
    """Return the patch of a file; its suffix picks the format.

    Raises
    ------
    PresetError
        If the file is of another format, cannot be read, or needs Massive.
    """
    suffix = path.suffix.lower()
    try:
        if suffix not in SUFFIXES:
            raise PresetError(f"presets of Massive end in {' or '.join(SUFFIXES)}")
        data = _content(path)
        if suffix == ".json":
            return Patch.from_json(data.decode("utf-8"))
        from .backends.plugin import read_state

        values = read_state(_needed(plugin), data)
        return Patch(SYNTH, {name: min(max(values[name], 0.0), 1.0) for name in ORDER})
    except UnicodeDecodeError:
        raise PresetError(f"{path}: not a text file; expected a JSON patch") from None
    except SynthmatchError as error:
        raise PresetError(f"{path}: {error}") from None


def _needed(plugin: Plugin | None) -> Plugin:
    if plugin is None:
        raise HostingError(_NEEDED)
    return plugin


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LIMIT:
            raise PresetError(f"larger than {_LIMIT >> 20} MB, too large for a preset")
        return path.read_bytes()
    except OSError as error:
        raise PresetError(f"cannot be read: {error.strerror or error}") from error
