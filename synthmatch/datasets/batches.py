"""Batches as a pure function of their number, rendered ahead in a background thread."""

from __future__ import annotations

import dataclasses
import math
import queue
import threading
from collections.abc import Generator, Iterable
from typing import Literal, NamedTuple, Protocol, cast

import numpy as np

from ..errors import ParameterError
from ..hosting import failures_raised
from ..parameters import FloatArray
from ..settings import Source
from ..synth import AudioArray

Split = Literal["train", "validation", "test"]

_SPLITS = {"train": 0, "validation": 1, "test": 2}
_ORDER = 3  # key of the streams that shuffle
_TRIES = 100  # redraws of a sound that is too quiet
_AT_ONCE = 128  # sounds rendered at a time
_RENDER = threading.Lock()  # engines may use a thread pool that is not re-entrant


class Batch(NamedTuple):
    """Vectors ``float64 [n, d]`` and their sounds ``float32 [n, samples]``."""

    vectors: FloatArray
    audio: AudioArray


class Batches(Protocol):
    """Batches by number; the same number gives the same batch."""

    def __call__(self, index: int) -> Batch:
        """Return batch ``index``, 0 or more."""


def stream(seed: int, split: Split, index: int = 0) -> np.random.Generator:
    """Return the generator of piece ``index`` of a split.

    The streams of different splits, seeds and indices never overlap: they are children
    of one :class:`numpy.random.SeedSequence` under different keys. So no test sound is
    drawn from a stream that training used, whatever the seeds.
    """
    return _child(seed, _SPLITS[split], index)


def order(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator that shuffles an epoch; a stream of its own, as :func:`stream` has."""
    return _child(seed, _ORDER, epoch)


def _child(seed: int, *key: int) -> np.random.Generator:
    if seed < 0 or min(key) < 0:
        raise ParameterError("seeds and indices are 0 or more")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def level(audio: AudioArray) -> FloatArray:
    """Return the root mean square ``[n]`` of sounds ``[n, samples]`` in dB of full scale."""
    power = np.mean(np.square(audio, dtype=np.float64), axis=-1)
    return cast(FloatArray, 10.0 * np.log10(np.maximum(power, 1e-20)))


def draw(source: Source, rng: np.random.Generator, n: int, *, gate: float | None = None) -> Batch:
    """Draw ``n`` patches of a setting and render them.

    Parameters
    ----------
    source : Source
        What to draw and render.
    rng : numpy.random.Generator
        Decides the patches.
    n : int
        How many sounds.
    gate : float, optional
        Level in dB of full scale (root mean square); quieter sounds are drawn again.

    Raises
    ------
    ParameterError
        If the synth renders a sound that is not finite, or 100 draws in a row are under
        the gate.
    HostingError
        If a plug-in fails on a sound: silence in its place would be learned from.
    """
    with failures_raised():
        vectors = draw_vectors(source, rng, n, gate=gate)
        return Batch(vectors, render(source, vectors))


def draw_vectors(
    source: Source, rng: np.random.Generator, n: int, *, gate: float | None = None
) -> FloatArray:
    """Return the vectors ``[n, d]`` that :func:`draw` renders, without keeping their sounds.

    With a gate they are rendered to find which are too quiet, a few at a time.
    """
    check_gate(gate)
    vectors = source.sample(rng, n)
    if gate is None:
        return vectors
    quiet = np.arange(n)
    for _ in range(_TRIES):
        parts = [quiet[k : k + _AT_ONCE] for k in range(0, len(quiet), _AT_ONCE)]
        levels = [level(render(source, vectors[rows])) for rows in parts]
        quiet = quiet[np.concatenate([np.empty(0), *levels]) < gate]
        if not len(quiet):
            return vectors
        vectors[quiet] = source.sample(rng, len(quiet))
    raise ParameterError(
        f"{_TRIES} patches of {source.synth.name!r} in a row are quieter than {gate:g} dB; "
        f"lower the gate or use another sampler"
    )


def check_gate(gate: float | None) -> None:
    """Refuse a gate that is no number.

    Raises
    ------
    ParameterError
        If it is not finite.
    """
    if gate is not None and not math.isfinite(gate):
        raise ParameterError(f"the gate is a level in dB, such as -60, not {gate}")


def render(source: Source, vectors: FloatArray) -> AudioArray:
    """Return the sounds ``float32 [n, samples]`` of vectors, one call at a time in a process.

    Raises
    ------
    ParameterError
        If one is not finite.
    """
    with _RENDER:
        audio = source.render(vectors)
    if not np.isfinite(audio).all():
        row = int(np.flatnonzero(~np.isfinite(audio).all(axis=1))[0])
        raise ParameterError(
            f"synth {source.synth.name!r} rendered a sound that is not finite, "
            f"for {dict(source.synth.space.decode(vectors[row]))}"
        )
    return audio


@dataclasses.dataclass(frozen=True)
class RenderedBatches:
    """Endless batches, each rendered when asked for.

    Attributes
    ----------
    source : Source
        What to draw and render.
    size : int
        Sounds in a batch.
    seed : int
        With the split and the number of a batch it decides the patches.
    split : {"train", "validation", "test"}
        Which stream of the seed.
    gate : float, optional
        Level in dB under which sounds are drawn again; see :func:`draw`.
    """

    source: Source
    size: int
    seed: int
    split: Split = "train"
    gate: float | None = None

    def __call__(self, index: int) -> Batch:
        """Return batch ``index``."""
        return draw(self.source, stream(self.seed, self.split, index), self.size, gate=self.gate)


def prefetch(
    batches: Batches, indices: Iterable[int], ahead: int = 2
) -> Generator[Batch, None, None]:
    """Yield ``batches(i)`` for each index, in order, made up to ``ahead`` early in a thread.

    Close the iterator (or exhaust it) to end the thread. An error in ``batches`` is
    raised here.
    """
    made: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=ahead)
    stop = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for index in indices:
                if stop.is_set():
                    return
                put(batches(index))
            put(None)
        except BaseException as error:  # raised again by the consumer
            put(error)

    thread = threading.Thread(target=work, name="synthmatch-prefetch", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
