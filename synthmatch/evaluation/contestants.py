"""Who is compared: trained models, and the baselines that any model must beat."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ..banks import fingerprint
from ..datasets import Batch, RenderedBatches, draw, stream
from ..errors import WeightsError
from ..parameters import FloatArray, IntArray, ParameterSpace
from ..settings import Source
from ..synth import AudioArray

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator
    from ..proxy import Proxy

_CHUNK = 64


class Prediction(NamedTuple):
    """Vectors ``[n, d]`` and, for each parameter, scores ``[n, K]`` of its classes."""

    vectors: FloatArray
    scores: list[FloatArray]


class Contestant(Protocol):
    """Says what patches made some sounds."""

    def __call__(self, audio: AudioArray) -> Prediction:
        """Return a prediction for sounds ``float32 [n, samples]``."""


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
        What it will hear.

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
                f"this model hears {estimator.samples} samples at {estimator.sample_rate} Hz; "
                f"{setting.name} has {setting.samples} at {setting.sample_rate} Hz"
            )
        if estimator.head.space.names != source.synth.space.names:
            raise WeightsError(f"this model estimates other parameters than {setting.name} has")
        self.estimator = estimator

    def __call__(self, audio: AudioArray) -> Prediction:
        """Return the prediction of the network."""
        import torch

        head = self.estimator.head
        device = next(self.estimator.parameters()).device
        vectors: list[FloatArray] = []
        scores: list[list[FloatArray]] = []
        with torch.inference_mode():
            for start in range(0, len(audio), _CHUNK):
                heard = torch.from_numpy(audio[start : start + _CHUNK]).to(device)
                output = self.estimator(heard)
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
        Its synth is the judge.
    seed : int
        Of the training batches that regularise.
    """

    def __init__(self, estimator: Estimator, proxy: Proxy, source: Source, seed: int) -> None:
        Model(estimator, source)
        self.estimator = estimator
        self.proxy = proxy
        self.source = source
        self.batches = RenderedBatches(source, _CHUNK, seed)

    def __call__(self, audio: AudioArray) -> Prediction:
        """Return the best vector of each finetuning; its classes have all the score."""
        from ..proxy import finetune

        parts = (self.estimator, self.proxy)
        found = [finetune(*parts, s, self.source.render, self.batches) for s in audio]
        vectors = np.stack([f.vectors[0] for f in found])
        space = self.source.synth.space
        return Prediction(vectors, one_hot(space.to_classes(vectors), space))


class Reference:
    """Sounds with known patches, from the training split: what the baselines know.

    Parameters
    ----------
    source : Source
        What is drawn.
    size : int
        How many sounds.
    seed : int
        Which.
    """

    def __init__(self, source: Source, size: int, seed: int) -> None:
        self.source = source
        self.space = source.synth.space
        self.batch: Batch = draw(source, stream(seed, "train"), size)
        self.classes = self.space.to_classes(self.batch.vectors)

    def random(self, audio: AudioArray) -> Prediction:
        """Return patches drawn like those of the sounds, without listening."""
        rows = np.arange(len(audio)) % len(self.batch.vectors)
        vectors = self.batch.vectors[rows]
        return Prediction(vectors, one_hot(self.space.to_classes(vectors), self.space))

    def majority(self, audio: AudioArray) -> Prediction:
        """Return the most frequent class of each parameter, without listening."""
        shares = [
            np.bincount(self.classes[:, i], minlength=p.classes) / len(self.classes)
            for i, p in enumerate(self.space)
        ]
        most = np.array([[share.argmax() for share in shares]])
        vectors = np.repeat(self.space.from_classes(most), len(audio), axis=0)
        return Prediction(vectors, [np.tile(share, (len(audio), 1)) for share in shares])

    def nearest(self, audio: AudioArray) -> Prediction:
        """Return the patch of the reference sound with the nearest fingerprint."""
        wanted = _fingerprints(audio, self.source.setting.sample_rate)
        found = [int(np.abs(self._known - row).sum(axis=1).argmin()) for row in wanted]
        vectors = self.batch.vectors[found]
        return Prediction(vectors, one_hot(self.classes[found], self.space))

    @cached_property
    def _known(self) -> npt.NDArray[np.float32]:
        return _fingerprints(self.batch.audio, self.source.setting.sample_rate)

    def contestants(self) -> dict[str, Callable[[AudioArray], Prediction]]:
        """Return the baselines by name."""
        return {
            "random patch": self.random,
            "majority class": self.majority,
            f"nearest of {len(self.classes):,}": self.nearest,
        }


def _fingerprints(audio: AudioArray, rate: int) -> npt.NDArray[np.float32]:
    parts = [fingerprint(audio[k : k + _CHUNK], rate) for k in range(0, len(audio), _CHUNK)]
    return np.concatenate(parts).astype(np.float32)
