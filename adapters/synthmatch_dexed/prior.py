"""Voices such as people make, drawn from a model of 23,000 of theirs.

The 145 numbers of a voice are drawn one after the other, each from a distribution that
depends on all before it: a neural autoregressive distribution estimator (NADE: Larochelle
and Murray, AISTATS 2011) over bins of the numbers' values. With ``x[i]`` the bin of number
``i``::

    a[0] = c,   a[i + 1] = a[i] + W[i][x[i]]
    p(x[i]) = softmax(V[i] relu(a[i]) + b[i])

and within a bin a value as often as people use it. Common values, 99 or 50 for example,
have a bin of their own. The tensors are made by ``examples/train_dx7_prior.py``; they hold
no voices.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray

from .voices import COLUMN, LARGEST, SOUND, VoiceArray, name_codes

SingleArray = npt.NDArray[np.float32]

FILE = Path(__file__).with_name("prior.safetensors")
"""Where the tensors of the model are."""


@dataclasses.dataclass(frozen=True)
class Prior:
    """A model of voices.

    Attributes
    ----------
    columns : int64 [145]
        The numbers of a voice in the order they are drawn.
    bins : list of int64 [values]
        For each number, in that order, the bin of each of its values.
    ladder : list of float64 [values]
        For each number the cumulative probability of its values within their bins, plus
        the index of the bin.
    embeddings : list of float32 [bins, hidden]
        W above.
    weights, biases : list of float32 [bins, hidden], list of float32 [bins]
        V and b above.
    start : float32 [hidden]
        c above.
    """

    columns: VoiceArray
    bins: list[VoiceArray]
    ladder: list[FloatArray]
    embeddings: list[SingleArray]
    weights: list[SingleArray]
    biases: list[SingleArray]
    start: SingleArray

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Prior:
        """Return the model of the tensors that the recipe writes.

        Parameters
        ----------
        tensors : mapping
            ``columns`` [145]; ``bins``, the bin of each value of each number, one number
            after the other in the order of ``columns``; ``frequencies`` of the values,
            likewise; ``embeddings`` and ``weights`` [bins, hidden] and ``biases`` [bins],
            likewise; ``start`` [hidden].
        """
        columns = tensors["columns"].astype(np.int64)
        ends = np.cumsum(LARGEST[columns] + 1)[:-1]
        bins = np.split(tensors["bins"].astype(np.int64), ends)
        frequencies = np.split(tensors["frequencies"].astype(np.float64), ends)
        rows = np.cumsum([b[-1] + 1 for b in bins])[:-1]
        embeddings, weights, biases = (
            np.split(tensors[key].astype(np.float32), rows)
            for key in ("embeddings", "weights", "biases")
        )
        ladder = [_ladder(b, f) for b, f in zip(bins, frequencies, strict=True)]
        start = tensors["start"].astype(np.float32)
        return cls(columns, bins, ladder, embeddings, weights, biases, start)

    def sample(
        self,
        rng: np.random.Generator,
        n: int,
        given: Mapping[int, int] | None = None,
    ) -> VoiceArray:
        """Return ``n`` sounds ``int64 [n, 145]``.

        Parameters
        ----------
        rng : numpy.random.Generator
            Two uniform numbers are drawn for each number of each voice.
        n : int
            How many.
        given : mapping, optional
            Numbers held fixed, by column; those drawn after them depend on them.
        """
        held = given or {}
        sounds = np.empty((n, SOUND), dtype=np.int64)
        hidden = np.tile(self.start, (n, 1))
        for i, column in enumerate(self.columns):
            if column in held:
                sounds[:, column] = held[column]
            else:
                sums = np.cumsum(np.exp(self._logits(i, hidden)), axis=1, dtype=np.float64)
                bin_ = (sums[:, :-1] <= rng.random((n, 1)) * sums[:, -1:]).sum(axis=1)
                within = rng.random(n) * (1.0 - 1e-12)  # so that the sum stays below bin_ + 1
                sounds[:, column] = np.searchsorted(self.ladder[i], bin_ + within, "right")
            hidden += self.embeddings[i][self.bins[i][sounds[:, column]]]
        return sounds

    def log_probability(self, sounds: VoiceArray) -> FloatArray:
        """Return the logarithm ``[n]`` of the probability of sounds ``[n, 145]``, in nats."""
        total = np.zeros(len(sounds))
        hidden = np.tile(self.start, (len(sounds), 1))
        every = np.arange(len(sounds))
        for i, column in enumerate(self.columns):
            logits = self._logits(i, hidden)
            values = sounds[:, column]
            bin_ = self.bins[i][values]
            total += logits[every, bin_] - np.log(np.exp(logits).sum(axis=1))
            total += np.log(np.diff(self.ladder[i], prepend=0.0))[values]
            hidden += self.embeddings[i][bin_]
        return total

    def _logits(self, i: int, hidden: SingleArray) -> SingleArray:
        """Return ``[n, bins]``, at most 0."""
        logits: SingleArray = np.maximum(hidden, 0.0) @ self.weights[i].T + self.biases[i]
        logits -= logits.max(axis=1, keepdims=True)
        return logits


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
    rng: np.random.Generator, n: int, given: Mapping[str, int] | None = None
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

    Raises
    ------
    ParameterError
        If a number has no such name or is out of its range.
    """
    held = {}
    for name, value in (given or {}).items():
        if name not in COLUMN or not 0 <= value <= LARGEST[COLUMN[name]]:
            raise ParameterError(f"a DX7 voice has no {name!r} of {value}")
        held[COLUMN[name]] = value
    sounds = load_prior().sample(rng, n, held)
    return np.hstack([sounds, np.tile(name_codes(""), (n, 1))])
