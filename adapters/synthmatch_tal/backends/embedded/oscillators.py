"""Two oscillators and the sub-oscillator, with sync, frequency and ring modulation.

Waveforms with steps are made band-limited with the tables of :mod:`.tables`; the sine has
none and aliases where it is modulated hard, as in the plug-in. Phases are in cycles and in
single precision, whose rounding detunes them as it does the plug-in's.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

from . import modulation as md
from . import programme as pg
from .compiling import compiled

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

F = np.float32
_NOISE = F(4.6566129e-10)
_HIGHEST = F(22000)  # Hz
_CYCLE = F(2 * math.pi)
TAPS, LATE = 32, 15  # of the tables; the delay of the triangle
_LN2 = math.log(2)

SAW, PULSE, TRIANGLE, SINE, NOISE = range(5)
_SHAPES1, _SHAPES2 = (SAW, PULSE, NOISE), (SAW, PULSE, TRIANGLE, SINE, NOISE)

# The running state of an oscillator, then that of the voice.
PHASE, SIGN, FM_PHASE, HERTZ = 0, 1, 2, 3
STATES = 4
CRACKLE, CRACKLED = 3 * STATES, 3 * STATES + 1
VOICE_STATES = 3 * STATES + 2
# And in whole numbers: samples since a corner, the noise.
SINCE, SEED = 0, 1
COUNTS = 2
CRACKLE_SEED = 3 * COUNTS
VOICE_COUNTS = 3 * COUNTS + 1
# Rows for each oscillator, with TAPS samples more than a block: corrections that are still
# to be played, those of sync, and the triangle's past.
STEPPED, SYNCED, PAST = 0, 1, 2
BUFFERS = 3
# Rows to work in.
_HERTZ1, _HERTZ2, _SINCE, _RATIO, _WAVE, _MIX2, _ROOM, _WIDTH, _FS = range(9)
ROOM = 9

_TABLE = numba.types.Array(numba.float32, 2, "C", readonly=True)
_f2 = numba.float32[:, ::1]
_SIGNATURE = numba.void(
    _f2, numba.int64[:, ::1], _f2, numba.int64[:, ::1], numba.float32[:, :, :, ::1],
    numba.int64[::1], numba.float32, numba.float32[:, :, ::1], _TABLE, _TABLE, _f2, _f2,
)  # fmt: skip


@compiled
def _frequencies(notes: Floats, n: int, room: Floats, out: Floats) -> None:
    """Write the frequencies in Hz of notes, an octave above their MIDI numbers."""
    moved = 0
    for i in range(n):
        moved += notes[i] != notes[0]
    if moved == 0:
        hertz = F(440) * np.exp2((notes[0] - F(81)) / F(12)) * F(2)
        for i in range(n):
            out[i] = hertz
        return
    bits = room[: n + 1].view(np.int32)
    for i in range(n):
        x = (notes[i] - F(81)) / F(12)
        octave = math.floor(x + F(0.5))
        y = (float(x) - octave) * _LN2
        power = 1 / 720 + y * (1 / 5040 + y * (1 / 40320))
        power = 1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * power)))))
        bits[i] = np.int32(min(max(octave, -126.0), 126.0) + 127) << np.int32(23)
        out[i] = F(power)
    for i in range(n):
        out[i] = F(440) * (out[i] * room[i]) * F(2)


@compiled
def _cosine(x: F) -> F:
    """Return the cosine of ``x`` cycles, to single precision, as what vectors can compute."""
    t = (abs(x - np.floor(x) - F(0.5)) - F(0.25)) * _CYCLE
    t2 = t * t
    tail = F(-1 / 5040) + t2 * (F(1 / 362880) - t2 * F(1 / 39916800))
    cosine: F = t + t * t2 * (F(-1 / 6) + t2 * (F(1 / 120) + t2 * tail))
    return cosine


@compiled
def _correct(table: Floats, out: Floats, at: int, late: F, size: F, whole: F) -> None:
    """Add ``size * (whole - table)`` from sample ``at`` on, for what was ``late`` samples ago.

    The first of its samples is dropped, as in the plug-in.
    """
    position = min(max(late, F(0)), F(1)) * F(len(table) - 1)
    index = min(int(position), len(table) - 2)
    rest = position - F(index)
    for i in range(1, TAPS):
        value = (table[index + 1, i] - table[index, i]) * rest + table[index, i]
        out[at + i] += size * (whole - value)


@compiled
def _steps(n: int, hertz: Floats, limit: F, scale: F, out: Floats) -> None:
    """Write by how much a phase moves a sample: what vectors compute, before what they cannot."""
    for i in range(n):
        out[i] = min(hertz[i], limit) * scale


@compiled
def _saw(
    s: Floats, n: int, fs: Floats, synced: bool, since: Floats, ratio: Floats, steps: Floats,
    stepped: Floats, out: Floats,
) -> None:  # fmt: skip
    """Write a rising sawtooth; where ``since`` >= 0 its master restarted so long ago."""
    x = s[PHASE]
    for i in range(n):
        x = x + fs[i]
        if synced and since[i] >= F(0):
            start = fs[i] * ratio[i]
            _correct(steps, stepped, i, since[i], x - start, F(1))
            x = start
        if x >= F(1):
            x = x - F(1)
            _correct(steps, stepped, i, x / fs[i], F(1), F(1))
        out[i] = x
    s[PHASE] = x
    for i in range(n):
        out[i] = stepped[i + 1] + out[i] - F(0.5)


@compiled
def _pulse(
    s: Floats, n: int, fs: Floats, width: Floats, synced: bool, since: Floats, ratio: Floats,
    steps: Floats, stepped: Floats, out: Floats, began: Floats,
) -> None:  # fmt: skip
    """Write a pulse, and how long ago its cycles began; see :func:`_saw`."""
    for i in range(n):
        out[i] = (width[i] - F(0.5)) * (F(1) - fs[i] * F(2.5)) + F(0.5)
    x, sign = s[PHASE], s[SIGN]
    for i in range(n):
        edge, start = out[i], F(-1)
        if synced and since[i] >= F(0):
            if sign == F(-1):
                sign = F(1)
                _correct(steps, stepped, i, since[i], F(1), F(1))
            x = fs[i] * ratio[i]
        x = x + fs[i]
        if x >= F(1) and sign == F(-1):
            x = x - F(1)
            sign = F(1)
            start = x / fs[i]
            _correct(steps, stepped, i, start, F(1), F(1))
        if x >= edge and sign == F(1):
            sign = F(-1)
            _correct(steps, stepped, i, (x - edge) / fs[i], F(-1), F(1))
        began[i] = start
        out[i] = sign
    s[PHASE], s[SIGN] = x, sign
    for i in range(n):
        out[i] = stepped[i + 1] - out[i] * F(0.5)


@compiled
def _triangle(
    s: Floats, k: Ints, n: int, fs: Floats, synced: bool, since: Floats, ratio: Floats,
    steps: Floats, corners: Floats, buffer: Floats, out: Floats,
) -> None:  # fmt: skip
    """Write a triangle, 15 samples late, whose phase counts half cycles; see :func:`_saw`."""
    x, sign, count = s[PHASE], s[SIGN], k[SINCE]
    stepped, cut, past = buffer[STEPPED], buffer[SYNCED], buffer[PAST]
    for i in range(n):
        x = x + fs[i]
        count += 1
        if x >= F(1):
            sign = -sign
            x = x - F(1)
            _correct(corners, stepped, i, x / fs[i], -sign * F(TAPS) * fs[i], F(0))
            count = 0
        if synced and since[i] >= F(0):
            start = fs[i] * ratio[i]
            if count != LATE + 1:
                _correct(steps, cut, i, since[i], sign * (x - start), F(1))
            x = start
        out[i] = x if sign == F(1) else F(1) - x
    s[PHASE], s[SIGN], k[SINCE] = x, sign, count
    for i in range(n):
        past[LATE + i] = out[i] - F(0.5) + cut[i + 1]
    for i in range(n):
        out[i] = stepped[i + 1] + past[i]


@compiled
def _sine(s: Floats, n: int, fs: Floats, out: Floats) -> None:
    """Write a sine, which starts at its lowest."""
    x = s[PHASE]
    for i in range(n):
        out[i] = x
        x = x + fs[i]
        if x >= F(1):
            x = x - F(1)
    s[PHASE] = x
    for i in range(n):
        out[i] = F(-0.5) * _cosine(out[i])


@compiled
def _noise(seed: np.int64, n: int, out: Floats) -> np.int64:
    """Write the plug-in's noise and return the state of its generator."""
    for i in range(n):
        seed = np.int64(np.int32(seed * 16807))
        out[i] = F(seed) * _NOISE
    return seed


@compiled
def _bend(
    s: Floats, n: int, bend: Floats, modulator: Floats, before: F, period: F, room: Floats,
    hertz: Floats,
) -> None:  # fmt: skip
    """Modulate frequencies by a sine of the frequency of oscillator 1 a sample ago."""
    most = F(0)
    for i in range(n):
        most = max(most, bend[i])
    if most <= F(0):
        return
    phase = s[FM_PHASE]
    for i in range(n):
        if bend[i] > F(0):
            phase = phase + (modulator[i - 1] if i > 0 else before) * period
            if phase > F(1):
                phase = phase - F(1)
        room[i] = phase
    s[FM_PHASE] = phase
    for i in range(n):
        speed = modulator[i - 1] if i > 0 else before
        wave = F(1) + _cosine(room[i] - F(0.25))
        hertz[i] += max(bend[i], F(0)) * F(10) * speed * wave


@compiled
def _crackle(
    s: Floats, seed: np.int64, n: int, amount: F, room: Floats, out: Floats
) -> np.int64:  # fmt: skip
    """Add the noise of an old instrument and return the state of its generator."""
    seed = _noise(seed, n, room)
    level, last = s[CRACKLE], s[CRACKLED]
    for i in range(n):
        last = room[i] if abs(room[i]) >= F(0.95) else last * F(0.5)
        level = (last + level * F(3)) / F(4)
        out[i] += level * amount
    s[CRACKLE], s[CRACKLED] = level, last
    return seed


@compiled
def _remember(buffer: Floats, rows: int, n: int) -> None:
    """Move what follows ``n`` samples to the front and clear the rest."""
    for row in range(rows):
        for i in range(TAPS):
            buffer[row, i] = buffer[row, n + i]
        for i in range(TAPS, n + TAPS):
            buffer[row, i] = F(0)


@compiled
def _voice(
    p: Floats, c: Ints, s: Floats, k: Ints, buffers: Floats, n: int, period: F, control: Floats,
    steps: Floats, corners: Floats, room: Floats, one: Floats,
) -> None:  # fmt: skip
    """Write ``n`` samples of a voice to ``one``."""
    limit = min(_HIGHEST, F(0.4999) / period)
    synced = c[pg.SYNC] == 1
    since, ratio, wave, spare = room[_SINCE], room[_RATIO], room[_WAVE], room[_ROOM]
    volume1, volume2, volume3 = p[pg.VOLUME1], p[pg.VOLUME2], p[pg.VOLUME3]
    before = s[HERTZ]
    two, fs = room[_MIX2], room[_FS]
    wave[:n], one[:n], two[:n] = F(0), F(0), F(0)
    for osc in (2, 0, 1):  # the sub-oscillator first: it is the master
        hertz = room[_HERTZ1] if osc == 0 else room[_HERTZ2]
        mix = wave if osc == 2 else one if osc == 0 else two
        part = s[osc * STATES : (osc + 1) * STATES]
        master = osc == 2
        if master:
            if not synced and volume3 <= F(0):
                continue
            spare[:n] = p[pg.SUB]
            _frequencies(spare, n, room[_WIDTH], hertz)
            shape = PULSE
        else:
            if volume2 <= F(0) and (osc == 1 or volume1 <= F(0)):
                continue
            _frequencies(control[md.NOTE1 + osc], n, spare, hertz)
            if osc == 0:
                part[HERTZ] = hertz[n - 1]
                if volume1 <= F(0):
                    continue
            shape = _SHAPES1[c[pg.WAVE1] - 1] if osc == 0 else _SHAPES2[c[pg.WAVE2] - 1]
        if osc == 1 and shape != NOISE:
            _bend(part, n, control[md.BEND], room[_HERTZ1], before, period, spare, hertz)
        follows = synced and not master
        top = min(limit, F(0.45) / period) if shape == TRIANGLE else limit
        _steps(n, hertz, top, period * F(2) if shape == TRIANGLE else period, fs)
        if shape == SAW:
            _saw(part, n, fs, follows, since, ratio, steps,
                 buffers[osc, STEPPED], mix)  # fmt: skip
        elif shape == PULSE:
            width = control[md.WIDTH] if osc == 0 else room[_WIDTH]
            if osc != 0:
                width[:n] = F(0.5)
            _pulse(part, n, fs, width, follows, since, ratio, steps,
                   buffers[osc, STEPPED], mix, since if master else spare)  # fmt: skip
        elif shape == TRIANGLE:
            _triangle(part, k[osc * COUNTS :], n, fs, follows, since, ratio,
                      steps, corners, buffers[osc], mix)  # fmt: skip
        elif shape == SINE:
            _sine(part, n, fs, mix)
        else:
            k[osc * COUNTS + SEED] = _noise(k[osc * COUNTS + SEED], n, mix)
        if shape <= TRIANGLE:
            _remember(buffers[osc], BUFFERS if shape == TRIANGLE else 1, n)
        if master:
            share = min(hertz[0], limit) / hertz[0]
            for i in range(n):
                wave[i] *= volume3
                since[i] *= share
                ratio[i] = since[i]
    ring, crush = p[pg.RING], p[pg.CRUSH]
    for i in range(n):
        a, b = one[i] * volume1, two[i] * volume2
        one[i] = a * (ring - F(1)) + b * (ring - F(1)) + a * b * ring * F(8)
    if crush > F(0):
        for i in range(n):
            one[i] = F(int(one[i] * crush)) / crush
    for i in range(n):
        one[i] += wave[i]
    if p[pg.CRACKLE] > F(0):
        k[CRACKLE_SEED] = _crackle(s, k[CRACKLE_SEED], n, p[pg.CRACKLE], room[_ROOM], one)


@kernel(_SIGNATURE, error_model="numpy")
def run(
    p: Floats, c: Ints, s: Floats, k: Ints, buffers: Floats, played: Ints, period: F,
    control: Floats, steps: Floats, corners: Floats, room: Floats, out: Floats,
) -> None:  # fmt: skip
    """Write a block of voices before their filters.

    Parameters
    ----------
    p, c : float32 [v, pg.NUMBERS], int64 [v, pg.CHOICES]
        The programmes.
    s, k : float32 [v, VOICE_STATES], int64 [v, VOICE_COUNTS]
        What is remembered, of oscillators 1 and 2 and the sub-oscillator.
    buffers : float32 [v, 3, BUFFERS, block + TAPS]
        Corrections still to be played.
    played : int64 [v]
        Samples of each.
    period : float
        One over the sample rate.
    control : float32 [v, md.CONTROLS, more than a block]
        From :mod:`.modulation`.
    steps, corners : float32
        The tables of :mod:`.tables`.
    room : float32 [ROOM, more than a block]
        To work in.
    out : float32 [v, block]
        Is written, with 0 where a voice has ended.
    """
    for v in range(len(p)):
        n = played[v]
        if n > 0:
            _voice(
                p[v], c[v], s[v], k[v], buffers[v], n, period, control[v], steps, corners, room,
                out[v],
            )  # fmt: skip
        out[v, n:] = F(0)
