"""The real TAL-NoiseMaker, hosted in worker processes and programmed through its state.

Setting its parameters one by one is known to leave every sound alike; the state that a worker
is given is what :mod:`synthmatch_tal.files` writes as a ``.vstpreset``, so what is scored is
what a musician opens, and the host finds out by ear whether it is taken.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthmatch.errors import HostingError, HostingWarning
from synthmatch.hosting import Play, PluginHost, find_plugin
from synthmatch.synth import AudioArray, Note

from ...space import ORDER
from ...state import write_vst3
from .probes import draws, probe_presets

VARIABLE = "SYNTHMATCH_TAL"
"""Environment variable that may hold the path of the plug-in."""

_NAMES = ("TAL-NoiseMaker", "TAL NoiseMaker", "TAL-NoiseMaker-3")
_FORMATS = (".vst3",)  # the state of an Audio Unit has another wrapping
_LOADER = "synthmatch_tal.backends.plugin.instrument:TalInstrument"
_MOST = 8  # processes
_TEST = Note(60, 100, held=0.2, total=0.25)


class Plugin:
    """TAL-NoiseMaker in worker processes, which start with the first sound.

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
        self.path: Path = find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)
        self._processes = processes or min(os.cpu_count() or 1, _MOST)
        self._host: PluginHost | None = None
        self._lost = ""

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_host": None}

    @property
    def host(self) -> PluginHost:
        """The workers; a forked process gets its own."""
        if self._host is None or self._host.owner != os.getpid():
            self._host = PluginHost(
                self.path,
                probe=[play_order(preset, _TEST, 44100) for preset in probe_presets()],
                processes=self._processes,
                loader=_LOADER,
            )
        return self._host

    @property
    def info(self) -> dict[str, str]:
        """Path; name, version and maker once it has played; why it was lost if it was."""
        known = self._host.info if self._host is not None else {}
        return {"path": str(self.path), **known, **({"lost": self._lost} if self._lost else {})}

    def render(self, preset: npt.NDArray[np.float64], note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [samples]`` of a preset ``[len(ORDER)]``.

        Raises
        ------
        HostingError
            If the plug-in does not work, or fails on this sound.
        """
        sound = self._sounds(preset[None], note, sample_rate)[0]
        if isinstance(sound, HostingError):
            raise sound
        return sound

    def render_batch(
        self, presets: npt.NDArray[np.float64], note: Note, sample_rate: int
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` of presets ``[n, len(ORDER)]``.

        A search is not lost to a failure: a sound on which the plug-in fails is silent,
        so that it ranks last, and if the plug-in is lost after it has worked, the embedded
        engine goes on, without effects. Both are said in a
        :class:`~synthmatch.errors.HostingWarning`.

        Raises
        ------
        HostingError
            If the plug-in has never worked.
        """
        sounds = self._sounds(presets, note, sample_rate)
        audio = np.zeros((len(presets), note.samples(sample_rate)), dtype=np.float32)
        errors = []
        for row, sound in zip(audio, sounds, strict=True):
            if isinstance(sound, HostingError):
                errors.append(sound)
            else:
                row[:] = sound
        if errors:
            _warn(f"{errors[0]}; {len(errors)} of {len(sounds)} sounds count as silence")
        return audio

    def close(self) -> None:
        """End the workers; the next sound starts others."""
        if self._host is not None:
            self._host.close()
        self._host = None

    def _sounds(
        self, presets: npt.NDArray[np.float64], note: Note, sample_rate: int
    ) -> list[AudioArray | HostingError]:
        from ..embedded import lowest_multiple, play

        if not self._lost:
            factor = lowest_multiple(sample_rate)
            orders = [play_order(preset, note, factor * sample_rate) for preset in presets]
            samples = note.samples(sample_rate)
            try:
                return [
                    sound if isinstance(sound, HostingError) else _reduced(sound, factor, samples)
                    for sound in self.host.render_many(orders)
                ]
            except HostingError as error:
                if not self.host.info:
                    raise
                self._lost = str(error)
                _warn(f"{error}; the embedded engine plays what is left")
        return [*play(presets, note, sample_rate)]


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


def _reduced(sound: AudioArray, factor: int, samples: int) -> AudioArray:
    """Return a sound at the rate asked for, with exactly so many samples."""
    from ..embedded import decimate

    reduced = decimate(np.asarray(sound)[None], factor)[0][:samples]
    return np.pad(reduced, (0, samples - len(reduced)))


def _warn(text: str) -> None:
    warnings.warn(text, HostingWarning, stacklevel=5)
