"""How far a sound is from a target: the distance that ranks candidates and drives search.

Every sound is looked at as mel spectrograms with long, middle and short windows: the
long ones tell pitch and partials, the short ones attacks and rhythm. Before anything
else is compared, a candidate is brought to the power of the target, so that the shape
of a sound counts and not its gain, which in a recording means nothing. Two sounds are
then compared by Bray-Curtis dissimilarities ``sum |a - b| / sum (a + b)``: 0 when they
are identical and 1 when they have nothing in common, which silence has with any sound.

The terms:

``log``
    Spectrograms in dB above a floor 80 dB under the target's peak; over the three scales.
``magnitude``
    Spectrograms in compressed power, in which quiet noise weighs little; likewise.
``envelope``
    Compressed power over time, smoothed more and more, so that an envelope that is
    merely late scores better than one of another shape.
``level``
    ``1 - exp(-|difference in dB| / 12)``, which saturates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

from .errors import AudioError
from .parameters import FloatArray
from .synth import AudioArray

BoolArray = npt.NDArray[np.bool_]

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"log": 0.4, "magnitude": 0.35, "envelope": 0.2, "level": 0.05}
)

_SCALES = ((0.1, 128), (0.025, 64), (0.006, 24))  # window in seconds, mel bands
_POOLS = (1, 4, 16, 64)  # frames of the shortest window that are summed for an envelope
_LOW, _HIGH = 30.0, 16_000.0  # range of the mel bands in Hz
_FLOOR = 1e-8  # of power, relative to the target's peak: -80 dB
_MAX_GAIN = 1e6  # of power: 60 dB; what is quieter stays quiet
_SILENT = 1e-8  # peak of full scale: -160 dB
_SATURATION = 12.0  # dB
_TINY = 1e-30
_CHUNK = 4  # candidates in one pass, which then fits into a core's cache


class Objective:
    """The distance of candidates from one target.

    Parameters
    ----------
    target : array ``float32 [samples]``
        Mono, finite; may be silent.
    sample_rate : int
        Of target and candidates, in Hz.
    workers : int
        Threads to spread candidates over. Results do not depend on it.

    Notes
    -----
    The cost is proportional to the length of the target; a second of sound at 22,050 Hz
    takes about 0.25 ms of one core. All is computed in float32, and a candidate's
    distance is the same to the bit whatever else is in the batch.

    Raises
    ------
    AudioError
        If the target is not one-dimensional, empty or not finite.
    """

    def __init__(self, target: npt.ArrayLike, sample_rate: int, *, workers: int = 1) -> None:
        samples = np.asarray(target, dtype=np.float32)
        if samples.ndim != 1 or samples.size == 0 or not np.isfinite(samples).all():
            raise AudioError(
                f"a target is one row of finite samples, not shape {list(samples.shape)}"
            )
        if sample_rate < 1 or workers < 1:
            raise AudioError(f"sample rate {sample_rate} Hz and {workers} workers; give 1 or more")
        self.sample_rate = sample_rate
        self._workers = workers
        self._samples = samples.size
        self._scales = [_Scale(seconds, bands, sample_rate) for seconds, bands in _SCALES]
        self._front = self._scales[0].window.size // 2
        batch = self._blank()
        batch[0, self._front : self._front + samples.size] = samples
        peaks, _ = _normalise(batch)
        spectra = self._spectra(batch)
        self._silent = peaks[0] == 0
        self._power = float(_total(spectra[0])[0])
        self._energy = self._power * float(peaks[0]) ** 2
        self._floors = [max(float(s[0].max()), _TINY) * _FLOOR for s in spectra]
        self._target = {
            name: [a[:1].copy() for a in arrays] for name, arrays in self._features(spectra).items()
        }

    def __call__(self, audio: npt.ArrayLike) -> FloatArray:
        """Return distances ``float64 [n]`` in [0, 1] of candidates ``[n, samples]``.

        Candidates shorter than the target are padded with silence, longer ones are cut.
        One that is not finite scores 1.

        Raises
        ------
        AudioError
            If ``audio`` is not two-dimensional.
        """
        terms = self.terms(audio)
        return np.sum([WEIGHTS[name] * terms[name] for name in WEIGHTS], axis=0)

    def terms(self, audio: npt.ArrayLike) -> dict[str, FloatArray]:
        """Return the terms ``float64 [n]``, each in [0, 1], that the distance is made of."""
        batch = np.asarray(audio, dtype=np.float32)
        if batch.ndim != 2:
            raise AudioError(f"candidates have shape [n, samples], not {list(batch.shape)}")
        chunks = [batch[i : i + _CHUNK] for i in range(0, len(batch), _CHUNK)]
        if self._workers > 1 and len(chunks) > 1:
            with ThreadPoolExecutor(self._workers) as pool:
                rows = list(pool.map(self._compare, chunks))
        else:
            rows = [self._compare(chunk) for chunk in chunks]
        table = np.concatenate(rows) if rows else np.empty((0, len(WEIGHTS)))
        return dict(zip(WEIGHTS, table.T, strict=True))

    def _blank(self) -> AudioArray:
        return np.zeros((_CHUNK, self._front * 3 + self._samples), dtype=np.float32)

    def _spectra(self, batch: AudioArray) -> list[AudioArray]:
        return [scale(batch, self._front, self._samples) for scale in self._scales]

    def _features(self, spectra: list[AudioArray]) -> dict[str, list[AudioArray]]:
        """Return what the terms compare, arrays ``[chunk, ...]``, from mel power spectra."""
        gain = np.minimum(self._power / np.maximum(_total(spectra[0]), _TINY), _MAX_GAIN)
        above = [  # power relative to the floor
            power * (gain / floor).astype(np.float32)[:, None, None]
            for power, floor in zip(spectra, self._floors, strict=True)
        ]
        fine = above[-1].sum(axis=2)
        pooled = [np.add.reduceat(fine, np.arange(0, fine.shape[1], k), axis=1) for k in _POOLS]
        return {
            "log": [np.log(power + 1) for power in above],
            "magnitude": [_compress(power) for power in above],
            "envelope": [_compress(power) for power in pooled],
        }

    def _compare(self, candidates: AudioArray) -> FloatArray:
        """Return the terms ``[n, len(WEIGHTS)]`` of at most one chunk of candidates."""
        batch = self._blank()
        length = min(self._samples, candidates.shape[1])
        batch[: len(candidates), self._front : self._front + length] = candidates[:, :length]
        peaks, usable = _normalise(batch)
        spectra = self._spectra(batch)
        terms = {
            name: np.mean(
                [_dissimilarity(a, b) for a, b in zip(arrays, self._target[name], strict=True)],
                axis=0,
            )
            for name, arrays in self._features(spectra).items()
        }
        energy = _total(spectra[0]) * peaks.astype(np.float64) ** 2
        ratio = np.maximum(energy, _TINY) / max(self._energy, _TINY)
        terms["level"] = -np.expm1(-np.abs(10 * np.log10(ratio)) / _SATURATION)
        table = np.stack([terms[name] for name in WEIGHTS], axis=1)
        if self._silent:
            table[:] = (peaks > 0)[:, None]
        table[~usable] = 1.0
        return table[: len(candidates)]


class _Scale:
    """Mel power spectrograms with one window length."""

    def __init__(self, seconds: float, bands: int, sample_rate: int) -> None:
        size = 2 ** max(4, round(math.log2(seconds * sample_rate)))
        self._hop = size // 2
        self.window = np.hanning(size + 1)[:-1].astype(np.float32)
        self._bank = _mel_bank(sample_rate, size, bands)

    def __call__(self, batch: AudioArray, front: int, samples: int) -> AudioArray:
        """Return ``float32 [chunk, frames, bands]``; frame k is centred on sample k * hop."""
        size = self.window.size
        end = front + samples + self._hop + size // 2
        frames = np.lib.stride_tricks.sliding_window_view(
            batch[:, front - size // 2 : end], size, axis=1
        )[:, :: self._hop]
        spectrum = scipy.fft.rfft(frames * self.window, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        mel = self._bank @ power.reshape(-1, power.shape[-1]).T
        return np.ascontiguousarray(mel.T).reshape(*power.shape[:2], -1)


def _mel_bank(sample_rate: int, size: int, bands: int) -> Any:
    """Return triangles ``[bands, size // 2 + 1]``, none narrower than a bin on either side.

    The scale is ``2595 log10(1 + f / 700)`` (D. O'Shaughnessy, "Speech Communication",
    1987).
    """
    spacing = sample_rate / size
    high = min(_HIGH, sample_rate / 2)
    mel = np.linspace(*(2595 * np.log10(1 + np.array([_LOW, high]) / 700)), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    centre = edges[1:-1, None]
    low = np.minimum(edges[:-2, None], centre - spacing)
    upper = np.maximum(edges[2:, None], centre + spacing)
    f = np.arange(size // 2 + 1) * spacing
    triangles = np.minimum((f - low) / (centre - low), (upper - f) / (upper - centre))
    return scipy.sparse.csr_array(np.maximum(triangles, 0).astype(np.float32))


def _normalise(batch: AudioArray) -> tuple[AudioArray, BoolArray]:
    """Bring the rows to a peak of 1; return their peaks and which rows are finite.

    Rows that are silent or not finite become zero and have a peak of 0.
    """
    peaks = np.maximum(batch.max(axis=1), -batch.min(axis=1))
    finite = np.isfinite(peaks)
    sounding = finite & (peaks > _SILENT)
    batch[~sounding] = 0.0
    peaks[~sounding] = 0.0
    batch /= np.where(sounding, peaks, np.float32(1.0))[:, None]
    return peaks, finite


def _total(power: AudioArray) -> FloatArray:
    return power.sum(axis=(1, 2)).astype(np.float64)


def _compress(power: AudioArray) -> AudioArray:
    return np.sqrt(np.sqrt(power))


def _dissimilarity(a: AudioArray, b: AudioArray) -> FloatArray:
    """Return ``sum |a - b| / sum (a + b)`` over all but the first axis; 0 where both are 0."""
    axes = tuple(range(1, a.ndim))
    total = a.sum(axis=axes).astype(np.float64) + b.sum(axis=axes)
    difference = np.abs(a - b).sum(axis=axes).astype(np.float64)
    return np.divide(difference, total, out=np.zeros_like(total), where=total > 0)
