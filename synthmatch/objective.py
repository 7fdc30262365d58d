"""How far a sound is from a target: the distance that ranks candidates and drives search.

Every sound is seen as mel power spectrograms with long, middle and short windows: the
long ones tell pitch and partials, the short ones attacks and rhythm. A candidate is
first brought to the power of the target, so that the shape of a sound counts and not its
gain, which in a recording means nothing. What is then compared is never negative and
close to loudness, so two sounds can be compared by their Bray-Curtis dissimilarity
``sum |a - b| / sum (a + b)``: 0 when they are identical, 1 when they have nothing in
common, which silence has with any sound, and the same either way round. (J. R. Bray and
J. T. Curtis, "An Ordination of the Upland Forest Communities of Southern Wisconsin",
Ecological Monographs 27, 1957.)

The terms:

``log``
    The three spectrograms in dB above a floor 70 dB under the target's peak.
``magnitude``
    The three spectrograms as power to the 1/4, in which quiet noise weighs little.
``envelope``
    Power over time to the 1/4, also smoothed more and more, so that an envelope that is
    a little late scores better than one that is very late.
``level``
    ``1 - exp(-|difference in dB| / 12)``, which saturates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

from .errors import AudioError
from .parameters import FloatArray
from .synth import AudioArray

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"log": 0.3, "magnitude": 0.5, "envelope": 0.15, "level": 0.05}
)

_SCALES = ((0.1, 128), (0.025, 64), (0.012, 32))  # window in seconds, mel bands
_SMOOTHING = (1, 4, 16, 64)  # frames of the shortest window that an envelope sums
_LOW, _HIGH = 30.0, 16_000.0  # range of the mel bands in Hz
_FADE = 0.02  # seconds at the end, without which cut partials would click
_FLOOR = 1e-7  # of power, relative to the target's peak: -70 dB
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
    The cost grows with the length of the target; a second of sound at 22,050 Hz takes
    about 0.3 ms of one core. All is computed in float32, and the distance of a candidate
    is the same to the bit whatever else is in the batch.

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
        self._margin = self._scales[0].window.size
        fade = np.linspace(0.0, np.pi / 2, min(samples.size // 4, int(_FADE * sample_rate)))
        self._fade = (np.cos(fade) ** 2).astype(np.float32)
        batch, peaks = self._load(samples[None])
        spectra = self._spectra(batch)
        self._silent = bool(peaks[0] == 0)
        self._power = float(_total(spectra[0])[0])
        self._energy = self._power * float(peaks[0]) ** 2
        self._floors = [max(float(power[0].max()), _TINY) * _FLOOR for power in spectra]
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
        distance: FloatArray = sum(
            weight * terms
            for weight, terms in zip(WEIGHTS.values(), self._table(audio).T, strict=True)
        )
        return distance

    def share_above(self, frequency: float) -> float:
        """Return how much of the target is heard above a frequency in Hz, from 0 to 1.

        That is, of the ``magnitude`` of its longest windows.
        """
        magnitude = self._target["magnitude"][0][0].sum(axis=0, dtype=np.float64)
        above = magnitude[self._scales[0].centres > frequency].sum()
        return float(above / magnitude.sum()) if above else 0.0

    def terms(self, audio: npt.ArrayLike) -> dict[str, FloatArray]:
        """Return the terms ``float64 [n]``, each in [0, 1], that the distance is made of."""
        return dict(zip(WEIGHTS, self._table(audio).T, strict=True))

    def _table(self, audio: npt.ArrayLike) -> FloatArray:
        """Return the terms ``[n, len(WEIGHTS)]`` of candidates ``[n, samples]``."""
        rows = np.asarray(audio, dtype=np.float32)
        if rows.ndim != 2:
            raise AudioError(f"candidates have shape [n, samples], not {list(rows.shape)}")
        chunks = [rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK)]
        if self._workers > 1 and len(chunks) > 1:
            with ThreadPoolExecutor(self._workers) as pool:
                tables = list(pool.map(self._compare, chunks))
        else:
            tables = [self._compare(chunk) for chunk in chunks]
        return np.concatenate([np.empty((0, len(WEIGHTS))), *tables])

    def _compare(self, rows: AudioArray) -> FloatArray:
        """Return the terms ``[n, len(WEIGHTS)]`` of at most one chunk of candidates."""
        batch, peaks = self._load(rows)
        spectra = self._spectra(batch)
        energy = _total(spectra[0]) * peaks**2
        ratio = np.maximum(energy, _TINY) / max(self._energy, _TINY)
        terms = {"level": -np.expm1(-np.abs(10 * np.log10(ratio)) / _SATURATION)}
        for name, arrays in self._features(spectra).items():
            pairs = zip(arrays, self._target[name], strict=True)
            terms[name] = np.mean([_dissimilarity(a, b) for a, b in pairs], axis=0)
        table = np.stack([terms[name] for name in WEIGHTS], axis=1)
        if self._silent:
            table[:] = (peaks > 0)[:, None]
        table[np.isnan(peaks)] = 1.0
        return table[: len(rows)]

    def _load(self, rows: AudioArray) -> tuple[AudioArray, FloatArray]:
        """Return a chunk ``[chunk, margin + samples + margin]`` and the peaks of its rows.

        Rows are cut or padded to the target's length, faded out and brought to a peak of
        1. Those that are silent (peak 0) or not finite (peak NaN) are all zero. A chunk
        always has the same shape, so that every row is computed in the same way.
        """
        batch = np.zeros((_CHUNK, self._samples + 2 * self._margin), dtype=np.float32)
        sound = batch[:, self._margin : self._margin + self._samples]
        length = min(self._samples, rows.shape[1])
        sound[: len(rows), :length] = rows[:, :length]
        sound[:, self._samples - self._fade.size :] *= self._fade
        peaks = np.maximum(sound.max(axis=1), -sound.min(axis=1)).astype(np.float64)
        audible = np.isfinite(peaks) & (peaks > _SILENT)
        sound[~audible] = 0.0
        sound /= np.where(audible, peaks, 1.0).astype(np.float32)[:, None]
        return batch, np.where(audible, peaks, np.where(np.isfinite(peaks), 0.0, np.nan))

    def _spectra(self, batch: AudioArray) -> list[AudioArray]:
        return [scale(batch, self._margin, self._samples) for scale in self._scales]

    def _features(self, spectra: list[AudioArray]) -> dict[str, list[AudioArray]]:
        """Return what the terms compare, arrays ``[chunk, ...]``, from mel power spectra."""
        gain = np.minimum(self._power / np.maximum(_total(spectra[0]), _TINY), _MAX_GAIN)
        relative = [  # to the floor
            power * (gain / floor).astype(np.float32)[:, None, None]
            for power, floor in zip(spectra, self._floors, strict=True)
        ]
        frames = relative[-1].sum(axis=2)
        starts = [np.arange(0, frames.shape[1], count) for count in _SMOOTHING]
        return {
            "log": [np.log(power + 1) for power in relative],
            "magnitude": [np.sqrt(np.sqrt(power)) for power in relative],
            "envelope": [np.sqrt(np.sqrt(np.add.reduceat(frames, s, axis=1))) for s in starts],
        }


class _Scale:
    """Mel power spectrograms with windows of one length, half overlapping."""

    def __init__(self, seconds: float, bands: int, sample_rate: int) -> None:
        size = 2 ** max(4, round(math.log2(seconds * sample_rate)))
        self._hop = size // 2
        self.window = np.hanning(size + 1)[:-1].astype(np.float32)
        edges = _mel_edges(sample_rate, bands)
        self.centres = edges[1:-1]
        self._bank = scipy.sparse.csr_array(_mel_bank(edges, sample_rate, size))

    def __call__(self, batch: AudioArray, margin: int, samples: int) -> AudioArray:
        """Return ``float32 [chunk, frames, bands]``; frame k is centred k hops into the sound."""
        reach = batch[:, margin - self._hop : margin + samples + 2 * self._hop]
        frames = np.lib.stride_tricks.sliding_window_view(reach, self.window.size, axis=1)
        spectrum = scipy.fft.rfft(frames[:, :: self._hop] * self.window, axis=-1)
        power = spectrum.real**2 + spectrum.imag**2
        mel = self._bank @ power.reshape(-1, power.shape[-1]).T
        return np.ascontiguousarray(mel.T).reshape(*power.shape[:2], -1)


def _mel_edges(sample_rate: int, bands: int) -> FloatArray:
    """Return where the triangles begin, peak and end, ``[bands + 2]`` in Hz.

    The scale is ``2595 log10(1 + f / 700)`` (D. O'Shaughnessy, "Speech Communication",
    1987).
    """
    high = max(min(_HIGH, sample_rate / 2), 2 * _LOW)
    ends = [2595 * math.log10(1 + f / 700) for f in (_LOW, high)]
    edges: FloatArray = 700 * (10 ** (np.linspace(ends[0], ends[1], bands + 2) / 2595) - 1)
    return edges


def _mel_bank(edges: FloatArray, sample_rate: int, size: int) -> AudioArray:
    """Return triangles ``[bands, size // 2 + 1]``, none narrower than a bin on either side."""
    spacing = sample_rate / size
    centre = edges[1:-1, None]
    below = np.minimum(edges[:-2, None], centre - spacing)
    above = np.maximum(edges[2:, None], centre + spacing)
    f = np.arange(size // 2 + 1) * spacing
    triangles = np.minimum((f - below) / (centre - below), (above - f) / (above - centre))
    bank: AudioArray = np.maximum(triangles, 0.0).astype(np.float32)
    return bank


def _total(power: AudioArray) -> FloatArray:
    """Return the power of each row of spectrograms ``[chunk, frames, bands]``."""
    total: FloatArray = power.sum(axis=(1, 2)).astype(np.float64)
    return total


def _dissimilarity(a: AudioArray, b: AudioArray) -> FloatArray:
    """Return ``sum |a - b| / sum (a + b)`` over all but the first axis; 0 where both are 0."""
    axes = tuple(range(1, a.ndim))
    total = (a.sum(axis=axes) + b.sum(axis=axes)).astype(np.float64)
    difference = np.abs(a - b).sum(axis=axes).astype(np.float64)
    ratio: FloatArray = np.divide(difference, total, out=np.zeros(len(a)), where=total > 0)
    return ratio
