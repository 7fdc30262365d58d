"""What `synthmatch doctor` says of the plug-in."""

from __future__ import annotations

import importlib.util
import os
import time

import numpy as np

from synthmatch.errors import HostingError
from synthmatch.synth import Finding, Note

from .hosted import VARIABLE, Plugin
from .probes import probe_presets

_SUBJECT = "plug-in"
_NOTE = Note(60, 64, held=1.0, total=1.5)
_CLOSE = 40.0  # dB signal-to-error from which two renders count as the same sound


def diagnose(path: str | os.PathLike[str] | None) -> list[Finding]:
    """Return what there is of the plug-in, and whether it plays, takes its state and repeats."""
    if importlib.util.find_spec("pedalboard") is None:
        text = 'pedalboard, which hosts it, is not; `pip install "synthmatch[tal]"` brings it'
        return [Finding("absent", _SUBJECT, text)]
    try:
        plugin = Plugin(path, processes=1)
    except HostingError as error:
        named = path or os.environ.get(VARIABLE)
        return [Finding("broken" if named else "absent", _SUBJECT, str(error))]
    try:
        return _listen(plugin)
    except HostingError as error:
        return [Finding("broken", _SUBJECT, f"{error}; it is {plugin.path}")]
    finally:
        plugin.close()


def _listen(plugin: Plugin) -> list[Finding]:
    from ..embedded import play

    info = plugin.host.start()
    preset = probe_presets()[1]
    began = time.perf_counter()
    hosted = plugin.render(preset, _NOTE, 44100)
    milliseconds = 1000 * (time.perf_counter() - began)
    own = play(preset[None], _NOTE, 44100)[0]
    decibels = 20 * np.log10(np.linalg.norm(own) / max(float(np.linalg.norm(hosted - own)), 1e-9))
    texts = [
        f"{info['name']} {info['version']}, by pedalboard {info['pedalboard']}: {plugin.path}",
        f"plays and takes its state; {milliseconds:.0f} ms for a note of {_NOTE.total:g} s",
        "repeats itself" if plugin.host.repeats else "repeats itself only in a new process: slow",
    ]
    if plugin.host.carries_over:
        texts[-1] += "; presets with sample and hold or detuning need a process each: slow"
    if decibels >= _CLOSE:
        texts.append("plays as the embedded engine does")
    else:
        texts.append(
            f"differs from the embedded engine ({decibels:.0f} dB signal-to-error): "
            f"is it the open-source version?"
        )
    return [Finding("ok", _SUBJECT, text) for text in texts]
