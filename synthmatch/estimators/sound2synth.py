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
from .local_heads import Grouping, LocalHeads
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
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.spectrogram = spectrogram(sample_rate, samples, n_fft, hop, mels)
        self.constant_q = constant_q(sample_rate, samples, bins_per_octave, hop)
        self.cepstrum = cepstrum(sample_rate, samples, 20, n_fft, hop)
        self.envelopes = envelopes(sample_rate, samples, n_fft, hop)
        count, frames = self.envelopes.shape
        self.vgg = vgg11(512)
        self.pdcnn = pdcnn(512, bins_per_octave, primes, stack, symmetric=True)
        self.lstm = SequenceEncoder(20, 256, 2, 128)
        self.statistics = EnvelopeEncoder(count, frames, 256, 128)
        self.merge = nn.Linear(512 + 512 + 128 + count * 128, features)
        self.output = LocalHeads(features, head, grouping)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        self.check_audio(audio)
        views = [
            self.vgg(self.spectrogram(audio)),
            self.pdcnn(self.constant_q(audio)),
            self.lstm(self.cepstrum(audio)[:, 0]),
            self.statistics(self.envelopes(audio)),
        ]
        out: Tensor = self.output(functional.leaky_relu(self.merge(torch.cat(views, 1))))
        return out
