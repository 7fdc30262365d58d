"""Tables that the oscillators and LFOs read.

Steps and corners of a waveform that fall between samples are made band-limited: a step is
replaced by a *minimum-phase band-limited step* (Brandt, "Hard sync without aliasing", ICMC
2001), a corner by what is left over when a band-limited ramp is subtracted from a ramp.
The plug-in's tables follow these recipes; what they have beyond them is stated where it is.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float32]

STEP_STRIDE = 64
"""Entries of the step table for one sample."""

CORNER_STRIDE = 128
"""Entries of the corner table for one sample."""

TAPS = 32
"""Samples that a step or a corner changes."""

_CROSSINGS = 16  # of the sinc, on each side
_FLOOR = 10.0**-10.6  # under the passband; moves the phase of the step slightly
_LENGTH = 1 << 17  # of the transforms


def _blackman(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the Blackman window for ``x`` from -1 to 1."""
    return 0.42 + 0.5 * np.cos(np.pi * x) + 0.08 * np.cos(2 * np.pi * x)


@functools.cache
def steps() -> Table:
    """Return a step from 0 to 1, minimum-phase and band-limited, ``float32 [65, 32]``.

    Rows are fractions of a sample, columns samples.
    """
    half = _CROSSINGS * STEP_STRIDE
    n = 2 * half + 1
    k = np.arange(n)
    impulse = np.sinc((k - half) / STEP_STRIDE) * _blackman(2 * k / n - 1)
    spectrum = np.abs(np.fft.fft(impulse, _LENGTH))
    cepstrum = np.fft.ifft(np.log(np.maximum(spectrum / spectrum[0], _FLOOR))).real
    folded = np.zeros(_LENGTH)
    folded[0], folded[1 : _LENGTH // 2] = cepstrum[0], 2 * cepstrum[1 : _LENGTH // 2]
    folded[_LENGTH // 2] = cepstrum[_LENGTH // 2]
    response = np.fft.ifft(np.exp(np.fft.fft(folded))).real
    table = np.cumsum(response)[:n]
    return _by_fraction(np.append(table / table[-1], np.ones(STEP_STRIDE)), STEP_STRIDE)


@functools.cache
def corners() -> Table:
    """Return what a band-limited corner differs by, ``float32 [129, 32]``, 16 samples late.

    The plug-in's table lies a hundredth of its height off after the corner, and drifts by
    one 2^-23 an entry until it comes back.
    """
    n = TAPS * CORNER_STRIDE
    middle = n // 2 - 1
    slope = 2.0 / n
    t = (np.arange(n) - middle) / CORNER_STRIDE
    impulse = np.sinc(t) * _blackman(t / _CROSSINGS)
    late = np.arange(n) > middle
    lag = np.cumsum(impulse / impulse.sum()) * slope - late * (slope + 2.0**-23)
    table = np.append(0.0, np.cumsum(lag))
    return _by_fraction(np.append(table, np.zeros(CORNER_STRIDE)), CORNER_STRIDE)


@functools.cache
def lfo_waves() -> Table:
    """Return a cycle of sine, triangle, falling-back sawtooth and square, ``[4, 257]``."""
    k = np.arange(257)
    triangle = 1 - np.abs((k / 64 + 1) % 4 - 2)
    sawtooth = np.append(2 * k[:256] / 255 - 1, -1.0)
    square = np.where((k < 128) | (k == 256), 1.0, -1.0)
    return _constant(np.stack([np.sin(2 * np.pi * k / 256), triangle, sawtooth, square]))


def _by_fraction(table: npt.NDArray[np.float64], stride: int) -> Table:
    """Return a table by fractions of a sample and samples, ``[stride + 1, TAPS]``."""
    return _constant(table[np.arange(stride + 1)[:, None] + stride * np.arange(TAPS)])


def _constant(values: npt.NDArray[np.float64]) -> Table:
    table = values.astype(np.float32)
    table.setflags(write=False)
    return table
