"""Recordings: reading, trimming, pitch, note length, loudness; writing; resampling.

``recording`` is what a match starts from; it takes files and arrays by ``reading``, cuts off
silence and finds the release by ``trimming``, the pitch by ``pitch``, and more than one note by
``notes``. ``framing`` has the windowed frames they share, ``writing`` the way out.

Pitch is estimated with SWIPE' (see :mod:`synthmatch.audio.pitch`), which needs neither the time
nor the seconds of loading that ``librosa.pyin`` does.
"""

from __future__ import annotations

from .loudness import loudness
from .reading import SUFFIXES, find_recordings
from .recording import MAX_SECONDS, Recording, read_recording
from .writing import resample, write_wav

__all__ = [
    "MAX_SECONDS",
    "SUFFIXES",
    "Recording",
    "find_recordings",
    "loudness",
    "read_recording",
    "resample",
    "write_wav",
]
