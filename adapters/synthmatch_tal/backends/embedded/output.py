"""What follows the filters: amplitude, high-pass, and the master volume."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from synthmatch.compiling import kernel

from . import modulation as md
from . import programme as pg

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
F = np.float32
OUTPUT, INPUT = 0, 1  # the state: last output and input of the high-pass

_f2 = numba.float32[:, ::1]
_SIGNATURE = numba.void(
    _f2, numba.int64[::1], numba.int64, numba.float32[:, :, ::1], _f2, _f2, _f2,
    numba.int64[::1], numba.int64,
)  # fmt: skip


@kernel(_SIGNATURE, error_model="numpy")
def run(
    filtered: Floats, played: Ints, n: int, control: Floats, p: Floats, state: Floats,
    out: Floats, rows: Ints, first: int,
) -> None:  # fmt: skip
    """Write a block of ``n`` samples of voices, whether they still sound or not.

    Parameters
    ----------
    filtered : float32 [v or more, n or more]
        From the filter.
    played : int64 [v]
        How many of the samples come from each voice.
    n : int
        Samples.
    control : float32 [v, md.CONTROLS, n or more]
        From :mod:`.modulation`.
    p : float32 [v, pg.NUMBERS]
        The programmes.
    state : float32 [v, 2]
        What the high-pass remembers.
    out : float32 [m, samples]
        Is written from the sample ``first`` on, in the ``rows [v]``.
    """
    for v in range(len(p)):
        high, before = state[v, OUTPUT], state[v, INPUT]
        pole, volume = p[v, pg.HIGHPASS], p[v, pg.VOLUME]
        for i in range(played[v]):
            sample = filtered[v, i] * control[v, md.LEVEL, i]
            high = sample - before + pole * high
            before = sample
            out[rows[v], first + i] = high * control[v, md.OUTPUT, i]
        for i in range(played[v], n):
            high = pole * high - before
            before = F(0)
            if abs(high) < F(1e-12):
                high = F(0)
            out[rows[v], first + i] = high * volume
        state[v, OUTPUT], state[v, INPUT] = high, before
