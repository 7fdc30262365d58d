"""The AST paper's baselines: a multi-layer perceptron and a CNN on a mel spectrogram.

Bruford, Blang, Nercessian: Synthesizer sound matching using audio spectrogram transformers
(2024), section 3.2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from .estimator import Estimator
from .head import Head
from .inversynth import channels_last
from .spectrogram_transformer import mel_front

_DROPOUT = 0.3


class MelBaseline(Estimator):
    """Five layers of 2,048; for "ast-cnn", five convolutions of 128 channels before them.

    Kernels are 7 x 7 with stride 2; every layer has batch normalisation, a ReLU and dropout
    of 0.3.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    mels : int
        Mel bands.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the power of two nearest 25 ms, and
        10 ms.
    width : int
        Of the perceptron's layers.
    channels : int
        Of the convolutions.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "regression", "smoothing": 0.0}

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        mels: int = 64,
        n_fft: int = 0,
        hop: int = 0,
        width: int = 2048,
        channels: int = 128,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.front = mel_front(sample_rate, samples, n_fft, hop, mels)
        maps, bins, frames = self.front.shape
        layers: list[nn.Module] = []
        if architecture == "ast-cnn":
            for _ in range(5):
                layers += [
                    nn.Conv2d(maps, channels, 7, 2, padding=3),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(inplace=True),
                    nn.Dropout(_DROPOUT),
                ]
                maps, bins, frames = channels, (bins + 1) // 2, (frames + 1) // 2
        layers.append(nn.Flatten())
        inputs = maps * bins * frames
        for _ in range(5):
            layers += [
                nn.Linear(inputs, width),
                nn.BatchNorm1d(width),
                nn.ReLU(inplace=True),
                nn.Dropout(_DROPOUT),
            ]
            inputs = width
        self.layers = channels_last(nn.Sequential(*layers))
        self.output = nn.Linear(width, head.size)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.output(self.layers(self.front(self.check_audio(audio))))
        return out
