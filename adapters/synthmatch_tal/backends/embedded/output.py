"""What follows the filters: amplitude, high-pass, and the master volume."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from . import modulation as md

Floats = npt.NDArray[np.float32]
F = np.float32
HEARD, GIVEN = 0, 1  # the state: last output and input of the high-pass

_SIGNATURE = numba.void(
    numba.float32[:], numba.int64, numba.int64, numba.float32[:, ::1], numba.float32, numba.float32,
    numba.float32[:], numba.float32[:],
)  # fmt: skip


@numba.njit(_SIGNATURE, nogil=True, cache=True, error_model="numpy")
def run(
    filtered: Floats, playing: int, n: int, control: Floats, pole: F, volume: F, state: Floats,
    out: Floats,
) -> None:  # fmt: skip
    """Write ``n`` samples to ``out``, of which ``playing`` come from the voice.

    Parameters
    ----------
    filtered : float32 [n or more], strided
        From the filter.
    playing, n : int
        Samples.
    control : float32 [md.CONTROLS, n or more]
        From :mod:`.modulation`.
    pole : float
        Of the high-pass.
    volume : float
        Of the output when the voice has ended.
    state : float32 [2]
        What the high-pass remembers.
    out : float32 [n or more]
        Is written.
    """
    heard, given = state[HEARD], state[GIVEN]
    for i in range(playing):
        sample = filtered[i] * control[md.LEVEL, i]
        heard = sample - given + pole * heard
        given = sample
        out[i] = heard * control[md.OUTPUT, i]
    for i in range(playing, n):
        heard = pole * heard - given
        given = F(0)
        if abs(heard) < F(1e-12):
            heard = F(0)
        out[i] = heard * volume
    state[HEARD], state[GIVEN] = heard, given
