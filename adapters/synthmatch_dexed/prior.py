"""Voices such as people make, drawn from a model of 23,000 of theirs.

The 145 numbers of a voice are drawn one after the other, each from a distribution that
depends on all before it. The model is a neural autoregressive distribution estimator
(NADE: Larochelle and Murray, AISTATS 2011) over bins of the numbers' values, with two
additions. A number depends directly on its *parents*, the algorithm and the two others
that tell most about it, and it may be copied from its *sources*: people often set a number
as they set the same one of an earlier operator, or the stage before it of an envelope. With
``x[i]`` the value of number ``i``, ``k[i]`` its bin, ``q`` its parents and ``s[i, j]`` the
values of its sources::

    a[0] = c,   a[i + 1] = a[i] + W[i][k[i]] + sum over j of M[i][j] [x[i] = s[i, j]]
    h = relu(a[i])
    gate = softmax(G[i] h + d[i])
    logits = V[i] h + b[i] + sum over q of T[i, q][k[q]]
    p(x[i]) = gate[0] softmax(logits)[k[i]] p(x[i] | k[i])
              + sum over j of gate[1 + j] [x[i] = s[i, j]]

where ``p(x | k)`` is how often people use a value of a bin. Common values, 99 or 50 for
example, have a bin of their own. The tensors are made by ``examples/train_dx7_prior.py``;
they hold no voices.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray

from .voices import COLUMN, LARGEST, SOUND, VoiceArray, name_codes

SingleArray = npt.NDArray[np.float32]
_Item = TypeVar("_Item", bound=np.generic)

FILE = Path(__file__).with_name("prior.safetensors")
"""Where the tensors of the model are."""


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

    def draw(
        self,
        sounds: VoiceArray,
        hidden: SingleArray,
        rng: np.random.Generator,
        temperature: float,
    ) -> VoiceArray:
        """Return values ``[n]`` for the numbers before in ``sounds`` and ``h [n, hidden]``."""
        n = len(sounds)
        bins = _choose(self._logits(sounds, hidden) / temperature, rng)
        within = rng.random(n) * (1.0 - 1e-12)  # so that the sum stays below bins + 1
        fresh = np.searchsorted(self.ladder, bins + within, "right")
        choices = np.column_stack([fresh, sounds[:, self.sources]])
        ways = _choose((hidden @ self.gates.T + self.gate_biases) / temperature, rng)
        taken: VoiceArray = choices[np.arange(n), ways]
        return taken

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
        held = given or {}
        sounds = np.zeros((n, SOUND), dtype=np.int64)
        total = np.tile(self.start, (n, 1))
        for step in self.steps:
            if step.column in held:
                sounds[:, step.column] = held[step.column]
            else:
                sounds[:, step.column] = step.draw(sounds, np.maximum(total, 0.0), rng, temperature)
            total += step.seen(sounds)
        return sounds

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


def _softmax(logits: SingleArray) -> FloatArray:
    """Return the probabilities ``[n, k]`` of ``logits [n, k]``."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _choose(logits: SingleArray, rng: np.random.Generator) -> VoiceArray:
    """Return an index ``[n]`` for each row of ``logits [n, k]``."""
    sums = np.cumsum(_softmax(logits), axis=1)
    index: VoiceArray = (sums[:, :-1] <= rng.random((len(sums), 1))).sum(axis=1)
    return index


def _ladder(bins: VoiceArray, frequencies: FloatArray) -> FloatArray:
    sums = np.cumsum(frequencies)
    ends = sums[np.append(np.flatnonzero(np.diff(bins)), len(bins) - 1)]
    before = np.append(0.0, ends[:-1])
    ladder: FloatArray = np.minimum((sums - before[bins]) / (ends - before)[bins], 1.0) + bins
    return ladder


@functools.cache
def load_prior() -> Prior:
    """Return the model that comes with this package."""
    from safetensors.numpy import load_file

    return Prior.from_tensors(load_file(FILE))


def sample_voices(
    rng: np.random.Generator,
    n: int,
    given: Mapping[str, int] | None = None,
    temperature: float = 0.9,
) -> VoiceArray:
    """Return ``n`` voices ``int64 [n, 155]`` such as people make, without a name.

    Parameters
    ----------
    rng : numpy.random.Generator
        What the draws come from.
    n : int
        How many.
    given : mapping, optional
        Numbers to hold fixed, by the names of :data:`~synthmatch_dexed.voices.RANGES` and
        counted from 0 as there. The algorithm and the transposition are drawn before all
        others, so that the others are as people set them for it; held numbers further on
        influence only those drawn after them.
    temperature : float
        More than 0: logits are divided by it. At 1 the draws are the model's; a little less
        keeps the many small doubts of 145 draws from adding up, and of values from 0.7 to 1
        the default came nearest to test voices in sound.

    Raises
    ------
    ParameterError
        If a number has no such name or is out of its range, or the temperature is.
    """
    if not temperature > 0.0:
        raise ParameterError(f"a temperature is more than 0, not {temperature}")
    held = {}
    for name, value in (given or {}).items():
        if name not in COLUMN or not 0 <= value <= LARGEST[COLUMN[name]]:
            raise ParameterError(f"a DX7 voice has no {name!r} of {value}")
        held[COLUMN[name]] = value
    sounds = load_prior().sample(rng, n, held, temperature)
    return np.hstack([sounds, np.tile(name_codes(""), (n, 1))])
