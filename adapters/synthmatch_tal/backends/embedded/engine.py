"""Notes of many presets: what TAL-NoiseMaker 1.x plays with its effects off, in mono.

:func:`render_presets` keeps no state: a row of the answer depends on nothing but its preset
and its note. It plays the note as a plug-in does that has been loaded for a while and not
played: knobs have settled, the filter has come to rest, LFOs stand at their beginning.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError

from . import filter_types, filters, modulation, oscillators, output, tables
from . import programme as pg
from .decimation import decimate_into
from .filters import CHUNK, HISTORY, PARTS, WIDTH
from .programme import COLUMN, NAMES, Floats, Ints, Programme, build

_Number = TypeVar("_Number", np.float32, np.int64)

_BLOCK = 1024  # samples
_APART = 16  # samples between voices, whose addresses would else fall together in caches
_SETTLE = 2000  # samples that a silent voice runs its filter
_SMOOTHING = 1000.0  # samples at 44.1 kHz, of the cutoff knob
_REST = 60  # MIDI note of a voice that has not played
_LOWEST = 40_000  # Hz; lower rates are played at a multiple and decimated


@dataclasses.dataclass(frozen=True)
class Before:
    """A note that was played on the same instance before, to reproduce recordings.

    Attributes
    ----------
    pitch, velocity : int
        MIDI.
    held, total : int
        Samples until its key was released, and until the next note.
    """

    pitch: int
    velocity: int
    held: int
    total: int


def render_presets(
    presets: npt.ArrayLike,
    pitch: int = 60,
    velocity: int = 100,
    *,
    held: float = 1.0,
    total: float = 1.5,
    sample_rate: int = 44100,
    before: Before | None = None,
) -> npt.NDArray[np.float32]:
    """Render one note of each preset.

    Parameters
    ----------
    presets : array of float [n, len(NAMES)]
        Values from 0 to 1, as preset files hold them, in the order of :data:`NAMES`.
    pitch, velocity : int
        MIDI note, 0 to 127, and velocity, 1 to 127.
    held, total : float
        Seconds until the key is released, and seconds rendered.
    sample_rate : int
        Samples per second, 8,000 to 384,000. Under 40,000 the plug-in's filters would
        sound otherwise, or not at all: such rates are played at a multiple, and reduced.
    before : Before, optional
        What was played before.

    Returns
    -------
    float32 array [n, samples]
        Full scale is 1; ``samples`` is ``round(total * sample_rate)``, at least 1.

    Raises
    ------
    ParameterError
        If an argument has another shape or is out of its range.
    """
    table = np.asarray(presets, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != len(NAMES):
        raise ParameterError(f"presets of shape {table.shape}; give [n, {len(NAMES)}]")
    if not ((table >= 0) & (table <= 1)).all():
        raise ParameterError("the values of a preset are numbers from 0 to 1")
    if not (0 <= pitch <= 127 and 1 <= velocity <= 127):
        raise ParameterError(f"pitch {pitch}, velocity {velocity}; give MIDI values")
    if not 8_000 <= sample_rate <= 384_000:
        raise ParameterError(f"sample rate {sample_rate} Hz; give 8,000 to 384,000")
    if not 0 < held <= total < float("inf"):
        raise ParameterError(f"held {held} s of {total} s; give 0 < held <= total")

    factor = lowest_multiple(sample_rate)
    rate = factor * sample_rate
    samples = max(1, round(total * sample_rate))
    clock = _Clock(rate, round(held * rate), samples * factor, pitch, velocity, before)
    groups = _groups(table, 1 if before is not None else PARTS * WIDTH)
    audio = np.empty((len(table), samples), np.float32)

    def task(rows: npt.NDArray[np.int64]) -> None:
        group = _Group(table[rows], clock)
        if factor == 1:
            group.render(audio, rows)
            return
        faster = np.empty((len(rows), samples * factor), np.float32)
        group.render(faster, np.arange(len(rows)))
        decimate_into(faster, factor, rows, audio)

    threads = min(numba.get_num_threads(), len(groups))
    if threads < 2:
        for rows in groups:
            task(rows)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(task, groups))
    return audio


def _groups(table: Floats, most: int) -> list[Ints]:
    """Return the rows of voices that are rendered together: with filters of one family.

    Neighbours fade about as fast, so that a group is done when its first voices are.
    """
    family = filters.FAMILIES[pg.item("filtertype", table[:, COLUMN["filtertype"]])]
    order = np.lexsort((table[:, COLUMN["amprelease"]], family))
    rows = np.split(order, np.flatnonzero(np.diff(family[order])) + 1)
    size = min(most, max(1, -(-len(table) // numba.get_num_threads())))
    return [part[k : k + size] for part in rows for k in range(0, len(part), size)]


def lowest_multiple(sample_rate: int) -> int:
    """Return by how much a rate is multiplied so that the plug-in sounds as it should."""
    return -(-_LOWEST // sample_rate)


@dataclasses.dataclass(frozen=True)
class _Clock:
    """What all presets share: the rate (Hz), the note in samples, and what was before."""

    rate: int
    held: int
    total: int
    pitch: int
    velocity: int
    before: Before | None


class _Group:
    """Voices, as many as the filters take at a time, whose filters are of one family."""

    def __init__(self, presets: Floats, clock: _Clock) -> None:
        n = self._n = len(presets)
        self._presets, self._clock = presets, clock
        self._smoothing = np.float32(_SMOOTHING * clock.rate / 44100)
        self._factor = np.float32(min(44100 / (4 * clock.rate), 1.0))
        self._moving = np.zeros((n, modulation.STATES), np.float32)
        self._turns = np.zeros((n, modulation.COUNTS), np.int64)
        self._turns[:, modulation.DICE :] = 1
        self._waving = np.zeros((n, oscillators.VOICE_STATES), np.float32)
        self._waving[:, [oscillators.HERTZ, oscillators.STATES + oscillators.HERTZ]] = 440.0
        self._places = np.zeros((n, oscillators.VOICE_COUNTS), np.int64)
        seeds = [k * oscillators.COUNTS + oscillators.SEED for k in range(3)]
        self._places[:, [*seeds, oscillators.CRACKLE_SEED]] = 1
        room = _BLOCK + tables.TAPS
        self._corrections = np.zeros((n, 3, oscillators.BUFFERS, room), np.float32)
        self._blocked = np.zeros((n, 2), np.float32)
        kinds = pg.item("filtertype", presets[:, COLUMN["filtertype"]])
        self._family = int(filters.FAMILIES[kinds[0]])
        parts = self._parts = -(-n // WIDTH)
        self._filter = np.zeros((parts, filters.ROWS * WIDTH), np.float32)
        self._seeds = np.ones(1, np.int32)
        self._tiles = np.zeros((3, CHUNK, parts, WIDTH), np.float32)
        self._faster = np.zeros((2, HISTORY + 2 * CHUNK, parts, WIDTH), np.float32)
        self._fast = np.zeros((2, HISTORY + CHUNK, parts, WIDTH), np.float32)
        self._input, self._filtered = np.zeros((2, n, _BLOCK + _APART), np.float32)
        self._control = np.zeros((n, modulation.CONTROLS, _BLOCK + 1), np.float32)
        self._room = np.zeros((oscillators.ROOM, _BLOCK + 1), np.float32)

    def render(self, out: Floats, rows: Ints) -> None:
        """Write the voices to the ``rows [n]`` of ``out [m, total]``."""
        clock = self._clock
        programme = self._programme(clock.pitch, clock.velocity)
        x, c = programme
        filter_types.load(
            self._filter,
            self._in_parts(c[:, pg.KIND]),
            self._in_parts(x[:, pg.RESONANCE]),
            self._in_parts(x[:, pg.DRIVE]),
        )
        smoothing = 1 - 1 / (1 + self._smoothing)
        knob = programme.numbers[:, pg.KNOB, None] * (1 - smoothing ** np.arange(1, _SETTLE + 1))
        self._settle(programme, knob + programme.numbers[:, pg.SETTLING, None])
        if clock.before is not None:
            self._precede(clock.before)
        self._begin(programme)
        self._play(programme, clock.held, out, rows)

    def _in_parts(self, values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
        """Return numbers ``[n]`` of the voices as ``[parts, WIDTH]``, 0 where there is none."""
        padded = np.zeros(self._parts * WIDTH, values.dtype)
        padded[: self._n] = values
        return padded.reshape(self._parts, WIDTH)

    def _programme(self, pitch: int, velocity: int) -> Programme:
        """Return the programme of a note, with the knobs settled."""
        programme = build(self._presets, pitch, velocity, self._clock.rate, _REST)
        knobs = np.ascontiguousarray(programme.numbers[:, pg.KNOB])
        settled = modulation.settle(knobs, self._smoothing, int(4 * self._smoothing))
        programme.numbers[:, pg.CUTOFF] += settled
        return programme

    def _settle(self, programme: Programme, cut: npt.NDArray[np.floating]) -> None:
        """Let the filter come to rest on silence, with a cutoff ``[n, samples]``."""
        x, c = programme
        cut = cut.copy()
        for to, amount, lfo in (
            (pg.LFO1_TO, pg.LFO1_AMOUNT, modulation.LFO1),
            (pg.LFO2_TO, pg.LFO2_AMOUNT, modulation.LFO2),
        ):
            push = 0.5 * (1 + self._moving[:, lfo + modulation.SMOOTH]) * x[:, amount]
            cut += np.where(c[:, to] == 2, push, 0)[:, None]
        held_back = self._moving[:, modulation.FREE_LAST]
        cut += np.where(c[:, pg.FREE_TO] == 2, held_back * x[:, pg.FREE_AMOUNT], 0)[:, None]
        cut = np.minimum(cut * cut, 1)
        first_cut = self._in_parts(cut[:, 0].astype(np.float32))
        filter_types.reset(self._family, self._filter, first_cut, float(self._factor))
        self._faster[:], self._fast[:] = 0, 0
        self._input[:] = 0
        for first in range(0, cut.shape[1], _BLOCK):
            part = cut[:, first : first + _BLOCK].astype(np.float32)
            self._run_filter(part.shape[1], self._n, part)

    def _run_filter(self, samples: int, voices: int, cut: Floats) -> None:
        filters.run(
            self._family, samples, voices, self._input, cut, self._factor, self._filter,
            self._seeds, self._tiles, self._faster[0], self._faster[1], self._fast[0],
            self._fast[1], self._filtered,
        )  # fmt: skip

    def _begin(self, programme: Programme) -> None:
        """Strike the key of a voice; one that still sounds keeps its oscillators."""
        x, c = programme
        silent = self._moving[:, modulation.AMP + modulation.VALUE] <= 0
        for at in (modulation.AMP, modulation.FILTER, modulation.FREE):
            resume = silent if at == modulation.AMP else np.ones(self._n, bool)
            self._moving[resume, at + modulation.VALUE] = 0
        self._turns[:, : modulation.DICE] = 0
        for at, key, phase in (
            (modulation.LFO1, pg.LFO1_KEY, pg.LFO1_PHASE),
            (modulation.LFO2, pg.LFO2_KEY, pg.LFO2_PHASE),
        ):
            self._moving[:, at + modulation.PHASE] = np.where(
                c[:, key] == 1, x[:, phase], self._moving[:, at + modulation.PHASE]
            )
        starts: list[Floats] = [x[:, pg.PHASE1], x[:, pg.PHASE2], np.zeros(self._n, np.float32)]
        for osc, start in enumerate(starts):
            at, place = osc * oscillators.STATES, osc * oscillators.COUNTS
            self._waving[silent, at + oscillators.FM_PHASE] = 0
            self._waving[silent, at + oscillators.SIGN] = 1
            self._waving[silent, at + oscillators.PHASE] = start[silent]
            self._places[silent, place + oscillators.SINCE] = 0
        self._corrections[silent] = 0

    def _play(self, programme: Programme, held: int, out: Floats, rows: Ints) -> Ints:
        """Write a note to rows of ``out [m, samples]``; return how long each voice sounded."""
        x, c = programme
        pace = np.float32(0.004) * np.float32(44100) / np.float32(self._clock.rate)
        period = np.float32(1) / np.float32(self._clock.rate)
        waves, steps, corners = tables.lfo_waves(), tables.steps(), tables.corners()
        sounded, counts = np.zeros((2, self._n), np.int64)
        for first in range(0, out.shape[1], _BLOCK):
            n = min(_BLOCK, out.shape[1] - first)
            modulation.run(
                x, c, self._moving, self._turns, n, held - first, pace, waves, self._control, counts
            )
            sounded += counts
            longest = int(counts.max())
            if longest:
                oscillators.run(
                    x, c, self._waving, self._places, self._corrections, counts, period,
                    self._control, steps, corners, self._room, self._input,
                )  # fmt: skip
                last = int(np.flatnonzero(counts)[-1])
                self._run_filter(longest, last + 1, self._control[:, modulation.CUT])
            output.run(self._filtered, counts, n, self._control, x, self._blocked, out, rows, first)
        return sounded

    def _precede(self, before: Before) -> None:
        """Play the note before, of one voice, and let the voice come to rest as far as it does."""
        programme = self._programme(before.pitch, before.velocity)
        self._begin(programme)
        discarded = np.empty((self._n, before.total), np.float32)
        (sounded,) = self._play(programme, before.held, discarded, np.arange(self._n))
        rest = min(before.total - int(sounded), _SETTLE)
        if rest > 0:
            x = programme.numbers[:, [pg.CUTOFF]]
            self._settle(programme, np.repeat(x + 0.1, rest, axis=1))
