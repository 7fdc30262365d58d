"""Test sounds: whether a new process plays what its state says, and what it carries over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ParameterError
from ..synth import AudioArray
from .process import Play

_QUIET = 1e-4  # peak under which a sound counts as silent
_ALIKE = 1e-3  # relative difference under which two sounds count as the same


class Probe:
    """The test sounds that every process has to play, and what they have shown so far.

    Parameters
    ----------
    plays : sequence of Play
        None, two or three: see :class:`synthmatch.hosting.PluginHost`.

    Raises
    ------
    ParameterError
        If there are one, or more than three.

    Attributes
    ----------
    repeats : bool
        Whether each process played the first sound again as before.
    carries_over : bool
        Whether the third sound came out differently anywhere, or there is none.
    """

    def __init__(self, plays: Sequence[Play]) -> None:
        if len(plays) not in (0, 2, 3):
            raise ParameterError(f"a probe is two sounds or three, not {len(plays)}")
        self._plays = tuple(plays)
        self._turns = {0: (), 2: (0, 1, 0), 3: (2, 0, 1, 2, 2, 0)}[len(plays)]
        self._references: dict[int, AudioArray] = {}
        self.repeats = True
        self.carries_over = len(plays) < 3

    @property
    def order(self) -> list[Play]:
        """What a process is to play.

        The third sound comes first, while the process is new, and again after others.
        """
        return [self._plays[turn] for turn in self._turns]

    def fault(self, sounds: Sequence[AudioArray]) -> str:
        """Return what is wrong with a process that played ``order``; "" if nothing is."""
        if not sounds:
            return ""
        turns = list(zip(self._turns, sounds, strict=True))
        first = dict(reversed(turns))
        for turn in (0, 1):
            if np.abs(first[turn]).max() < _QUIET:
                return f"is silent on test sound {turn + 1}"
        if _alike(first[0], first[1]):
            return (
                "plays the same sound whatever state it is given; "
                "try another version or format of it"
            )
        references = self._references or first
        if not _alike(references[0], first[0]):
            return "plays the same state differently in another process"
        changed = {turn for turn, sound in turns if not _alike(references[turn], sound)}
        self.repeats = self.repeats and 0 not in changed
        self.carries_over = self.carries_over or 2 in changed
        self._references = references
        return ""


def _alike(a: AudioArray, b: AudioArray) -> bool:
    return float(np.linalg.norm(a - b)) <= _ALIKE * float(np.linalg.norm(a))
