"""Voices and notes to sounds.

:func:`render_voices` renders many voices at once, on as many threads as numba is set to use
(``NUMBA_NUM_THREADS`` or :func:`numba.set_num_threads`; all cores if not set). It keeps no state:
a row of the answer depends on nothing but its voice, its note and the seed.

A voice is a row of 156 whole numbers: the 155 bytes of a DX7 single-voice dump (operators 6 to 1
of 21 bytes each, 19 shared ones with the algorithm counted from 0, ten of the name) and the
operator switches, a bit mask with operator 6 in bit 0 and operator 1 in bit 5.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.synth import AudioArray, Note, Spans, check_spans

from ...voices import LARGEST, SWITCHES_ON, VOICE, VoiceArray
from .. import ENGINES, Engine
from . import kernel, tables
from .programme import compile_voices

COLUMNS = VOICE + 1
"""Numbers of a row: a voice and the operator switches."""

_LARGEST = np.array([*LARGEST, SWITCHES_ON])
_TASK = 4  # voices a thread takes at a time


def render_voices(
    voices: npt.ArrayLike,
    pitches: npt.ArrayLike = 60,
    velocities: npt.ArrayLike = 100,
    *,
    held: float = 1.0,
    total: float = 1.5,
    sample_rate: int = 44100,
    engine: Engine = "mark1",
    seed: int | None = None,
    spans: Spans | None = None,
) -> npt.NDArray[np.float32]:
    """Render one note of each voice.

    Parameters
    ----------
    voices : array of int [n, 156] or [n, 155]
        The voices; without the last column all operators are on.
    pitches, velocities : array of int [n], or int
        MIDI notes, 0 to 127, and velocities, 1 to 127.
    held, total : float
        Seconds until the key is released, and seconds rendered.
    sample_rate : int
        Samples per second, 8,000 to 384,000.
    engine : str
        ``"mark1"`` or ``"modern"``.
    seed : int, optional
        Where nothing synchronises them to the key, oscillators and LFO of a DX7 run freely: with
        a seed their phases, and the state of the LFO's sample and hold, are drawn from it, the
        same for every voice. Without, they are those of a fresh instance of Dexed: zero.
    spans : sequence of (int, int), optional
        First sample and the one after the last of each part that is rendered, in order and
        apart. Feedback, and the filter that removes the offset, know nothing of what was
        left out.

    Returns
    -------
    float32 array [n, samples]
        Full scale is 1; ``samples`` is ``round(total * sample_rate)``, at least 1, or what
        ``spans`` add up to, one after another.

    Raises
    ------
    ParameterError
        If an argument has another shape or is out of its range.
    """
    table = _whole(voices, "voices")
    if table.ndim != 2 or table.shape[1] not in (VOICE, COLUMNS):
        raise ParameterError(f"voices of shape {table.shape}; give [n, {COLUMNS}]")
    if table.shape[1] == VOICE:
        table = np.pad(table, ((0, 0), (0, 1)), constant_values=SWITCHES_ON)
    wrong = np.argwhere((table < 0) | (table > _LARGEST))
    if len(wrong):
        row, column = wrong[0]
        raise ParameterError(
            f"voice {row} has {table[row, column]} in column {column}; "
            f"give 0 to {_LARGEST[column]} (clamp voices of unknown origin)"
        )
    n = len(table)
    notes = _per_voice(pitches, n, "pitches", 0)
    struck = _per_voice(velocities, n, "velocities", 1)
    if engine not in ENGINES:
        raise ParameterError(f"no engine {engine!r}; choose from {', '.join(ENGINES)}")
    if not 8_000 <= sample_rate <= 384_000:
        raise ParameterError(f"sample rate {sample_rate} Hz; give 8,000 to 384,000")
    if not 0 < held <= total < float("inf"):
        raise ParameterError(f"held {held} s of {total} s; give 0 < held <= total")

    clock = tables.clock(sample_rate)
    start = np.zeros(8, np.int64)
    if seed is not None:
        start = np.random.default_rng(seed).integers([2**24] * 6 + [2**32, 256])
    shared, rows = compile_voices(table, notes, struck, clock, start)
    samples = max(1, round(total * sample_rate))
    blocks, kept = _layout(spans, samples)
    audio = np.empty((n, samples if spans is None else len(blocks) * tables.BLOCK), np.float32)
    release, mark1 = round(held * sample_rate), engine == "mark1"
    blocker = np.float32(clock.blocker)
    waves = tables.waves()

    def task(first: int) -> None:
        part = slice(first, first + _TASK)
        kernel.render(
            shared[part], rows[part], release, mark1, blocker, clock.increments, waves, blocks,
            audio[part],
        )  # fmt: skip

    threads = min(numba.get_num_threads(), -(-n // _TASK))
    if threads < 2:
        for first in range(0, n, _TASK):
            task(first)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(task, range(0, n, _TASK)))
    return audio if kept is None else np.ascontiguousarray(audio[:, kept])


def play(
    voices: VoiceArray,
    note: Note,
    sample_rate: int,
    engine: Engine,
    spans: Spans | None = None,
) -> AudioArray:
    """Return ``float32 [n, samples]`` of voices ``[n, 156]`` that play a note, pitch rounded."""
    return render_voices(
        voices,
        round(note.pitch),
        note.velocity,
        held=note.held,
        total=note.total,
        sample_rate=sample_rate,
        engine=engine,
        spans=spans,
    )


def _layout(
    spans: Spans | None, samples: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | None]:
    """Return the blocks to render, and which of their samples are wanted, None for all."""
    block = tables.BLOCK
    if spans is None:
        return np.arange(-(-samples // block)), None
    check_spans(spans, samples)
    wanted = np.concatenate([np.arange(first, last) for first, last in spans])
    blocks = np.unique(wanted // block)
    kept = np.searchsorted(blocks, wanted // block) * block + wanted % block
    return blocks, None if len(kept) == len(blocks) * block else kept


def _whole(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    """Return an array of whole numbers."""
    array: npt.NDArray[Any] = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ParameterError(f"{name} of type {array.dtype}; give whole numbers")
    return array.astype(np.int64)


def _per_voice(values: npt.ArrayLike, n: int, name: str, smallest: int) -> npt.NDArray[np.int64]:
    """Return one number per voice, checked to be ``smallest`` to 127."""
    array = _whole(values, name)
    if array.ndim > 1 or (array.ndim == 1 and len(array) != n):
        raise ParameterError(f"{name} of shape {array.shape}; give one number, or {n}")
    if ((array < smallest) | (array > 127)).any():
        raise ParameterError(f"{name} are MIDI values from {smallest} to 127")
    return np.broadcast_to(array, (n,)).copy()
