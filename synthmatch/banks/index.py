"""An index of fingerprints: a few bytes a sound, in a file that is looked into as it lies.

The fingerprints of all sounds lie near a plane of a few dimensions. Its axes, learned from
the first of them (principal components), are kept with the index; of every sound it has
one byte for each axis. The distance from a target is taken over what both know: a note
held shorter than that of the index, for example, is compared as long as it lasts.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .._files import atomic
from ..errors import StartsError
from ..parameters import IntArray
from ..synth import BoolArray
from .fingerprints import SIZE, Fingerprints, SingleArray, weights

CodeArray = npt.NDArray[np.int8]

FORMAT = "synthmatch-starts"
VERSION = 1

_RANGE = 4.0  # standard deviations of the first axis that a byte has room for
_BLOCK = 1 << 15  # sounds compared at a time: what a cache holds
_TINY = 1e-12
_HEAD = 1 << 16  # bytes of a file that hold what it says of itself


@dataclasses.dataclass(frozen=True)
class Axes:
    """What a byte of an index means.

    Attributes
    ----------
    mean : ndarray
        ``float32 [SIZE]``, of weighted fingerprints.
    directions : ndarray
        ``float32 [SIZE, axes]``, orthonormal.
    step : float
        Of all bytes, in units of weighted fingerprints.
    known : ndarray
        ``bool [SIZE]``: what the note of the index has of a fingerprint.
    """

    mean: SingleArray
    directions: SingleArray
    step: float
    known: BoolArray

    @classmethod
    def learn(cls, prints: Fingerprints, count: int) -> Axes:
        """Return the ``count`` axes along which fingerprints differ most, fewer of few."""
        rows = (prints.values * weights()).astype(np.float64)
        mean = rows.mean(axis=0)
        rows -= mean
        variances, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
        count = max(1, min(count, len(rows) - 1, SIZE))
        order = np.argsort(variances, kind="stable")[::-1][:count]
        directions = vectors[:, order]
        directions *= np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(count)])
        spread = np.sqrt(max(float(variances[order[0]]), _TINY))
        return cls(
            mean.astype(np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            _RANGE * spread / 127.0,
            prints.known,
        )

    def encode(self, prints: Fingerprints) -> CodeArray:
        """Return the bytes ``int8 [n, axes]`` of fingerprints of the note of the index."""
        along = (prints.values * weights() - self.mean) @ self.directions
        codes: CodeArray = np.clip(np.rint(along / self.step), -127, 127).astype(np.int8)
        return codes


@dataclasses.dataclass(frozen=True)
class Index:
    """Sounds by their fingerprints.

    Attributes
    ----------
    axes : Axes
        What the bytes mean.
    codes : ndarray
        ``int8 [n, axes]``, as a rule a file mapped into memory.
    metadata : mapping of str to str
        What the file says of itself.
    """

    axes: Axes
    codes: CodeArray
    metadata: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.codes)

    def nearest(self, target: Fingerprints, count: int) -> IntArray:
        """Return the numbers ``int64 [k]`` of the nearest sounds, best first.

        The distance is the angle between weighted fingerprints, whatever their level.

        Parameters
        ----------
        target : Fingerprints
            Of one sound.
        count : int
            At most so many are returned; none of a target whose fingerprint knows nothing.
        """
        axes = self.axes
        both = axes.known & target.known
        wanted = (target.values[0] * weights())[both].astype(np.float64)
        length = float(np.sqrt(wanted @ wanted))
        if length < _TINY:
            return np.empty(0, dtype=np.int64)
        mean = axes.mean[both].astype(np.float64)
        plane = axes.directions[both].astype(np.float64) * axes.step
        stretches, turned = np.linalg.eigh(plane.T @ plane)
        squares = turned * np.sqrt(np.maximum(stretches, 0.0))
        table = np.column_stack([squares, plane.T @ wanted, 2.0 * (plane.T @ mean)])
        table = table.astype(np.float32)
        along, own = wanted @ mean, mean @ mean
        cosines = np.empty(len(self.codes), dtype=np.float32)
        for first in range(0, len(cosines), _BLOCK):
            part = slice(first, first + _BLOCK)
            found = self.codes[part].astype(np.float32) @ table
            norms = np.einsum("ij,ij->i", found[:, :-2], found[:, :-2]) + found[:, -1] + own
            cosines[part] = (found[:, -2] + along) / np.sqrt(np.maximum(norms, _TINY))
        count = min(count, len(cosines))
        if count < len(cosines):
            rows = np.argpartition(-cosines, count)[:count]
        else:
            rows = np.arange(len(cosines))
        nearest: IntArray = rows[np.argsort(-cosines[rows], kind="stable")].astype(np.int64)
        return nearest


def write_index(index: Index, path: Path) -> None:
    """Write an index: the file is whole or not there.

    Raises
    ------
    StartsError
        If it cannot be written.
    """
    from safetensors.numpy import save

    axes = index.axes
    tensors = {
        "mean": axes.mean,
        "directions": np.ascontiguousarray(axes.directions),
        "step": np.array([axes.step]),
        "known": axes.known.astype(np.uint8),
        "codes": np.ascontiguousarray(index.codes),
    }
    metadata = {**index.metadata, "format": FORMAT, "version": str(VERSION)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            temporary.write_bytes(save(tensors, metadata))
    except OSError as error:
        raise StartsError(f"cannot write {path}: {error.strerror or error}") from error


def is_index(path: Path) -> bool:
    """Return whether a file is an index, of whatever version and whether whole or not."""
    try:
        with path.open("rb") as file:
            return FORMAT.encode() in file.read(_HEAD)
    except OSError:
        return False


def read_index(path: Path) -> Index:
    """Return the index of a file, its bytes mapped into memory.

    Raises
    ------
    StartsError
        If the file is missing, damaged, or of another format or version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            if metadata.get("format") != FORMAT or metadata.get("version") != str(VERSION):
                raise StartsError(
                    f"{path} is no index of starts of version {VERSION}; "
                    f"build it again with synthmatch starts build"
                )
            small = {key: file.get_tensor(key) for key in ("mean", "directions", "step", "known")}
        codes = _mapped(path, "codes")
        axes = Axes(
            small["mean"],
            small["directions"],
            float(small["step"][0]),
            small["known"].astype(np.bool_),
        )
        if axes.directions.shape != (SIZE, codes.shape[1]) or axes.known.shape != (SIZE,):
            raise ValueError("its parts do not fit")
    except (SafetensorError, OSError, ValueError, KeyError, IndexError) as error:
        raise StartsError(f"{path} is no whole index of starts ({error})") from None
    return Index(axes, codes, metadata)


def _mapped(path: Path, name: str) -> CodeArray:
    """Return a tensor of bytes of a safetensors file, mapped read-only."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(size))[name]
    first = entry["data_offsets"][0]
    if entry["dtype"] != "I8" or len(entry["shape"]) != 2:
        raise ValueError(f"its {name} are no bytes")
    shape = (entry["shape"][0], entry["shape"][1])
    return np.memmap(path, dtype=np.int8, mode="r", offset=8 + size + first, shape=shape)
