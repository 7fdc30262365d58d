"""Sound2Synth's LSTM on mel-frequency cepstral coefficients.

Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022), section 2.2; sizes from the authors' public
code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional

from ..features import MFCC, FrontEnd, window_samples
from .estimator import Estimator
from .head import Head
from .local_heads import Grouping, LocalHeads
from .vgg import SMOOTHED, WINDOW


class SequenceEncoder(nn.Module):
    """A two-way LSTM whose last states, of all layers, make ``features`` numbers."""

    def __init__(self, inputs: int, hidden: int, layers: int, features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * layers * hidden, features)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[b, features]`` for sequences ``x [b, inputs, frames]``."""
        _, (last, _) = self.lstm(x.transpose(1, 2))
        return functional.leaky_relu(self.linear(last.transpose(0, 1).flatten(1)))


def cepstrum(
    sample_rate: int, samples: int, coefficients: int, n_fft: int = 0, hop: int = 0
) -> FrontEnd:
    """Return the MFCC of Sound2Synth: 128 HTK mel bands, frames a quarter window apart."""
    n_fft = n_fft or window_samples(sample_rate, WINDOW)
    feature = MFCC(sample_rate, n_fft, hop or n_fft // 4, 128, htk=True, coefficients=coefficients)
    return FrontEnd(feature, samples)


class LSTM(Estimator):
    """An LSTM on MFCC, masked local heads.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the authors' 2,048 and 512 at 48
        kHz, scaled to the sample rate.
    coefficients : int
        MFCC in each frame.
    hidden, layers : int
        Units each way, and layers, of the LSTM.
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
        coefficients: int = 20,
        hidden: int = 512,
        layers: int = 3,
        features: int = 2048,
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.front = cepstrum(sample_rate, samples, coefficients, n_fft, hop)
        self.encoder = SequenceEncoder(coefficients, hidden, layers, features)
        self.output = LocalHeads(features, head, grouping)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.output(self.encoder(self.front(self.check_audio(audio))[:, 0]))
        return out
