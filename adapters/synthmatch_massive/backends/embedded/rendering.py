"""Presets, notes and rates, checked; sounds, on several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.synth import AudioArray, Note

from ...space import ORDER
from .kernel import run
from .programme import build

_TOGETHER = 16  # voices a thread plays at once


def play(presets: npt.ArrayLike, note: Note, sample_rate: int) -> AudioArray:
    """Return ``float32 [n, samples]`` of presets ``[n, len(ORDER)]``, values from 0 to 1.

    A row depends on nothing but its preset, the note and the rate.

    Raises
    ------
    ParameterError
        If the presets have another shape or range, or the rate is not 4,000 to 384,000 Hz.
    """
    table = np.asarray(presets, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(ORDER):
        raise ParameterError(f"presets of shape {table.shape}; give [n, {len(ORDER)}]")
    if not ((table >= 0) & (table <= 1)).all():
        raise ParameterError("the values of a preset are numbers from 0 to 1")
    if not 4_000 <= sample_rate <= 384_000:
        raise ParameterError(f"sample rate {sample_rate} Hz; give 4,000 to 384,000")
    audio = np.empty((len(table), note.samples(sample_rate)), np.float32)
    held = round(note.held * sample_rate)

    def task(first: int) -> None:
        rows = slice(first, first + _TOGETHER)
        voices = build(table[rows], note.pitch, note.velocity, sample_rate)
        run(voices.numbers, voices.waves, held, float(sample_rate), audio[rows])

    starts = range(0, len(table), _TOGETHER)
    threads = min(numba.get_num_threads(), len(starts))
    if threads < 2:
        for first in starts:
            task(first)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(task, starts))
    return audio
