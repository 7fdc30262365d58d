"""A plug-in as what a synth plays with: rows of numbers in, sounds out, failures put up with."""

from __future__ import annotations

import contextlib
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HostingError, HostingWarning
from ..synth import AudioArray, Note
from .host import PEDALBOARD, PluginHost
from .process import Play

_MOST = 8  # processes
_raised: ContextVar[bool] = ContextVar("raised", default=False)  # see failures_raised

Numbers = npt.NDArray[Any]
"""A patch as a synth hands it to its plug-in, or a row for each of several."""


class HostedPlugin(ABC):
    """A plug-in in worker processes, which start with the first sound.

    A subclass says what a worker is told to play a row of numbers (:meth:`order`), by which
    sounds it is tested (:meth:`probe`), and what plays on where the plug-in is lost, if
    anything may (:meth:`instead`): the synth's embedded engine.

    Parameters
    ----------
    path : Path
        The plug-in, from :func:`synthmatch.hosting.find_plugin`.
    processes : int, optional
        Workers; as many as there are processors by default, 8 at most.
    loader, environment
        See :class:`PluginHost`.
    """

    def __init__(
        self,
        path: Path,
        *,
        processes: int | None = None,
        loader: str = PEDALBOARD,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.environment = dict(environment or {})
        self._loader = loader
        self._processes = processes or min(os.cpu_count() or 1, _MOST)
        self._host: PluginHost | None = None
        self._lost = ""

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_host": None}

    @abstractmethod
    def order(self, row: Numbers, note: Note, sample_rate: int) -> Play:
        """Return what a worker is told to play a row of numbers."""

    @abstractmethod
    def probe(self) -> Sequence[Play]:
        """Return the test sounds of :class:`PluginHost`."""

    def finish(self, sound: AudioArray, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [samples]`` of what a worker has played; by default the same."""
        return sound

    def instead(self, rows: Numbers, note: Note, sample_rate: int) -> AudioArray | None:
        """Return ``float32 [n, samples]`` by the embedded engine; None if there is none."""
        return None

    @property
    def host(self) -> PluginHost:
        """The workers; a forked process gets its own."""
        if self._host is None or self._host.owner != os.getpid():
            self._host = PluginHost(
                self.path,
                probe=self.probe(),
                processes=self._processes,
                environment=self.environment,
                loader=self._loader,
            )
        return self._host

    @property
    def info(self) -> dict[str, str]:
        """Path; name, version and maker once it has played; why it was lost if it was."""
        known = self._host.info if self._host is not None else {}
        return {"path": str(self.path), **known, **({"lost": self._lost} if self._lost else {})}

    def render(self, row: Numbers, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [samples]`` of a row of numbers.

        Raises
        ------
        HostingError
            If the plug-in does not work, or fails on this sound.
        """
        sound = self._sounds(row[None], note, sample_rate)[0]
        if isinstance(sound, HostingError):
            raise sound
        return sound

    def render_batch(self, rows: Numbers, note: Note, sample_rate: int) -> AudioArray:
        """Return ``float32 [n, samples]`` of rows ``[n, ...]``.

        A search is not lost to a failure: a sound on which the plug-in fails is silent,
        so that it ranks last, and if the plug-in is lost after it has worked, what may play
        in its place goes on. Both are said in a :class:`~synthmatch.errors.HostingWarning`;
        within :func:`failures_raised` both are errors.

        Raises
        ------
        HostingError
            If the plug-in has never worked, or is lost and nothing plays in its place.
        """
        sounds = self._sounds(rows, note, sample_rate)
        audio = np.zeros((len(rows), note.samples(sample_rate)), dtype=np.float32)
        errors = []
        for row, sound in zip(audio, sounds, strict=True):
            if isinstance(sound, HostingError):
                errors.append(sound)
            else:
                row[:] = sound
        if errors:
            if _raised.get():
                raise errors[0]
            _warn(f"{errors[0]}; {len(errors)} of {len(sounds)} sounds count as silence")
        return audio

    def close(self) -> None:
        """End the workers; the next sound starts others."""
        if self._host is not None:
            self._host.close()
        self._host = None

    def _sounds(
        self, rows: Numbers, note: Note, sample_rate: int
    ) -> list[AudioArray | HostingError]:
        if not self._lost:
            orders = [self.order(row, note, sample_rate) for row in rows]
            try:
                return [
                    s if isinstance(s, HostingError) else self.finish(s, note, sample_rate)
                    for s in self.host.render_many(orders)
                ]
            except HostingError as error:
                played = self.instead(rows, note, sample_rate) if self.host.info else None
                if played is None or _raised.get():
                    raise
                self._lost = str(error)
                _warn(f"{error}; the embedded engine plays what is left")
                return [*played]
        played = self.instead(rows, note, sample_rate)
        if played is None:
            raise HostingError(self._lost)
        return [*played]


@contextlib.contextmanager
def failures_raised() -> Iterator[None]:
    """Let a sound on which a plug-in fails be an error while the block runs, in this thread.

    For sounds that are kept or learned from, which silence must not stand in for.
    """
    token = _raised.set(True)
    try:
        yield
    finally:
        _raised.reset(token)


def _warn(text: str) -> None:
    warnings.warn(text, HostingWarning, stacklevel=5)
