"""Sound files that are read to be matched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from synthmatch.audio import read_recording

from ..campaign import Kind

FORMATS = (
    ("wav", "PCM_16"),
    ("wav", "PCM_24"),
    ("wav", "FLOAT"),
    ("flac", "PCM_16"),
    ("ogg", "VORBIS"),
    ("mp3", "MPEG_LAYER_III"),
    ("aiff", "PCM_16"),
    ("au", "PCM_16"),
    ("caf", "PCM_16"),
    ("w64", "PCM_16"),
)


def write(folder: Path) -> list[Path]:
    time = np.arange(1600) / 8000
    tone = 0.5 * np.sin(2 * np.pi * 440 * time) * np.exp(-4 * time)
    files = []
    for suffix, subtype in FORMATS:
        files.append(folder / f"{subtype.lower()}.{suffix}")
        channels = np.stack([tone, 0.5 * tone], axis=1)
        soundfile.write(files[-1], channels, 8000, subtype=subtype, format=suffix.upper())
    return files


KINDS = [Kind("recordings", write, read_recording)]
