"""What runs inside a worker process: TAL-NoiseMaker, given its state and time to settle.

A new instance moves its cutoff knob from 0 to where the state puts it, and lets its filters
swing out, as in a host on whose track it has just been put. So that a note sounds as it does
in music, silence is played before it. Every note is played by an instance of its own: LFOs,
noise and filters go on where the last note left them.
"""

from __future__ import annotations

from synthmatch.hosting import PedalboardInstrument
from synthmatch.synth import AudioArray, Note

_SETTLE = 0.4  # seconds
_ID = slice(8, 40)  # of the class, in a VST3 preset


class TalInstrument(PedalboardInstrument):
    """TAL-NoiseMaker's VST3 loaded by pedalboard.

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
        super().__init__(path)
        self._class = bytes(self.plugin.preset_data)[_ID]  # builds differ in it

    def play(self, state: bytes, note: Note, sample_rate: int) -> AudioArray:
        """Set the state, wait, play the note, return mono ``float32 [samples]``."""
        self.renew()
        self.plugin.preset_data = state[: _ID.start] + self._class + state[_ID.stop :]
        self.run([], round(_SETTLE * sample_rate), sample_rate)
        return self.play_note(note, sample_rate)
