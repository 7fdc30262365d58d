"""Read a data set: as a whole, by row, or as shuffled batches for training."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import DatasetError, ParameterError, RegistryError
from ..parameters import ParameterSpace, Patch
from ..settings import Source
from ..synth import AudioArray, Note
from .batches import Batch, order
from .description import Description, read_description
from .encoding import arrow, from_table
from .manifest import Entry, present, read_entries, read_shard, shard_path

_TOGETHER = 8  # shards whose rows are shuffled together


class _Recorded:
    """Stands for a synth that is not installed: its data can be learned, not rendered."""

    def __init__(self, space: ParameterSpace, sample_rate: int) -> None:
        self.name = space.synth
        self.space = space
        self.sample_rate = sample_rate

    def render(self, patch: Patch, note: Note, sample_rate: int) -> AudioArray:
        """Refuse."""
        raise RegistryError(f"synth {self.name!r} is not installed; only its data set is here")


def read_batch(folder: Path, description: Description, entry: Entry) -> Batch:
    """Return all rows of a finished shard, checked by its hash and against its description.

    Raises
    ------
    DatasetError
        If the file is damaged.
    """
    pa = arrow()
    content = read_shard(folder, entry)
    start = entry.shard * description.shard
    rows = range(start, start + description.rows(entry.shard))
    names = ["index", "vector", "gain", "audio"]
    try:
        table = pa.parquet.read_table(pa.BufferReader(content), columns=names)
        return from_table(table, rows, len(description.space), description.setting)
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
    except DatasetError as error:
        reason = str(error)
    path = shard_path(folder, entry.shard)
    raise DatasetError(f"{path} is damaged ({reason}); delete it and render again")


class Dataset:
    """A data set that :func:`build_dataset` rendered.

    Parameters
    ----------
    folder : path
        With ``dataset.json`` and ``shards/``.

    Attributes
    ----------
    description : Description
        What ``dataset.json`` holds.
    setting : Setting
        What was rendered.
    space : ParameterSpace
        Its free parameters are the columns of vectors.

    Raises
    ------
    DatasetError
        If it is no data set, or shards are missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.description = read_description(self.folder)
        self.setting = self.description.setting
        self.space = self.description.space
        self._entries = read_entries(self.folder, self.description)
        there = sum(present(self.folder, entry) for entry in self._entries.values())
        if there < self.description.shards:
            raise DatasetError(
                f"{self.folder} is unfinished: {there:,} of {self.description.shards:,} shards; "
                f"run the command that renders it again"
            )
        self._kept: OrderedDict[int, Batch] = OrderedDict()

    def __len__(self) -> int:
        return self.description.sounds

    @property
    def shards(self) -> int:
        """Number of files."""
        return self.description.shards

    def source(self) -> Source:
        """Return the setting with its synth; one that is not installed cannot render.

        Raises
        ------
        DatasetError
            If the installed synth has other parameters.
        """
        try:
            source = self.setting.open()
        except RegistryError:
            return Source(_Recorded(self.space, self.setting.sample_rate), self.setting)
        if source.synth.space != self.space:
            raise DatasetError(
                f"{self.folder} was rendered by a {self.setting.synth!r} with other parameters "
                f"than the installed one; render it again"
            )
        return source

    def shard(self, number: int) -> Batch:
        """Return all rows of a shard; the latest few are kept in memory.

        Raises
        ------
        DatasetError
            If the file is damaged.
        """
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        batch = read_batch(self.folder, self.description, self._entries[number])
        self._kept[number] = batch
        if len(self._kept) > 2 * _TOGETHER:
            self._kept.popitem(last=False)
        return batch

    def read(self, rows: npt.ArrayLike) -> Batch:
        """Return the given rows, in that order.

        Parameters
        ----------
        rows : array_like of int
            From 0 to ``len(dataset) - 1``.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.ndim != 1 or (len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self)):
            raise ParameterError(f"rows of this data set run from 0 to {len(self) - 1}")
        vectors = np.empty((len(wanted), len(self.space)))
        audio = np.empty((len(wanted), self.setting.samples), dtype=np.float32)
        files, within = np.divmod(wanted, self.description.shard)
        for number in np.unique(files):
            mine = files == number
            batch = self.shard(int(number))
            vectors[mine] = batch.vectors[within[mine]]
            audio[mine] = batch.audio[within[mine]]
        return Batch(vectors, audio)


class StoredBatches:
    """Shuffled batches of a data set, a new order each epoch, each a function of its number.

    Rows of eight shards at a time are shuffled together, in a shuffled order of shards.

    Parameters
    ----------
    dataset : Dataset
        Where sounds come from.
    size : int
        Sounds in a batch.
    seed : int
        Of the order.
    rows : int, optional
        Use only the first so many.
    """

    def __init__(self, dataset: Dataset, size: int, seed: int, rows: int | None = None) -> None:
        self.dataset = dataset
        self.size = size
        self.seed = seed
        self.rows = len(dataset) if rows is None else rows
        if not 1 <= size <= self.rows <= len(dataset):
            raise ParameterError(
                f"cannot take batches of {size} from {self.rows} of {len(dataset)} sounds"
            )
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))

    def __call__(self, index: int) -> Batch:
        """Return batch ``index``; what an epoch cannot fill a batch with is left out."""
        epoch, place = divmod(index, self.rows // self.size)
        if self._order[0] != epoch:
            self._order = epoch, self._shuffled(epoch)
        return self.dataset.read(self._order[1][place * self.size : (place + 1) * self.size])

    def _shuffled(self, epoch: int) -> npt.NDArray[np.int64]:
        rng = order(self.seed, epoch)
        size = self.dataset.description.shard
        files = rng.permutation(-(-self.rows // size))
        blocks = []
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            rows = [np.arange(k * size, min((k + 1) * size, self.rows)) for k in some]
            blocks.append(rng.permutation(np.concatenate(rows)))
        return np.concatenate(blocks)
