"""A worker process as its host sees it: started, asked to play, ended."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import numpy as np

from ..synth import AudioArray, Note
from .frames import receive, send

_START = """\
import sys
sys.path[:] = {folders!r}
from synthmatch.hosting.worker import serve
serve({loader!r}, {path!r})
"""
_END_SECONDS = 5.0  # seconds; only a process that hangs in the kernel takes longer to end
_WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY")  # without them a plug-in cannot open one


@dataclasses.dataclass(frozen=True)
class Play:
    """One sound to make.

    Attributes
    ----------
    state : bytes
        The plug-in's state; empty to leave it as it is.
    note : Note
        What is played; the pitch is rounded to a MIDI note.
    sample_rate : int
        In Hz.
    fresh : bool
        The sound depends on what was played before, if the plug-in carries it over.
    """

    state: bytes
    note: Note
    sample_rate: int
    fresh: bool = False


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back from a worker.

    Attributes
    ----------
    kind : {"ready", "audio", "error", "gone"}
        "gone" when the process has ended.
    audio : float32 [samples]
        The sound.
    text : str
        What was wrong.
    info : dict
        Name, version and manufacturer of the plug-in that is ready.
    """

    kind: str
    audio: AudioArray = dataclasses.field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    text: str = ""
    info: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Worker:
    """One process with the plug-in loaded, or on its way to be.

    A thread talks to the process, so that nothing the process does can make the host
    wait. Every answer goes, with the worker, into the queue ``answers``: one when the
    plug-in is loaded, one for each :meth:`play`, one when the process has ended.

    Parameters
    ----------
    loader, path : str
        For :func:`synthmatch.hosting.worker.serve`.
    environment : mapping
        Environment variables besides those of this process.
    answers : queue
        Where answers go.
    fresh : bool
        Whether it is for one sound only; kept here for the host, as the attributes are.
    """

    def __init__(
        self,
        loader: str,
        path: str,
        environment: Mapping[str, str],
        answers: SimpleQueue[tuple[Worker, Answer]],
        fresh: bool,
    ) -> None:
        self.fresh = fresh
        self.deadline = 0.0
        self.loaded = False
        self.info: Mapping[str, str] = {}
        self.test_sounds: list[AudioArray] = []
        self.verified = False
        self.job: int | None = None
        self._answers = answers
        self._plays: SimpleQueue[Play | None] = SimpleQueue()
        inherited = {k: v for k, v in os.environ.items() if k not in _WINDOWS}
        program = _START.format(folders=[*map(str, sys.path)], loader=loader, path=path)
        # A program of its own, isolated: the user's script is not run again in it, and
        # Ctrl-C reaches the host alone.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**inherited, **environment},
            start_new_session=sys.platform != "win32",
            creationflags=_creation_flags(),
        )
        self._thread = threading.Thread(target=self._communicate, name="plug-in", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether it can be given a sound."""
        return self.verified and self.job is None

    @property
    def doing(self) -> str:
        """What it was asked to do last, in words."""
        if not self.loaded:
            return "load"
        return "play a test sound" if self.job is None else "play a note"

    def play(self, play: Play) -> None:
        """Have the process play; the answer comes through the queue."""
        self._plays.put(play)

    def kill(self) -> None:
        """Kill the process and, where the system groups them, all that it has started."""
        self._plays.put(None)
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Wait until the process, which was killed, has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._thread.join(_END_SECONDS)

    def exit_status(self) -> str:
        """Return how the process ended: " (SIGSEGV)", " (exit status 1)"."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return ""
        if code < 0:
            with contextlib.suppress(ValueError):
                return f" ({signal.Signals(-code).name})"
        return f" (exit status {code if code < 1 << 16 else hex(code)})"

    def _communicate(self) -> None:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return
        try:
            while True:
                message, body = receive(stdout)
                self._answers.put((self, _answer(message, body)))
                play = self._plays.get()
                if play is None:
                    break
                send(stdin, _order(play), play.state)
        except (EOFError, OSError, ValueError):
            self._answers.put((self, Answer("gone")))
        finally:
            for stream in (stdin, stdout):
                with contextlib.suppress(OSError):
                    stream.close()


def _order(play: Play) -> dict[str, object]:
    note = play.note
    return {
        "pitch": float(note.pitch),
        "velocity": int(note.velocity),
        "held": float(note.held),
        "total": float(note.total),
        "sample_rate": int(play.sample_rate),
    }


def _answer(message: Mapping[str, Any], body: bytes) -> Answer:
    kind, text, info = message.get("kind"), message.get("text", ""), message.get("info", {})
    if kind not in ("ready", "audio", "error") or not isinstance(info, dict):
        raise ValueError(f"not an answer: {str(message)[:80]}")
    return Answer(kind, np.frombuffer(bytearray(body), dtype=np.float32), str(text), info)


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0
