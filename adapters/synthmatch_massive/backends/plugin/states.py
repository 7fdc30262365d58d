"""Massive's own presets: only Massive can make and open them.

A process of its own loads the plug-in and is given a request on its standard input, a line of
JSON and the preset to read, if any; it answers in the same form. What it wrote it has opened
again and read back.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping

from synthmatch.errors import HostingError, SynthmatchError

from ...space import ORDER
from .hosted import LOADER, Plugin

_START = (
    "import sys; sys.path[:] = {folders!r}; "
    "from synthmatch_massive.backends.plugin.states import serve; serve({loader!r}, {path!r})"
)
_LIMIT = 120.0  # s
_NEAR = 0.01  # within which a value counts as kept


def write_state(plugin: Plugin, values: Mapping[str, float]) -> bytes:
    """Return a ``.vstpreset`` file of values by name.

    Raises
    ------
    HostingError
        If the plug-in does not work, is no VST3, or its preset does not keep the values.
    """
    data, _ = _ask(plugin, values, b"")
    return data


def read_state(plugin: Plugin, data: bytes) -> dict[str, float]:
    """Return the values by name that a ``.vstpreset`` file sets.

    Raises
    ------
    HostingError
        If the plug-in does not work, is no VST3, or does not open the file.
    """
    _, values = _ask(plugin, None, data)
    return values


def _ask(
    plugin: Plugin, values: Mapping[str, float] | None, data: bytes
) -> tuple[bytes, dict[str, float]]:
    if not plugin.writes_presets:
        raise HostingError("only the VST3 of Massive knows .vstpreset files; this is another kind")
    code = _START.format(folders=sys.path, loader=LOADER, path=str(plugin.path))
    request = json.dumps(None if values is None else dict(values)).encode() + b"\n" + data
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=request,
            capture_output=True,
            timeout=_LIMIT,
            env={**os.environ, **plugin.environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HostingError(f"it took more than {_LIMIT:g} s over a preset") from None
    line, _, rest = done.stdout.partition(b"\n")
    try:
        answer = json.loads(line)
    except ValueError:
        raise HostingError(f"it crashed over a preset (exit status {done.returncode})") from None
    if "error" in answer:
        raise HostingError(str(answer["error"]))
    return rest, {name: float(answer[name]) for name in ORDER}


def serve(loader: str, path: str) -> None:
    """Answer one request; what the plug-in prints is dropped."""
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    line = sys.stdin.buffer.readline()
    data = sys.stdin.buffer.read()
    try:
        made, values = _carry_out(loader, path, json.loads(line), data)
        answer = json.dumps(values).encode() + b"\n" + made
    except Exception as error:
        name = "" if isinstance(error, SynthmatchError) else f"{type(error).__name__}: "
        answer = json.dumps({"error": " ".join(f"{name}{error}".split())}).encode()
    answers.write(answer)
    answers.flush()
    os._exit(0)  # some plug-ins crash while they are unloaded


def _carry_out(
    loader: str, path: str, values: Mapping[str, float] | None, data: bytes
) -> tuple[bytes, dict[str, float]]:
    """Return a preset of values, or the values of a preset."""
    module, _, attribute = loader.partition(":")
    instrument = getattr(importlib.import_module(module), attribute)(path)
    if values is None:
        instrument.state = data
        return b"", instrument.values
    instrument.set(values)
    made = instrument.state
    instrument.state = made
    kept = instrument.values
    lost = [name for name in ORDER if not abs(kept[name] - float(values[name])) <= _NEAR]
    if lost:
        raise HostingError(f"the preset that it writes does not keep {', '.join(lost)}")
    return made, kept
