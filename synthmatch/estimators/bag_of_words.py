"""InverSynth's fully connected baselines on bags of spectral words.

Barkan, Tsiris, Katz, Koenigstein: InverSynth (2019), section V.A and table 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..errors import ParameterError
from ..features import FrontEnd, LogSTFT, full_precision, window_samples
from .estimator import Estimator
from .head import Head
from .perceptron import TABLE, perceptron, scikit

_FRAMES = 50_000  # frames, drawn evenly from all sounds, that the words are learnt from


class BagOfWords(FrontEnd):
    """How often each of ``words`` typical spectra occurs in a sound, ``[b, words]``, sum 1.

    Fitting finds the principal components of spectra and clusters spectra in them.

    Parameters
    ----------
    feature : Module
        A spectrogram ``[b, samples] -> [b, 1, bins, frames]``.
    samples : int
        Length of the audio.
    components : int
        Principal components kept, at most the bins.
    words : int
        Clusters.
    seed : int
        Of the clustering.
    """

    axes: Tensor
    centres: Tensor

    def __init__(
        self, feature: torch.nn.Module, samples: int, components: int, words: int, seed: int
    ) -> None:
        super().__init__(feature, samples, "bin")
        bins = self.shape[1]
        if not 1 <= components <= bins or words < 1:
            raise ParameterError(f"a bag of words has 1 to {bins} components and 1 or more words")
        self.seed = seed
        self.shape = (words,)
        self.register_buffer("mean", torch.zeros(bins, 1))
        self.register_buffer("std", torch.ones(1))
        self.register_buffer("axes", torch.zeros(components, bins))
        self.register_buffer("centres", torch.zeros(words, components))
        self._spectra: list[Tensor] = []

    def forward(self, audio: Tensor) -> Tensor:
        """Return the share of frames that are nearest to each word, ``[b, words]``."""
        with full_precision(audio.device):
            spectra = self.feature(audio.float())[:, 0] - self.mean
            points = (self.axes @ spectra).transpose(1, 2).contiguous()
            word = torch.cdist(points, self.centres[None]).argmin(2)
            counts = points.new_zeros(len(audio), len(self.centres))
            counts.scatter_add_(1, word, torch.ones_like(word, dtype=counts.dtype))
            shares: Tensor = counts / word.shape[1]
            return shares

    def start_fit(self) -> None:
        """Forget what was added."""
        self._spectra = []

    def add_to_fit(self, audio: Tensor) -> None:
        """Take one batch ``[b, samples]`` into account."""
        self._spectra.append(self.feature(audio.float())[:, 0].transpose(1, 2).flatten(0, 1).cpu())

    def finish_fit(self) -> None:
        """Find the components and the words in all that was added."""
        words = len(self.centres)
        total = sum(map(len, self._spectra))
        if total < words:
            raise ParameterError(f"{words} words need at least as many frames, not {total}")
        spectra = torch.cat(self._spectra)[:: -(-total // _FRAMES)].numpy()
        self._spectra = []
        pca = scikit("decomposition").PCA(len(self.axes), random_state=self.seed).fit(spectra)
        clusters = scikit("cluster").MiniBatchKMeans(
            words, random_state=self.seed, batch_size=4096, n_init=1
        )
        clusters.fit(pca.transform(spectra))
        self.mean.copy_(torch.from_numpy(pca.mean_)[:, None])
        self.axes.copy_(torch.from_numpy(pca.components_))
        self.centres.copy_(torch.from_numpy(clusters.cluster_centers_))


class FullyConnected(Estimator):
    """FC Linear, FC1, FC2 and FC3 of table 1, about 1.2 M weights each on 23 x 16 classes.

    The paper does not say whether spectra are logarithmic here; these are.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the power of two nearest 31.25 ms,
        and half of it.
    components : int
        Principal components of the spectra.
    words : int
        Clusters. At least as many frames are needed to fit them.
    seed : int
        Of the clustering.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "sigmoid", "smoothing": 0.0}

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        n_fft: int = 0,
        hop: int = 0,
        components: int = 64,
        words: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        n_fft = n_fft or window_samples(sample_rate)
        feature = LogSTFT(n_fft, hop or n_fft // 2)
        self.front = BagOfWords(feature, samples, components, words, seed)
        self.layers = perceptron(
            words, TABLE[architecture], head.size, linear=architecture == "fc-linear"
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.layers(self.front(self.check_audio(audio)))
        return out
