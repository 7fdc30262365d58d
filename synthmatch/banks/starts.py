"""A bank of starts that ships as fingerprints alone: draws of a prior, remade when wanted.

Draw ``k`` of seed ``s`` is row ``k % block`` of what the synth samples with
``default_rng([s, k // block])``, so that an index needs to hold no vectors. It says which
synth, space and prior it is of, and its first draws are rendered again before it is used:
if they sound otherwise, the synth has changed, and the index is stale.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import warnings
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import OutputError, ParameterError, StartsError, StartsWarning
from ..parameters import FloatArray, IntArray
from ..registry import load_synth
from ..synth import AudioArray, Note, Synth, sample_prior, starts_file
from .building import BuildProgress, Plan, build_index, describe, played, space_key
from .caching import cache_folder
from .fingerprints import LAYOUT, fingerprints
from .index import Index, is_index, read_index, write_index

SUFFIX = ".safetensors"

_BLOCK = 4  # draws made at once: few are wanted of a block, and each call costs something
_AXES = 20  # bytes of a draw
_PROBED = 8  # draws that are rendered again to see whether the synth is still the same
_SAME = 0.1  # of the distance between two draws: a remade one is nearer to itself than this


@dataclasses.dataclass(frozen=True)
class Draws:
    """The draws of a synth's prior from one seed.

    Attributes
    ----------
    synth : Synth or str
        The synth, or its name.
    count, seed, block : int
        How many; of which seed; how many are made at once.
    """

    synth: Synth | str
    count: int
    seed: int
    block: int = _BLOCK

    def __len__(self) -> int:
        return self.count

    def between(self, first: int, last: int) -> FloatArray:
        """Return the draws ``[last - first, d]`` from ``first`` to before ``last``."""
        synth = load_synth(self.synth) if isinstance(self.synth, str) else self.synth
        blocks = range(first // self.block, -(-last // self.block))
        rows = np.concatenate([self._of(synth, block) for block in blocks])
        skipped = first - blocks.start * self.block
        return rows[skipped : skipped + last - first]

    def take(self, numbers: npt.ArrayLike) -> FloatArray:
        """Return the draws ``[k, d]`` of numbers ``[k]``, in their order."""
        synth = load_synth(self.synth) if isinstance(self.synth, str) else self.synth
        wanted = np.asarray(numbers, dtype=np.int64)
        blocks = wanted // self.block
        made = {int(block): self._of(synth, int(block)) for block in np.unique(blocks)}
        rows = [made[int(b)][n % self.block] for b, n in zip(blocks, wanted, strict=True)]
        return np.stack(rows) if rows else np.empty((0, len(synth.space)))

    def _of(self, synth: Synth, block: int) -> FloatArray:
        return sample_prior(synth, np.random.default_rng([self.seed, block]), self.block)


class Nearest:
    """The draws nearest to a target, handed out in turn.

    Parameters
    ----------
    draws : Draws
        The draws.
    numbers : array ``[k]``
        Of the nearest, best first.
    """

    def __init__(self, draws: Draws, numbers: IntArray) -> None:
        self._draws = draws
        self._numbers = numbers
        self._next = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def take(self, count: int) -> FloatArray:
        """Return the next vectors ``[count, d]``; after the last comes the first again.

        There are none at all where nothing is near.
        """
        if not len(self):
            return self._draws.take([])
        places = np.arange(self._next, self._next + count) % len(self)
        self._next += count
        return self._draws.take(self._numbers[places])


class Starts:
    """Draws of a synth's prior by their sound.

    Parameters
    ----------
    synth : Synth
        Whose draws they are.
    index : Index
        Of their fingerprints.

    Raises
    ------
    StartsError
        If the index is of another synth, or the synth or its prior has changed since.
    """

    def __init__(self, synth: Synth, index: Index) -> None:
        metadata = index.metadata
        try:
            seed, block = int(metadata["seed"]), int(metadata["block"])
            note, rate = Note(**json.loads(metadata["note"])), int(metadata["sample_rate"])
            of = metadata["synth"], metadata["space"]
        except (KeyError, ValueError, TypeError, ParameterError) as error:
            raise StartsError(f"it does not say what it is of ({error})") from None
        if of != (synth.name, space_key(synth.space)):
            raise StartsError(f"it is of another {of[0]} than this {synth.name}")
        self.synth = synth
        self.index = index
        self.draws = Draws(synth, len(index), seed, block)
        count = min(_PROBED, len(index))
        remade = index.axes.encode(describe(synth, self.draws.between(0, count), note, rate))
        stored = np.asarray(index.codes[:count], dtype=np.float64)
        apart = np.abs(remade - stored).mean(axis=1)
        between = np.abs(stored - np.roll(stored, 1, axis=0)).mean()
        if np.median(apart) > _SAME * between:
            raise StartsError(
                f"it is stale: {synth.name!r} or its prior has changed since; "
                f"build it again with synthmatch starts build"
            )

    def __len__(self) -> int:
        return len(self.index)

    def nearest(self, target: AudioArray, sample_rate: int, note: Note, count: int) -> Nearest:
        """Return the ``count`` draws that sound nearest to a target, best first.

        Parameters
        ----------
        target : ndarray
            ``float32 [samples]``, from the onset on.
        sample_rate : int
            In Hz.
        note : Note
            What the target plays.
        count : int
            At most so many there are.
        """
        wanted = fingerprints(target[None], sample_rate, note)
        return Nearest(self.draws, self.index.nearest(wanted, count))


def build_starts(
    synth: str,
    draws: int,
    path: str | os.PathLike[str] | None = None,
    *,
    seed: int = 0,
    axes: int = _AXES,
    executor: Executor | None = None,
    progress: BuildProgress | None = None,
) -> Path:
    """Render draws of a synth's prior, write the index of their sounds, and return its path.

    What is rendered stays in the cache folder, so that a build that was interrupted, or one
    of more draws, goes on from there.

    Parameters
    ----------
    synth : str
        Name of the synth.
    draws : int
        How many.
    path : path, optional
        Where to; by default where matches look for it, see :func:`cached_starts`.
    seed : int
        Of the draws.
    axes : int
        Bytes of a draw.
    executor : Executor, optional
        Renders, side by side; see :func:`~synthmatch.banks.building_pool`.
    progress : callable, optional
        Called with (draws done, draws in all, seconds left).

    Raises
    ------
    ParameterError
        If there are less than 2 draws.
    OutputError
        If ``path`` is a file of another kind.
    BusyError
        If another process builds the same.
    StartsError
        If a file cannot be written.
    """
    if draws < 2 or axes < 1 or seed < 0:
        raise ParameterError(
            f"{draws} draws of seed {seed} with {axes} bytes each; "
            f"give 2 draws, a seed of 0 and 1 byte at least"
        )
    loaded = load_synth(synth)
    target = Path(path) if path is not None else cached_starts(loaded)
    if target.exists() and not is_index(target):
        raise OutputError(f"{target} is there and is no index of starts; choose another name")
    note, rate = played(loaded)
    metadata = {
        "synth": loaded.name,
        "space": space_key(loaded.space),
        "seed": str(seed),
        "block": str(_BLOCK),
        "note": json.dumps(dataclasses.asdict(note)),
        "sample_rate": str(rate),
    }
    rows = Draws(synth, draws, seed)
    plan = Plan(synth, rows, note, rate, axes, Path())
    probe = describe(loaded, rows.between(0, min(draws, _PROBED)), note, rate)
    sound = np.rint(probe.values * 8).astype(np.int8)  # a changed engine builds anew
    digest = hashlib.sha256(
        json.dumps([LAYOUT, axes, plan.span(plan.learned - 1), metadata]).encode()
    )
    digest.update(sound.tobytes())
    folder = cache_folder() / "starts" / "parts" / digest.hexdigest()[:16]
    plan = dataclasses.replace(plan, folder=folder)
    index = build_index(plan, metadata, executor=executor, progress=progress)
    write_index(index, target)
    return target


def cached_starts(synth: Synth) -> Path:
    """Return where in the cache folder the user's own index of starts of a synth is."""
    return cache_folder() / "starts" / f"{synth.name}-{space_key(synth.space)}{SUFFIX}"


def find_starts(synth: Synth) -> Starts | None:
    """Return the starts of a synth: the user's own, or those that come with the synth.

    One that is damaged or stale is left out with a warning.
    """
    for path in (cached_starts(synth), starts_file(synth)):
        if path is None or not path.is_file():
            continue
        try:
            return Starts(synth, read_index(path))
        except StartsError as error:
            warnings.warn(f"{path}: {error}", StartsWarning, stacklevel=2)
    return None
