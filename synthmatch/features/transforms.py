"""Spectral features in torch: batched, on any device, differentiable.

Every feature is a module ``forward(audio [b, samples]) -> float32 [b, channels, ...]``
with a flat, JSON-ready ``config`` that :func:`make_feature` rebuilds it from. Frames are
centred, with silence beyond the ends, as in librosa: frame ``t`` is around sample
``t * hop``, and there are ``1 + samples // hop`` of them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import scipy.fft
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from .constant_q import ConstantQTransform
from .spectra import mel_filterbank


def window_samples(sample_rate: int, seconds: float = 512 / 16384) -> int:
    """Return the power of two samples nearest (in ratio) to ``seconds``, at least 16.

    The default is InverSynth's window, 512 samples at 16,384 Hz (section IV).
    """
    return int(max(16, 2 ** round(math.log2(seconds * sample_rate))))


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return a context without autocast, on a device that may have none."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return contextlib.nullcontext()


class Feature(nn.Module):
    """Base of the features: keeps its ``config``."""

    NAME: ClassVar[str]

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"feature": self.NAME, **config}

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature ``float32 [b, channels, ...]`` of ``audio [b, samples]``."""
        raise NotImplementedError


class RawAudio(Feature):
    """The samples themselves, ``[b, 1, samples]``."""

    NAME = "raw-audio"

    def forward(self, audio: Tensor) -> Tensor:
        """Return ``audio [b, samples]`` with a channel axis."""
        return audio.float()[:, None]


class _Spectral(Feature):
    """Something computed from the power spectrum under a Hann window."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int, **config: Any) -> None:
        super().__init__(n_fft=n_fft, hop=hop, **config)
        if n_fft < 2 or hop < 1:
            raise ParameterError(f"a spectrum needs n_fft >= 2 and hop >= 1, not {n_fft}, {hop}")
        self.n_fft = n_fft
        self.hop = hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def power(self, audio: Tensor) -> Tensor:
        """Return ``|STFT|^2``, ``[b, n_fft // 2 + 1, frames]``."""
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

    In dB, ``20 log10(max(|S|, floor))``; a full-scale sine peaks at ``|S| = n_fft / 4``.
    """

    NAME = "log-stft"

    def __init__(self, n_fft: int = 512, hop: int = 256, floor: float = 1e-4) -> None:
        super().__init__(n_fft, hop, floor=floor)
        self.floor = floor

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        return 10.0 * self.power(audio).clamp_min(self.floor**2).log10()[:, None]


class LogMel(_Spectral):
    """Log mel spectrogram, ``[b, 1, mels, frames]``, in dB: ``10 log10(max(power, floor))``.

    Triangular filters over power, spaced by Slaney's or the HTK book's mel, of unit area
    (Slaney) or of height 1.
    """

    NAME = "log-mel"
    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop: int = 512,
        mels: int = 128,
        htk: bool = False,
        unit_area: bool = True,
        floor: float = 1e-10,
        **config: Any,
    ) -> None:
        super().__init__(
            n_fft,
            hop,
            sample_rate=sample_rate,
            mels=mels,
            htk=htk,
            unit_area=unit_area,
            floor=floor,
            **config,
        )
        if mels < 1:
            raise ParameterError(f"a mel spectrogram has at least 1 band, not {mels}")
        self.floor = floor
        filters = mel_filterbank(
            sample_rate, n_fft, mels, scale="htk" if htk else "slaney", normalise=unit_area
        )
        self.register_buffer("filters", torch.tensor(filters).float(), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        mel = self.filters @ self.power(audio)
        return 10.0 * mel.clamp_min(self.floor).log10()[:, None]


class MFCC(LogMel):
    """Mel-frequency cepstral coefficients, ``[b, 1, coefficients, frames]``.

    The orthonormal DCT-II of the log mel spectrogram, floored ``top`` dB under the maximum
    of each sound.
    """

    NAME = "mfcc"
    cosines: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 2048,
        hop: int = 512,
        mels: int = 128,
        htk: bool = False,
        unit_area: bool = True,
        floor: float = 1e-10,
        coefficients: int = 20,
        top: float = 80.0,
    ) -> None:
        if not 1 <= coefficients <= mels:
            raise ParameterError(f"{mels} mel bands have 1 to {mels} coefficients")
        super().__init__(
            sample_rate, n_fft, hop, mels, htk, unit_area, floor, coefficients=coefficients, top=top
        )
        self.top = top
        cosines = scipy.fft.dct(torch.eye(mels).double().numpy(), norm="ortho", axis=0)
        self.register_buffer(
            "cosines", torch.tensor(cosines[:coefficients]).float(), persistent=False
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        mel = super().forward(audio)
        mel = torch.maximum(mel, mel.amax((1, 2, 3), keepdim=True) - self.top)
        return self.cosines @ mel


class Envelopes(_Spectral):
    """Four numbers a frame, ``[b, 4, frames]`` (Sound2Synth, section 2.4).

    The amplitude envelope (largest magnitude), the root mean square, the zero crossing
    rate (crossings by sample), and the spectral flatness (geometric by arithmetic mean of
    the power spectrum, the Wiener entropy), over frames of ``n_fft`` samples.
    """

    NAME = "envelopes"

    def __init__(self, n_fft: int = 2048, hop: int = 512) -> None:
        super().__init__(n_fft, hop)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        x = audio.float()
        half = self.n_fft // 2
        silent = functional.pad(x, (half, half)).unfold(1, self.n_fft, self.hop)
        held = functional.pad(x[:, None], (half, half), mode="replicate")[:, 0]
        negative = ((held < 0) & (held.abs() > 1e-10)).unfold(1, self.n_fft, self.hop)
        crossings = (negative[..., 1:] != negative[..., :-1]).sum(2) / self.n_fft
        power = self.power(x).clamp_min(1e-10)
        flatness = power.log().mean(1).exp() / power.mean(1)
        rms = silent.square().mean(2).clamp_min(1e-20).sqrt()
        return torch.stack([silent.abs().amax(2), rms, crossings, flatness], 1)


class ConstantQ(Feature):
    """Log magnitude of the constant-Q transform, ``[b, 1, bins, frames]``, in dB.

    Bin ``k`` is at ``fmin * 2**(k / bins_per_octave)`` Hz, scaled as in librosa: a sine of
    amplitude 1 peaks at ``sqrt(N) / 2`` under a window of ``N`` samples.

    Parameters
    ----------
    sample_rate, samples : int
        Rate in Hz and length of the audio.
    hop : int
        Samples between frames.
    bins : int
        All of them under half the sample rate.
    bins_per_octave : int
        Resolution.
    fmin : float
        Lowest frequency in Hz; C1 in Sound2Synth (section 2.3).
    floor : float
        Smallest magnitude.
    """

    NAME = "constant-q"

    def __init__(
        self,
        sample_rate: int,
        samples: int,
        hop: int = 512,
        bins: int = 84,
        bins_per_octave: int = 12,
        fmin: float = 32.70319566257483,
        floor: float = 1e-4,
    ) -> None:
        super().__init__(
            sample_rate=sample_rate,
            samples=samples,
            hop=hop,
            bins=bins,
            bins_per_octave=bins_per_octave,
            fmin=fmin,
            floor=floor,
        )
        self.floor = floor
        self.transform = ConstantQTransform(sample_rate, samples, hop, bins, bins_per_octave, fmin)

    def forward(self, audio: Tensor) -> Tensor:
        """Return the feature of ``audio [b, samples]``."""
        magnitudes: Tensor = self.transform(audio.float())
        return 20.0 * magnitudes.clamp_min(self.floor).log10()[:, None]


_FEATURES = (RawAudio, LogSTFT, LogMel, MFCC, ConstantQ, Envelopes)


def make_feature(config: Mapping[str, Any]) -> Feature:
    """Return the feature whose ``config`` this is.

    Raises
    ------
    ParameterError
        If it names no feature, or options that the feature does not take.
    """
    options = dict(config)
    name = options.pop("feature", None)
    known: dict[str, type[Feature]] = {kind.NAME: kind for kind in _FEATURES}
    if name not in known:
        raise ParameterError(f"no feature named {name!r}; known: {', '.join(known)}")
    try:
        return known[name](**options)
    except TypeError as error:
        raise ParameterError(f"feature {name!r}: {error}") from None
