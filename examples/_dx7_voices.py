"""People's DX7 voices as the sounds that a network learns from: by family, and mixed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from train_dx7_prior import RELATED, audible, families

from synthmatch import ParameterSpace, load_synth
from synthmatch_dexed.backends.embedded.tables import routing
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.prior.augment import mix_operators, resample
from synthmatch_dexed.space import OPERATORS, to_vectors
from synthmatch_dexed.voices import SOUND

HELD_OUT = 20  # one family in so many
PLAIN = 0.05  # share of voices that are taken as they are
GATHERED, FOREIGN = 0.7, 0.75  # of the others, with operators of many; share of these operators
RESAMPLED, SHARE = 0.5, 0.05  # of the others, with that share of their numbers drawn anew
SHIFTED = 0.75  # of the others, with rates and levels shifted a little
SHIFTS, AT_END = (0.01, 0.12), 0.25  # deviations; share of those at 99 that are shifted too


def split(bank: Path, folder: Path) -> None:
    """Write people's voices as vectors with their weight, and the held-out ones.

    Voices that differ in at most 24 of their 145 numbers are relatives; a family is those
    that a chain of relatives connects. Of each held-out family one voice is written.
    """
    voices = read_voices(bank)
    voices = voices[audible(voices)]
    family = families(np.ascontiguousarray(voices[:, :SOUND]).astype(np.uint8), RELATED)
    names, member, sizes = np.unique(family, return_inverse=True, return_counts=True)
    chosen = np.random.default_rng(14).permutation(len(names)) < len(names) // HELD_OUT
    out = chosen[member]
    vectors = to_vectors(load_synth("dexed").space, voices)
    once = np.unique(family[out], return_index=True)[1]
    np.save(folder / "held_out.npy", vectors[out][once])
    np.save(folder / "voices.npy", vectors[~out])
    np.save(folder / "weights.npy", sizes[member][~out] ** -0.5)
    print(f"{len(voices)} voices of {len(names)} families, {chosen.sum()} families held out")


def mixed(
    voices: np.ndarray, weights: np.ndarray, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Return ``count`` vectors: voices as they are, or with operators of two or of many.

    Of these, some have numbers drawn anew, and rates and levels shifted: a network that sees
    the same numbers again and again learns to know voices, and not to hear.
    """
    space = load_synth("dexed").space
    chances = weights / weights.sum()
    human = voices[rng.choice(len(voices), count, p=chances)]
    others = voices[rng.choice(len(voices), 4 * count, p=chances)]
    changed = np.where(
        rng.random((count, 1)) < GATHERED,
        gathered(space, human, others, rng),
        mix_operators(space, human, rng),
    )
    pool = voices[rng.integers(0, len(voices), 512)]
    touched = rng.random((count, 1)) < RESAMPLED
    changed = np.where(touched, resample(changed, rng, SHARE, pool), changed)
    moved = rng.random((count, 1)) < SHIFTED
    changed = np.where(moved, shifted(space, changed, rng), changed)
    return np.where(rng.random((count, 1)) < PLAIN, human, changed)


def gathered(
    space: ParameterSpace, vectors: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return vectors ``[n, d]``, most operators of each from any of the ``others [m, d]``.

    Carriers come from carriers, modulators from modulators of the same place.
    """
    column = space.names.index("algorithm")
    algorithm = space["algorithm"]
    playing = routing().carriers
    own = playing[algorithm.choice_of(vectors[:, column])]
    theirs = playing[algorithm.choice_of(others[:, column])]
    made = vectors.copy()
    for group, place in OPERATORS.items():
        columns = [i for i, parameter in enumerate(space) if parameter.group == group]
        bit = 1 << (5 - place)  # masks count from operator 6
        for carries in (False, True):
            donors = np.flatnonzero(((theirs & bit) > 0) == carries)
            rows = np.flatnonzero(((own & bit) > 0) == carries)
            rows = rows[rng.random(len(rows)) < FOREIGN]
            if len(donors):
                some = others[donors[rng.integers(0, len(donors), len(rows))]]
                made[np.ix_(rows, columns)] = some[:, columns]
    return made


def shifted(space: ParameterSpace, vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return vectors ``[n, d]`` with rates and levels shifted a little, but not from or to 0."""
    numeric = re.compile(r"op\d_(eg_(rate|level)_\d|output_level)")
    shift = np.array([numeric.fullmatch(name) is not None for name in space.names])
    top = np.array([len(p.choices) - 1 if p.choices else 1 for p in space.free])
    numbers = np.floor(vectors * (top + 1)).clip(0, top)
    low, high = np.log(SHIFTS)
    deviation = np.exp(rng.uniform(low, high, (len(vectors), 1))) * top
    steps = np.rint(rng.standard_normal(vectors.shape) * deviation)
    may = (numbers > 0) & ((numbers < top) | (rng.random(vectors.shape) < AT_END)) & shift
    moved = (numbers + steps).clip(1, np.maximum(top, 1))
    return np.where(may, (moved + 0.5) / (top + 1), vectors)
