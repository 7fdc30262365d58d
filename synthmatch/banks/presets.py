"""A user's own presets as candidates: rendered once, remembered on disk, looked up by sound.

The index of a bank is stored in the user's cache folder under a hash of everything it
depends on: the synth, the sound it makes of the first presets, and all presets. It serves
any note; the caller renders the nearest at the recording's own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .._files import lock
from ..errors import PresetError, StartsError, StartsWarning, SynthmatchError
from ..parameters import FloatArray, IntArray
from ..synth import AudioArray, Note, Synth, load_bank, preset_suffixes
from .building import BuildProgress, Plan, build_index, describe, played
from .caching import cache_folder
from .fingerprints import LAYOUT, fingerprints
from .index import Index, read_index, write_index
from .starts import SUFFIX

_AXES = 48  # bytes of a preset: they are few, and the file is not shipped
_PROBED = 2  # presets that are rendered to see whether the synth is still the same


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
        self, synth: Synth, target: AudioArray, sample_rate: int, note: Note, count: int
    ) -> FloatArray:
        """Return the ``count`` vectors that sound nearest to a target, best first.

        Parameters
        ----------
        synth : Synth
            The synth of the bank.
        target : ndarray
            ``float32 [samples]``, from the onset on.
        sample_rate : int
            In Hz.
        note : Note
            What the target plays.
        count : int
            At most this many are returned.
        """
        wanted = fingerprints(target[None], sample_rate, note)
        near = self.index(synth).nearest(wanted, count)
        return self.vectors[self._shuffled()[near]]

    def index(self, synth: Synth, progress: BuildProgress | None = None) -> Index:
        """Return the index of the presets' sounds, from the cache where it is there.

        It takes about a millisecond a preset to make, once; interrupted, it goes on from
        where it was, and where another process makes it, that is waited for. Row ``k`` is no
        preset's place in the bank: see :meth:`nearest`.

        Parameters
        ----------
        synth : Synth
            The synth of the bank.
        progress : callable, optional
            Called with (presets done, presets in all, seconds left).

        Warns
        -----
        StartsWarning
            If the cache cannot be written: it is made anew each time then.
        """
        note, rate = played(synth)
        rows = _Presets(self.vectors[self._shuffled()])
        digest = hashlib.sha256(f"{LAYOUT} {_AXES} {synth.name} {note} {rate}".encode())
        probe = describe(synth, rows.between(0, _PROBED), note, rate)
        digest.update(np.rint(probe.values * 8).astype(np.int8).tobytes())
        digest.update(rows.vectors.tobytes())
        key = digest.hexdigest()[:32]
        folder = cache_folder() / "banks"
        file = folder / f"{key}{SUFFIX}"
        plan = Plan(synth, rows, note, rate, _AXES, folder / key)

        def build(in_folder: Path) -> Index:
            placed = dataclasses.replace(plan, folder=in_folder)
            return build_index(placed, {"synth": synth.name}, progress=progress)

        if (cached := self._read(file)) is not None:
            return cached
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with lock(folder / f".{key}.lock", waiting=lambda: None):
                if (cached := self._read(file)) is not None:  # another process has made it
                    return cached
                index = build(plan.folder)
                write_index(index, file)
                shutil.rmtree(plan.folder, ignore_errors=True)
            return index
        except (OSError, StartsError) as error:
            warnings.warn(
                f"the index of the bank is not kept ({error}); SYNTHMATCH_CACHE names another "
                f"folder for it",
                StartsWarning,
                stacklevel=2,
            )
        with tempfile.TemporaryDirectory() as scratch:
            return build(Path(scratch))

    def _read(self, file: Path) -> Index | None:
        """Return the index of a file; None if it is not there, or damaged."""
        try:
            cached = read_index(file)
        except StartsError:
            return None
        return cached if len(cached) == len(self) else None

    def _shuffled(self) -> IntArray:
        """Return the presets' numbers in the order of the index, which has no system."""
        order: IntArray = np.random.default_rng(0).permutation(len(self))
        return order


@dataclass(frozen=True)
class _Presets:
    """Vectors ``[n, d]`` as rows of an index."""

    vectors: FloatArray

    def __len__(self) -> int:
        return len(self.vectors)

    def between(self, first: int, last: int) -> FloatArray:
        return self.vectors[first:last]


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
