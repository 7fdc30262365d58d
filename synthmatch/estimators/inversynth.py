"""InverSynth's strided convolutional networks Conv1 to Conv6 and Conv6XL.

Barkan, Tsiris, Katz, Koenigstein: InverSynth (2019), section V.B and table 2; Barkan,
Tsiris: Deep synthesizer parameter estimation (2019), section 5.2 and table 2. A layer
C(F, K1, K2, S1, S2) has F filters of K1 frames by K2 bins and strides S1, S2, then a ReLU;
a hidden layer of 512 comes before the output. The printed numbers of weights (1.2 M, and
2.3 M for Conv6XL) hold with zero padding such that a stride ``s`` turns ``n`` into
``ceil(n / s)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from ..features import FrontEnd, LogMel, LogSTFT, window_samples
from .estimator import Estimator
from .head import Head

Layer = tuple[int, int, int, int, int]

LAYERS: Mapping[str, tuple[Layer, ...]] = {
    "conv1": ((38, 13, 26, 13, 26),),
    "conv2": ((35, 6, 7, 5, 6), (87, 6, 9, 5, 8)),
    "conv3": ((32, 4, 5, 3, 4), (98, 4, 6, 3, 5), (128, 4, 6, 3, 5)),
    "conv4": ((32, 3, 4, 2, 3), (65, 3, 4, 2, 3), (105, 3, 4, 2, 3), (128, 4, 5, 3, 4)),
    "conv5": (
        (32, 3, 3, 2, 2),
        (98, 3, 3, 2, 2),
        (128, 3, 4, 2, 3),
        (128, 3, 5, 2, 4),
        (128, 3, 3, 2, 2),
    ),
    "conv6": (
        (32, 3, 3, 2, 2),
        (71, 3, 3, 2, 2),
        (128, 3, 4, 2, 3),
        (128, 3, 3, 2, 2),
        (128, 3, 3, 2, 2),
        (128, 3, 3, 1, 2),
    ),
    "conv6xl": (
        (64, 3, 3, 2, 2),
        (128, 3, 3, 2, 2),
        (128, 3, 4, 2, 3),
        (128, 3, 3, 2, 2),
        (256, 3, 3, 2, 2),
        (256, 3, 3, 1, 2),
    ),
}
"""Table 2, the spectrogram networks."""

HIDDEN = 512


def padding(size: int, kernel: int, stride: int) -> int:
    """Return the padding on both sides that makes ``ceil(size / stride)`` outputs."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return math.ceil(total / 2)


def channels_last(layers: nn.Sequential) -> nn.Sequential:
    """Return ``layers`` with weights channels-last, which CPUs are quicker with."""
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return layers


def start(layers: nn.Sequential) -> nn.Sequential:
    """Return ``layers`` with He's initialisation (2015, equation 10), which ReLUs keep level.

    The papers name none; under torch's own, deep ones start learning late.
    """
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return layers


def strided(
    layers: Sequence[Layer], channels: int, size: tuple[int, int], *, batch_norm: bool = False
) -> nn.Sequential:
    """Return the network from maps ``[b, channels, *size]`` to the hidden layer."""
    frames, bins = size
    made: list[nn.Module] = []
    for filters, k1, k2, s1, s2 in layers:
        zeros = (padding(frames, k1, s1), padding(bins, k2, s2))
        made.append(nn.Conv2d(channels, filters, (k1, k2), (s1, s2), zeros))
        if batch_norm:
            made.append(nn.BatchNorm2d(filters))
        made.append(nn.ReLU(inplace=True))
        channels, frames, bins = filters, math.ceil(frames / s1), math.ceil(bins / s2)
    width = channels * frames * bins
    made += [nn.Flatten(), nn.Linear(width, HIDDEN), nn.ReLU(inplace=True)]
    return channels_last(start(nn.Sequential(*made)))


class InverSynth(Estimator):
    """Conv1 to Conv6 and Conv6XL: a log spectrogram through strided convolutions.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft : int
        Window in samples; 0 for the power of two nearest to the paper's 31.25 ms (512 at
        16,384 Hz).
    hop : int
        Samples between frames; 0 for the paper's half window. There are ``samples // hop``
        frames (the paper's 64; the centred frame at the very end is left out).
    mels : int
        Mel bands in place of the paper's ``n_fft // 2 + 1`` linear bins; 0 for none.
    batch_norm : bool
        Batch normalisation after each convolution, which the paper does not have.
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
        mels: int = 0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        n_fft = n_fft or window_samples(sample_rate)
        hop = hop or n_fft // 2
        feature = LogMel(sample_rate, n_fft, hop, mels) if mels else LogSTFT(n_fft, hop)
        self.front = FrontEnd(feature, samples)
        _, bins, frames = self.front.shape
        self.frames = max(1, frames - 1)
        self.layers = strided(LAYERS[architecture], 1, (self.frames, bins), batch_norm=batch_norm)
        self.output = nn.Linear(HIDDEN, head.size)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        spectrogram = self.front(self.check_audio(audio))[..., : self.frames]
        return cast(Tensor, self.output(self.layers(spectrogram.transpose(2, 3))))
