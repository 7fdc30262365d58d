"""From voices and notes to the numbers that the render kernel runs on.

A *programme* is one row of integers per voice for what its operators share, and one per operator,
laid out by the column constants below. Everything that happens once per note happens here, in
numpy over all voices; what happens once per block is the kernel's.
"""

from __future__ import annotations

import numpy as np

from . import tables
from .tables import OCTAVE, IntArray

# Columns of an operator's row; those of four entries are indexed by envelope stage.
FREQUENCY = 0  # logarithmic frequency, Q24
FIXED = 1  # 1 where the frequency is in Hz and does not follow the pitch modulation
SENSITIVITY = 2  # to amplitude modulation, Q24
MODULATORS = 3  # bit mask
PHASE = 4  # at the start, Q24
DELAYED = 5  # 1 where the first stage waits because its level is 0
TARGET = 6  # 4 levels, Q24
STEP = 10  # 4 increments per block
STANDING = 14  # 4 durations, samples, of a stage whose level is there already
OPERATOR_COLUMNS = 18

# Columns of a voice's row.
CARRIERS = 0  # bit mask
SWITCHES = 1  # bit mask of the operators that are on
LOOPED = 2  # operator with feedback
LOOP = 3  # number of operators in its loop
FEEDBACK = 4  # right shift of the feedback; 16 is none
WAVE = 5  # of the LFO
LFO_PHASE = 6  # at the start, Q32
LFO_STEP = 7
LFO_NOISE = 8  # state of the sample and hold at the start, 0..255
DELAY_STEP = 9  # 2 increments per block: silent, fading in
PITCH_DEPTH = 11
PITCH_SENSITIVITY = 12
AMPLITUDE_DEPTH = 13
PITCH_TARGET = 14  # 4 levels, logarithmic frequency
PITCH_STEP = 18  # 4 increments per block
VOICE_COLUMNS = 22

LEVELS = np.array([*tables.LOW_LEVELS, *(28 + level for level in range(20, 100))])
_STANDING = np.array(tables.STANDING_SAMPLES)
VELOCITY = np.array(tables.VELOCITY)
_KEYBOARD = np.array(tables.KEYBOARD_CURVE)
_AMPLITUDE = np.array(tables.AMPLITUDE_SENSITIVITY)
_SENSITIVITY = np.array(tables.PITCH_SENSITIVITY)
_HERTZ = np.array(tables.LFO_HERTZ)
_PITCH_RATES = np.array(tables.PITCH_RATES)
_PITCH_LEVELS = np.array(tables.PITCH_LEVELS)
_COARSE = np.floor(OCTAVE * np.log2([0.5, *range(1, 32)]) + 0.5).astype(np.int64)
_FINE = np.floor(OCTAVE * np.log2(1 + np.arange(100) / 100) + 0.5).astype(np.int64)


def keyboard_level(keys: IntArray, operators: IntArray) -> IntArray:
    """Return what keyboard level scaling adds to the output levels, [n, 6]."""
    offset = keys[:, None] - operators[:, :, 8] - 17
    right = offset >= 0
    group = np.where(right, offset + 1, 1 - offset) // 3
    depth = np.where(right, operators[:, :, 10], operators[:, :, 9])
    curve = np.where(right, operators[:, :, 12], operators[:, :, 11])
    linear = (group * depth * 329) >> 12
    bent = (_KEYBOARD[np.minimum(group, len(_KEYBOARD) - 1)] * depth * 329) >> 15
    amount = np.where((curve == 0) | (curve == 3), linear, bent)
    return np.where(curve < 2, -amount, amount)


def _frequencies(keys: IntArray, operators: IntArray) -> IntArray:
    """Return the logarithmic frequencies of the operators, [n, 6]."""
    coarse, fine, detune = operators[:, :, 18], operators[:, :, 19], operators[:, :, 20]
    key = (50857777 + OCTAVE // 12 * keys)[:, None]
    # Detuning measured on a DX7: a share of the logarithmic frequency that falls with pitch.
    octaves = key.astype(np.float32).astype(np.float64) / OCTAVE
    share = 0.0209 * np.exp(-0.396 * octaves) / 7
    ratio = np.trunc(key + share * key * (detune - 7)).astype(np.int64)
    ratio += _COARSE[coarse] + _FINE[fine]
    # Powers of ten in 400 steps, in units of an eighth; detuning goes upwards only.
    fixed = ((4458616 * ((coarse & 3) * 100 + fine)) >> 3) + 13457 * np.maximum(detune - 7, 0)
    return np.where(operators[:, :, 17] == 1, fixed, ratio)


def _envelopes(
    rows: IntArray, keys: IntArray, velocities: IntArray, operators: IntArray, multiplier: int
) -> None:
    """Write targets, increments and standing times of the operators' envelopes into ``rows``."""
    loudness = np.minimum(127, LEVELS[operators[:, :, 16]] + keyboard_level(keys, operators))
    struck = VELOCITY[velocities >> 1] - 239
    touch = ((operators[:, :, 15] * struck[:, None] + 7) >> 3) << 4
    loudness = np.maximum(0, (loudness << 5) + touch)
    above = np.clip(keys // 3 - 7, 0, 31)
    quicker = (operators[:, :, 13] * above[:, None]) >> 3

    rates, levels = operators[:, :, 0:4], operators[:, :, 4:8]
    target = ((LEVELS[levels] >> 1) << 6) + loudness[:, :, None] - 4256
    rows[:, :, TARGET : TARGET + 4] = np.maximum(target, 16) << 16
    speed = np.minimum(((rates * 41) >> 6) + quicker[:, :, None], 63)
    step = (4 + (speed & 3)) << (8 + (speed >> 2))
    rows[:, :, STEP : STEP + 4] = (step * multiplier) >> 24

    delayed = levels[:, :, 0] == 0
    rate = np.minimum(rates + quicker[:, :, None], 99)
    standing = _STANDING[rate]
    shorter = delayed & (rate[:, :, 0] < 77)
    standing[:, :, 0] = np.where(shorter, standing[:, :, 0] // 20, standing[:, :, 0])
    rows[:, :, STANDING : STANDING + 4] = (standing * multiplier) >> 24
    rows[:, :, DELAYED] = delayed


def compile_voices(
    voices: IntArray,
    pitches: IntArray,
    velocities: IntArray,
    clock: tables.Clock,
    start: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return the programme of voices that start to play.

    Parameters
    ----------
    voices : int64 array [n, 156]
        Voices in dump order and the operator switches, all within their ranges.
    pitches, velocities : int64 arrays [n]
        MIDI note (before the voice's transposition) and velocity.
    clock : Clock
        What depends on the sample rate.
    start : int64 array [8]
        Phases of the six operators (Q24) where they are not synchronised to the key, then the
        phase of the LFO (Q32) where it is not, and the state of its sample and hold.

    Returns
    -------
    tuple
        int64 [n, ``VOICE_COLUMNS``] and int64 [n, 6, ``OPERATOR_COLUMNS``].
    """
    n = len(voices)
    operators = voices[:, :126].reshape(n, 6, 21)
    shared = voices[:, 126:145]
    keys = pitches + shared[:, 18] - 24
    routing = tables.routing()
    algorithm, feedback = shared[:, 8], shared[:, 9]

    rows = np.zeros((n, 6, OPERATOR_COLUMNS), np.int64)
    rows[:, :, FREQUENCY] = _frequencies(keys, operators)
    rows[:, :, FIXED] = operators[:, :, 17]
    rows[:, :, SENSITIVITY] = _AMPLITUDE[operators[:, :, 14]]
    rows[:, :, MODULATORS] = routing.modulators[algorithm]
    rows[:, :, PHASE] = np.where(shared[:, 10, None] == 1, 0, start[:6])
    _envelopes(rows, keys, velocities, operators, clock.envelope)

    common = np.zeros((n, VOICE_COLUMNS), np.int64)
    common[:, CARRIERS] = routing.carriers[algorithm]
    common[:, SWITCHES] = voices[:, 155]
    common[:, LOOPED : LOOPED + 2] = routing.feedback[algorithm]
    common[:, FEEDBACK] = np.where(feedback > 0, 8 - feedback, 16)
    common[:, WAVE] = shared[:, 16]
    common[:, LFO_PHASE] = np.where(shared[:, 15] == 1, 2**31 - 1, start[6])
    common[:, LFO_STEP] = (_HERTZ[shared[:, 11]] * clock.lfo).astype(np.int64)
    common[:, LFO_NOISE] = start[7]
    hurry = 99 - shared[:, 12]
    wait = (16 + (hurry & 15)) << (1 + (hurry >> 4))
    fade = np.maximum(0x80, wait & 0xFF80)
    delays = clock.lfo_delay * np.stack([wait, fade], axis=1)
    at_once = (shared[:, 12] == 0)[:, None]
    common[:, DELAY_STEP : DELAY_STEP + 2] = np.where(at_once, 2**32 - 1, delays & (2**32 - 1))
    common[:, PITCH_DEPTH] = (shared[:, 13] * 165) >> 6
    common[:, PITCH_SENSITIVITY] = _SENSITIVITY[shared[:, 17]]
    common[:, AMPLITUDE_DEPTH] = (shared[:, 14] * 165) >> 6
    common[:, PITCH_TARGET : PITCH_TARGET + 4] = _PITCH_LEVELS[shared[:, 4:8]] << 19
    common[:, PITCH_STEP : PITCH_STEP + 4] = _PITCH_RATES[shared[:, 0:4]] * clock.pitch_envelope
    return common, rows
