"""The model of voices: its tensors, and the probability of a voice."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from synthmatch.parameters import FloatArray

from ..voices import LARGEST, SOUND, VoiceArray
from .drawing import UNIFORMS, Packed, draw_on_threads

SingleArray = npt.NDArray[np.float32]
_Item = TypeVar("_Item", bound=np.generic)

_AT_ONCE = 2048  # voices; the random numbers of so many take 5 MB


@dataclasses.dataclass(frozen=True)
class Step:
    """How one number of a voice is drawn.

    Attributes
    ----------
    column : int
        Which number.
    bins : int64 [values]
        The bin of each of its values.
    ladder : float64 [values]
        Cumulative probability of the values within their bin, plus the index of the bin.
    sources : int64 [sources]
        Columns it may be copied from.
    parents : tuple of (int, float32 [values of the parent, bins])
        Column of each parent, and T above by its value.
    embeddings, matches : float32 [bins, hidden], [sources, hidden]
        W and M above.
    weights, biases : float32 [bins, hidden], [bins]
        V and b above.
    gates, gate_biases : float32 [1 + sources, hidden], [1 + sources]
        G and d above.
    """

    column: int
    bins: VoiceArray
    ladder: FloatArray
    sources: VoiceArray
    parents: tuple[tuple[int, SingleArray], ...]
    embeddings: SingleArray
    matches: SingleArray
    weights: SingleArray
    biases: SingleArray
    gates: SingleArray
    gate_biases: SingleArray

    def seen(self, sounds: VoiceArray) -> SingleArray:
        """Return what this number of ``sounds [n, 145]`` adds to ``a``, ``[n, hidden]``."""
        values = sounds[:, self.column]
        equal = values[:, None] == sounds[:, self.sources]
        total: SingleArray = self.embeddings[self.bins[values]] + equal @ self.matches
        return total

    def log_probability(self, sounds: VoiceArray, hidden: SingleArray) -> FloatArray:
        """Return the logarithm ``[n]`` of the probability of this number of ``sounds``."""
        values = sounds[:, self.column]
        of_bins = _softmax(self._logits(sounds, hidden))
        within = np.diff(self.ladder, prepend=0.0)
        fresh = of_bins[np.arange(len(sounds)), self.bins[values]] * within[values]
        equal = values[:, None] == sounds[:, self.sources]
        gate = _softmax(hidden @ self.gates.T + self.gate_biases)
        result: FloatArray = np.log(gate[:, 0] * fresh + (gate[:, 1:] * equal).sum(axis=1))
        return result

    def _logits(self, sounds: VoiceArray, hidden: SingleArray) -> SingleArray:
        logits: SingleArray = hidden @ self.weights.T + self.biases
        for column, table in self.parents:
            logits += table[sounds[:, column]]
        return logits


@dataclasses.dataclass(frozen=True)
class Prior:
    """A model of voices: its steps in the order of drawing, and c above."""

    steps: Sequence[Step]
    start: SingleArray

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Prior:
        """Return the model of the tensors that the recipe writes.

        Parameters
        ----------
        tensors : mapping
            ``columns`` [145] in the order of drawing; ``bins`` and ``frequencies`` of all
            values, ``sources``, ``embeddings``, ``matches``, ``weights``, ``biases``,
            ``gates`` and ``gate_biases``, each one number after the other in this order;
            ``copies`` [145], how many sources each has; ``parents`` [145, parents], columns
            of those drawn before and 255 for none; ``tables``, flat, of one parent [its
            bins, bins] after the other; ``start`` [hidden].
        """
        columns = tensors["columns"].astype(np.int64)
        copies = tensors["copies"].astype(np.int64)
        bins = _cut(tensors["bins"].astype(np.int64), LARGEST[columns] + 1)
        frequencies = _cut(tensors["frequencies"].astype(np.float64), LARGEST[columns] + 1)
        sizes = np.array([b[-1] + 1 for b in bins])
        single = {key: value.astype(np.float32) for key, value in tensors.items()}
        parents = _parents(columns, bins, tensors["parents"].astype(np.int64), single["tables"])
        parts = zip(
            columns,
            bins,
            map(_ladder, bins, frequencies),
            _cut(tensors["sources"].astype(np.int64), copies),
            parents,
            _cut(single["embeddings"], sizes),
            _cut(single["matches"], copies),
            _cut(single["weights"], sizes),
            _cut(single["biases"], sizes),
            _cut(single["gates"], copies + 1),
            _cut(single["gate_biases"], copies + 1),
            strict=True,
        )
        return cls([Step(int(column), *rest) for column, *rest in parts], single["start"])

    def sample(
        self,
        rng: np.random.Generator,
        n: int,
        given: Mapping[int, int] | None = None,
        temperature: float = 1.0,
    ) -> VoiceArray:
        """Return ``n`` sounds ``int64 [n, 145]``, with the numbers ``given`` by column."""
        held = np.full(SOUND, -1)
        for column, value in (given or {}).items():
            held[column] = value
        sounds = np.empty((n, SOUND), dtype=np.int64)
        for first in range(0, n, _AT_ONCE):
            part = sounds[first : first + _AT_ONCE]
            uniforms = rng.random((len(part), SOUND, UNIFORMS))
            draw_on_threads(uniforms, held, temperature, self._packed, part)
        return sounds

    @functools.cached_property
    def _packed(self) -> Packed:
        steps = self.steps
        places = {step.column: place for place, step in enumerate(steps)}
        most = max(len(step.parents) for step in steps)
        parents = np.full((len(steps), most, 2), -1, dtype=np.int64)
        tables: list[SingleArray] = []
        size = 0
        for row, step in zip(parents, steps, strict=True):
            for pair, (column, table) in zip(row, step.parents, strict=False):
                pair[:] = places[column], size
                tables.append(table[_firsts(steps[places[column]].bins)].ravel())
                size += tables[-1].size
        return Packed(
            start=_filled_up(self.start[None])[0],
            columns=np.array([step.column for step in steps]),
            values=_starts([len(step.bins) for step in steps]),
            rows=_starts([len(step.biases) for step in steps]),
            sources=_starts([len(step.sources) for step in steps]),
            bins=np.concatenate([step.bins for step in steps]),
            edges=np.concatenate([step.ladder - step.bins for step in steps]),
            copied=np.concatenate([step.sources for step in steps]),
            parents=parents,
            tables=np.concatenate(tables),
            weights=_filled_up(np.concatenate([step.weights for step in steps])).ravel(),
            biases=np.concatenate([step.biases for step in steps]),
            gates=_filled_up(np.concatenate([step.gates for step in steps])).ravel(),
            gate_biases=np.concatenate([step.gate_biases for step in steps]),
            embeddings=_filled_up(np.concatenate([step.embeddings for step in steps])),
            matches=_filled_up(np.concatenate([step.matches for step in steps])),
        )

    def log_probability(self, sounds: VoiceArray) -> FloatArray:
        """Return the logarithm ``[n]`` of the probability of sounds ``[n, 145]``, in nats."""
        result = np.zeros(len(sounds))
        total = np.tile(self.start, (len(sounds), 1))
        for step in self.steps:
            result += step.log_probability(sounds, np.maximum(total, 0.0))
            total += step.seen(sounds)
        return result


def _cut(rows: npt.NDArray[_Item], sizes: VoiceArray) -> list[npt.NDArray[_Item]]:
    """Return ``rows`` in pieces of ``sizes``."""
    return np.split(rows, np.cumsum(sizes)[:-1])


def _parents(
    columns: VoiceArray, bins: list[VoiceArray], parents: VoiceArray, tables: SingleArray
) -> list[tuple[tuple[int, SingleArray], ...]]:
    """Return for each number the columns of its parents with their tables by value."""
    of = dict(zip(columns.tolist(), bins, strict=True))
    found = []
    start = 0
    for own, row in zip(bins, parents.tolist(), strict=True):
        pairs = []
        for column in row:
            if column in of:
                shape = (of[column][-1] + 1, own[-1] + 1)
                table = tables[start : start + shape[0] * shape[1]].reshape(shape)
                start += table.size
                pairs.append((column, table[of[column]]))
        found.append(tuple(pairs))
    return found


def _firsts(bins: VoiceArray) -> VoiceArray:
    """Return the first value of each bin."""
    return np.append(0, np.flatnonzero(np.diff(bins)) + 1)


def _filled_up(rows: SingleArray) -> SingleArray:
    """Return ``rows [n, hidden]`` with zeros up to a multiple of 8."""
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))


def _starts(sizes: Sequence[int]) -> VoiceArray:
    """Return where pieces of ``sizes`` start, and where the last ends."""
    return np.cumsum([0, *sizes])


def _softmax(logits: SingleArray) -> FloatArray:
    """Return the probabilities ``[n, k]`` of ``logits [n, k]``."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _ladder(bins: VoiceArray, frequencies: FloatArray) -> FloatArray:
    sums = np.cumsum(frequencies)
    ends = sums[np.append(np.flatnonzero(np.diff(bins)), len(bins) - 1)]
    before = np.append(0.0, ends[:-1])
    ladder: FloatArray = np.minimum((sums - before[bins]) / (ends - before)[bins], 1.0) + bins
    return ladder
