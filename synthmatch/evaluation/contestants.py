"""Who is compared: trained models, and the baselines that any model must beat."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..datasets import RenderedBatches, draw_vectors, render, stream
from ..errors import WeightsError
from ..features.spectra import mel_spectrogram
from ..parameters import FloatArray, IntArray, ParameterSpace
from ..settings import Source
from ..synth import AudioArray

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator
    from ..proxy import Proxy

_CHUNK = 64
_EDGES = (0.0, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 1.5, 2.0)  # seconds; segments of a fingerprint
_BANDS = 64
_COMPRESSION = 0.25  # exponent of power: between loudness (0.3) and decibels


class Prediction(NamedTuple):
    """Vectors ``[n, d]`` and, for each parameter, scores ``[n, K]`` of its classes."""

    vectors: FloatArray
    scores: list[FloatArray]


class Contestant(Protocol):
    """Predicts what patches made some sounds."""

    def __call__(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return a prediction for sounds ``float32 [n, samples]``.

        It depends on each sound alone, or on its number among all, ``int64 [n]``.
        """


def one_hot(classes: IntArray, space: ParameterSpace) -> list[FloatArray]:
    """Return scores that are 1 for the given classes ``[n, d]`` and 0 for all others."""
    return [np.eye(p.classes)[classes[:, i]] for i, p in enumerate(space)]


class Model:
    """A trained network; the likeliest class of each parameter.

    Parameters
    ----------
    estimator : Estimator
        In evaluation mode.
    source : Source
        What it is given.

    Raises
    ------
    WeightsError
        If it was trained on other audio or another space.
    """

    def __init__(self, estimator: Estimator, source: Source) -> None:
        setting = source.setting
        wanted = (setting.sample_rate, setting.samples)
        if (estimator.sample_rate, estimator.samples) != wanted:
            raise WeightsError(
                f"this model takes {estimator.samples} samples at {estimator.sample_rate} Hz; "
                f"{setting.name} has {setting.samples} at {setting.sample_rate} Hz"
            )
        if estimator.head.space.names != source.synth.space.names:
            raise WeightsError(f"this model estimates other parameters than {setting.name} has")
        self.estimator = estimator

    def __call__(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return the prediction of the network."""
        import torch

        head = self.estimator.head
        device = next(self.estimator.parameters()).device
        vectors: list[FloatArray] = []
        scores: list[list[FloatArray]] = []
        with torch.inference_mode():
            for start in range(0, len(audio), _CHUNK):
                sounds = torch.from_numpy(audio[start : start + _CHUNK]).to(device)
                output = self.estimator(sounds)
                decoded = head.decode(output).cpu().numpy().astype(np.float64)
                vectors.append(np.clip(decoded, 0.0, 1.0))
                scores.append([p.cpu().double().numpy() for p in head.probabilities(output)])
        return Prediction(
            np.concatenate(vectors), [np.concatenate(s) for s in zip(*scores, strict=True)]
        )


class FinetunedModel:
    """A network that is finetuned to each sound through its proxy (InverSynth II).

    Parameters
    ----------
    estimator, proxy : Estimator, Proxy
        Trained together.
    source : Source
        Its synth renders what is tried.
    seed : int
        Of the training batches that regularise.
    """

    def __init__(self, estimator: Estimator, proxy: Proxy, source: Source, seed: int) -> None:
        Model(estimator, source)
        self.estimator = estimator
        self.proxy = proxy
        self.source = source
        self.batches = RenderedBatches(source, _CHUNK, seed)

    def __call__(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return the best vector of each finetuning; its classes have all the score."""
        from ..proxy import finetune

        parts = (self.estimator, self.proxy)
        found = [finetune(*parts, s, self.source.render, self.batches) for s in audio]
        vectors = np.stack([f.vectors[0] for f in found])
        space = self.source.synth.space
        return Prediction(vectors, one_hot(space.to_classes(vectors), space))


class Reference:
    """Sounds with known patches, from the training split, for the baselines to choose from.

    Parameters
    ----------
    source : Source
        What is drawn.
    size : int
        How many sounds. They are rendered a few at a time, and only if one asks for the
        nearest.
    seed : int
        Which.
    """

    def __init__(self, source: Source, size: int, seed: int) -> None:
        self.source = source
        self.space = source.synth.space
        self.vectors = draw_vectors(source, stream(seed, "train"), size)
        self.classes = self.space.to_classes(self.vectors)

    def random(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return patches drawn like those of the sounds, whatever the sounds."""
        vectors = self.vectors[numbers % len(self.vectors)]
        return Prediction(vectors, one_hot(self.space.to_classes(vectors), self.space))

    def majority(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return the most frequent class of each parameter, whatever the sounds."""
        shares = [
            np.bincount(self.classes[:, i], minlength=p.classes) / len(self.classes)
            for i, p in enumerate(self.space)
        ]
        most = np.array([[share.argmax() for share in shares]])
        vectors = np.repeat(self.space.from_classes(most), len(audio), axis=0)
        return Prediction(vectors, [np.tile(share, (len(audio), 1)) for share in shares])

    def nearest(self, audio: AudioArray, numbers: IntArray) -> Prediction:
        """Return the patch of the reference sound with the nearest fingerprint."""
        wanted = self._fingerprint(audio)
        found = [int(np.abs(self._fingerprints - row).sum(axis=1).argmin()) for row in wanted]
        return Prediction(self.vectors[found], one_hot(self.classes[found], self.space))

    @cached_property
    def _fingerprints(self) -> npt.NDArray[np.float32]:
        starts = range(0, len(self.vectors), _CHUNK)
        parts = (render(self.source, self.vectors[k : k + _CHUNK]) for k in starts)
        return np.concatenate([self._fingerprint(audio) for audio in parts])

    def _fingerprint(self, audio: AudioArray) -> npt.NDArray[np.float32]:
        return _shape(audio, self.source.setting.sample_rate).astype(np.float32)

    def contestants(self) -> dict[str, Contestant]:
        """Return the baselines by name."""
        return {
            "random patch": self.random,
            "majority class": self.majority,
            f"nearest of {len(self.classes):,}": self.nearest,
        }


def _shape(audio: AudioArray, rate: int) -> FloatArray:
    """Return coarse spectra over time ``[n, segments * bands]`` of sounds ``[n, samples]``.

    Each row sums to 1, so that only the shape of the sound counts; silence is all 0.
    """
    samples = round(_EDGES[-1] * rate)
    padded = np.zeros((len(audio), samples), dtype=np.float32)
    padded[:, : audio.shape[1]] = audio[:, :samples]
    hop = max(1, round(0.01 * rate))
    power = mel_spectrogram(padded, rate, 4 * hop, hop, _BANDS)
    edges = np.minimum(np.round(np.array(_EDGES) * rate / hop), power.shape[1]).astype(int)
    pooled = np.stack([power[:, a:b].mean(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
    loudness = np.asarray(pooled, dtype=np.float64).reshape(len(audio), -1) ** _COMPRESSION
    total = loudness.sum(axis=1, keepdims=True)
    shape: FloatArray = np.divide(loudness, total, out=np.zeros_like(loudness), where=total > 0)
    return shape
