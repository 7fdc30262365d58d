"""The sounds of a report, inside the page, each with its spectrogram."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
import wave
from collections.abc import Sequence

import numpy as np

from ..audio import resample
from ..synth import AudioArray
from .pictures import spectrograms

_HIGHEST_RATE = 32_000  # Hz, of players, to keep the page small


@dataclasses.dataclass(frozen=True)
class Player:
    """One sound.

    Attributes
    ----------
    name, detail : str
        Heading and what stands beside it.
    kind : str
        CSS class: "target", "best" or "other".
    source : str
        Data URI of a WAV.
    picture : str
        SVG of its spectrogram.
    """

    name: str
    detail: str
    kind: str
    source: str
    picture: str


def make_players(
    sounds: Sequence[AudioArray], sample_rate: int, names: Sequence[str], details: Sequence[str]
) -> tuple[list[Player], float]:
    """Return a player for each sound, the target first, and the gain of all of them in dB.

    They are turned down together so that none clips.
    """
    peak = max(float(np.abs(sound).max()) for sound in sounds)
    gain = min(1.0, 1.0 / peak) if peak > 0 else 1.0
    kinds = ["target", "best", *["other"] * (len(sounds) - 2)]
    drawn = spectrograms(sounds, sample_rate, [name.lower() for name in names])
    sources = [_wav_uri(sound * gain, sample_rate) for sound in sounds]
    made = zip(names, details, kinds, sources, drawn, strict=True)
    return [Player(*row) for row in made], 20 * math.log10(gain)


def _wav_uri(audio: AudioArray, sample_rate: int) -> str:
    """Return a 16-bit WAV as a data URI."""
    rate = min(sample_rate, _HIGHEST_RATE)
    samples = np.clip(resample(audio, sample_rate, rate), -1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode("ascii")
