"""From a file or an array to mono samples that are fit to be matched, or a clear error."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ..errors import AudioError
from ..synth import AudioArray

SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
    *(".caf", ".au", ".snd", ".w64", ".rf64"),
)
MIN_SECONDS = 0.02
_MIN_RATE = 4000  # Hz; under it there is not enough of a sound to judge
_SILENT = 10.0 ** (-90.0 / 20.0)  # peak under which there is no sound, the last bit of 16
_OVER = 8.0  # peak over which samples cannot be meant as they are


def read_file(path: Path, max_seconds: float) -> tuple[AudioArray, int, bool]:
    """Return samples ``[frames, channels]``, rate, and whether some were left unread.

    Read is ``max_seconds`` and two seconds, from just before the first that is not silent.
    """
    if path.is_dir():
        raise AudioError(f"{path} is a folder; give a sound file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioError(f"{path.name} is an empty file")
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            before = file.read(0, dtype="float32", always_2d=True)
            block = file.read(rate, dtype="float32", always_2d=True)
            while len(block) == rate and np.abs(block).max() < _SILENT:
                before, block = block, file.read(rate, dtype="float32", always_2d=True)
            rest = file.read(round(max_seconds * rate), dtype="float32", always_2d=True)
            left = len(file.read(1)) > 0
    except FileNotFoundError:
        raise AudioError(f"no such file: {path}") from None
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror or error}") from error
    except (soundfile.SoundFileError, TypeError) as error:
        reason = getattr(error, "error_string", "unknown format").strip().rstrip(".")
        raise AudioError(
            f"{path.name} is not audio that can be read ({reason}); "
            f"give a WAV, FLAC, OGG, MP3 or AIFF file"
        ) from None
    return np.concatenate([before, block, rest]), rate, left


def read_array(source: npt.ArrayLike, sample_rate: int | None) -> tuple[AudioArray, int]:
    """Return float samples ``[frames, channels]`` and rate of an array."""
    if sample_rate is None or sample_rate < 1:
        raise AudioError(f"an array needs its sample rate in Hz, not {sample_rate}")
    x = np.asarray(source)
    if x.ndim not in (1, 2) or (x.ndim == 2 and x.shape[1] > max(2, x.shape[0])):
        raise AudioError(f"give samples [frames] or [frames, channels], not {list(x.shape)}")
    if x.dtype.kind not in "iuf":
        raise AudioError(f"give samples as floats or integers, not {x.dtype}")
    if x.dtype.kind != "f":
        limits = np.iinfo(x.dtype)
        half = (float(limits.max) - float(limits.min) + 1.0) / 2.0
        x = (x.astype(np.float64) - (half if x.dtype.kind == "u" else 0.0)) / half
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        sound = x.astype(np.float32)
    return sound[:, None] if sound.ndim == 1 else sound, int(sample_rate)


def checked(sound: AudioArray, rate: int, name: str) -> AudioArray:
    """Return ``sound [frames, channels]``, or raise for what cannot be matched."""
    if not sound.size:
        raise AudioError(f"{name} is empty; record something")
    if rate < _MIN_RATE:
        raise AudioError(f"{name} is at {rate} Hz; give {_MIN_RATE} Hz or more")
    if not np.isfinite(sound).all():
        raise AudioError(f"{name} has samples that are NaN or infinite; export it again")
    if len(sound) < MIN_SECONDS * rate:
        raise AudioError(
            f"{name} is {1000.0 * len(sound) / rate:.3g} ms long; give at least "
            f"{1000.0 * MIN_SECONDS:.0f} ms"
        )
    if np.abs(sound).max() < _SILENT:
        raise AudioError(f"{name} is silent; check what was recorded")
    return sound


def to_mono(sound: AudioArray, warnings: list[str]) -> AudioArray:
    """Return the mean of channels, or the loudest one if they cancel out."""
    power = np.square(sound, dtype=np.float64).mean(axis=0)
    mono = sound.mean(axis=1, dtype=np.float64)
    if (mono**2).mean() < 0.01 * power.max():
        warnings.append("its channels cancel out; only the loudest one is used")
        mono = sound[:, int(power.argmax())]
    peak = float(np.abs(mono).max())
    if peak > _OVER:
        warnings.append(f"its peak is {peak:.3g}, far over full scale; it is scaled down to 1")
        mono = mono / peak
    return np.ascontiguousarray(mono, dtype=np.float32)


def find_recordings(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return sound files: files as given, folders searched through, each file once.

    Folders give their files of a known suffix, sorted, hidden files and folders left out.

    Raises
    ------
    AudioError
        If a path does not exist, or a folder holds no audio.
    """
    found: dict[Path, None] = {}
    for given in map(Path, paths):
        if given.is_dir():
            inside = sorted(
                file
                for file in given.rglob("*")
                if file.suffix.lower() in SUFFIXES
                and not any(part.startswith(".") for part in file.relative_to(given).parts)
                and file.is_file()
            )
            if not inside:
                raise AudioError(f"no audio in {given}; looked for {', '.join(SUFFIXES)}")
            found.update(dict.fromkeys(inside))
        elif given.exists():
            found[given] = None
        else:
            raise AudioError(f"no such file or folder: {given}")
    return list(found)
