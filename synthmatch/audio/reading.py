"""From a file or an array to mono samples that are fit to be matched, or a clear error."""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from ..errors import AudioError
from ..synth import AudioArray
from .writing import resample

SUFFIXES = (
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
    *(".caf", ".au", ".snd", ".w64", ".rf64"),
)
MIN_SECONDS = 0.02
_MIN_RATE = 4000  # Hz; under it there is not enough of a sound to judge
_MAX_RATE = 1_048_575  # Hz, the most that FLAC writes down
_HIGHEST_RATE = 192_000  # Hz that sounds are kept at: over it nothing is heard, nor matched
_BLOCK = 2**18  # samples of all channels that are read at a time
_SILENT = 10.0 ** (-90.0 / 20.0)  # peak under which there is no sound, the last bit of 16
_OVER = 8.0  # peak over which samples cannot be meant as they are


@dataclasses.dataclass(frozen=True)
class MonoSound:
    """What is read of a file or an array.

    Attributes
    ----------
    samples : ndarray
        float32 ``[n]``, the mean of channels, or the loudest one if they cancel out.
    rate : int
        Hz; that of the source, at most 192 kHz.
    more : bool
        Whether the source goes on.
    warnings : tuple of str
        What the person who gave the sound should know, a line each.
    """

    samples: AudioArray
    rate: int
    more: bool
    warnings: tuple[str, ...]


def read_file(path: Path, max_seconds: float, sample_rate: int | None = None) -> MonoSound:
    """Return the sound of a file, in as little memory as what is used of it takes.

    Read is ``max_seconds`` and two seconds, from just before the first that is not silent.
    """
    if path.is_dir():
        raise AudioError(f"{path} is a folder; give a sound file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise AudioError(f"{path.name} is an empty file")
        with _open(path) as opened:
            rate = int(opened.samplerate)
        if sample_rate not in (None, rate):
            raise AudioError(
                f"{path.name} is at {rate} Hz, not {sample_rate} Hz; leave the rate out"
            )

        def blocks() -> Iterator[AudioArray]:
            with _open(path) as opened:
                frames = max(1, _BLOCK // opened.channels)
                while len(block := opened.read(frames, dtype="float32", always_2d=True)):
                    yield block

        return _read(blocks, rate, max_seconds, path.name)
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


def _open(path: Path) -> soundfile.SoundFile:
    # soundfile takes no text with the bytes of a name that is none
    return soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path)


def read_array(source: npt.ArrayLike, sample_rate: int | None, max_seconds: float) -> MonoSound:
    """Return the sound of an array ``[frames]`` or ``[frames, channels]``, as of a file."""
    if sample_rate is None or sample_rate < 1:
        raise AudioError(f"an array needs its sample rate in Hz, not {sample_rate}")
    x = np.asarray(source)
    if x.ndim not in (1, 2) or (x.ndim == 2 and x.shape[1] > max(2, x.shape[0])):
        raise AudioError(f"give samples [frames] or [frames, channels], not {list(x.shape)}")
    if x.dtype.kind not in "iuf":
        raise AudioError(f"give samples as floats or integers, not {x.dtype}")
    x = x[:, None] if x.ndim == 1 else x

    def blocks() -> Iterator[AudioArray]:
        frames = max(1, _BLOCK // max(1, x.shape[1]))
        for start in range(0, len(x) if x.size else 0, frames):
            yield _as_floats(x[start : start + frames])

    return _read(blocks, int(sample_rate), max_seconds, "the sound")


def _as_floats(x: npt.NDArray[Any]) -> AudioArray:
    """Return samples as float32, integers by the full scale of their type."""
    if x.dtype.kind != "f":
        limits = np.iinfo(x.dtype)
        half = (float(limits.max) - float(limits.min) + 1.0) / 2.0
        x = (x.astype(np.float64) - (half if x.dtype.kind == "u" else 0.0)) / half
    with np.errstate(over="ignore"):  # what overflows is refused as infinite
        return x.astype(np.float32)


def _read(
    blocks: Callable[[], Iterator[AudioArray]], rate: int, max_seconds: float, name: str
) -> MonoSound:
    """Return what is used of a sound, or raise for what cannot be matched.

    ``blocks`` starts the sound anew, ``float32 [frames, channels]`` at a time.
    """
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise AudioError(f"{name} is at {rate} Hz; give {_MIN_RATE} to {_MAX_RATE:,} Hz")
    pieces: list[AudioArray] = []
    power: Any = 0.0
    for block in (used := _Used(blocks(), rate, max_seconds)):
        if not np.isfinite(block).all():
            raise AudioError(f"{name} has samples that are NaN or infinite; export it again")
        power = power + np.square(block, dtype=np.float64).sum(axis=0)
        pieces.append(block.mean(axis=1, dtype=np.float64).astype(np.float32))
    if not used.frames:
        raise AudioError(f"{name} is empty; record something")
    if used.frames < MIN_SECONDS * rate:
        raise AudioError(
            f"{name} is {1000.0 * used.frames / rate:.3g} ms long; give at least "
            f"{1000.0 * MIN_SECONDS:.0f} ms"
        )
    if not used.sounds:
        raise AudioError(f"{name} is silent; check what was recorded")
    warnings = []
    mono = np.concatenate(pieces)
    if np.square(mono, dtype=np.float64).sum() < 0.01 * power.max():
        warnings.append("its channels cancel out; only the loudest one is used")
        loudest = int(power.argmax())
        mono = np.concatenate([b[:, loudest].copy() for b in _Used(blocks(), rate, max_seconds)])
    peak = float(np.abs(mono).max())
    if peak > _OVER:
        warnings.append(f"its peak is {peak:.3g}, far over full scale; it is scaled down to 1")
        mono = mono / np.float32(peak)
    if rate > _HIGHEST_RATE:
        mono, rate = resample(mono, rate, _HIGHEST_RATE), _HIGHEST_RATE
    return MonoSound(mono, rate, used.more, tuple(warnings))


class _Used:
    """Iterates over the part of a sound that is used: from 1 s before it sounds.

    Afterwards ``frames`` is how many were read, ``sounds`` whether there is a sound, and
    ``more`` whether it goes on.
    """

    def __init__(self, blocks: Iterator[AudioArray], rate: int, max_seconds: float) -> None:
        self._blocks, self._rate = blocks, rate
        self._left = round((max_seconds + 2.0) * rate)
        self.frames = 0
        self.sounds = self.more = False

    def __iter__(self) -> Iterator[AudioArray]:
        before: deque[AudioArray] = deque()  # silence that may be used
        for block in self._blocks:
            self.frames += len(block)
            if self.sounds:
                yield from self._some(block)
            else:
                before.append(block)
                loud = (np.abs(block) >= _SILENT) | ~np.isfinite(block)
                if loud.any():
                    self.sounds = True
                    silent = int(loud.any(axis=1).argmax()) + sum(map(len, before)) - len(block)
                    skipped = max(0, silent - self._rate)
                    for piece in before:
                        part = piece[skipped:]
                        skipped = max(0, skipped - len(piece))
                        yield from self._some(part)
                while len(before) > 1 and sum(map(len, before)) - len(before[0]) > self._rate:
                    before.popleft()
            if self.more:
                return

    def _some(self, block: AudioArray) -> Iterator[AudioArray]:
        self.more = len(block) > self._left
        part = block[: self._left]
        self._left -= len(part)
        if len(part):
            yield part


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
