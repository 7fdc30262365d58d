"""What runs inside a worker process: Massive, whose parameters are set until they hold.

Massive is said to put its parameters back when a host renders after loading or resetting it:
set and rendered at once, every preset sounds like the one it starts with. So silence is
rendered first, the parameters are set after it, and they are read back before and after
the note. That they are also heard is found out by the host's test sounds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from synthmatch.errors import HostingError
from synthmatch.hosting import PedalboardInstrument
from synthmatch.synth import AudioArray, Note

from ...space import ORDER

BASE = "SYNTHMATCH_MASSIVE_BASE"
"""Environment variable that may hold the path of the preset that the parameters change."""

_SETTLE = 0.1  # s of silence, in which it puts its parameters back
_TRIES = 3
_NEAR = 0.01  # within which a parameter counts as set: some have steps


class MassiveInstrument(PedalboardInstrument):
    """Massive loaded by pedalboard.

    Parameters
    ----------
    path : str
        The plug-in.

    Raises
    ------
    HostingError
        If pedalboard is missing, it is an effect, it lacks a parameter, or its base preset
        cannot be read.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        named = {_plain(name): parameter for name, parameter in self.plugin.parameters.items()}
        missing = [name for name in ORDER if name not in named]
        if missing:
            raise HostingError(f"it has no parameter {', '.join(missing)}; is it Massive 1.x?")
        self._parameters = {name: named[name] for name in ORDER}
        self._base = _base()

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the parameters of a JSON object, play the note, return mono ``float32 [samples]``."""
        values = json.loads(state)
        self.renew()
        self.set(values, sample_rate)
        sound = self.play_note(note, sample_rate)
        self._check(values, "during a note")
        return sound

    def set(self, values: Mapping[str, float], sample_rate: int = 44100) -> None:
        """Set all parameters so that they stay.

        Raises
        ------
        HostingError
            If it takes them back whenever it renders.
        """
        if self._base:
            self.state = self._base
        silence = max(1, round(_SETTLE * sample_rate))
        for _ in range(_TRIES):
            self.run([], silence, sample_rate)
            for name in ORDER:
                self._parameters[name].raw_value = float(values[name])
            self.run([], 1, sample_rate)
            if not self._lost(values):
                return
        self._check(values, "when it renders")

    @property
    def values(self) -> dict[str, float]:
        """The parameters as the plug-in reports them."""
        return {name: float(self._parameters[name].raw_value) for name in ORDER}

    def _lost(self, values: Mapping[str, float]) -> list[str]:
        """Return the parameters that do not read as they were set."""
        now = self.values
        return [name for name in ORDER if not abs(now[name] - float(values[name])) <= _NEAR]

    def _check(self, values: Mapping[str, float], when: str) -> None:
        lost = self._lost(values)
        if lost:
            raise HostingError(f"it takes its parameters back {when} ({', '.join(lost)})")


def _plain(name: str) -> str:
    """Return a name in lower case, words joined by underscores, as pedalboard writes it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _base() -> bytes:
    """Return the preset that the parameters change; b"" for the plug-in's own."""
    path = os.environ.get(BASE)
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise HostingError(f"the base preset {path} cannot be read: {error.strerror}") from error
