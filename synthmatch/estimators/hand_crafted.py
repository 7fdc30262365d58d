"""InverSynth's baselines on hand-crafted features, HC and HC3.

Barkan, Tsiris, Katz, Koenigstein: InverSynth (2019), section V.A and table 1, after
Itoyama and Okuno: Parameter estimation of virtual musical instrument synthesizers (2014).
InverSynth names the features and their number (32 a frame, 224 with derivatives, 25
segments, 1,000 components) but not all details: where it is silent the choices here are
ours, and 24 statistics of 224 features in 25 segments make 134,400 numbers before the
components, not 319,200.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from ..features import MFCC, Envelopes, Feature, FrontEnd, full_precision, window_samples
from .estimator import Estimator
from .head import Head
from .perceptron import TABLE, perceptron, scikit

_BANDS = (0.0, 0.03, 0.1, 0.3, 1.0)  # edges of the energy bands, of half the sample rate
_HARMONICS = 5
_SEGMENTATIONS = (1, 3, 5, 7, 9)  # even divisions of the sound: 25 segments
_COSINES = 10
_TINY = 1e-10


def _place(values: Tensor, wanted: Tensor) -> Tensor:
    """Return where, from 0 to 1, ``values [..., t]`` come nearest to ``wanted [...]``."""
    nearest = (values - wanted[..., None]).abs().argmin(-1)
    return nearest / max(1, values.shape[-1] - 1)


def _statistics(x: Tensor) -> Tensor:
    """Return 24 numbers of ``x [b, features, t]`` over time, ``[b, features, 24]``."""
    mean = x.mean(2)
    centred = x - mean[..., None]
    variance = centred.square().mean(2)
    skewness = centred.pow(3).mean(2) / (variance + _TINY) ** 1.5
    ordered = x.sort(2).values
    last = x.shape[2] - 1
    marks = [ordered[..., round(share * last)] for share in (0.0, 1.0, 0.5, 0.1, 0.9)]
    at = torch.arange(x.shape[2], device=x.device)
    order = torch.arange(_COSINES, device=x.device)[:, None]
    cosines = torch.cos(torch.pi * (at + 0.5) * order / x.shape[2])
    transform = x @ cosines.T / x.shape[2] ** 0.5
    numbers = [x.sum(2), mean, variance, skewness, *marks, *(_place(x, m) for m in marks)]
    return torch.cat([torch.stack(numbers, 2), transform], 2)


class HandCrafted(Feature):
    """32 features a frame, with derivatives, in 24 statistics over 25 segments: ``[b, 134400]``.

    A frame has its level, the levels of 4 bands, zero crossing rate, spectral centroid,
    width, roll-off (85 %) and flux, frequency and level of the highest peak, level of the
    deepest valley and the contrast between them, 13 MFCC, and the levels of the first 5
    harmonics of the highest peak. Derivatives are slopes over 3, 5 and 9 frames and the
    slopes of these. Segments are the sound, its thirds, fifths, sevenths and ninths.
    """

    NAME = "hand-crafted"

    def __init__(self, sample_rate: int, n_fft: int, hop: int) -> None:
        super().__init__(sample_rate=sample_rate, n_fft=n_fft, hop=hop)
        self.rate = sample_rate
        self.envelopes = Envelopes(n_fft, hop)
        self.cepstrum = MFCC(sample_rate, n_fft, hop, 32, coefficients=13)

    def frames(self, audio: Tensor) -> Tensor:
        """Return the 32 features of each frame, ``[b, 32, frames]``."""
        power = self.envelopes.power(audio)
        bins = power.shape[1]
        frequency = torch.linspace(0.0, 1.0, bins, device=audio.device)[:, None]
        total = power.sum(1) + _TINY
        share = power / total[:, None]
        level = 10.0 * power.clamp_min(_TINY).log10()
        edges = [round(edge * bins) for edge in _BANDS]
        bands = [power[:, a : max(b, a + 1)].sum(1) for a, b in itertools.pairwise(edges)]
        centroid = (share * frequency).sum(1)
        width = (share * (frequency - centroid[:, None]).square()).sum(1).sqrt()
        rolloff = (share.cumsum(1) < 0.85).sum(1) / bins
        flux = functional.pad(share.diff(dim=2), (1, 0)).abs().sum(1)
        peak, at = level.max(1)
        valley = level.amin(1)
        overtone = at[:, None] * torch.arange(1, _HARMONICS + 1, device=audio.device)[:, None]
        harmonics = level.gather(1, overtone.clamp_max(bins - 1))
        harmonics = torch.where(overtone < bins, harmonics - peak[:, None], -100.0)
        single = [
            10.0 * total.log10(),
            *(10.0 * (band + _TINY).log10() for band in bands),
            self.envelopes(audio)[:, 2],
            centroid,
            width,
            rolloff,
            flux,
            at / bins,
            peak,
            valley,
            peak - valley,
        ]
        return torch.cat([torch.stack(single, 1), self.cepstrum(audio)[:, 0], harmonics], 1)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the features ``[b, 134400]`` of ``audio [b, samples]``."""
        x = self.frames(audio)
        slopes = [_slope(x, reach) for reach in (1, 2, 4)]
        bends = [_slope(slope, reach) for slope, reach in zip(slopes, (1, 2, 4), strict=True)]
        x = torch.cat([x, *slopes, *bends], 1)
        frames = x.shape[2]
        found = []
        for parts in _SEGMENTATIONS:
            for i in range(parts):
                start = min(i * frames // parts, frames - 1)
                stop = max((i + 1) * frames // parts, start + 1)
                found.append(_statistics(x[..., start:stop]).flatten(1))
        return torch.cat(found, 1)


def _slope(x: Tensor, reach: int) -> Tensor:
    """Return the slope of ``x [b, features, t]`` over ``2 * reach + 1`` frames."""
    padded = functional.pad(x, (reach, reach), mode="replicate")
    return (padded[..., 2 * reach :] - padded[..., : -2 * reach]) / (2 * reach)


class PrincipalComponents(FrontEnd):
    """The principal components of a feature ``[b, n]``, ``[b, components]``.

    Numbers are first brought to zero mean and unit deviation, components last to unit mean
    square overall. With fewer sounds to fit than components, the rest stay 0.

    Parameters
    ----------
    feature : Module
        ``[b, samples] -> [b, n]``.
    samples : int
        Length of the audio.
    components : int
        Components kept.
    seed : int
        Of the randomised decomposition.
    """

    axes: Tensor

    def __init__(self, feature: nn.Module, samples: int, components: int, seed: int) -> None:
        super().__init__(feature, samples, "bin")
        (n,) = self.shape
        if not 1 <= components <= n:
            raise ParameterError(f"{n} features have 1 to {n} components, not {components}")
        self.seed = seed
        self.shape = (components,)
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("std", torch.ones(n))
        self.register_buffer("axes", torch.zeros(components, n))
        self._rows: list[Tensor] = []

    def forward(self, audio: Tensor) -> Tensor:
        """Return the components ``[b, components]``."""
        with full_precision(audio.device):
            standard = (self.feature(audio.float()) - self.mean) / self.std
            return functional.linear(standard, self.axes)

    def start_fit(self) -> None:
        """Forget what was added."""
        self._rows = []

    def add_to_fit(self, audio: Tensor) -> None:
        """Take one batch ``[b, samples]`` into account."""
        self._rows.append(self.feature(audio.float()).cpu())

    def finish_fit(self) -> None:
        """Find the components of all that was added."""
        if sum(map(len, self._rows)) < 2:
            raise ParameterError("principal components are fitted to at least two sounds")
        rows = torch.cat(self._rows)
        self._rows = []
        std, mean = torch.std_mean(rows, 0, correction=0)
        std = torch.where(std > 1e-6 * (1.0 + mean.abs()), std, 1.0)
        rows = (rows - mean) / std
        count = min(len(self.axes), len(rows) - 1)
        pca = scikit("decomposition").PCA(count, random_state=self.seed).fit(rows.numpy())
        axes = torch.from_numpy(pca.components_).float()
        scale = float(pca.explained_variance_.sum() / len(self.axes)) ** 0.5
        self.mean.copy_(mean)
        self.std.copy_(std)
        self.axes.zero_()
        self.axes[:count] = axes / max(scale, 1e-6)


class HandCraftedNetwork(Estimator):
    """HC (linear) and HC3 of table 1, about 1.2 M weights each on 23 x 16 classes.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`.
    n_fft, hop : int
        Window and distance of frames in samples; 0 for the power of two nearest 31.25 ms,
        and half of it.
    components : int
        Principal components of the features; as many sounds are needed to fit them all.
    seed : int
        Of the decomposition.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "sigmoid", "smoothing": 0.0}
    FIT_SOUNDS: ClassVar[int] = 1024

    def __init__(
        self,
        architecture: str,
        head: Head,
        sample_rate: int,
        samples: int,
        *,
        n_fft: int = 0,
        hop: int = 0,
        components: int = 1000,
        seed: int = 0,
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        n_fft = n_fft or window_samples(sample_rate)
        feature = HandCrafted(sample_rate, n_fft, hop or n_fft // 2)
        self.front = PrincipalComponents(feature, samples, components, seed)
        self.layers = perceptron(
            components, TABLE[architecture], head.size, linear=architecture == "hc"
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        out: Tensor = self.layers(self.front(self.check_audio(audio)))
        return out
