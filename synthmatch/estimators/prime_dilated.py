"""Sound2Synth's prime-dilated convolution on a constant-Q transform.

Chen, Jing, Chang, Xu, Dai: Sound2Synth (2022), section 2.3. The paper gives the layer; the
network around it (two 7 x 7 convolutions of 64 and 128 channels, each followed by three
prime-dilated ones over the first three primes, on nine octaves of 48 bins) is that of the
authors' public code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from ..features import ConstantQ, FrontEnd, window_samples
from .estimator import Estimator
from .head import Head
from .inversynth import channels_last
from .local_heads import HIDDEN, Grouping, LocalHeads
from .vgg import SMOOTHED, WINDOW

_LOWEST = 32.70319566257483  # Hz, C1
_OCTAVES = 9


def prime_ratios(count: int) -> list[float]:
    """Return ``r(p) = p / 2**s``, ``s = max{s: 2**s < p}``, of the first primes (equation 5)."""
    if count < 1:
        raise ParameterError(f"a prime-dilated convolution needs at least 1 prime, not {count}")
    primes: list[int] = []
    number = 2
    while len(primes) < count:
        if all(number % p for p in primes):
            primes.append(number)
        number += 1
    return [p / 2 ** math.floor(math.log2(p - 0.5)) for p in primes]


def dilations(count: int, bins_per_octave: int, *, symmetric: bool) -> list[int]:
    """Return the dilated locations in bins, ascending (equations 9 and 11).

    Where two primes round to the same bin, it is there once.
    """
    above = {round(bins_per_octave * math.log2(r)) for r in prime_ratios(count)}
    below = {-k for k in above} if symmetric else set()
    return sorted({0} | above | below)


class PrimeDilatedConvolution(nn.Module):
    """Adds up, channel by channel, the bins that are a prime ratio apart.

    Output bin ``k`` is ``sum_j v_j x[k + k_j]`` over the dilated locations ``k_j``; beyond
    the ends is 0. Stacked, it reaches all harmonics that the primes factor.

    Parameters
    ----------
    channels : int
        Of the maps.
    bins_per_octave : int
        Of the constant-Q transform at this depth.
    primes : int
        How many of the smallest primes.
    symmetric : bool
        Whether to look at lower bins as well as higher ones.
    """

    places: Tensor

    def __init__(
        self, channels: int, bins_per_octave: int, primes: int, *, symmetric: bool
    ) -> None:
        super().__init__()
        self.locations = dilations(primes, bins_per_octave, symmetric=symmetric)
        places = torch.tensor(self.locations) - self.locations[0]
        self.register_buffer("places", places, persistent=False)
        bound = 1.0 / math.sqrt(len(self.locations))
        self.weight = nn.Parameter(
            torch.empty(channels, len(self.locations)).uniform_(-bound, bound)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[b, channels, bins, frames]`` of the same shape as ``x``."""
        low, high = -self.locations[0], self.locations[-1]
        kernel = self.weight.new_zeros(len(self.weight), low + 1 + high)
        kernel = kernel.index_copy(1, self.places, self.weight)
        padded = functional.pad(x, (0, 0, low, high))
        return functional.conv2d(padded, kernel[:, None, :, None], groups=len(kernel))


class RatioConvolution(nn.Module):
    """Prime-dilated convolutions on rows that are counted in multiples of a pitch.

    There a ratio is no even number of rows: row ``k`` looks, channel by channel, at the
    multiples ``m_k r`` and ``m_k / r`` of each ratio ``r`` (equation 5) and at its own, with
    what lies between two rows interpolated, and beyond the ends 0. It begins near the
    identity.

    Parameters
    ----------
    channels : int
        Of the maps.
    multiples : Tensor ``[rows]``
        Of the pitch, ascending.
    primes : int
        How many of the smallest primes.
    stack : int
        Layers, one after another.
    """

    places: Tensor

    def __init__(self, channels: int, multiples: Tensor, primes: int, stack: int) -> None:
        super().__init__()
        ratios = prime_ratios(primes)
        places = [_interpolation(multiples, r) for r in (1.0, *ratios, *(1 / r for r in ratios))]
        self.register_buffer("places", torch.stack(places), persistent=False)
        bound = 1.0 / math.sqrt(len(places))
        weight = torch.empty(stack, channels, len(places)).uniform_(-bound, bound)
        weight[..., 0] += 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps ``[b, channels, rows, frames]`` of the same shape as ``x``."""
        layers = torch.einsum("scj,jkl->sckl", self.weight, self.places)
        whole = layers[0]
        for layer in layers[1:]:
            whole = layer @ whole
        return torch.einsum("ckl,bclt->bckt", whole, x)


def _interpolation(multiples: Tensor, ratio: float) -> Tensor:
    """Return what makes of rows at ``multiples`` those at ``ratio`` times them, ``[k, k]``."""
    last = len(multiples) - 1
    wanted = multiples * ratio
    above = torch.searchsorted(multiples, wanted).clamp(1, last)
    share = (wanted - multiples[above - 1]) / (multiples[above] - multiples[above - 1])
    inside = (wanted >= multiples[0]) & (wanted <= multiples[last])
    rows = torch.arange(last + 1)
    matrix = torch.zeros(last + 1, last + 1)
    matrix[rows, above - 1] = (1.0 - share) * inside
    matrix[rows, above] = share * inside
    return matrix


def pdcnn(
    features: int,
    bins_per_octave: int,
    primes: int,
    stack: int,
    *,
    symmetric: bool,
    divisor: int = 1,
) -> nn.Sequential:
    """Return the network from maps ``[b, 1, bins, frames]`` to ``[b, features]``.

    It has one channel for every ``divisor`` of the authors'.
    """
    layers: list[nn.Module] = []
    channels = 1
    for count, resolution in ((64, bins_per_octave), (128, max(1, bins_per_octave // 4))):
        width = max(1, count // divisor)
        layers.append(nn.Conv2d(channels, width, 7, padding=3, bias=False))
        layers += [
            PrimeDilatedConvolution(width, resolution, primes, symmetric=symmetric)
            for _ in range(stack)
        ]
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(4, ceil_mode=True))
        channels = width
    layers[-1] = nn.AdaptiveMaxPool2d(2)
    layers += [nn.Flatten(), nn.Linear(4 * channels, features), nn.LeakyReLU(inplace=True)]
    return channels_last(nn.Sequential(*layers))


def constant_q(sample_rate: int, samples: int, bins_per_octave: int, hop: int) -> FrontEnd:
    """Return nine octaves from C1, or as many bins as fit under half the sample rate."""
    hop = hop or window_samples(sample_rate, WINDOW) // 4
    top = math.log2(0.45 * sample_rate / _LOWEST)
    bins = max(1, min(_OCTAVES * bins_per_octave, math.floor(top * bins_per_octave)))
    return FrontEnd(ConstantQ(sample_rate, samples, hop, bins, bins_per_octave, _LOWEST), samples)


class PrimeDilated(Estimator):
    """Prime-dilated convolutions on a constant-Q transform, masked local heads.

    Parameters
    ----------
    architecture, head, sample_rate, samples
        See :func:`synthmatch.estimators.build`; "pdc-asymmetric" looks at higher bins only.
    hop : int
        Samples between frames; 0 for the authors' 512 at 48 kHz, scaled to the rate.
    bins_per_octave : int
        Resolution, a multiple of 4: the second convolution sees a fourth of it.
    primes : int
        How many of the smallest primes.
    stack : int
        Prime-dilated convolutions after each convolution.
    features : int
        Global features.
    divisor : int
        By how much the channels, the global features and the hidden units of the local
        heads are narrower: the same network, all widths in the authors' ratios.
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
        hop: int = 0,
        bins_per_octave: int = 48,
        primes: int = 3,
        stack: int = 3,
        features: int = 2048,
        divisor: int = 1,
        grouping: Grouping = "parameter",
    ) -> None:
        super().__init__(architecture, head, sample_rate, samples)
        self.front = constant_q(sample_rate, samples, bins_per_octave, hop)
        features = max(1, features // divisor)
        self.layers = pdcnn(
            features,
            bins_per_octave,
            primes,
            stack,
            symmetric=architecture == "pdc-symmetric",
            divisor=divisor,
        )
        self.output = LocalHeads(features, head, grouping, max(1, HIDDEN // divisor))

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio [b, samples]``."""
        return self.estimate(self.views(audio))

    def views(self, audio: Tensor) -> tuple[Tensor, ...]:
        """Return what :meth:`estimate` takes, ``[b, 1, bins, frames]``; it needs no gradient."""
        return (self.front(self.check_audio(audio)),)

    def estimate(self, views: tuple[Tensor, ...]) -> Tensor:
        """Return the output ``[b, head.size]`` for the views of some sounds."""
        out: Tensor = self.output(self.layers(views[0]))
        return out
