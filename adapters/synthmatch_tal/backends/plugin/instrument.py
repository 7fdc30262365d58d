"""What runs inside a worker process: TAL-NoiseMaker, given its state and time to settle.

A new instance moves its cutoff knob from 0 to where the state puts it, and lets its filters
swing out, as in a host on whose track it has just been put. So that a note sounds as it does
in music, silence is played before it. Every note is played by an instance of its own: LFOs,
noise and filters go on where the last note left them.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np

from synthmatch.errors import HostingError
from synthmatch.synth import AudioArray, Note

_SETTLE = 0.4  # seconds
_ID = slice(8, 40)  # of the class, in a VST3 preset


class TalInstrument:
    """TAL-NoiseMaker's VST3 loaded by pedalboard, without pedalboard's warming up.

    Parameters
    ----------
    path : str
        The bundle (on Windows the binary inside it).

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
        self._plugin = load(path, initialization_timeout=0)
        if not self._plugin.is_instrument:
            raise HostingError("it is an effect, not an instrument")
        self._class = bytes(self._plugin.preset_data)[_ID]  # builds differ in it
        self._used = False
        self.info = {
            "name": str(self._plugin.name),
            "version": str(self._plugin.version),
            "manufacturer": str(self._plugin.manufacturer_name),
            "pedalboard": importlib.metadata.version("pedalboard"),
        }

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, wait, play the note, return mono ``float32 [samples]``."""
        if self._used:
            self._plugin.reset()
        self._used = True
        self._plugin.preset_data = state[: _ID.start] + self._class + state[_ID.stop :]
        pitch = min(127, max(0, round(note.pitch)))
        on, off = bytes([0x90, pitch, note.velocity]), bytes([0x80, pitch, 0])
        self._run([], round(_SETTLE * sample_rate), sample_rate)
        messages = [(on, 0.0), (off, note.held)]
        return self._run(messages, note.samples(sample_rate), sample_rate)

    def _run(
        self, messages: list[tuple[bytes, float]], samples: int, sample_rate: int
    ) -> AudioArray:
        stereo = self._plugin(
            messages,
            duration=(samples + 0.5) / sample_rate,
            sample_rate=sample_rate,
            num_channels=2,
            reset=False,
        )
        mono: AudioArray = np.asarray(stereo, dtype=np.float32).mean(axis=0)
        return mono
