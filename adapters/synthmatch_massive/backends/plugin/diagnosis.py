"""What `synthmatch doctor` says of the plug-in, and of what stands in for it."""

from __future__ import annotations

import importlib.util
import os
import time

import numpy as np

from synthmatch.errors import HostingError
from synthmatch.synth import Finding, Note

from ...space import ORDER
from .hosted import VARIABLE, Plugin
from .probes import probe_values

_SUBJECT = "plug-in"
_NOTE = Note(60, 127, held=1.0, total=1.5)
_STAND_IN = (
    "a wavetable synth with Massive's 16 parameters and structure plays unless --backend plugin "
    "is given; its presets are a starting point for Massive"
)


def diagnose(path: str | os.PathLike[str] | None) -> list[Finding]:
    """Return what there is of the plug-in, whether it plays and obeys, and what stands in."""
    return [Finding("ok", "stand-in", _STAND_IN), *_plugin(path)]


def _plugin(path: str | os.PathLike[str] | None) -> list[Finding]:
    if importlib.util.find_spec("pedalboard") is None:
        text = 'pedalboard, which hosts it, is not; `pip install "synthmatch[massive]"` brings it'
        return [Finding("absent", _SUBJECT, text)]
    try:
        plugin = Plugin(path, processes=1)
    except HostingError as error:
        named = path or os.environ.get(VARIABLE)
        return [Finding("broken" if named else "absent", _SUBJECT, str(error))]
    try:
        info = plugin.host.start()
        preset = np.array([probe_values()[0][name] for name in ORDER])
        began = time.perf_counter()
        plugin.render(preset, _NOTE, 44100)
        milliseconds = 1000 * (time.perf_counter() - began)
    except HostingError as error:
        return [Finding("broken", _SUBJECT, f"{error}; it is {plugin.path}")]
    finally:
        plugin.close()
    name = f"{info['name']} {info['version']}, by pedalboard {info['pedalboard']}: {plugin.path}"
    played = (
        f"plays and keeps its parameters; {milliseconds:.0f} ms for a note of {_NOTE.total:g} s"
    )
    return [Finding("ok", _SUBJECT, text) for text in (name, played)]
