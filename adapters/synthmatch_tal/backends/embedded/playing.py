"""Presets of all parameters, played by the engine, which knows those of a dry voice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthmatch.synth import AudioArray, Note

from ...space import ORDER
from .engine import render_presets
from .programme import NAMES

_COLUMNS = [ORDER.index(name) for name in NAMES]


def play(presets: npt.NDArray[np.float64], note: Note, sample_rate: int) -> AudioArray:
    """Return ``float32 [n, samples]`` of presets ``[n, len(ORDER)]``, without effects."""
    return render_presets(
        presets[:, _COLUMNS],
        round(note.pitch),
        note.velocity,
        held=note.held,
        total=note.total,
        sample_rate=sample_rate,
    )
