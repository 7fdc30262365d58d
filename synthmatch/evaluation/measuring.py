"""Figures of a contestant, gathered a few sounds at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ..datasets import Batch
from ..settings import Source
from .columns import Column, Result, Trial
from .contestants import Contestant
from .report import Row


class Figures:
    """What was measured of one contestant so far.

    Parameters
    ----------
    columns : sequence of Column
        What is measured.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.sounds = 0
        self.seconds = 0.0
        self._parts: dict[str, list[Result]] = {column.name: [] for column in columns}
        self._counts: list[int] = []

    def add(self, sounds: int, seconds: float, values: dict[str, Result]) -> None:
        """Take the values of some more sounds into account."""
        self.sounds += sounds
        self.seconds += seconds
        self._counts.append(sounds)
        for name, parts in self._parts.items():
            parts.append(values[name])

    def row(self, name: str, kind: str) -> Row:
        """Return the line of the table."""
        figures: dict[str, tuple[float, float | None]] = {}
        parameters: dict[str, list[float]] = {}
        for column in self.columns:
            parts = self._parts[column.name]
            if column.by == "sound":
                values = np.concatenate(parts)
                figures[column.name] = float(values.mean()), float(np.median(values))
                continue
            means = np.average(np.stack(parts), axis=0, weights=self._counts)
            if not np.isnan(means).all():
                figures[column.name] = float(np.nanmean(means)), None
                parameters[column.name] = means.tolist()
        return Row(name, kind, figures, self.seconds / self.sounds, parameters)


def measure(
    contestant: Contestant,
    source: Source,
    columns: Sequence[Column],
    truth: Batch,
    numbers: np.ndarray,
) -> tuple[float, dict[str, Result]]:
    """Return the seconds of a prediction and the values of each column.

    Parameters
    ----------
    contestant : Contestant
        What predicts.
    source : Source
        Its synth renders the predictions.
    columns : sequence of Column
        What is measured.
    truth : Batch
        Vectors and sounds.
    numbers : ndarray
        Of these sounds among all, ``int64 [n]``.
    """
    began = time.perf_counter()
    prediction = contestant(truth.audio, numbers)
    seconds = time.perf_counter() - began
    trial = Trial(
        source.synth.space,
        source.setting.sample_rate,
        truth.vectors,
        prediction.vectors,
        truth.audio,
        source.render(prediction.vectors),
        prediction.scores,
        source.setting.stft,
    )
    return seconds, {c.name: np.asarray(c.measure(trial), dtype=np.float64) for c in columns}
