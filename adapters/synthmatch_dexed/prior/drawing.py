"""How voices are drawn from the model, compiled.

What a seed gives is part of the format: banks of draws are remade from their seeds. So
nothing here depends on the machine. Sums run in a fixed order, side by side over the bins
and never within a sum; the exponential is made of multiplications; each number of a voice
takes two random numbers whether it needs them or not, so that n draws are the same at once
and one after the other.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np

from synthmatch.compiling import kernel
from synthmatch.parameters import FloatArray

from ..compiling import Floats, Ints, compiled

UNIFORMS = 2
"""Random numbers for each number of a voice: where it comes from, and its value."""

_WORTH_A_THREAD = 16  # voices; fewer are drawn sooner than a thread is started
_LOWEST = -64.0  # logits this far under the highest are as good as never drawn


class Packed(NamedTuple):
    """The tensors of a model, in the order of drawing one after the other.

    The hidden units are filled up with zeros to a multiple of 8.

    Attributes
    ----------
    start : float32 [hidden]
        c of :mod:`synthmatch_dexed.prior`, as the other letters below.
    columns : int64 [numbers]
        Which number is drawn.
    values, rows, sources : int64 [numbers + 1]
        Where its values, its bins and its sources start in the arrays below.
    bins, edges : int64, float64 [values]
        Bin of each value, and probability of it and those before it in the bin.
    copied : int64 [sources]
        Columns of the sources.
    parents : int64 [numbers, parents, 2]
        Place of each parent in this order, -1 for none, and where its T starts.
    tables, weights, biases : float32
        T, V and b: [bins of the parent, bins], [bins, hidden] and [bins] for each number.
    gates, gate_biases : float32
        G and d: [1 + sources, hidden] and [1 + sources] for each number.
    embeddings, matches : float32 [bins, hidden], [sources, hidden]
        W and M.
    """

    start: Floats
    columns: Ints
    values: Ints
    rows: Ints
    sources: Ints
    bins: Ints
    edges: FloatArray
    copied: Ints
    parents: Ints
    tables: Floats
    weights: Floats
    biases: Floats
    gates: Floats
    gate_biases: Floats
    embeddings: Floats
    matches: Floats


_INTS, _FLOATS = numba.int64[::1], numba.float32[::1]
_ROWS = numba.float32[:, ::1]
_PACKED: Any = numba.types.NamedTuple(  # type: ignore[no-untyped-call]
    (
        *(_FLOATS, _INTS, _INTS, _INTS, _INTS, _INTS, numba.float64[::1], _INTS),
        *(numba.int64[:, :, ::1], _FLOATS, _FLOATS, _FLOATS, _FLOATS, _FLOATS, _ROWS, _ROWS),
    ),
    Packed,
)


@compiled
def _logits(
    out: Floats, size: int, biases: Floats, first: int, weights: Floats, hidden: Floats
) -> None:
    """Fill ``out [:size]`` with rows ``first`` and on of ``biases`` plus ``weights @ hidden``.

    Eight sums side by side, whose indices the compiler knows not to be negative, are what it
    turns into one on eight lanes.
    """
    width = np.uintp(len(hidden))
    for k in range(size):
        row = np.uintp(first + k) * width
        a = b = c = d = e = f = g = h = np.float32(0)
        for j in range(np.uintp(0), width, np.uintp(8)):
            i = row + j
            a += weights[i] * hidden[j]
            b += weights[i + np.uintp(1)] * hidden[j + np.uintp(1)]
            c += weights[i + np.uintp(2)] * hidden[j + np.uintp(2)]
            d += weights[i + np.uintp(3)] * hidden[j + np.uintp(3)]
            e += weights[i + np.uintp(4)] * hidden[j + np.uintp(4)]
            f += weights[i + np.uintp(5)] * hidden[j + np.uintp(5)]
            g += weights[i + np.uintp(6)] * hidden[j + np.uintp(6)]
            h += weights[i + np.uintp(7)] * hidden[j + np.uintp(7)]
        out[k] = biases[first + k] + (((a + e) + (b + f)) + ((c + g) + (d + h)))


@compiled
def _choose(
    logits: Floats, size: int, cooling: float, uniform: float, powers: FloatArray
) -> tuple[int, float]:
    """Return an index, and where ``uniform`` lies within its probability, 0 to 1."""
    highest = logits[0]
    for k in range(1, size):
        highest = max(highest, logits[k])
    for k in range(size):
        # e to the power of 256 y, by its series at y
        y = max(_LOWEST, np.float64(logits[k] - highest) * cooling) / 256.0
        power = 1.0 + y * (1.0 / 6.0) * (1.0 + y * (1.0 / 7.0))
        power = 1.0 + y * (1.0 / 3.0) * (1.0 + y * (1.0 / 4.0) * (1.0 + y * (1.0 / 5.0) * power))
        power = 1.0 + y * (1.0 + y * (1.0 / 2.0) * power)
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        powers[k] = power * power
    total = 0.0
    for k in range(size):
        total += powers[k]
    rest, last = uniform * total, size - 1
    for k in range(last):
        if rest < powers[k]:
            return k, rest / powers[k]
        rest -= powers[k]
    return last, rest / powers[last]


@kernel(
    numba.void(
        numba.float64[:, :, ::1], numba.int64[::1], numba.float64, _PACKED, numba.int64[:, ::1]
    )
)
def draw(uniforms: FloatArray, held: Ints, temperature: float, p: Packed, sounds: Ints) -> None:
    """Fill ``sounds [n, numbers]`` with draws.

    Parameters
    ----------
    uniforms : float64 [n, numbers, UNIFORMS]
        Uniform random numbers from 0 to 1, in the order of drawing.
    held : int64 [numbers]
        Values to hold by column; -1 for what is drawn.
    temperature : float
        Logits are divided by it.
    p : Packed
        The model.
    sounds : int64 [n, numbers]
        By column.
    """
    start, columns, values, rows, sources, bins, edges, copied = p[:8]
    parents, tables, weights, biases, gates, gate_biases, embeddings, matches = p[8:]
    width, cooling = len(start), 1.0 / temperature
    total, hidden = np.empty(width, np.float32), np.empty(width, np.float32)
    logits = np.empty(256, np.float32)  # no number has more values
    powers = np.empty(256)
    bin_of = np.empty(len(columns), np.int64)
    for i in range(len(sounds)):
        for j in range(width):
            total[j] = start[j]
        for s in range(len(columns)):
            row, source, ways = rows[s], sources[s], 1 + sources[s + 1] - sources[s]
            value = held[columns[s]]
            if value < 0:
                for j in range(width):
                    hidden[j] = max(total[j], np.float32(0))
                way = 0
                if ways > 1:  # numbers before have a gate more each than they have sources
                    _logits(logits, ways, gate_biases, source + s, gates, hidden)
                    way, _ = _choose(logits, ways, cooling, uniforms[i, s, 0], powers)
                if way > 0:
                    value = sounds[i, copied[source + way - 1]]
                else:
                    size = rows[s + 1] - row
                    _logits(logits, size, biases, row, weights, hidden)
                    for q in range(parents.shape[1]):
                        if parents[s, q, 0] >= 0:
                            table = parents[s, q, 1] + bin_of[parents[s, q, 0]] * size
                            for k in range(size):
                                logits[k] += tables[table + k]
                    chosen, rest = _choose(logits, size, cooling, uniforms[i, s, 1], powers)
                    at, last = values[s], values[s + 1] - 1
                    while bins[at] < chosen:
                        at += 1
                    while at < last and bins[at + 1] == chosen and edges[at] <= rest:
                        at += 1
                    value = at - values[s]
            sounds[i, columns[s]] = value
            bin_of[s] = bins[values[s] + value]
            for j in range(width):
                total[j] += embeddings[row + bin_of[s], j]
            for k in range(source, sources[s + 1]):
                if sounds[i, copied[k]] == value:
                    for j in range(width):
                        total[j] += matches[k, j]


def draw_on_threads(
    uniforms: FloatArray, held: Ints, temperature: float, packed: Packed, sounds: Ints
) -> None:
    """Call :func:`draw` on as many threads as numba is set to use and it is worth to start."""
    n = len(sounds)
    threads = max(1, min(numba.get_num_threads(), n // _WORTH_A_THREAD))

    def task(thread: int) -> None:
        part = slice(n * thread // threads, n * (thread + 1) // threads)
        draw(uniforms[part], held, temperature, packed, sounds[part])

    if threads < 2:
        task(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, range(threads)))
