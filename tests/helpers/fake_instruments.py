"""Instruments that misbehave, played in worker processes by the tests of hosting.

The path they are given is a folder of the test's, where they can leave a note for the next
process: most fail once, or for one state only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def sine(state, note, sample_rate):
    """Return a sine of the frequency that the state says, in tenths of a Hz."""
    seconds = np.arange(note.samples(sample_rate)) / sample_rate
    return np.sin(0.2 * np.pi * int.from_bytes(state, "little") * seconds).astype(np.float32)


class Honest:
    """Plays a sine of the frequency that its state says."""

    def __init__(self, path):
        self.folder = Path(path)
        self.info = {"name": type(self).__name__, "version": "1.2"}
        with (self.folder / "started").open("a") as log:
            log.write(f"{os.getpid()}\n")
        self.number = len((self.folder / "started").read_text().split())

    def play(self, state, note, sample_rate):
        return sine(state, note, sample_rate)

    def once(self, name):
        """Return True the first time any process asks."""
        try:
            (self.folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class CrashAtLoad(Honest):
    def __init__(self, path):
        os._exit(3)


class FaultAtLoad(Honest):
    def __init__(self, path):
        os.kill(os.getpid(), signal.SIGSEGV)


class ErrorAtLoad(Honest):
    def __init__(self, path):
        raise RuntimeError("the licence\nhas expired")


class HangAtLoad(Honest):
    def __init__(self, path):
        super().__init__(path)
        time.sleep(60)


class Effect(Honest):
    """Says what the real loader says of an effect."""

    def __init__(self, path):
        from synthmatch.errors import HostingError

        raise HostingError("it is an effect, not an instrument")


class Bad(Honest):
    """Does something bad whenever its state is b"bad", and once when it is b"once"."""

    def play(self, state, note, sample_rate):
        if state == b"bad" or (state == b"once" and self.once("done")):
            return self.misbehave(super().play(state, note, sample_rate))
        return super().play(state, note, sample_rate)


class Crash(Bad):
    def misbehave(self, sound):
        os.kill(os.getpid(), signal.SIGSEGV)


class Exit(Bad):
    def misbehave(self, sound):
        os._exit(7)


class Hang(Bad):
    def misbehave(self, sound):
        time.sleep(60)


class HangWithHelper(Bad):
    """Starts a program of its own, then hangs."""

    def misbehave(self, sound):
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (self.folder / "pid").write_text(str(helper.pid))
        (self.folder / "pid").rename(self.folder / "helper")
        time.sleep(60)


class Raise(Bad):
    def misbehave(self, sound):
        raise ValueError("no such\npreset")


class NotANumber(Bad):
    def misbehave(self, sound):
        sound[3] = np.nan
        return sound


class Stereo(Bad):
    def misbehave(self, sound):
        return np.stack([sound, sound])


class Short(Bad):
    def misbehave(self, sound):
        return sound[:-1]


class Double(Bad):
    def misbehave(self, sound):
        return sound.astype(np.float64)


class Nothing(Bad):
    def misbehave(self, sound):
        return None


class Garbage(Bad):
    """Writes into the pipe to the host, as a plug-in could that guesses its descriptor."""

    text = b"{}\n"

    def misbehave(self, sound):
        for descriptor in range(3, 32):
            try:
                os.write(descriptor, self.text)
            except OSError:
                continue
        return sound


class GarbageList(Garbage):
    text = b"[]\n"


class GarbageSize(Garbage):
    text = b'{"bytes": -1}\n'


class GarbageKind(Garbage):
    text = b'{"bytes": 0, "kind": "song"}\n'


class GarbageInfo(Garbage):
    text = b'{"bytes": 0, "kind": "ready", "info": 3}\n'


class Loud(Honest):
    """Prints, through Python and past it, and reads standard input."""

    def __init__(self, path):
        super().__init__(path)
        self.chatter()

    def play(self, state, note, sample_rate):
        self.chatter()
        return super().play(state, note, sample_rate)

    def chatter(self):
        sys.stdout.write("plug-in speaking " * 1000)
        sys.stdout.flush()
        sys.stderr.write("plug-in complaining")
        for stream in (1, 2):
            os.write(stream, b"raw bytes")
        if sys.stdin.read():
            os._exit(9)


class Silent(Honest):
    def play(self, state, note, sample_rate):
        return np.zeros(note.samples(sample_rate), dtype=np.float32)


class Deaf(Honest):
    """Takes every state without complaint, and plays its own."""

    def play(self, state, note, sample_rate):
        return sine(b"\x20\x10", note, sample_rate)


class Moody(Honest):
    """Plays differently in every process."""

    def play(self, state, note, sample_rate):
        sound = super().play(state, note, sample_rate)
        return np.roll(sound, 7 * self.number)


class Drifting(Honest):
    """Starts every note where the last one left off, whatever its state."""

    played = 0

    def play(self, state, note, sample_rate):
        sound = super().play(state, note, sample_rate)
        self.played += 1
        return np.roll(sound, 50 * (self.played - 1))


class Wavering(Drifting):
    """Starts a note where the last one left off if its state ends in an odd byte."""

    def play(self, state, note, sample_rate):
        if state[-1] % 2:
            return super().play(state, note, sample_rate)
        self.played += 1
        return sine(state, note, sample_rate)


class OnceGood(Honest):
    """Loads in the first process only, and crashes on b"bad"."""

    def __init__(self, path):
        super().__init__(path)
        if not self.once("loaded"):
            raise RuntimeError("the licence has expired")

    def play(self, state, note, sample_rate):
        if state == b"bad":
            os._exit(7)
        return super().play(state, note, sample_rate)


class Environment(Honest):
    """Says its environment and working conditions."""

    def __init__(self, path):
        super().__init__(path)
        self.info |= {
            "wish": os.environ.get("FAKE_WISH", ""),
            "display": os.environ.get("DISPLAY", ""),
            "main": str(getattr(sys.modules["__main__"], "__file__", "")),
        }
