"""The real TAL-NoiseMaker, hosted in worker processes and programmed through its state.

Setting its parameters one by one is known to leave every sound alike; the state that a worker
is given is what :mod:`synthmatch_tal.files` writes as a ``.vstpreset``, so what is scored is
what a musician opens, and the host finds out by ear whether it is taken.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthmatch.hosting import HostedPlugin, Play, find_plugin
from synthmatch.synth import AudioArray, Note

from ...space import ORDER
from ...state import write_vst3
from .probes import draws, probe_presets

VARIABLE = "SYNTHMATCH_TAL"
"""Environment variable that may hold the path of the plug-in."""

_NAMES = ("TAL-NoiseMaker", "TAL NoiseMaker", "TAL-NoiseMaker-3")
_FORMATS = (".vst3",)  # the state of an Audio Unit has another wrapping
_LOADER = "synthmatch_tal.backends.plugin.instrument:TalInstrument"
_TEST = Note(60, 100, held=0.2, total=0.25)


class Plugin(HostedPlugin):
    """TAL-NoiseMaker in worker processes, which start with the first sound.

    It plays presets ``[len(ORDER)]``; lost, the embedded engine goes on, without effects.

    Parameters
    ----------
    path : path, optional
        The plug-in or the folder it is in; by default what :data:`VARIABLE` names, or
        what is installed.
    processes : int, optional
        Workers; as many as there are processors by default, 8 at most.

    Raises
    ------
    HostingError
        If it is not found.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, processes: int | None = None
    ) -> None:
        found = find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)
        super().__init__(found, processes=processes, loader=_LOADER)

    def order(self, row: npt.NDArray[np.float64], note: Note, sample_rate: int) -> Play:
        """Return what a worker is told to play a preset ``[len(ORDER)]``."""
        from ..embedded import lowest_multiple

        return play_order(row, note, lowest_multiple(sample_rate) * sample_rate)

    def probe(self) -> Sequence[Play]:
        """Return the sounds that a worker is tested by."""
        return [play_order(preset, _TEST, 44100) for preset in probe_presets()]

    def finish(self, sound: AudioArray, note: Note, sample_rate: int) -> AudioArray:
        """Return a sound at the rate asked for, with exactly so many samples."""
        from ..embedded import decimate, lowest_multiple

        samples = note.samples(sample_rate)
        factor = lowest_multiple(sample_rate)
        reduced = decimate(np.asarray(sound)[None], factor)[0][:samples]
        return np.pad(reduced, (0, samples - len(reduced)))

    def instead(self, rows: npt.NDArray[np.float64], note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` of presets by the embedded engine."""
        from ..embedded import play

        return play(rows, note, sample_rate)


def play_order(preset: npt.NDArray[np.float64], note: Note, sample_rate: int) -> Play:
    """Return what a worker is told to play a preset ``[len(ORDER)]``.

    An LFO in sync that no key triggers stands where the song stands: at its first beat it
    has just been triggered, which no silence before the note moves.
    """
    numbers = dict(zip(ORDER, (float(value) for value in preset), strict=True))
    for lfo in ("lfo1", "lfo2"):
        if numbers[f"{lfo}sync"] > 0:
            numbers[f"{lfo}keytrigger"] = 1.0
    return Play(write_vst3([("synthmatch", numbers)]), note, sample_rate, draws(numbers))
