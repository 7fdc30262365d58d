"""InverSynth's end-to-end network ConvE2E: raw audio in, parameters out.

Barkan, Tsiris, Katz, Koenigstein: InverSynth (2019), section V.B and table 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ..errors import ParameterError
from ..features import FrontEnd, RawAudio
from .estimator import Estimator
from .head import Head
from .inversynth import HIDDEN, LAYERS, channels_last, padding, start, strided

FRONT: tuple[tuple[int, int, int], ...] = ((96, 64, 4), (96, 32, 4), (128, 16, 4), (257, 8, 4))
"""Table 2, the first four layers: filters, length and stride in samples."""


class ConvE2E(Estimator):
    """Four convolutions over raw audio in place of the spectrogram, then Conv6.

    The four turn ``samples`` into ``samples / 256`` frames of 257 channels, which Conv6
    takes as the frames and bins of a spectrogram (64 x 257 at the paper's 16,384 samples).

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`; at least 256 samples.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "sigmoid", "smoothing": 0.0}

    def __init__(self, architecture: str, head: Head, sample_rate: int, samples: int) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        if samples < 256:
            raise ParameterError(f"{architecture} needs at least 256 samples, not {samples}")
        self.front = FrontEnd(RawAudio(), samples, "global")
        made: list[nn.Module] = []
        channels, size = 1, samples
        for filters, kernel, stride in FRONT:
            zeros = (0, padding(size, kernel, stride))
            made += [
                nn.Conv2d(channels, filters, (1, kernel), (1, stride), zeros),
                nn.ReLU(inplace=True),
            ]
            channels, size = filters, math.ceil(size / stride)
        self.waves = channels_last(start(nn.Sequential(*made)))
        self.layers = strided(LAYERS["conv6"], 1, (size, channels))
        self.output = nn.Linear(HIDDEN, head.size)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        waves = self.waves(self.front(self.check_audio(audio))[:, :, None])
        return cast(Tensor, self.output(self.layers(waves.permute(0, 2, 3, 1))))
