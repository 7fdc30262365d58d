"""The encoder and the decoder of InverSynth II.

Barkan, Shvartzman, Uzrad, Laufer, Elharar, Koenigstein: InverSynth II (2023), sections 2.6
and 3: "strided and transposed CNNs with 9 hidden LeakyReLU activated layers and Batch
Normalization". The paper refers to its public code for the layers; they are the ones of
its FM synthesizer, where the input is 257 bins by 129 frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from ..features import FrontEnd, LogMel, LogSTFT, window_samples
from .estimator import Estimator
from .head import Head
from .inversynth import channels_last

_CHANNELS = (8, 16, 32, 64, 128, 256, 512)
_MIXED = 2048
_SLOPE = 0.1


def map_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes of the maps, from the spectrogram's down to after seven strides of 2.

    The first layer (kernel 5) makes ``ceil(n / 2)`` of ``n``, the others ``n // 2 + 1``.
    """
    sizes = [size, ((size[0] + 1) // 2, (size[1] + 1) // 2)]
    for _ in _CHANNELS[1:]:
        sizes.append((sizes[-1][0] // 2 + 1, sizes[-1][1] // 2 + 1))
    return sizes


class Decoder(nn.Module):
    """From the targets or predictions of a head to a spectrogram in [-1, 1]: the proxy's network.

    The encoder's layers backwards. Where the public code has a bottom map of 3 by 4 and a
    last stride of 1 in time, this one mirrors the encoder (3 by 2) exactly, so that it
    works for any size.

    Parameters
    ----------
    inputs : int
        ``head.size``: it takes :meth:`~synthmatch.estimators.head.Head.targets` or
        :meth:`~synthmatch.estimators.head.Head.predictions`.
    size : tuple of int
        Bins and frames of the spectrogram.
    dropout : float
        Share of the inputs of the layers that training leaves out.
    """

    def __init__(self, inputs: int, size: tuple[int, int], dropout: float = 0.3) -> None:
        super().__init__()
        sizes = map_sizes(size)
        self.bottom = sizes[-1]
        self.linear = nn.Sequential(
            nn.Linear(inputs, _MIXED * self.bottom[0] * self.bottom[1]), nn.Dropout(dropout)
        )
        channels = [*_CHANNELS[::-1], 1]
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(_MIXED, channels[0], 1),
            nn.LeakyReLU(_SLOPE, inplace=True),
            nn.BatchNorm2d(channels[0]),
        ]
        for i, (above, below) in enumerate(zip(sizes[-2::-1], sizes[:0:-1], strict=True)):
            last = i == len(_CHANNELS) - 1
            kernel = 5 if last else 4
            missing = [a - (2 * (b - 1) - 4 + kernel) for a, b in zip(above, below, strict=True)]
            layers.append(
                nn.ConvTranspose2d(
                    channels[i], channels[i + 1], kernel, 2, 2, (missing[0], missing[1])
                )
            )
            if not last:
                layers += [nn.LeakyReLU(_SLOPE, inplace=True), nn.BatchNorm2d(channels[i + 1])]
        self.layers = channels_last(nn.Sequential(*layers, nn.Hardtanh()))

    def forward(self, parameters: Tensor) -> Tensor:
        """Return spectrograms ``[b, 1, bins, frames]`` for ``[b, inputs]``."""
        # transposed convolutions of few channels are slower in a CPU's bfloat16
        with torch.autocast("cpu", enabled=False):
            bottom = self.linear(parameters).unflatten(1, (_MIXED, *self.bottom))
            out: Tensor = self.layers(bottom)
        return out


class InverSynth2(Estimator):
    """The encoder: eight strided convolutions on a log spectrogram in [-1, 1], and a layer.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`. The paper's loss, cross-entropy for
        categorical and squared error for continuous parameters, is ``head="regression"``;
        the default classifies both (its FM and TAL data sets are all categorical).
    n_fft : int
        Window in samples; 0 for the power of two nearest 31.25 ms (512 at 16,384 Hz).
    hop : int
        Samples between frames; 0 for a quarter window.
    mels : int
        Mel bands in place of linear bins; 0 for none. (257 for the paper's DX7 data, with
        ``n_fft=1024``.)
    dropout : float
        Share of the inputs of the last layer, and of the decoder's, that training leaves
        out; the paper's data sets were finite, where sounds are made on the fly 0 is better.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "softmax", "smoothing": 0.0}

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
        dropout: float = 0.3,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        if not 0 <= dropout < 1:
            raise ParameterError(f"dropout is from 0 to less than 1, not {dropout}")
        self.dropout = dropout
        n_fft = n_fft or window_samples(sample_rate)
        hop = hop or n_fft // 4
        feature = LogMel(sample_rate, n_fft, hop, mels) if mels else LogSTFT(n_fft, hop)
        self.front = FrontEnd(feature, samples, "range")
        channels = 1
        layers: list[nn.Module] = []
        for width in _CHANNELS:
            kernel = 5 if channels == 1 else 4
            layers.append(nn.Conv2d(channels, width, kernel, 2, 2))
            layers.append(nn.LeakyReLU(_SLOPE, inplace=True))
            if channels > 1:
                layers.append(nn.BatchNorm2d(width))
            channels = width
        layers += [nn.Conv2d(channels, _MIXED, 1), nn.LeakyReLU(_SLOPE, inplace=True)]
        self.layers = channels_last(nn.Sequential(*layers))
        bins, frames = map_sizes(self.size)[-1]
        self.output = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(_MIXED * bins * frames, head.size),
            nn.BatchNorm1d(head.size),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Bins and frames of the spectrogram."""
        return self.front.shape[1], self.front.shape[2]

    def decoder(self) -> Decoder:
        """Return an untrained decoder from this encoder's head to its spectrograms."""
        return Decoder(self.head.size, self.size, self.dropout)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.output(self.layers(self.front(self.check_audio(audio))))
        return out
