"""The string itself: a sum of decaying partials, computed for many strings at once.

A string of length 1 that is plucked or struck at ``p`` vibrates in modes ``n = 1, 2, ...``
with amplitudes proportional to ``sin(n pi p)``; the force on the bridge falls with
``1 / n`` where the string was plucked and is even where it was struck (Fletcher and
Rossing, "The Physics of Musical Instruments", chapter 2). High modes die sooner: a mode
of frequency ``f`` loses ``60 dB`` in ``decay / (1 + (f / brightness)^2)`` seconds, the
form that viscous losses take (Valette, "The Mechanics of Vibrating Strings", 1995).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

EXCITERS = ("finger", "pick", "hammer")
BODIES = ("none", "guitar", "violin")

_PARTIALS = 96  # of one string at most
_HIGHEST = 0.45  # of the sample rate: partials above are left out, none alias
_SPREAD = 4.0  # cents between the outer strings of a course and its middle
_T60 = math.log(1000.0)  # 60 dB as a power of e
_CORNERS = np.array([1200.0, 6000.0, 2500.0])  # Hz, of each exciter at velocity 127
_FALL = np.array([1.0, 1.0, 0.0])  # power of 1 / n, of each exciter

# Hz, Q and gain of the lowest resonances of air and wood.
_RESONANCES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "none": (),
    "guitar": ((102.0, 12.0, 2.5), (204.0, 18.0, 2.0), (405.0, 20.0, 1.2)),
    "violin": ((275.0, 15.0, 2.0), (460.0, 25.0, 2.5), (540.0, 25.0, 2.5), (2600.0, 3.0, 1.5)),
}


def _body_gain(body: IntArray, frequency: FloatArray) -> FloatArray:
    """Return gains ``[n, partials]`` of bodies ``[n]`` at frequencies in Hz."""
    gain = np.ones((len(BODIES), *frequency.shape))
    for row, name in zip(gain, BODIES, strict=True):
        for centre, q, height in _RESONANCES[name]:
            detuning = frequency / centre - centre / frequency
            row += height / (1.0 + (q * detuning) ** 2)
    return gain[body]


def vibrate(
    *,
    frequency: float,
    velocity: int,
    held: float,
    samples: int,
    sample_rate: int,
    exciter: IntArray,
    position: FloatArray,
    decay: FloatArray,
    brightness: FloatArray,
    strings: FloatArray,
    body: IntArray,
    release: FloatArray,
) -> FloatArray:
    """Return ``[n, samples]``: ``n`` courses of strings, none louder than full scale.

    Parameters
    ----------
    frequency, velocity, held
        Of the note: Hz, MIDI velocity, seconds until the strings are damped.
    samples, sample_rate
        Length, and rate in Hz.
    exciter, body
        Indices ``[n]`` into ``EXCITERS`` and ``BODIES``.
    position : ndarray
        ``[n]``, where the string is touched, as a fraction of its length.
    decay, release : ndarray
        ``[n]``, seconds in which the lowest partial, and the damped string, lose 60 dB.
    brightness : ndarray
        ``[n]``, Hz at which partials last half as long.
    strings : ndarray
        ``[n]``, strings in the course, 1 to 3.
    """
    count = min(_PARTIALS, int(_HIGHEST * sample_rate / frequency))
    mode = np.arange(1, count + 1, dtype=np.float64)
    hz = mode * frequency  # [partials]

    corner = _CORNERS[exciter, None] * (0.3 + 0.7 * velocity / 127)
    amplitude = np.sin(np.pi * position[:, None] * mode) / mode ** _FALL[exciter, None]
    amplitude = amplitude * np.exp(-hz / corner) * _body_gain(body, hz)  # [n, partials]
    amplitude /= np.abs(amplitude).sum(axis=1, keepdims=True) + 1e-30  # peaks under 1

    loss = _T60 * (1.0 + (hz / brightness[:, None]) ** 2) / decay[:, None]  # 1/s, [n, partials]
    cents = _SPREAD * np.array([0.0, -1.0, 1.0])
    played = np.arange(3) < strings[:, None]  # [n, 3]
    share = played / strings[:, None]
    rate: npt.NDArray[np.complex128] = -loss[:, None, :] + 2j * np.pi * hz * 2.0 ** (
        cents[:, None] / 1200.0
    )
    weight = -1j * amplitude[:, None, :] * share[:, :, None]  # the real part starts at 0
    shape = (len(position), 3 * count)
    sound = _sum_of_exponentials(weight.reshape(shape), rate.reshape(shape) / sample_rate, samples)

    after = np.maximum(np.arange(samples) / sample_rate - held, 0.0)
    return sound * np.exp(-_T60 * after / release[:, None])


def _sum_of_exponentials(
    weight: npt.NDArray[np.complex128], rate: npt.NDArray[np.complex128], samples: int
) -> FloatArray:
    """Return the real part of ``sum_p weight_p exp(rate_p t)``, ``t = 0 .. samples - 1``.

    Sample ``t = i width + j`` is ``exp(rate i width) exp(rate j)``, so the sum over
    partials is a product of two small matrices instead of one long table of sines.
    """
    width = math.isqrt(samples) + 1
    steps = np.arange(width, dtype=np.float64)
    coarse = np.exp(rate[:, None, :] * (steps * width)[:, None]) * weight[:, None, :]
    fine = np.exp(rate[:, :, None] * steps)
    return (coarse @ fine).real.reshape(len(weight), -1)[:, :samples]
