"""A feature with the normalisation that a model carries with it, in torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from .transforms import full_precision

Normalisation = Literal["bin", "global", "range", "none"]
_CONSTANT = 1e-12  # variance under which a bin counts as constant, and is left undivided


class FrontEnd(nn.Module):
    """A feature of audio of one length, normalised by a mean and deviation it carries.

    Parameters
    ----------
    feature : Module
        ``[b, samples] -> [b, ...]``; the last axis is time.
    samples : int
        Length of the audio.
    normalise : {"bin", "global", "range", "none"}
        Zero mean and unit deviation of every bin over time, or of all together; or the
        smallest and largest value at -1 and 1; or nothing.

    Attributes
    ----------
    shape : tuple of int
        Of the output, without the batch.
    mean, std : Tensor
        Subtracted, and divided by. 0 and 1 until fitted; saved with the model.

    Notes
    -----
    Runs in single precision, under autocast too.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, feature: nn.Module, samples: int, normalise: Normalisation = "bin") -> None:
        super().__init__()
        if normalise not in ("bin", "global", "range", "none"):
            raise ParameterError(
                f"normalise by 'bin', 'global', 'range' or 'none', not {normalise!r}"
            )
        self.feature = feature
        self.normalise = normalise
        with torch.no_grad():
            self.shape = tuple(feature(torch.zeros(1, samples)).shape[1:])
        kept = (*self.shape[:-1], 1) if normalise == "bin" else (1,) * len(self.shape)
        self.register_buffer("mean", torch.zeros(kept))
        self.register_buffer("std", torch.ones(kept))
        self._seen: list[Tensor] = []

    def forward(self, audio: Tensor) -> Tensor:
        """Return the normalised feature, ``float32 [b, *shape]``."""
        with full_precision(audio.device):
            feature: Tensor = self.feature(audio.float())
            return (feature - self.mean) / self.std

    def fit_normalisation(self, batches: Iterable[Tensor]) -> None:
        """Set the mean and deviation to those of ``batches`` of audio ``[b, samples]``."""
        self.start_fit()
        with torch.no_grad():
            for audio in batches:
                self.add_to_fit(audio)
        self.finish_fit()

    def start_fit(self) -> None:
        """Forget what was added."""
        self._seen = []

    def add_to_fit(self, audio: Tensor) -> None:
        """Take one batch ``[b, samples]`` into account."""
        x = self.feature(audio.float()).cpu().double()
        if self.normalise == "range":
            ends = [*self._seen, x.amin(), x.amax()]
            self._seen = [torch.stack(ends).amin(), torch.stack(ends).amax()]
            return
        over = [axis for axis in range(x.ndim) if axis == 0 or self.mean.shape[axis - 1] == 1]
        count = torch.tensor(x.numel() / self.mean.numel(), dtype=torch.float64)
        sums = [count, x.sum(over), x.square().sum(over)]
        before = self._seen or [torch.zeros(()) for _ in sums]
        self._seen = [a + b for a, b in zip(before, sums, strict=True)]

    def finish_fit(self) -> None:
        """Set the mean and deviation to those of all that was added."""
        if not self._seen:
            raise ParameterError("normalisation is fitted to at least one batch of audio")
        if self.normalise == "none":
            return
        if self.normalise == "range":
            low, high = self._seen
            mean, variance = (low + high) / 2, ((high - low) / 2) ** 2
        else:
            count, total, squares = self._seen
            mean = total / count
            variance = squares / count - mean**2
        self._seen = []
        std = torch.where(variance > _CONSTANT, variance.clamp_min(0.0).sqrt(), 1.0)
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.std.copy_(std.reshape(self.std.shape))
