"""Sound2Synth's multi-layer perceptrons on statistics over time.

Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022), section 2.4: "an MLP mapping from time steps
to feature dimensions", one for each of amplitude envelope, RMS, zero crossing rate and
spectral flatness; sizes from the authors' public code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..features import Envelopes, FrontEnd, window_samples
from .estimator import Estimator
from .head import Head
from .local_heads import Grouping, LocalHeads
from .vgg import SMOOTHED, WINDOW


class EnvelopeEncoder(nn.Module):
    """One perceptron of two layers for each envelope; ``features`` numbers from each."""

    def __init__(self, envelopes: int, frames: int, hidden: int, features: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Linear(frames, hidden),
                nn.LeakyReLU(inplace=True),
                nn.Linear(hidden, features),
                nn.LeakyReLU(inplace=True),
            )
            for _ in range(envelopes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[b, envelopes * features]`` for ``x [b, envelopes, frames]``."""
        return torch.cat([layer(x[:, i]) for i, layer in enumerate(self.layers)], 1)


def envelopes(sample_rate: int, samples: int, n_fft: int = 0, hop: int = 0) -> FrontEnd:
    """Return the envelopes of Sound2Synth, frames a quarter window apart."""
    n_fft = n_fft or window_samples(sample_rate, WINDOW)
    return FrontEnd(Envelopes(n_fft, hop or n_fft // 4), samples)


class Statistics(Estimator):
    """Perceptrons on four envelopes, masked local heads.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the authors' 2,048 and 512 at 48
        kHz, scaled to the sample rate.
    hidden : int
        Hidden units of each perceptron.
    features : int
        Global features, a multiple of 4.
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
        hidden: int = 256,
        features: int = 2048,
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.front = envelopes(sample_rate, samples, n_fft, hop)
        count, frames = self.front.shape
        self.encoder = EnvelopeEncoder(count, frames, hidden, features // count)
        self.output = LocalHeads(features // count * count, head, grouping)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.output(self.encoder(self.front(self.check_audio(audio))))
        return out
