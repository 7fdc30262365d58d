"""The numbers a DX7 is made of, and the lookup tables of Dexed's two engines.

Measured or ROM data stand here as data; what follows from a formula is computed. Units:

* *logarithmic frequency*: octaves above 1 Hz, Q24 (``2**24`` is one octave);
* *phase*: Q24 (``2**24`` is one cycle);
* *level*: octaves of amplitude (6.02 dB), Q24 in the envelopes.

Sources: the public documentation and source of Dexed 1.0.1 and of its ancestor,
Google's music-synthesizer-for-android; reference renders of the plug-in confirm them.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Table = npt.NDArray[np.int32]

BLOCK = 64
"""Samples between two updates of envelopes, LFO and pitch, at any sample rate."""

OCTAVE = 1 << 24
"""One octave, one cycle, or one doubling of amplitude in Q24."""

# The 32 algorithms, in the notation of the front panel: "6>5>4" reads operator 6 modulates 5,
# which modulates 4; operators that modulate none are carriers. Then the operator with feedback.
ALGORITHMS = (
    ("6>5>4>3 2>1", 6),
    ("6>5>4>3 2>1", 2),
    ("6>5>4 3>2>1", 6),
    ("6>5>4 3>2>1", 6),
    ("6>5 4>3 2>1", 6),
    ("6>5 4>3 2>1", 6),
    ("6>5>3 4>3 2>1", 6),
    ("6>5>3 4>3 2>1", 4),
    ("6>5>3 4>3 2>1", 2),
    ("6>4 5>4 3>2>1", 3),
    ("6>4 5>4 3>2>1", 6),
    ("6>3 5>3 4>3 2>1", 2),
    ("6>3 5>3 4>3 2>1", 6),
    ("6>4 5>4>3 2>1", 6),
    ("6>4 5>4>3 2>1", 2),
    ("6>5>1 4>3>1 2>1", 6),
    ("6>5>1 4>3>1 2>1", 2),
    ("6>5>4>1 3>1 2>1", 3),
    ("6>5 6>4 3>2>1", 6),
    ("6>4 5>4 3>2 3>1", 3),
    ("6>5 6>4 3>2 3>1", 3),
    ("6>5 6>4 6>3 2>1", 6),
    ("6>5 6>4 3>2 1", 6),
    ("6>5 6>4 6>3 2 1", 6),
    ("6>5 6>4 3 2 1", 6),
    ("6>4 5>4 3>2 1", 6),
    ("6>4 5>4 3>2 1", 3),
    ("6 5>4>3 2>1", 5),
    ("6>5 4>3 2 1", 6),
    ("6 5>4>3 2 1", 5),
    ("6>5 4 3 2 1", 6),
    ("6 5 4 3 2 1", 6),
)

# Algorithms (counted from 0) whose feedback runs around more than one operator, and how many.
# Only the Mark I engine plays them so.
FEEDBACK_LOOPS = {3: 3, 5: 2}

# Output levels 0..19 in steps of 0.75 dB; from 20 on a level of n is 28 + n steps.
LOW_LEVELS = (0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46)

# Samples (at 44.1 kHz) that an envelope stage without a change of level lasts, by its rate;
# measured on hardware for rates 0 to 76, beyond that 20 per rate step up to 99.
STANDING_SAMPLES = (
    *(1764000, 1764000, 1411200, 1411200, 1190700, 1014300, 992250, 882000, 705600, 705600),
    *(584325, 507150, 502740, 441000, 418950, 352800, 308700, 286650, 253575, 220500),
    *(220500, 176400, 145530, 145530, 125685, 110250, 110250, 88200, 88200, 74970),
    *(61740, 61740, 55125, 48510, 44100, 37485, 31311, 30870, 27562, 27562),
    *(22050, 18522, 17640, 15435, 14112, 13230, 11025, 9261, 9261, 7717),
    *(6615, 6615, 5512, 5512, 4410, 3969, 3969, 3439, 2866, 2690),
    *(2249, 1984, 1896, 1808, 1411, 1367, 1234, 1146, 926, 837),
    *(837, 705, 573, 573, 529, 441, 441),
    *(20 * (99 - rate) for rate in range(77, 100)),
)

# Velocity (in pairs) to loudness; 239 is neutral.
VELOCITY = (
    *(0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163),
    *(166, 170, 173, 174, 178, 181, 184, 186, 189, 190, 194, 196, 198, 200, 202, 205),
    *(206, 209, 211, 214, 216, 218, 220, 222, 224, 225, 227, 229, 230, 232, 233, 235),
    *(237, 238, 240, 241, 242, 243, 244, 246, 246, 248, 249, 250, 251, 252, 253, 254),
)

# Exponential keyboard level scaling, by groups of three keys away from the break point.
KEYBOARD_CURVE = (
    *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66),
    *(80, 94, 110, 126, 142, 158, 174, 190, 206, 222, 238, 250),
)

PITCH_SENSITIVITY = (0, 10, 20, 33, 55, 92, 153, 255)
"""LFO pitch modulation sensitivity 0..7; 255 is the full depth of about an octave."""

AMPLITUDE_SENSITIVITY = tuple(OCTAVE * share // 255 for share in (0, 66, 109, 255))
"""Amplitude modulation sensitivity 0..3, Q24."""

LFO_HERTZ = (
    *(0.062541, 0.125031, 0.312393, 0.437120, 0.624610, 0.750694, 0.936330, 1.125302),
    *(1.249609, 1.436782, 1.560915, 1.752081, 1.875117, 2.062494, 2.247191, 2.374451),
    *(2.560492, 2.686728, 2.873976, 2.998950, 3.188013, 3.369840, 3.500175, 3.682224),
    *(3.812065, 4.000800, 4.186202, 4.310716, 4.501260, 4.623209, 4.814636, 4.930480),
    *(5.121901, 5.315191, 5.434783, 5.617346, 5.750431, 5.946717, 6.062811, 6.248438),
    *(6.431695, 6.564264, 6.749460, 6.868132, 7.052186, 7.250580, 7.375719, 7.556294),
    *(7.687577, 7.877738, 7.993605, 8.181967, 8.372405, 8.504848, 8.685079, 8.810573),
    *(8.986341, 9.122423, 9.300595, 9.500285, 9.607994, 9.798158, 9.950249, 10.117361),
    *(11.251125, 11.384335, 12.562814, 13.676149, 13.904338, 15.092062, 16.366612, 16.638935),
    *(17.869907, 19.193858, 19.425019, 20.833333, 21.034918, 22.502250, 24.003841, 24.260068),
    *(25.746653, 27.173913, 27.578599, 29.052876, 30.693677, 31.191516, 32.658393, 34.317090),
    *(34.674064, 36.416606, 38.197097, 38.550501, 40.387722, 40.749796, 42.625746, 44.326241),
    *(44.883303, 46.772685, 48.590865, 49.261084),
)
"""LFO frequency by speed 0..99, Hz, as measured; Dexed plays it 3.3 % faster (``Clock.lfo``)."""

# Pitch envelope: increment by rate 0..99, and level 0..99 in 32nds of an octave.
PITCH_RATES = (
    *(1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14),
    *(14, 15, 16, 16, 17, 18, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 33),
    *(34, 36, 37, 38, 39, 41, 42, 44, 46, 47, 49, 51, 53, 54, 56, 58, 60, 62, 64, 66),
    *(68, 70, 72, 74, 76, 79, 82, 85, 88, 91, 94, 98, 102, 106, 110, 115, 120, 125, 130),
    *(135, 141, 147, 153, 159, 165, 171, 178, 185, 193, 202, 211, 232, 243, 254, 255),
)
PITCH_LEVELS = (
    *(-128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37, -35),
    *range(-33, 36),
    *(38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127),
)


def _frozen(array: npt.NDArray[Any], dtype: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    """Return an array as whole numbers that nobody can change."""
    whole = np.ascontiguousarray(array, dtype=dtype)
    whole.flags.writeable = False
    return whole


class Routing(NamedTuple):
    """How operators are wired, by algorithm 0..31; operator index 0 is operator 6.

    Attributes
    ----------
    modulators : array [32, 6]
        Bit mask of the operators that modulate each operator.
    carriers : array [32]
        Bit mask of the operators that are heard.
    feedback : array [32, 2]
        Index of the operator with feedback, and the number of operators in its loop.
    """

    modulators: IntArray
    carriers: IntArray
    feedback: IntArray


@functools.cache
def routing() -> Routing:
    """Return the wiring of the 32 algorithms."""
    modulators = np.zeros((32, 6), np.int64)
    carriers = np.zeros(32, np.int64)
    feedback = np.ones((32, 2), np.int64)
    for algorithm, (stacks, looped) in enumerate(ALGORITHMS):
        chains = [[6 - int(name) for name in stack.split(">")] for stack in stacks.split()]
        for chain in chains:
            for source, target in itertools.pairwise(chain):
                modulators[algorithm, target] |= 1 << source
        carriers[algorithm] = 63 & ~np.bitwise_or.reduce(modulators[algorithm])
        feedback[algorithm] = 6 - looped, FEEDBACK_LOOPS.get(algorithm, 1)
    return Routing(*(_frozen(array, np.int64) for array in (modulators, carriers, feedback)))


class Waves(NamedTuple):
    """Lookup tables of both engines.

    Attributes
    ----------
    sine, sine_slope : int32 [1024]
        One cycle, Q24, and the differences between its entries ("modern").
    power, power_slope : int32 [1024]
        ``2 ** (i / 1024)``, Q30, and the differences between its entries.
    log_sine : int32 [4096]
        One cycle of ``-log2 |sin|``, Q10; bit 15 is set in the negative half ("mark1").
    exponential : int32 [1024]
        ``2 ** (1 - i / 1024)`` in 12 bits and an implied one, falling ("mark1").
    """

    sine: Table
    sine_slope: Table
    power: Table
    power_slope: Table
    log_sine: Table
    exponential: Table


@functools.cache
def waves() -> Waves:
    """Return the wave tables."""
    half = [0]
    rotation = np.exp(2j * np.pi / 1024)
    turn_cosine, turn_sine = round(rotation.real * 2**30), round(rotation.imag * 2**30)
    x, y = 1 << 30, 0
    for _ in range(511):  # a rotation in integers, whose rounding errors are part of the sound
        x, y = (
            (x * turn_cosine - y * turn_sine + (1 << 29)) >> 30,
            (x * turn_sine + y * turn_cosine + (1 << 29)) >> 30,
        )
        half.append((y + 32) >> 6)
    sine = np.array([*half, *(-value for value in half)])

    octave = np.full(1024, 2.0 ** (1 / 1024))
    octave[0] = 2.0**30
    power = np.floor(np.cumprod(octave) + 0.5).astype(np.int64)

    angle = (np.arange(1024) + 0.5) / 1024 * np.pi / 2
    quarter = np.round(-1024 * np.log2(np.sin(angle).astype(np.float32))).astype(np.int64)
    positive = np.concatenate([quarter, quarter[::-1]])
    mantissa = np.round((2.0 ** (np.arange(1024) / 1024) - 1) * 4096) + 4096
    tables = (
        *(sine, np.diff(sine, append=0), power, np.diff(power, append=2**31)),
        *(np.concatenate([positive, positive | 0x8000]), mantissa[::-1]),
    )
    return Waves(*(_frozen(table, np.int32) for table in tables))


class Clock(NamedTuple):
    """What depends on the sample rate.

    Attributes
    ----------
    increments : int64 [1025]
        Phase increment per sample, Q24, at ``20 + i / 1024`` octaves above 1 Hz.
    envelope : int
        Factor of the increments of the operators' envelopes, Q24; 1 at 44.1 kHz.
    pitch_envelope : int
        Increment of the pitch envelope per block, at a rate of 1.
    lfo : int
        LFO phase increment per block, Q32, at 1 Hz.
    lfo_delay : int
        Increment of the LFO's delay per block, Q32, at a rate of 1.
    blocker : float
        Pole of the filter that removes the offset.
    """

    increments: IntArray
    envelope: int
    pitch_envelope: int
    lfo: int
    lfo_delay: int
    blocker: float


@functools.lru_cache(maxsize=16)
def clock(sample_rate: int) -> Clock:
    """Return what depends on the sample rate (Hz)."""
    octave = np.full(1025, 2.0 ** (1 / 1024))
    octave[0] = 2.0**44 / sample_rate
    return Clock(
        _frozen(np.floor(np.cumprod(octave) + 0.5), np.int64),
        int(44100.0 / sample_rate * OCTAVE),
        int(BLOCK * OCTAVE / (21.3 * sample_rate) + 0.5),
        int(4437500000.0 * BLOCK / sample_rate),
        int(BLOCK * 25190424 / sample_rate + 0.5),
        1.0 - 126.0 / sample_rate,
    )
