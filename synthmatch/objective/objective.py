"""The objective: features of sounds relative to one target, and how far apart they are."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy.fft

from ..audio.framing import hann
from ..errors import AudioError
from ..features.spectra import mel_edges, mel_filterbank
from ..parameters import FloatArray
from ..synth import AudioArray

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"log": 0.23, "magnitude": 0.37, "envelope": 0.11, "level": 0.04, "cepstrum": 0.25}
)

_SCALES = ((0.1, 128), (0.025, 64), (0.012, 32))  # window in seconds, mel bands
_SMOOTHING = (1, 4, 16, 64)  # frames of the shortest window that an envelope sums
_LOW, _HIGH = 30.0, 16_000.0  # range of the mel bands in Hz
_FADE = 0.02  # seconds at the end, without which cut partials would click
_FLOOR = 1e-7  # of power, relative to the target's peak: -70 dB
_MAX_GAIN = 1e6  # of power: 60 dB; what is quieter stays quiet
_SILENT = 1e-8  # peak of full scale: -160 dB
_SATURATION = 12.0  # dB
_CEPSTRUM = 1  # which of the scales cepstra are of
_COEFFICIENTS = 13
_CEPSTRAL_FLOOR = 3e-6  # of power, relative to the target's peak: -55 dB
_LIKE = 128  # mel bands that cepstra are scaled to, those of the papers' MFCCD
_TINY = 1e-30
_AT_ONCE = 2**18  # samples of frames that spectra are taken of at a time
_TOGETHER = 8  # sounds that are compared at a time, at most: more gain nothing
_LANES = 16  # frames that a processor may transform together, so that none is left over

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Features:
    """What sounds are compared by, relative to one target.

    Attributes
    ----------
    values : ndarray
        ``float32 [n, f]``, log spectrograms, magnitudes, envelopes and cepstra one after
        another.
    energy : ndarray
        ``float64 [n]``, at the level of the sound itself.
    peaks : ndarray
        ``float64 [n]``, 0 where a sound is silent, NaN where it is not finite.
    """

    values: AudioArray
    energy: FloatArray
    peaks: FloatArray


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
    pool : Executor, optional
        Threads of the caller's to use instead.
    overlap : bool
        Whether windows overlap by half. If they only follow each other, a distance takes
        half the time; distances of the two kinds do not compare, but order sounds nearly
        alike.

    Notes
    -----
    The cost grows with the length of the target. All is computed in float32, and the
    distance of a candidate is the same to the bit whatever else is in the batch.

    Raises
    ------
    AudioError
        If the target is not one-dimensional, empty or not finite.
    """

    def __init__(
        self,
        target: npt.ArrayLike,
        sample_rate: int,
        *,
        workers: int = 1,
        pool: Executor | None = None,
        overlap: bool = True,
    ) -> None:
        samples = np.asarray(target, dtype=np.float32)
        if samples.ndim != 1 or samples.size == 0 or not np.isfinite(samples).all():
            raise AudioError(
                f"a target is one row of finite samples, not shape {list(samples.shape)}"
            )
        if sample_rate < 1 or workers < 1:
            raise AudioError(f"sample rate {sample_rate} Hz and {workers} workers; give 1 or more")
        self.sample_rate = sample_rate
        self._samples = samples.size
        self._pool = pool or (ThreadPoolExecutor(workers) if workers > 1 else None)
        self._scratch = threading.local()
        self._scales = [
            _Scale(seconds, bands, sample_rate, samples.size, overlap) for seconds, bands in _SCALES
        ]
        self._margin = self._scales[0].size
        largest = max(scale.frames * scale.size for scale in self._scales)
        self._together = max(1, min(_TOGETHER, _AT_ONCE // largest))
        counts = np.array(_SMOOTHING, dtype=np.int64)
        sizes = [scale.frames * scale.bands for scale in self._scales]
        sizes += sizes + [-(-self._scales[-1].frames // count) for count in _SMOOTHING]
        self._bounds = np.cumsum([0, *sizes])
        self._counts = counts
        self._transform = _cepstral(self._scales[_CEPSTRUM].bands)
        fade = np.linspace(0.0, np.pi / 2, min(samples.size // 4, int(_FADE * sample_rate)))
        self._fade = (np.cos(fade) ** 2).astype(np.float32)
        self._power: float | None = None
        self._floors = [_TINY] * len(_SCALES)
        powers, totals, _ = self._mel(samples[None])
        self._power = float(totals[0])
        self._floors = [max(float(power.max()), _TINY) * _FLOOR for power in powers]
        self._target = self.features(samples[None])

    @property
    def window(self) -> int:
        """Samples of the longest window, which is a whole number of all others."""
        return self._scales[0].size

    def __call__(self, audio: npt.ArrayLike) -> FloatArray:
        """Return distances ``float64 [n]`` in [0, 1] of candidates ``[n, samples]``.

        Candidates shorter than the target are padded with silence, longer ones are cut.
        One that is not finite scores 1.

        Raises
        ------
        AudioError
            If ``audio`` is not two-dimensional.
        """
        return _weighted(self._table(audio))

    def terms(self, audio: npt.ArrayLike) -> dict[str, FloatArray]:
        """Return the terms ``float64 [n]``, each in [0, 1], that the distance is made of."""
        return dict(zip(WEIGHTS, self._table(audio).T, strict=True))

    def features(self, audio: npt.ArrayLike) -> Features:
        """Return what candidates ``[n, samples]`` are compared by, for :meth:`between`."""
        rows = _rows(audio)
        found = list(self._spread(self._features, rows))
        return Features(
            np.concatenate([part.values for part in found]),
            np.concatenate([part.energy for part in found]),
            np.concatenate([part.peaks for part in found]),
        )

    def from_target(self, features: Features) -> FloatArray:
        """Return distances ``float64 [n]`` from the target of sounds by their features."""
        return self.between(self._target, 0, features)

    def between(self, one: Features, row: int, others: Features) -> FloatArray:
        """Return distances ``float64 [n]`` of ``others`` from sound ``row`` of ``one``.

        They are those of :meth:`__call__` where ``one`` is the target; between two
        candidates the target still says which level is the floor.
        """
        first = Features(one.values[row], one.energy[row], one.peaks[row])
        return _weighted(self._compare(first, others))

    def share_above(self, frequency: float) -> float:
        """Return how much of the target is heard above a frequency in Hz, from 0 to 1.

        That is, of the ``magnitude`` of its longest windows.
        """
        scale = self._scales[0]
        begin, end = self._bounds[len(self._scales) :][:2]
        values = self._target.values[0, begin:end]
        magnitude = values.reshape(scale.frames, scale.bands).sum(axis=0, dtype=np.float64)
        above = magnitude[scale.centres > frequency].sum()
        return float(above / magnitude.sum()) if above else 0.0

    def _table(self, audio: npt.ArrayLike) -> FloatArray:
        """Return the terms ``[n, len(WEIGHTS)]`` of candidates ``[n, samples]``."""
        every = self._target
        target = Features(every.values[0], every.energy[0], every.peaks[0])

        def compare(rows: AudioArray) -> FloatArray:
            return self._compare(target, self._features(rows))

        return np.concatenate(list(self._spread(compare, _rows(audio))))

    def _spread(self, function: Callable[[AudioArray], _T], rows: AudioArray) -> Iterator[_T]:
        """Map ``function`` over a few rows at a time, in threads where there are some.

        It is called once at least, on no rows if there are none.
        """
        firsts = range(0, max(1, len(rows)), self._together)
        parts = [rows[first : first + self._together] for first in firsts]
        if self._pool is None or len(parts) < 2:
            return map(function, parts)
        return self._pool.map(function, parts)

    def _compare(self, one: Features, others: Features) -> FloatArray:
        """Return the terms ``[n, len(WEIGHTS)]`` of sounds in comparison with a single one."""
        from .kernels import cepstral_distances, dissimilarities

        count = len(others.values)
        if one.peaks == 0.0:
            table = np.tile((others.peaks > 0.0).astype(np.float64)[:, None], len(WEIGHTS))
        else:
            parts = np.empty((count, len(self._bounds) - 1))
            dissimilarities(one.values, others.values, self._bounds, parts)
            n = len(self._scales)
            ratio = np.maximum(others.energy, _TINY) / max(float(one.energy), _TINY)
            level = -np.expm1(-np.abs(10 * np.log10(ratio)) / _SATURATION)
            apart, last = np.empty(count), self._bounds[-1]
            cepstral_distances(one.values[last:], others.values[:, last:], _COEFFICIENTS, apart)
            cepstrum = np.where(others.peaks == 0.0, 1.0, -np.expm1(-apart / _SATURATION))
            terms = [parts[:, :n], parts[:, n : 2 * n], parts[:, 2 * n :], level[:, None]]
            terms.append(cepstrum[:, None])
            table = np.stack([term.mean(axis=1) for term in terms], axis=1)
        table[np.isnan(others.peaks)] = 1.0
        return table

    def _features(self, rows: AudioArray) -> Features:
        """Return what a few sounds ``[k, samples]`` are compared by."""
        from .kernels import cepstra, compress, envelopes

        powers, totals, peaks = self._mel(rows)
        gains = np.minimum((self._power or 0.0) / np.maximum(totals, _TINY), _MAX_GAIN)
        n, bounds = len(self._scales), self._bounds.tolist()
        size = bounds[-1] + self._scales[_CEPSTRUM].frames * _COEFFICIENTS
        values = np.empty((len(rows), size), dtype=np.float32)
        for k, (power, floor) in enumerate(zip(powers, self._floors, strict=True)):
            logarithms = values[:, bounds[k] : bounds[k + 1]]
            roots = values[:, bounds[n + k] : bounds[n + k + 1]]
            flat = power.reshape(len(rows), bounds[k + 1] - bounds[k])
            compress(flat, gains / floor, logarithms, roots)
        out = values[:, bounds[2 * n] : bounds[-1]]
        envelopes(powers[-1], gains / self._floors[-1], self._counts, out)
        scales = gains / self._floors[_CEPSTRUM] * (_FLOOR / _CEPSTRAL_FLOOR)
        cepstra(powers[_CEPSTRUM], scales, self._transform, values[:, bounds[-1] :])
        return Features(values, totals * np.nan_to_num(peaks) ** 2, peaks)

    def _mel(self, rows: AudioArray) -> tuple[list[AudioArray], FloatArray, FloatArray]:
        """Return mel power spectrograms of sounds at a peak of 1, their power, and their peaks.

        The sounds are cut or padded to the target's length and faded out. One that is silent
        (peak 0) or not finite (peak NaN) is all zero. The arrays are good until the next call
        in this thread.
        """
        from .kernels import prepare

        scratch, count = self._buffers(), len(rows)
        sounds, peaks = scratch.sounds[:count], np.empty(count)
        prepare(rows, self._fade, self._margin, _SILENT, sounds, peaks)
        powers = [power[:count] for power in scratch.powers]
        parts = zip(self._scales, scratch.frames, powers, strict=True)
        totals = [scale(sounds, self._margin, frames, power) for scale, frames, power in parts]
        return powers, totals[0], peaks

    def _buffers(self) -> _Buffers:
        """Return this thread's working memory."""
        buffers: _Buffers | None = getattr(self._scratch, "buffers", None)
        if buffers is None:
            count = self._together
            padded = self._samples + 2 * self._margin
            self._scratch.buffers = buffers = _Buffers(
                np.zeros((count, padded), dtype=np.float32),
                [np.zeros((s.rows(count), s.size), dtype=np.float32) for s in self._scales],
                [np.empty((count, s.frames, s.bands), dtype=np.float32) for s in self._scales],
            )
        return buffers


@dataclasses.dataclass(frozen=True)
class _Buffers:
    """Working memory of one thread: padded sounds, their frames, and mel powers, by scale."""

    sounds: AudioArray
    frames: list[AudioArray]
    powers: list[AudioArray]


class _Scale:
    """Mel power spectrograms with windows of one length, half overlapping or not at all."""

    def __init__(
        self, seconds: float, bands: int, sample_rate: int, samples: int, overlap: bool
    ) -> None:
        self.size: int = 2 ** max(4, round(math.log2(seconds * sample_rate)))
        self.bands = bands
        self._hop = self.size // 2 if overlap else self.size
        self._ahead = self._hop if overlap else 0  # samples before the first that a frame begins
        self.frames = samples // self._hop + 2 if overlap else -(-samples // self._hop)
        self.block: int = min(self.frames, max(1, _AT_ONCE // self.size))
        self._window = hann(self.size).astype(np.float32)
        high = max(min(_HIGH, sample_rate / 2), 2 * _LOW)
        self.centres = mel_edges(bands, _LOW, high, "htk")[1:-1]
        filters = mel_filterbank(
            sample_rate,
            self.size,
            bands,
            low=_LOW,
            high=high,
            scale="htk",
            normalise=False,
            widen=True,
        )
        inside = filters > 0.0
        self._starts = inside.argmax(axis=1)
        self._lengths = inside.shape[1] - inside[:, ::-1].argmax(axis=1) - self._starts
        self._weights = np.zeros((bands, int(self._lengths.max())), dtype=np.float32)
        for row, band, start, length in zip(
            self._weights, filters, self._starts, self._lengths, strict=True
        ):
            row[:length] = band[start : start + length]

    def rows(self, sounds: int) -> int:
        """Return how many frames of so many sounds are transformed at a time."""
        return -(-sounds * self.block // _LANES) * _LANES

    def __call__(
        self, sounds: AudioArray, margin: int, frames: AudioArray, out: AudioArray
    ) -> FloatArray:
        """Fill ``out [k, frames, bands]``; return the sums ``[k]``.

        Where frames overlap, frame j is centred j hops in; else it begins there.

        ``frames [rows, size]`` is working memory.
        """
        from .kernels import mel_power, window_frames

        totals = np.zeros(len(sounds))
        for first in range(0, self.frames, self.block):
            count = min(self.block, self.frames - first)
            begin = margin - self._ahead + first * self._hop
            window_frames(sounds, begin, self._hop, count, self._window, frames)
            some = frames[: -(-len(sounds) * count // _LANES) * _LANES]
            spectrum = scipy.fft.rfft(some, axis=-1)
            mel_power(
                spectrum, self._starts, self._lengths, self._weights, first, count, out, totals
            )
        return totals


def _cepstral(bands: int) -> AudioArray:
    """Return what makes cepstra ``[coefficients, bands]`` of natural logarithms of power.

    Their scale is that of dB in ``_LIKE`` bands, whatever the number of bands.
    """
    basis = scipy.fft.dct(np.eye(bands), type=2, norm="ortho", axis=0)[:_COEFFICIENTS]
    scale = 10.0 / math.log(10.0) * math.sqrt(_LIKE / bands)
    return np.ascontiguousarray(scale * basis, dtype=np.float32)


def _weighted(table: FloatArray) -> FloatArray:
    distance: FloatArray = sum(
        weight * terms for weight, terms in zip(WEIGHTS.values(), table.T, strict=True)
    )
    return distance


def _rows(audio: npt.ArrayLike) -> AudioArray:
    rows = np.ascontiguousarray(audio, dtype=np.float32)
    if rows.ndim != 2:
        raise AudioError(f"candidates have shape [n, samples], not {list(rows.shape)}")
    return rows
