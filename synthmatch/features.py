"""Spectral front ends in torch: batched, on any device, differentiable.

Every feature is a module ``forward(audio [b, samples]) -> float32 [b, channels, ...]``
with a flat, JSON-ready ``config`` that :func:`make_feature` rebuilds it from. Frames are
centred as librosa's: frame ``t`` is around sample ``t * hop``, and there are
``1 + samples // hop`` of them. :class:`FrontEnd` adds the normalisation that a model
carries with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ._spectral import mel_filterbank
from .errors import ParameterError

Normalisation = Literal["bin", "global", "none"]

_CONSTANT = 1e-12  # variance under which a bin counts as constant, and is left undivided


def window_samples(sample_rate: int, seconds: float = 512 / 16384) -> int:
    """Return the power of two samples nearest (in ratio) to ``seconds``, at least 16.

    The default is InverSynth's window, 512 samples at 16,384 Hz (section IV).
    """
    return int(max(16, 2 ** round(math.log2(seconds * sample_rate))))


class _Spectral(nn.Module):
    """Something computed from the power spectrum under a centred Hann window."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        if n_fft < 2 or hop < 1:
            raise ParameterError(f"a spectrum needs n_fft >= 2 and hop >= 1, not {n_fft}, {hop}")
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def power(self, audio: Tensor) -> Tensor:
        """Return ``|STFT|^2``, ``[b, n_fft // 2 + 1, frames]``, silence beyond the ends."""
        spectrum = torch.stft(
            audio.float(),
            self.n_fft,
            self.hop,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return spectrum.real.square() + spectrum.imag.square()


class LogSTFT(_Spectral):
    """Log magnitude of the short-time Fourier transform, ``[b, 1, n_fft // 2 + 1, frames]``.

    In dB, ``20 log10(max(|S|, floor))``; a full-scale sine peaks at ``n_fft / 4``.
    """

    def __init__(self, n_fft: int = 512, hop: int = 256, floor: float = 1e-4) -> None:
        super().__init__(n_fft, hop)
        self.floor = floor
        self.config: dict[str, Any] = {
            "feature": "log-stft",
            "n_fft": n_fft,
            "hop": hop,
            "floor": floor,
        }

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        return 10.0 * self.power(audio).clamp_min(self.floor**2).log10()[:, None]


class LogMel(_Spectral):
    """Log mel spectrogram, ``[b, 1, mels, frames]``, in dB: ``10 log10(max(power, floor))``.

    Triangular filters over power, of unit area (Slaney) or of height 1.
    """

    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop: int = 512,
        mels: int = 128,
        *,
        htk: bool = False,
        unit_area: bool = True,
        floor: float = 1e-10,
    ) -> None:
        super().__init__(n_fft, hop)
        if mels < 1:
            raise ParameterError(f"a mel spectrogram has at least 1 band, not {mels}")
        self.floor = floor
        filters = mel_filterbank(
            sample_rate, n_fft, mels, scale="htk" if htk else "slaney", normalise=unit_area
        )
        self.register_buffer("filters", torch.tensor(filters).float(), persistent=False)
        self.config: dict[str, Any] = {
            "feature": "log-mel",
            "sample_rate": sample_rate,
            "n_fft": n_fft,
            "hop": hop,
            "mels": mels,
            "htk": htk,
            "unit_area": unit_area,
            "floor": floor,
        }

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        mel = self.filters @ self.power(audio)
        return 10.0 * mel.clamp_min(self.floor).log10()[:, None]


class RawAudio(nn.Module):
    """The samples themselves, ``[b, 1, samples]``."""

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"feature": "raw-audio"}

    def forward(self, audio: Tensor) -> Tensor:
        """Return ``audio [b, samples]`` with a channel axis."""
        return audio.float()[:, None]


class FrontEnd(nn.Module):
    """A feature of audio of one length, normalised by means and deviations it carries.

    Parameters
    ----------
    feature : Module
        ``[b, samples] -> [b, ..., frames]``.
    samples : int
        Length of the audio.
    normalise : {"bin", "global", "none"}
        One mean and deviation for every bin over time, or one for all.

    Attributes
    ----------
    shape : tuple of int
        Of the output, without the batch.
    mean, std : Tensor
        Fitted by :meth:`fit_normalisation`; 0 and 1 before. Saved with the model.

    Notes
    -----
    Runs in single precision under autocast too.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, feature: nn.Module, samples: int, normalise: Normalisation = "bin") -> None:
        super().__init__()
        if normalise not in ("bin", "global", "none"):
            raise ParameterError(f"normalise by 'bin', 'global' or 'none', not {normalise!r}")
        self.feature = feature
        self.normalise = normalise
        with torch.no_grad():
            self.shape = tuple(feature(torch.zeros(1, samples)).shape[1:])
        kept = (*self.shape[:-1], 1) if normalise == "bin" else (1,) * len(self.shape)
        self.register_buffer("mean", torch.zeros(kept))
        self.register_buffer("std", torch.ones(kept))
        self._sums: list[Tensor] = []

    def forward(self, audio: Tensor) -> Tensor:
        """Return the normalised feature, ``float32 [b, *shape]``."""
        with torch.autocast(audio.device.type, enabled=False):
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
        self._sums = []

    def add_to_fit(self, audio: Tensor) -> None:
        """Take one batch ``[b, samples]`` into account."""
        x = self.feature(audio.float()).cpu().double()
        over = [axis for axis in range(x.ndim) if axis == 0 or self.mean.shape[axis - 1] == 1]
        count = torch.tensor(x.numel() / self.mean.numel(), dtype=torch.float64)
        sums = [count, x.sum(over), x.square().sum(over)]
        before = self._sums or [torch.zeros(()) for _ in sums]
        self._sums = [a + b for a, b in zip(before, sums, strict=True)]

    def finish_fit(self) -> None:
        """Set the mean and deviation to those of all that was added."""
        if not self._sums:
            raise ParameterError("normalisation is fitted to at least one batch of audio")
        count, total, squares = self._sums
        self._sums = []
        if self.normalise == "none":
            return
        mean = total / count
        variance = (squares / count - mean**2).clamp_min(0.0)
        std = torch.where(variance > _CONSTANT, variance.sqrt(), torch.ones_like(mean))
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.std.copy_(std.reshape(self.std.shape))
