"""A user's own presets as candidates: rendered once, remembered on disk, looked up by sound.

Each preset of a bank is played at a few seconds' standard note and kept as a small
*fingerprint*, a coarse picture of its spectrum over time. The fingerprints of a bank are
stored in the user's cache folder under a hash of everything they depend on: the synth,
the sound it makes of the first preset, all presets, and the pitch. Looking a recording
up compares its fingerprint with all of them; the caller renders the nearest at the
recording's real note.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ._files import atomic
from .errors import PresetError, SynthmatchError
from .features.spectra import mel_spectrogram
from .parameters import FloatArray
from .synth import AudioArray, Note, Synth, load_bank, preset_suffixes, render_batch

_VERSION = 1  # of the fingerprint; a change makes old caches unread
_HELD, _TOTAL = 1.0, 2.0
_EDGES = (0.0, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 1.5, 2.0)  # seconds; segments of a fingerprint
_BANDS = 64
_COMPRESSION = 0.25  # exponent of power: between loudness (0.3) and decibels
_BATCH = 32  # voices rendered at a time


@dataclass(frozen=True)
class Bank:
    """Presets of one synth, in file order, doubles left out.

    Attributes
    ----------
    names : tuple of str
        What the presets are called.
    vectors : ndarray
        Unit-cube vectors ``[n, d]``.
    skipped : tuple of str
        One line for every file that was not a preset.
    """

    names: tuple[str, ...]
    vectors: FloatArray
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def nearest(
        self, synth: Synth, target: AudioArray, sample_rate: int, pitch: float, count: int
    ) -> FloatArray:
        """Return the ``count`` vectors whose fingerprints are nearest to a sound's, best first.

        Parameters
        ----------
        synth : Synth
            The synth of the bank.
        target : ndarray
            ``float32 [samples]``.
        sample_rate : int
            Of the target, in Hz; presets are rendered at the same.
        pitch : float
            MIDI pitch of the target; presets play the nearest semitone.
        count : int
            At most this many are returned.
        """
        known = self.fingerprints(synth, sample_rate, round(pitch))
        wanted = fingerprint(target[None], sample_rate)
        apart = np.abs(known - wanted).sum(axis=1)
        return self.vectors[np.argsort(apart, kind="stable")[:count]]

    def fingerprints(self, synth: Synth, sample_rate: int, pitch: int) -> FloatArray:
        """Return the fingerprints ``[n, f]``, from the cache where it has them."""
        note = Note(pitch, 100, _HELD, _TOTAL)
        file = cache_folder() / "banks" / f"{self._key(synth, sample_rate, note)}.npy"
        try:
            cached: FloatArray = np.load(file, allow_pickle=False).astype(np.float64)
            if cached.shape[0] == len(self):
                return cached
        except (OSError, ValueError, EOFError):
            pass  # not there, or damaged: make it again
        rows = [
            fingerprint(
                render_batch(synth, self.vectors[k : k + _BATCH], note, sample_rate), sample_rate
            )
            for k in range(0, len(self), _BATCH)
        ]
        made = np.concatenate(rows).astype(np.float16)  # as the cache has them
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with atomic(file) as temporary:
                np.save(temporary, made, allow_pickle=False)
        except OSError:
            pass  # a cache that cannot be written costs time, nothing else
        return made.astype(np.float64)

    def _key(self, synth: Synth, sample_rate: int, note: Note) -> str:
        sound = render_batch(synth, self.vectors[:1], note, sample_rate)
        digest = hashlib.sha256()
        for part in (f"{_VERSION} {synth.name} {sample_rate} {note}".encode(), sound.tobytes()):
            digest.update(part)
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()


def fingerprint(audio: AudioArray, sample_rate: int) -> FloatArray:
    """Return coarse spectra over time ``[n, segments * bands]`` of sounds ``[n, samples]``.

    Each row sums to 1, so that only the shape of the sound counts; silence is all 0.
    """
    samples = round(_TOTAL * sample_rate)
    padded = np.zeros((len(audio), samples), dtype=np.float32)
    padded[:, : audio.shape[1]] = audio[:, :samples]
    hop = max(1, round(0.01 * sample_rate))
    power = mel_spectrogram(padded, sample_rate, 4 * hop, hop, _BANDS)
    edges = np.minimum(np.round(np.array(_EDGES) * sample_rate / hop), power.shape[1]).astype(int)
    pooled = np.stack([power[:, a:b].mean(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
    loudness = np.asarray(pooled, dtype=np.float64).reshape(len(audio), -1) ** _COMPRESSION
    total = loudness.sum(axis=1, keepdims=True)
    shape: FloatArray = np.divide(loudness, total, out=np.zeros_like(loudness), where=total > 0)
    return shape


def read_bank(synth: Synth, paths: Iterable[str | os.PathLike[str]]) -> Bank:
    """Return all presets of files and (recursively) of folders.

    Parameters
    ----------
    synth : Synth
        Whose presets they are.
    paths : iterable of path
        Preset files and folders of them. A file in a folder that cannot be read is
        skipped and noted; one that was named must be good.

    Raises
    ------
    PresetError
        If a named file is not there or not a preset, or no preset is found at all.
    """
    suffixes = preset_suffixes(synth)
    names: list[str] = []
    rows: list[FloatArray] = []
    skipped: list[str] = []
    seen: set[bytes] = set()
    for given in map(Path, paths):
        inside = given.is_dir()
        files = sorted(p for p in given.rglob("*") if p.is_file()) if inside else [given]
        for file in files:
            if inside and file.suffix.lower() not in suffixes:
                continue
            try:
                found = load_bank(synth, file)
            except SynthmatchError as error:
                if not inside:
                    raise
                skipped.append(f"{file}: {error}")
                continue
            for name, patch in found:
                vector = synth.space.encode(patch)
                if vector.tobytes() not in seen:
                    seen.add(vector.tobytes())
                    names.append(name)
                    rows.append(vector)
    if not rows:
        looked = ", ".join(str(p) for p in paths)
        raise PresetError(f"no presets of {synth.name!r} ({' '.join(suffixes)}) in {looked}")
    return Bank(tuple(names), np.stack(rows), tuple(skipped))


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``SYNTHMATCH_CACHE`` or the system's."""
    if chosen := os.environ.get("SYNTHMATCH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "synthmatch"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(base) / "synthmatch" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "synthmatch"
