"""What runs inside a worker process: one plug-in, told what to play over a pipe."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any, Protocol

import numpy as np

from ..errors import HostingError, SynthmatchError
from ..synth import AudioArray, Note
from .frames import receive, send

_LONGEST = 400  # characters of an error that are passed on


class Instrument(Protocol):
    """A loaded plug-in, as the worker sees it; a loader is given its path and returns one."""

    info: dict[str, str]

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, play the note, return mono ``float32 [samples]``."""


class PedalboardInstrument:
    """A VST3 or Audio Unit instrument loaded by pedalboard.

    It is loaded without pedalboard's warming up, which plays a note in silence and so
    leaves traces in the sounds that follow. Every note is played by a new instance, which
    is given its state after it is made: when pedalboard resets an instance, some lose it.

    Parameters
    ----------
    path : str
        The bundle (on Windows the binary inside it).

    Attributes
    ----------
    plugin : pedalboard.VST3Plugin or pedalboard.AudioUnitPlugin
        As pedalboard has loaded it.
    info : dict of str
        Its name, version and maker, and pedalboard's version.

    Raises
    ------
    HostingError
        If pedalboard is missing, or the plug-in is an effect.
    """

    def __init__(self, path: str) -> None:
        try:
            import pedalboard
        except ImportError as error:
            raise HostingError(
                f"pedalboard, which hosts plug-ins, does not load ({error}); "
                f"`pip install pedalboard` brings it"
            ) from error
        load: Any = vars(pedalboard)["load_plugin"]  # its type stubs do not export it
        self.plugin = load(path, initialization_timeout=0)
        if not self.plugin.is_instrument:
            raise HostingError("it is an effect, not an instrument")
        self._used = False
        self.info = {
            "name": str(self.plugin.name),
            "version": str(self.plugin.version),
            "manufacturer": str(self.plugin.manufacturer_name),
            "pedalboard": importlib.metadata.version("pedalboard"),
        }

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, play the note, return mono ``float32 [samples]``."""
        self.renew()
        if state:
            self.state = state
        return self.play_note(note, sample_rate)

    @property
    def state(self) -> bytes:
        """The plug-in's state: of a VST3 what a ``.vstpreset`` file holds."""
        return bytes(getattr(self.plugin, self._container))

    @state.setter
    def state(self, data: bytes) -> None:
        setattr(self.plugin, self._container, data)

    @property
    def _container(self) -> str:
        return "preset_data" if hasattr(self.plugin, "preset_data") else "raw_state"

    def renew(self) -> None:
        """Make a new instance, if this one has played."""
        if self._used:
            self.plugin.reset()
        self._used = True

    def play_note(self, note: Note, sample_rate: int) -> AudioArray:
        """Play a note as it stands, and return mono ``float32 [samples]``."""
        pitch = min(127, max(0, round(note.pitch)))
        messages = [
            (bytes([0x90, pitch, note.velocity]), 0.0),
            (bytes([0x80, pitch, 0]), note.held),
        ]
        return self.run(messages, note.samples(sample_rate), sample_rate)

    def run(
        self, messages: list[tuple[bytes, float]], samples: int, sample_rate: int
    ) -> AudioArray:
        """Return mono ``float32 [samples]`` from here on; MIDI messages with their seconds."""
        stereo = self.plugin(
            messages,
            duration=(samples + 0.5) / sample_rate,
            sample_rate=sample_rate,
            num_channels=2,
            reset=False,
        )
        mono: AudioArray = np.asarray(stereo, dtype=np.float32).mean(axis=0)
        return mono


def serve(loader: str, path: str) -> None:
    """Load the plug-in, answer that it is ready, then play what is asked until the pipe closes.

    Parameters
    ----------
    loader : str
        ``"module:callable"`` that returns the :class:`Instrument` at ``path``.
    path : str
        The plug-in.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the host acts on Ctrl-C
    requests, answers = _take_streams()
    asked: SimpleQueue[tuple[dict[str, Any], bytes]] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, asked), daemon=True).start()
    try:
        instrument = _resolve(loader)(path)
        info = {str(key): str(value) for key, value in instrument.info.items()}
    except Exception as error:
        send(answers, {"kind": "error", "text": _one_line(error)})
        os._exit(1)
    send(answers, {"kind": "ready", "info": info})
    while True:
        order, state = asked.get()
        note = Note(*(order[name] for name in ("pitch", "velocity", "held", "total")))
        try:
            body = _play(instrument, state, note, order["sample_rate"])
        except Exception as error:
            send(answers, {"kind": "error", "text": _one_line(error)})
        else:
            send(answers, {"kind": "audio"}, body)


def _take_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Keep standard input and output for the host; what the plug-in prints is dropped."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
    return requests, answers


def _listen(requests: IO[bytes], asked: SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    """Pass orders on; end the process, whatever it is doing, when the host is gone.

    It ends without cleaning up: some plug-ins crash or hang while they are unloaded, and
    nothing is left to save.
    """
    try:
        while True:
            asked.put(receive(requests))
    except (EOFError, OSError, ValueError):
        os._exit(0)


def _resolve(loader: str) -> Callable[[str], Instrument]:
    module, _, attribute = loader.partition(":")
    found: Callable[[str], Instrument] = getattr(importlib.import_module(module), attribute)
    return found


def _play(instrument: Instrument, state: bytes, note: Note, sample_rate: int) -> bytes:
    """Return the samples, checked to be what a note of this length sounds like."""
    audio: Any = instrument.play(state, note, sample_rate)
    if not isinstance(audio, np.ndarray) or audio.dtype != np.float32:
        raise HostingError(f"it returned {getattr(audio, 'dtype', type(audio).__name__)}")
    if audio.shape != (note.samples(sample_rate),):
        raise HostingError(f"it returned samples of shape {list(audio.shape)}")
    if not np.isfinite(audio).all():
        raise HostingError("it returned samples that are not finite")
    return audio.tobytes()


def _one_line(error: Exception) -> str:
    name = "" if isinstance(error, SynthmatchError) else f"{type(error).__name__}: "
    return " ".join(f"{name}{error}".split())[:_LONGEST]
