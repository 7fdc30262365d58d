"""Sound2Synth's VGG11 on a spectrogram.

Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022), section 2.2 and appendix A; the network is
VGG configuration A (Simonyan and Zisserman 2015) with batch normalisation, leaky ReLUs, one
input channel and a largest 2 x 2 map, as in the authors' public code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from ..features import FrontEnd, LogMel, LogSTFT, window_samples
from .estimator import Estimator
from .head import Head
from .inversynth import channels_last
from .local_heads import Grouping, LocalHeads

SMOOTHED: Mapping[str, Any] = {"head": "softmax", "smoothing": 1.28}
"""Sound2Synth's head: a deviation of 0.02 of the range, in the public code, times 64 classes."""

WINDOW = 2048 / 48000
"""Seconds of the window, from the public code; frames are a quarter of it apart."""

_CHANNELS: tuple[tuple[int, ...], ...] = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def vgg11(features: int, divisor: int = 1) -> nn.Sequential:
    """Return VGG11 from maps ``[b, 1, bins, frames]`` of any size to ``[b, features]``.

    It has one channel for every ``divisor`` of the original's.
    """
    layers: list[nn.Module] = []
    channels = 1
    for block in _CHANNELS:
        for width in (max(1, count // divisor) for count in block):
            layers += [
                nn.Conv2d(channels, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.LeakyReLU(inplace=True),
            ]
            channels = width
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    layers[-1] = nn.AdaptiveMaxPool2d(2)
    layers += [nn.Flatten(), nn.Linear(4 * channels, features), nn.LeakyReLU(inplace=True)]
    return channels_last(nn.Sequential(*layers))


def spectrogram(sample_rate: int, samples: int, n_fft: int, hop: int, mels: int) -> FrontEnd:
    """Return the log spectrogram of Sound2Synth, or a mel one of ``mels`` bands if not 0."""
    n_fft = n_fft or window_samples(sample_rate, WINDOW)
    hop = hop or n_fft // 4
    if mels:
        return FrontEnd(LogMel(sample_rate, n_fft, hop, mels, htk=True), samples)
    return FrontEnd(LogSTFT(n_fft, hop), samples)


class VGG11(Estimator):
    """VGG11 on a log spectrogram, 2,048 global features, masked local heads.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the authors' 2,048 and 512 at 48
        kHz, scaled to the sample rate.
    mels : int
        Mel bands in place of linear bins; 0 for none.
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
        features: int = 2048,
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.front = spectrogram(sample_rate, samples, n_fft, hop, mels)
        self.layers = vgg11(features)
        self.output = LocalHeads(features, head, grouping)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.output(self.layers(self.front(self.check_audio(audio))))
        return out
