"""The constant-Q transform in torch, by sparse filters over one long spectrum."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..errors import ParameterError

_KEPT = 1e-3  # of a filter's peak response: weaker frequencies are left out


class ConstantQTransform(nn.Module):
    """Magnitudes ``[b, bins, 1 + samples // hop]`` of ``audio [b, samples]``.

    Bin ``k`` correlates the audio with a Hann-windowed exponential of ``Q`` periods of
    ``fmin * 2**(k / bins_per_octave)``, centred on each frame, silence beyond the ends.
    Scale and ``Q`` are librosa's.

    Notes
    -----
    One Fourier transform of the whole sound is multiplied by the response of each filter,
    of which only the few frequencies around its centre matter (those under -60 dB are
    dropped). Sampling the result every ``hop`` samples aliases the spectrum, so its
    frequencies are added up modulo the number of frames, exactly, before one short inverse
    transform for each bin.
    """

    frequencies: Tensor
    rows: Tensor
    responses: Tensor

    def __init__(
        self, sample_rate: int, samples: int, hop: int, bins: int, bins_per_octave: int, fmin: float
    ) -> None:
        super().__init__()
        if bins < 1 or bins_per_octave < 1 or hop < 1 or not fmin > 0:
            raise ParameterError(
                "a constant-Q transform needs bins, bins_per_octave and hop of at least 1 "
                "and fmin above 0 Hz"
            )
        centres = fmin * 2.0 ** (np.arange(bins) / bins_per_octave)
        step = 2.0 ** (2.0 / bins_per_octave)
        lengths = sample_rate * (step + 1.0) / (step - 1.0) / centres
        if centres[-1] + sample_rate / lengths[-1] >= sample_rate / 2:
            raise ParameterError(
                f"constant-Q bins up to {centres[-1]:.0f} Hz do not fit under half of "
                f"{sample_rate} Hz; use fewer bins"
            )
        self.hop = hop
        self.bins = bins
        self.shown = 1 + samples // hop
        self.frames = math.ceil((samples + lengths[0]) / hop)
        frequencies, rows, responses = [], [], []
        for k, (centre, length) in enumerate(zip(centres, lengths, strict=True)):
            response = self._response(centre / sample_rate, length)
            kept = np.flatnonzero(np.abs(response) > _KEPT * np.abs(response).max())
            frequencies.append(kept)
            rows.append(k * self.frames + kept % self.frames)
            responses.append(response[kept])
        for name, parts in (("frequencies", frequencies), ("rows", rows)):
            self.register_buffer(name, torch.tensor(np.concatenate(parts)), persistent=False)
        weights = torch.tensor(np.concatenate(responses)).to(torch.complex64)
        self.register_buffer("responses", torch.view_as_real(weights), persistent=False)

    def _response(self, frequency: float, length: float) -> npt.NDArray[np.complex128]:
        """Return the response of the filter at ``frequency`` (of the rate), half spectrum."""
        size = self.frames * self.hop
        at = np.arange(-(length // 2), length // 2).astype(np.int64)
        window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(len(at)) / len(at))
        filter_ = np.zeros(size, dtype=np.complex128)
        filter_[at] = window * np.exp(2j * np.pi * frequency * at)
        scale = math.sqrt(length) / window.sum() / self.hop
        response: npt.NDArray[np.complex128] = scale * np.conj(np.fft.fft(filter_))
        return response[: size // 2 + 1]

    def forward(self, audio: Tensor) -> Tensor:
        """Return the magnitudes of ``audio [b, samples]``."""
        spectrum = torch.fft.rfft(audio, self.frames * self.hop).T
        filtered = spectrum[self.frequencies] * torch.view_as_complex(self.responses)[:, None]
        folded = filtered.new_zeros(self.bins * self.frames, len(audio))
        folded = folded.index_add(0, self.rows, filtered).view(self.bins, self.frames, -1)
        frames: Tensor = torch.fft.ifft(folded, dim=1)[:, : self.shown]
        return frames.abs().permute(2, 0, 1)
