"""Two oscillators and the sub-oscillator, with sync, frequency and ring modulation.

Waveforms with steps are made band-limited with the tables of :mod:`.tables`; the sine has
none and aliases where it is modulated hard, as in the plug-in. All that is compiled for the
oscillators stands in this module, since numba's cache watches no other file. Phases are in
cycles and in single precision, whose rounding detunes them as it does the plug-in's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from . import modulation as md
from . import programme as pg

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
_Function = TypeVar("_Function", bound=Callable[..., Any])

F = np.float32
_NOISE = F(4.6566129e-10)
_HIGHEST = F(22000)  # Hz
_CYCLE = F(2 * math.pi)
TAPS, LATE = 32, 15  # of the tables; the delay of the triangle
_STEP, _CORNER = 64, 128  # strides of the tables

# The waveforms.
SAW, PULSE, TRIANGLE, SINE, NOISE = range(5)

# The running state of an oscillator, then that of the voice.
PHASE, SIGN, FM_PHASE, HERTZ = 0, 1, 2, 3
STATES = 4
CRACKLE, CRACKLED = 3 * STATES, 3 * STATES + 1
VOICE_STATES = 3 * STATES + 2
# And in whole numbers: positions in the two buffers, samples since a corner, the noise.
AT, AT_SYNC, SINCE, SEED = 0, 1, 2, 3
COUNTS = 4
CRACKLE_SEED = 3 * COUNTS
VOICE_COUNTS = 3 * COUNTS + 1
BUFFERS = 2 * TAPS + LATE  # corrections, corrections of sync, the triangle's delay

_TABLE = numba.types.Array(numba.float32, 1, "C", readonly=True)
_SIGNATURE = numba.void(
    numba.float32[:], numba.int64[:], numba.float32[:], numba.int64[:],
    numba.float32[:, ::1], numba.int64, numba.float32, numba.float32[:, ::1],
    _TABLE, _TABLE, numba.float32[:, ::1], numba.float32[:, ::1], numba.float32[:],
)  # fmt: skip


def _compiled(function: _Function) -> _Function:
    """Let numba compile a function into those that call it."""
    return cast(_Function, numba.njit(function, error_model="numpy"))


@_compiled
def _hertz(note: F) -> F:
    """Return the frequency of a note, an octave above its MIDI number."""
    return F(440) * np.exp2((note - F(81)) / F(12)) * F(2)


@_compiled
def _correct(
    table: Floats, stride: int, buffer: Floats, first: int, at: int, late: F, size: F, whole: F
) -> None:  # fmt: skip
    """Add ``size * (whole - table)`` to the ring of corrections, for a step ``late`` samples ago."""
    position = min(max(late, F(0)), F(1)) * F(stride)
    index = int(position)
    rest = position - F(index)
    for i in range(TAPS):
        value = (table[index + 1] - table[index]) * rest + table[index]
        buffer[first + ((at + i) & (TAPS - 1))] += size * (whole - value)
        index += stride


@_compiled
def _next(buffer: Floats, first: int, counts: Ints, at: int) -> F:
    """Take the next of the corrections."""
    buffer[first + counts[at]] = F(0)
    counts[at] = (counts[at] + 1) & (TAPS - 1)
    return buffer[first + counts[at]]


@_compiled
def _saw(
    s: Floats, o: int, k: Ints, w: int, buffer: Floats, fs: F, sync: F, ratio: F, steps: Floats
) -> F:  # fmt: skip
    """Return a sample of a rising sawtooth; with ``sync`` >= 0 the master restarted so long ago."""
    x = s[o + PHASE] + fs
    if sync >= F(0):
        start = fs * ratio
        _correct(steps, _STEP, buffer, 0, k[w + AT], sync, x - start, F(1))
        x = start
    if x >= F(1):
        x = x - F(1)
        _correct(steps, _STEP, buffer, 0, k[w + AT], x / fs, F(1), F(1))
    s[o + PHASE] = x
    return _next(buffer, 0, k, w + AT) + x - F(0.5)


@_compiled
def _pulse(
    s: Floats, o: int, k: Ints, w: int, buffer: Floats, fs: F, width: F, sync: F, ratio: F,
    steps: Floats,
) -> tuple[F, bool]:  # fmt: skip
    """Return a sample of a pulse, and whether its cycle began; see :func:`_saw`."""
    x, sign, began = s[o + PHASE], s[o + SIGN], False
    if sync >= F(0):
        if sign == F(-1):
            sign = F(1)
            _correct(steps, _STEP, buffer, 0, k[w + AT], sync, sign, F(1))
        x = fs * ratio
    x = x + fs
    if x >= F(1) and sign == F(-1):
        x = x - F(1)
        sign = F(1)
        _correct(steps, _STEP, buffer, 0, k[w + AT], x / fs, sign, F(1))
        began = True
    edge = (width - F(0.5)) * (F(1) - fs * F(2.5)) + F(0.5)
    if x >= edge and sign == F(1):
        sign = F(-1)
        _correct(steps, _STEP, buffer, 0, k[w + AT], (x - edge) / fs, sign, F(1))
    s[o + PHASE], s[o + SIGN] = x, sign
    return _next(buffer, 0, k, w + AT) - sign * F(0.5), began


@_compiled
def _triangle(
    s: Floats, o: int, k: Ints, w: int, buffer: Floats, fs: F, sync: F, ratio: F, steps: Floats,
    corners: Floats,
) -> F:  # fmt: skip
    """Return a sample of a triangle, 15 late; ``fs`` is in half cycles. See :func:`_saw`."""
    x, sign = s[o + PHASE] + fs, s[o + SIGN]
    k[w + SINCE] += 1
    if x >= F(1):
        sign = -sign
        x = x - F(1)
        _correct(corners, _CORNER, buffer, 0, k[w + AT], x / fs, -sign * F(TAPS) * fs, F(0))
        k[w + SINCE] = 0
    if sync >= F(0):
        start = fs * ratio
        if k[w + SINCE] != LATE + 1:
            size = sign * (x - start)
            _correct(steps, _STEP, buffer, TAPS, k[w + AT_SYNC], sync, size, F(1))
        x = start
    s[o + PHASE], s[o + SIGN] = x, sign
    value = x if sign == F(1) else F(1) - x
    oldest = buffer[2 * TAPS + LATE - 1]
    for i in range(2 * TAPS + LATE - 1, 2 * TAPS, -1):
        buffer[i] = buffer[i - 1]
    buffer[2 * TAPS] = value - F(0.5) + _next(buffer, TAPS, k, w + AT_SYNC)
    return _next(buffer, 0, k, w + AT) + oldest


@_compiled
def _noise(counts: Ints, at: int) -> F:
    """Return a sample of the plug-in's noise."""
    counts[at] = np.int64(np.int32(counts[at] * 16807))
    return F(counts[at]) * _NOISE


@numba.njit(_SIGNATURE, nogil=True, cache=True, error_model="numpy")
def run(
    p: Floats, c: Ints, s: Floats, k: Ints, buffers: Floats, n: int, period: F, control: Floats,
    steps: Floats, corners: Floats, pitches: Floats, waves: Floats, out: Floats,
) -> None:  # fmt: skip
    """Write ``n`` samples of a voice before its filter.

    Parameters
    ----------
    p, c : float32 [pg.NUMBERS], int64 [pg.CHOICES]
        The programme.
    s, k : float32 [VOICE_STATES], int64 [VOICE_COUNTS]
        What is remembered, of oscillators 1 and 2 and the sub-oscillator.
    buffers : float32 [3, BUFFERS]
        Corrections still to be played.
    n : int
        Samples.
    period : float
        One over the sample rate.
    control : float32 [md.CONTROLS, n or more]
        From :mod:`.modulation`.
    steps, corners : float32
        The tables of :mod:`.tables`.
    pitches, waves : float32 [2, n or more], [3, n or more]
        Room for frequencies and waveforms.
    out : float32 [n or more], strided
        Is written.
    """
    limit = min(_HIGHEST, F(0.4999) / period)
    for osc in range(2):
        note = control[md.NOTE1 + osc]
        last, hertz = F(-1000), s[osc * STATES + HERTZ]
        for i in range(n):
            if note[i] != last:
                last = note[i]
                hertz = _hertz(last)
            pitches[osc, i] = hertz
    sync = c[pg.SYNC] == 1
    sub = 2 * STATES
    began, since, ratio = waves[2], pitches[2], pitches[3]
    waves[:, :n] = F(0)
    if sync or p[pg.VOLUME3] > F(0):
        hertz = _hertz(p[pg.SUB])
        fs = min(hertz, limit) * period
        for i in range(n):
            value, restart = _pulse(
                s, sub, k, 2 * COUNTS, buffers[2], fs, F(0.5), F(-1), F(0), steps
            )
            out[i] = value * p[pg.VOLUME3]
            x = s[sub + PHASE]
            since[i] = x / (hertz * period) if restart and sync else F(-1)
            ratio[i] = x / (hertz * period)
    else:
        for i in range(n):
            out[i] = F(0)
            since[i] = F(-1)
    for osc in range(2):
        volume = p[pg.VOLUME1 + osc]
        if volume <= F(0):
            continue
        o, w, buffer = osc * STATES, osc * COUNTS, buffers[osc]
        shape = c[pg.WAVE1] - 1 if osc == 0 else c[pg.WAVE2] - 1
        if osc == 0 and shape == 2:
            shape = NOISE
        top = min(limit, F(0.45) / period) if shape == TRIANGLE else limit
        for i in range(n):
            hertz = pitches[osc, i]
            bend = control[md.BEND, i]
            if osc == 1 and bend > F(0):
                modulator = pitches[0, i - 1] if i > 0 else s[HERTZ]
                s[o + FM_PHASE] += modulator * period
                wave = F(1) + math.sin(s[o + FM_PHASE] * _CYCLE)
                hertz = hertz + bend * F(10) * modulator * wave
                if s[o + FM_PHASE] > F(1):
                    s[o + FM_PHASE] -= F(1)
            fs = min(hertz, top) * period
            if shape == SAW:
                value = _saw(s, o, k, w, buffer, fs, since[i], ratio[i], steps)
            elif shape == PULSE:
                width = control[md.WIDTH, i] if osc == 0 else F(0.5)
                value, _ = _pulse(s, o, k, w, buffer, fs, width, since[i], ratio[i], steps)
            elif shape == TRIANGLE:
                fs = fs * F(2)
                value = _triangle(s, o, k, w, buffer, fs, since[i], ratio[i], steps, corners)
            elif shape == SINE:
                x = s[o + PHASE]
                value = F(-0.5) * math.cos(x * _CYCLE)
                x = x + fs
                s[o + PHASE] = x - F(1) if x >= F(1) else x
            else:
                value = _noise(k, w + SEED)
            waves[osc, i] = value * volume
    for osc in range(2):
        if n > 0:
            s[osc * STATES + HERTZ] = pitches[osc, n - 1]
    ring, crush, crackle = p[pg.RING], p[pg.CRUSH], p[pg.CRACKLE]
    for i in range(n):
        one, two = waves[0, i], waves[1, i]
        mix = (ring - F(1)) * one + (ring - F(1)) * two + one * two * ring * F(8)
        if crush > F(0):
            mix = F(int(mix * crush)) / crush
        out[i] += mix
    if crackle > F(0):
        for i in range(n):
            before = s[CRACKLED]
            fresh = _noise(k, CRACKLE_SEED)
            if abs(fresh) < F(0.95):
                fresh = before * F(0.5)
            s[CRACKLED] = fresh
            s[CRACKLE] = (fresh + s[CRACKLE] * F(3)) / F(4)
            out[i] += s[CRACKLE] * crackle
