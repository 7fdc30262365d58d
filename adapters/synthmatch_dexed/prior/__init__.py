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

``model`` holds the tensors, ``drawing`` draws from them, and ``augment`` makes new voices
from old ones.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthmatch.errors import ParameterError

from ..voices import COLUMN, LARGEST, VoiceArray, name_codes
from .model import Prior

__all__ = ["FILE", "Prior", "load_prior", "sample_voices"]

FILE = Path(__file__).parents[1] / "prior.safetensors"
"""Where the tensors of the model are."""


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

    What a seed gives is part of the format: it is the same on every machine and in every
    version, and ``n`` draws at once are those of ``n`` draws one after the other.

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
