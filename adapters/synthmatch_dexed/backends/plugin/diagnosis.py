"""What `synthmatch doctor` says of the plug-in."""

from __future__ import annotations

import importlib.util
import os
import time

import numpy as np

from synthmatch.errors import HostingError
from synthmatch.synth import Finding, Note

from ...voices import COLUMN
from .. import Engine
from .hosted import VARIABLE, Plugin
from .probes import probe_voices

_SUBJECT = "plug-in"
_NOTE = Note(60, 64, held=2.0, total=4.0)
_CLOSE = 60.0  # dB signal-to-error from which two renders count as the same sound


def diagnose(path: str | os.PathLike[str] | None, engine: Engine) -> list[Finding]:
    """Return what there is of the plug-in, and whether it plays, takes its state and repeats."""
    if importlib.util.find_spec("pedalboard") is None:
        text = 'pedalboard, which hosts it, is not; `pip install "synthmatch[dexed]"` brings it'
        return [Finding("absent", _SUBJECT, text)]
    try:
        plugin = Plugin(path, engine=engine, processes=1)
    except HostingError as error:
        named = path or os.environ.get(VARIABLE)
        return [Finding("broken" if named else "absent", _SUBJECT, str(error))]
    try:
        return _listen(plugin, engine)
    except HostingError as error:
        return [Finding("broken", _SUBJECT, f"{error}; it is {plugin.path}")]
    finally:
        plugin.close()


def _listen(plugin: Plugin, engine: Engine) -> list[Finding]:
    from ..embedded import play

    info = plugin.host.start()
    voice = probe_voices()[0]
    voice[COLUMN["op1_key_velocity"]] = 7
    began = time.perf_counter()
    hosted = plugin.render(voice, _NOTE, 44100)
    milliseconds = 1000 * (time.perf_counter() - began)
    own = play(voice[None], _NOTE, 44100, engine)[0]
    decibels = 20 * np.log10(np.linalg.norm(own) / max(float(np.linalg.norm(hosted - own)), 1e-9))
    texts = [
        f"{info['name']} {info['version']}, by pedalboard {info['pedalboard']}: {plugin.path}",
        f"plays and takes its state; {milliseconds:.0f} ms for a note of 4 s",
        "repeats itself" if plugin.host.repeats else "repeats itself only in a new process: slow",
    ]
    if plugin.host.carries_over:
        texts[-1] += "; voices with a free LFO need a process each: slow"
    if decibels >= _CLOSE:
        texts.append("plays as the embedded engine does")
    else:
        texts.append(
            f"differs from the embedded engine ({decibels:.0f} dB signal-to-error); "
            f"do its preferences normalise velocity?"
        )
    return [Finding("ok", _SUBJECT, text) for text in texts]
