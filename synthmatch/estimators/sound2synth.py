"""Sound2Synth: all its views of a sound together.

Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022), sections 2.2 to 2.4 and appendix A: 512
features each from VGG11 on the spectrogram and the prime-dilated network on the
constant-Q transform, 128 each from the LSTM on MFCC and from the perceptron on each
envelope; concatenated, through one layer to 2,048 global features, to masked local heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .estimator import Estimator
from .head import Head
from .local_heads import HIDDEN, Grouping, LocalHeads
from .prime_dilated import constant_q, pdcnn
from .recurrent import SequenceEncoder, cepstrum
from .statistics import EnvelopeEncoder, envelopes
from .vgg import SMOOTHED, spectrogram, vgg11


class Sound2Synth(Estimator):
    """The multi-modal network.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples, of all front ends; 0 for the authors'
        2,048 and 512 at 48 kHz, scaled to the sample rate.
    mels : int
        Mel bands of VGG11's spectrogram in place of linear bins; 0 for none.
    bins_per_octave : int
        Of the constant-Q transform, a multiple of 4.
    primes, stack : int
        Of the prime-dilated convolutions, which are symmetric.
    features : int
        Global features.
    divisor : int
        By how much all widths are smaller, those of the views, of the global features and
        of the local heads: the same network in the authors' ratios.
    grouping : {"parameter", "group"}
        Of the local heads.
    """

    HEAD: ClassVar[Mapping[str, Any]] = SMOOTHED

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        n_fft: int = 0,
        hop: int = 0,
        mels: int = 0,
        bins_per_octave: int = 48,
        primes: int = 3,
        stack: int = 3,
        features: int = 2048,
        divisor: int = 1,
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)

        def narrow(width: int) -> int:
            return max(1, width // divisor)

        self.spectrogram = spectrogram(sample_rate, samples, n_fft, hop, mels)
        self.constant_q = constant_q(sample_rate, samples, bins_per_octave, hop)
        self.cepstrum = cepstrum(sample_rate, samples, 20, n_fft, hop)
        self.envelopes = envelopes(sample_rate, samples, n_fft, hop)
        count, frames = self.envelopes.shape
        large, small, inner = narrow(512), narrow(128), narrow(256)
        self.vgg = vgg11(large, divisor)
        self.pdcnn = pdcnn(large, bins_per_octave, primes, stack, symmetric=True, divisor=divisor)
        self.lstm = SequenceEncoder(20, inner, 2, small)
        self.statistics = EnvelopeEncoder(count, frames, inner, small)
        self.merge = nn.Linear(2 * large + (1 + count) * small, narrow(features))
        self.output = LocalHeads(narrow(features), head, grouping, narrow(HIDDEN))

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        return self.estimate(self.views(audio))

    def views(self, audio: Tensor) -> tuple[Tensor, ...]:
        """Return what :meth:`estimate` takes of a sound; it needs no gradient.

        Spectrogram and constant-Q transform ``[b, 1, bins, frames]``, cepstrum
        ``[b, 1, 20, frames]``, envelopes ``[b, 4, frames]``.
        """
        self.check_audio(audio)
        fronts = (self.spectrogram, self.constant_q, self.cepstrum, self.envelopes)
        return tuple(front(audio) for front in fronts)

    def estimate(self, views: tuple[Tensor, ...]) -> Tensor:
        """Return the output ``[b, head.size]`` for the views of some sounds."""
        spectrum, harmonics, cepstra, envelopes = views
        encoded = [
            self.vgg(spectrum),
            self.pdcnn(harmonics),
            self.lstm(cepstra[:, 0]),
            self.statistics(envelopes),
        ]
        out: Tensor = self.output(functional.leaky_relu(self.merge(torch.cat(encoded, 1))))
        return out
