"""The inner loops of the objective, compiled; they hold no lock, so threads run side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiling import kernel

_compiled = kernel(fastmath={"contract", "reassoc", "nsz", "arcp"})


@_compiled
def _peak(sound: np.ndarray[Any, Any]) -> Any:
    """Return the largest magnitude of ``sound [n]``, infinite or NaN if a sample is.

    Magnitudes are ordered as their bits are, infinity and NaN last.
    """
    largest = np.zeros(1, dtype=np.int32)
    for bits in sound.view(np.int32):
        largest[0] = max(largest[0], bits & np.int32(0x7FFFFFFF))
    return largest.view(np.float32)[0]


@_compiled
def prepare(
    audio: np.ndarray[Any, Any],
    fade: np.ndarray[Any, Any],
    margin: int,
    silent: float,
    out: np.ndarray[Any, Any],
    peaks: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k, margin + n + margin]`` with sounds ``audio [k, m]`` at a peak of 1.

    They are cut or padded to ``n`` samples and faded out. Fill in their ``peaks [k]``, 0 and
    NaN where a sound is silent or not finite, which then is all zero.
    """
    samples = out.shape[1] - 2 * margin
    length = min(samples, audio.shape[1])
    first = samples - len(fade)
    for row in range(len(audio)):
        sound = out[row, margin : margin + samples]
        sound[:length] = audio[row, :length]
        sound[length:] = np.float32(0.0)
        for k in range(len(fade)):
            sound[first + k] *= fade[k]
        peak = _peak(sound)
        if not np.isfinite(peak) or peak <= silent:
            sound[:] = np.float32(0.0)
            peaks[row] = 0.0 if np.isfinite(peak) else np.nan
        else:
            sound /= peak
            peaks[row] = peak


@_compiled
def window_frames(
    sounds: np.ndarray[Any, Any],
    first: int,
    hop: int,
    count: int,
    window: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k * count, size]`` with windowed frames of ``sounds [k, n]``, every ``hop``."""
    size = len(window)
    for row in range(len(sounds)):
        for frame in range(count):
            sound = sounds[row, first + frame * hop : first + frame * hop + size]
            place = out[row * count + frame]
            for k in range(size):
                place[k] = sound[k] * window[k]


@_compiled
def mel_power(
    spectrum: np.ndarray[Any, Any],
    starts: np.ndarray[Any, Any],
    lengths: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
    first: int,
    count: int,
    out: np.ndarray[Any, Any],
    totals: np.ndarray[Any, Any],
) -> None:
    """Fill ``count`` frames from ``first`` of ``out [k, frames, bands]`` with mel power.

    They are those of ``spectrum [k * count, bins]``. Band ``b`` adds ``lengths[b]`` bins from
    ``starts[b]``, by its row of ``weights``. Add the power of each sound to ``totals [k]``.
    """
    power = np.empty(spectrum.shape[1], dtype=np.float32)
    for row in range(len(out)):
        total = 0.0
        for frame in range(count):
            bins = spectrum[row * count + frame]
            for k in range(len(bins)):
                power[k] = bins[k].real * bins[k].real + bins[k].imag * bins[k].imag
            part = np.float32(0.0)
            for band in range(len(starts)):
                start = starts[band]
                value = np.float32(0.0)
                for k in range(lengths[band]):
                    value += power[start + k] * weights[band, k]
                out[row, first + frame, band] = value
                part += value
            total += float(part)
        totals[row] += total


@_compiled
def _log(p: Any) -> Any:
    """Return ``log(p + 1)`` of a float32 of 0 or more.

    The logarithm is that of the exponent, and of the mantissa ``m`` within [0.75, 1.5) the
    series ``2 atanh((m - 1) / (m + 1))`` to its ninth power, exact to 1e-7.
    """
    bits = np.float32(p + np.float32(1.0)).view(np.int32)
    exponent = np.int32(np.int32(bits - np.int32(0x3F400000)) >> np.int32(23))
    mantissa = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32)
    z = (mantissa - np.float32(1.0)) / (mantissa + np.float32(1.0))
    zz = z * z
    series = np.float32(0.2222222222) * zz + np.float32(0.2857142857)
    series = series * zz + np.float32(0.4)
    series = series * zz + np.float32(0.6666666667)
    series = series * zz + np.float32(2.0)
    return np.float32(exponent) * np.float32(0.6931471806) + series * z


@_compiled
def compress(
    power: np.ndarray[Any, Any],
    scales: np.ndarray[Any, Any],
    logarithms: np.ndarray[Any, Any],
    roots: np.ndarray[Any, Any],
) -> None:
    """Fill in ``log(p + 1)`` and the fourth roots of ``p = power [k, n] * scales [k]``."""
    for row in range(len(power)):
        factor = np.float32(scales[row])
        source, logarithm, root = power[row], logarithms[row], roots[row]
        for i in range(len(source)):
            p = source[i] * factor
            logarithm[i] = _log(p)
            root[i] = np.sqrt(np.sqrt(p))


@_compiled
def cepstra(
    power: np.ndarray[Any, Any],
    scales: np.ndarray[Any, Any],
    transform: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k, frames * coefficients]`` with the cepstra of ``power [k, frames, bands]``.

    That is ``transform [coefficients, bands]`` of ``log(p + 1)``, ``p = power * scales [k]``.
    """
    coefficients, bands = transform.shape
    logarithms = np.empty(bands, dtype=np.float32)
    for row in range(len(power)):
        factor = np.float32(scales[row])
        for frame in range(power.shape[1]):
            source = power[row, frame]
            for band in range(bands):
                logarithms[band] = _log(source[band] * factor)
            for k in range(coefficients):
                basis = transform[k]
                value = np.float32(0.0)
                for band in range(bands):
                    value += basis[band] * logarithms[band]
                out[row, frame * coefficients + k] = value


@_compiled
def envelopes(
    power: np.ndarray[Any, Any],
    scales: np.ndarray[Any, Any],
    counts: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k, n]`` with the fourth roots of the power of every so many frames.

    ``power [k, frames, bands]`` is added up over the bands, times ``scales [k]``, and over
    ``counts`` frames at a time, the last time over what is left; one count after another.
    """
    frames = power.shape[1]
    sums = np.empty(frames, dtype=np.float32)
    for row in range(len(power)):
        scale = np.float32(scales[row])
        for frame in range(frames):
            total = np.float32(0.0)
            for band in range(power.shape[2]):
                total += power[row, frame, band]
            sums[frame] = total * scale
        at = 0
        for count in counts:
            for first in range(0, frames, count):
                total = np.float32(0.0)
                for frame in range(first, min(first + count, frames)):
                    total += sums[frame]
                out[row, at] = np.sqrt(np.sqrt(total))
                at += 1


@_compiled
def dissimilarities(
    one: np.ndarray[Any, Any],
    others: np.ndarray[Any, Any],
    bounds: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k, s]`` with ``sum |a - b| / sum (a + b)`` of each segment; 0 where both are 0.

    ``one [n]`` is compared with each row of ``others [k, n]``; segment ``s`` goes from
    ``bounds[s]`` to before ``bounds[s + 1]``.
    """
    for row in range(len(others)):
        other = others[row]
        for segment in range(len(bounds) - 1):
            last = bounds[segment + 1]
            difference, total = 0.0, 0.0
            for first in range(bounds[segment], last, 4096):
                apart, together = np.float32(0.0), np.float32(0.0)
                for i in range(first, min(first + 4096, last)):
                    apart += abs(one[i] - other[i])
                    together += one[i] + other[i]
                difference += float(apart)
                total += float(together)
            out[row, segment] = difference / total if total > 0.0 else 0.0


@_compiled
def cepstral_distances(
    one: np.ndarray[Any, Any],
    others: np.ndarray[Any, Any],
    coefficients: int,
    out: np.ndarray[Any, Any],
) -> None:
    """Fill ``out [k]``: RMS differences of cepstra over time, their mean over coefficients.

    ``one [frames * coefficients]`` is compared with each row of ``others``.
    """
    frames = len(one) // coefficients
    for row in range(len(others)):
        other = others[row]
        squares = np.zeros(coefficients, dtype=np.float32)
        for frame in range(frames):
            first = frame * coefficients
            for k in range(coefficients):
                apart = other[first + k] - one[first + k]
                squares[k] += apart * apart
        total = 0.0
        for k in range(coefficients):
            total += np.sqrt(squares[k] / frames)
        out[row] = total / coefficients
