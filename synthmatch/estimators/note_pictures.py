"""Two pictures of a note, laid out so that what a synth does becomes a position in them.

The first has a row for each band of frequency counted in multiples of the note's pitch, so
that the partials of a ratio stand in the same rows whatever is played and sidebands at even
distances; its columns are moments at geometric distances from the onset, and from the
release, so that an envelope twice as slow is one moved by some columns. The second has even
steps of time and few bands, for vibrato, tremolo and the shape of the onset, and one row of
how far the strongest partial is from its own middle pitch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

HARMONIC_SHAPE = (80, 32)
"""Bands and moments of the first picture."""
TIME_SHAPE = (25, 240)
"""Bands, the last of them the pitch, and moments of the second."""

_LONG, _SHORT = 0.128, 0.032  # s, windows
_STEP = 0.0125  # s, from moment to moment of the second picture
_ONSET = (0.03, 3.0, 24)  # s, first and last moment after the onset, and how many
_RELEASE = (0.03, 1.0, 8)  # and after the release
_FLOOR = 80.0  # dB under the loudest
_QUIET = 50.0  # dB under the loudest: no pitch is read here
_CENTS = 100.0  # either side, that the row of pitch shows


def multiples() -> Tensor:
    """Return the multiple of the pitch ``[80]`` in the middle of each band of the first picture."""
    return torch.cat([torch.arange(1, 33) / 4.0, 8.0 + torch.arange(1, 49) / 2.0])


class NotePictures(nn.Module):
    """Audio, the pitch of its note and how long it was held, as two pictures.

    Parameters
    ----------
    sample_rate, samples : int
        Rate in Hz and length of the audio.
    """

    _harmonics: Tensor
    _mels: Tensor
    _onset: Tensor
    _release: Tensor
    _wide: Tensor
    _narrow: Tensor

    def __init__(self, sample_rate: int, samples: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.samples = samples
        self.long = 2 * max(8, round(_LONG * sample_rate / 2))
        self.short = 2 * max(8, round(_SHORT * sample_rate / 2))
        self.hop = max(1, round(_STEP * sample_rate))
        rows = multiples()
        halfway = (rows[1:] + rows[:-1]) / 2
        edges = torch.cat([rows[:1] / 2, halfway, rows[-1:] + 0.25])
        top = 2595.0 * math.log10(1.0 + min(8000.0, sample_rate / 2) / 700.0)  # HTK's mel
        mels = 700.0 * (10 ** (torch.linspace(0.0, top, TIME_SHAPE[0]) / 2595.0) - 1.0)
        for name, value in {
            "_harmonics": edges,
            "_mels": mels,
            "_onset": _moments(*_ONSET),
            "_release": _moments(*_RELEASE),
            "_wide": torch.hann_window(self.long),
            "_narrow": torch.hann_window(self.short),
        }.items():
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def forward(self, audio: Tensor, pitch: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``float32 [b, 80, 32]`` and ``[b, 25, 240]``, all in [0, 1].

        Parameters
        ----------
        audio : Tensor ``float32 [b, samples]``
            From the onset on.
        pitch, held : Tensor ``float32 [b]``
            MIDI note, and seconds until the release.
        """
        seconds = torch.arange(audio.shape[1], device=audio.device) / self.sample_rate
        shown = audio * (seconds < held[:, None] + _RELEASE[1])
        padded = nn.functional.pad(shown, (self.long // 2, self.long))
        moments = torch.cat(
            [self._onset.expand(len(audio), -1), held[:, None] + self._release], dim=1
        )
        start = (moments * self.sample_rate).round().long().clamp(max=padded.shape[1] - self.long)
        power = _power(self._spectra(padded, start, self._wide))
        frequency = 440.0 * 2.0 ** ((pitch[:, None] - 69.0) / 12.0)
        first = _bands(power, self._harmonics * frequency / self._bin(self.long))
        even = self.hop * torch.arange(TIME_SHAPE[1] + 1, device=audio.device)
        start = even.clamp(max=padded.shape[1] - self.long).expand(len(audio), -1)
        start = start + (self.long - self.short) // 2
        spectra = self._spectra(padded, start, self._narrow)
        power = _power(spectra)
        edges = (self._mels / self._bin(self.short)).expand(len(audio), -1)
        second = _bands(power[:, :-1], edges)
        second = torch.cat([second, self._wobble(spectra, power)[:, None]], dim=1)
        return first, second

    def _bin(self, length: int) -> float:
        return self.sample_rate / length

    def _spectra(self, padded: Tensor, start: Tensor, window: Tensor) -> Tensor:
        """Return the spectra ``complex [b, t, f]`` of windows that begin at ``start [b, t]``."""
        frames = padded.unfold(1, len(window), 1)
        rows = torch.arange(len(padded), device=padded.device)[:, None]
        spectra: Tensor = torch.fft.rfft(frames[rows, start] * window)
        return spectra

    def _wobble(self, spectra: Tensor, power: Tensor) -> Tensor:
        """Return the pitch of the strongest partial ``[b, t]`` around its median, 0.5 in tune."""
        strongest = power[:, :, 2:].mean(1).argmax(1) + 2
        place = strongest[:, None, None].expand(-1, spectra.shape[1], 1)
        partial, level = spectra.gather(2, place)[..., 0], power.gather(2, place)[..., 0]
        turned = (partial[:, 1:] * partial[:, :-1].conj()).angle()
        expected = 2.0 * math.pi * self.hop * strongest / self.short
        off = torch.remainder(turned - expected[:, None] + math.pi, 2.0 * math.pi) - math.pi
        frequency = self._bin(self.short) * strongest[:, None]
        frequency = frequency + off * self.sample_rate / (2.0 * math.pi * self.hop)
        audible = level[:, 1:] > level.amax(1, keepdim=True) * 10 ** (-_QUIET / 10)
        known = frequency.masked_fill(~audible, math.nan)
        middle = known.nanmedian(1, keepdim=True).values
        cents = 1200.0 * torch.log2(frequency.clamp_min(1.0) / middle.clamp_min(1.0))
        shown = (0.5 + cents / (2.0 * _CENTS)).clamp(0.0, 1.0)
        return torch.where(audible & shown.isfinite(), shown, 0.5)


def _moments(first: float, last: float, count: int) -> Tensor:
    return torch.logspace(math.log10(first), math.log10(last), count)


def _power(spectra: Tensor) -> Tensor:
    parts = torch.view_as_real(spectra)
    return parts[..., 0] ** 2 + parts[..., 1] ** 2


def _bands(power: Tensor, edges: Tensor) -> Tensor:
    """Return power ``[b, t, f]`` between ``edges [b, n + 1]`` in bins, as ``[b, n, t]`` in [0, 1].

    In dB: 1 is the loudest, 0 what is 80 dB or more below it.
    """
    summed = nn.functional.pad(power.cumsum(2, dtype=torch.float64), (1, 0))
    at = edges.clamp(0.0, power.shape[2]).double()
    below = at.long().clamp(max=power.shape[2] - 1)
    share = (at - below)[:, None]
    index = below[:, None].expand(-1, power.shape[1], -1)
    reached = summed.gather(2, index) * (1.0 - share) + summed.gather(2, index + 1) * share
    bands = reached.diff(dim=2).clamp_min(0.0)
    loudest = bands.amax((1, 2), keepdim=True).clamp_min(1e-20)
    level = 10.0 * torch.log10((bands / loudest).clamp_min(10 ** (-_FLOOR / 10)))
    return (1.0 + level / _FLOOR).float().transpose(1, 2)
