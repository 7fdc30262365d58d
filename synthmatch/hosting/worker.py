"""What runs inside a worker process: one plug-in, told what to play over a pipe."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..synth import AudioArray, Note


class Instrument(Protocol):
    """A loaded plug-in, as the worker sees it."""

    info: dict[str, str]

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, play the note, return mono ``float32 [samples]``."""


class PedalboardInstrument:
    """A VST3 or Audio Unit instrument loaded by pedalboard.

    Parameters
    ----------
    path : str
        The bundle (on Windows the binary inside it).
    """

    def __init__(self, path: str) -> None:
        import pedalboard

        load: Any = vars(pedalboard)["load_plugin"]  # its type stubs do not export it
        self._plugin = load(path)
        if not self._plugin.is_instrument:
            raise ValueError("it is an effect, not an instrument")
        self.info = {
            "name": str(self._plugin.name),
            "version": str(self._plugin.version),
            "manufacturer": str(self._plugin.manufacturer_name),
            "path": path,
            "pedalboard": importlib.metadata.version("pedalboard"),
        }

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, play the note, return mono ``float32 [samples]``."""
        if state:
            if hasattr(self._plugin, "preset_data"):
                self._plugin.preset_data = state
            else:
                self._plugin.raw_state = state
        pitch = min(127, max(0, round(note.pitch)))
        messages = [
            (bytes([0x90, pitch, note.velocity]), 0.0),
            (bytes([0x80, pitch, 0]), note.held),
        ]
        samples = note.samples(sample_rate)
        stereo = self._plugin(
            messages,
            duration=(samples + 0.5) / sample_rate,
            sample_rate=sample_rate,
            num_channels=2,
            reset=True,
        )
        mono = np.zeros(samples, dtype=np.float32)
        heard = np.asarray(stereo, dtype=np.float32).mean(axis=0)[:samples]
        mono[: len(heard)] = heard
        return mono


def _silence_output() -> None:
    """Plug-ins print; nobody wants to read it in the middle of a progress bar."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    os.close(null)


def _resolve(loader: str) -> Callable[[str], Instrument]:
    module, _, attribute = loader.partition(":")
    found: Callable[[str], Instrument] = getattr(importlib.import_module(module), attribute)
    return found


def serve(connection: Connection, loader: str, path: str) -> None:
    """Load the plug-in, say so, then play what is asked until the pipe closes."""
    _silence_output()
    try:
        instrument = _resolve(loader)(str(Path(path)))
    except Exception as error:
        connection.send(("error", f"{type(error).__name__}: {error}".replace("\n", " ")))
        return
    connection.send(("ready", instrument.info))
    while True:
        try:
            state, note, sample_rate = connection.recv()
        except (EOFError, KeyboardInterrupt):
            break
        try:
            connection.send(("audio", instrument.play(state, note, sample_rate)))
        except KeyboardInterrupt:
            break
        except Exception as error:
            connection.send(("error", f"{type(error).__name__}: {error}".replace("\n", " ")))
    connection.close()
    sys.stdout.flush()
    os._exit(0)  # some plug-ins crash or hang while they are unloaded; nothing is left to save
