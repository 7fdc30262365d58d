"""Massive in worker processes, as something that plays presets."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthmatch.hosting import HostedPlugin, Play, find_plugin
from synthmatch.synth import Note

from ...space import ORDER
from .instrument import BASE
from .probes import play_order, probe

VARIABLE = "SYNTHMATCH_MASSIVE"
"""Environment variable that may hold the path of the plug-in."""

LOADER = "synthmatch_massive.backends.plugin.instrument:MassiveInstrument"
"""What a worker plays with."""

_NAMES = ("Massive",)
_FORMATS = (".vst3", ".component")


def locate(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the plug-in at a path, at what :data:`VARIABLE` names, or where it is installed.

    Raises
    ------
    HostingError
        If it is not found.
    """
    return find_plugin(_NAMES, path=path, variable=VARIABLE, formats=_FORMATS)


class Plugin(HostedPlugin):
    """Massive in worker processes, which start with the first sound.

    It plays presets ``[len(ORDER)]``. Lost, it is lost: the stand-in never takes over.

    Parameters
    ----------
    path : path, optional
        The plug-in or the folder it is in; by default what :data:`VARIABLE` names, or
        what is installed.
    base : path, optional
        The ``.vstpreset`` whose 16 parameters are changed; by default what the environment
        variable :data:`BASE` names, or the preset that the plug-in starts with.
    processes : int, optional
        Workers; as many as there are processors by default, 8 at most.

    Raises
    ------
    HostingError
        If it is not found.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        base: str | os.PathLike[str] | None = None,
        processes: int | None = None,
    ) -> None:
        environment = {BASE: str(base)} if base is not None else {}
        super().__init__(locate(path), processes=processes, loader=LOADER, environment=environment)

    @property
    def base(self) -> str:
        """The preset whose parameters are changed: its name and a digest, or "its own"."""
        path = self.environment.get(BASE) or os.environ.get(BASE)
        if not path:
            return "its own"
        try:
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
        except OSError:
            digest = "not readable"
        return f"{Path(path).name} ({digest})"

    @property
    def writes_presets(self) -> bool:
        """Whether it knows ``.vstpreset`` files: an Audio Unit does not."""
        return any(part.suffix.lower() == ".vst3" for part in (self.path, *self.path.parents))

    def order(self, row: npt.NDArray[np.float64], note: Note, sample_rate: int) -> Play:
        """Return what a worker is told to play a preset ``[len(ORDER)]``."""
        return play_order(dict(zip(ORDER, map(float, row), strict=True)), note, sample_rate)

    def probe(self) -> Sequence[Play]:
        """Return the sounds that a worker is tested by."""
        return probe()
