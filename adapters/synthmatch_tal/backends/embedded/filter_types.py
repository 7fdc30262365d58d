"""What tells the types of filters apart, as the numbers that :mod:`.filters` runs on."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from . import filters as fl

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
F = np.float32


def _row(m: Floats, at: int) -> Floats:
    """Return a row of all voices, as a view ``[parts, WIDTH]``."""
    return m[:, at : at + fl.WIDTH]


def load(m: Floats, kinds: Ints, resonances: Floats, drives: Floats) -> None:
    """Write what voices of one family are given.

    Parameters
    ----------
    m : float32 [parts, ROWS * WIDTH]
        Is written; rows of what is remembered are kept.
    kinds : int64 [parts, WIDTH]
        Types, 1 to 12, or 0 where there is no voice.
    resonances, drives : float32 [parts, WIDTH]
        From 0 to 1, and from 0 to 10.
    """
    one = np.ones_like(resonances)

    def by_kind(other: float, **values: float) -> Floats:
        chosen = other * one
        for kind, value in values.items():
            chosen[kinds == int(kind[1:])] = value
        return chosen

    numbers: dict[int, npt.NDArray[Any]] = {
        fl.KIND: kinds,
        fl.RESONANCE: resonances,
        fl.GAIN: drives + F(1),
        fl.LOSS: drives * F(0.5) + F(1),
    }
    if (fl.FAMILIES[kinds] == fl.STATE_VARIABLE)[kinds > 0].all():
        r = resonances * resonances
        r = r * r * r
        r = r * r * r * r
        numbers |= {
            fl.BEFORE: F(1) / (r * F(100000) + F(0.5)),
            fl.AFTER: F(1) / (r * F(10) + F(0.5)),
        }
    else:
        r = (one - resonances) * (one - resonances)
        r = np.where(kinds == 2, r * r, r)
        loud = one + (one - r)
        numbers |= {
            fl.BEFORE: np.where(kinds == 6, F(4), np.where(kinds == 5, one, loud)),
            fl.AFTER: np.where(kinds == 5, one, one + resonances * F(1.1)),
            fl.TRIM: by_kind(0.9988, k1=1.4),
            fl.FEEDBACK: by_kind(1.0, k1=1.05),
            fl.RISE: by_kind(1.0, k1=1.4, k3=0.9, k4=0.8),
            fl.BRIGHTEN: by_kind(1.0, k1=2.5, k2=1.5, k3=1.5, k4=1.5, k5=0.0),
            fl.DROOP: by_kind(0.99, k5=1.0),  # of what is fed back, and of what is given out
            fl.LIMP: by_kind(1.0, k1=0.99),
            fl.LINEAR: kinds >= 5,
            fl.Q0: by_kind(0.0, k5=1.0, k7=1.0),
            fl.Q1: by_kind(0.0, k4=1.0, k5=-2.0, k7=-2.0),
            fl.Q2: by_kind(0.0, k3=1.0, k5=1.0, k6=2.0, k7=4.0),
            fl.Q3: by_kind(0.0, k2=1.0, k6=-4.0, k7=-4.0),
            fl.Q4: by_kind(0.0, k1=1.0, k6=2.0),
        }
    for at, values in numbers.items():
        _row(m, at)[:] = values


def reset(family: int, m: Floats, first: Floats, factor: float) -> None:
    """Set the state of filters as the plug-in does when a voice falls silent.

    The poles of a ladder stand at 0.4 and their outputs at 0; one with both at a common
    value goes on like it if that value is 0.4 over 1 less the coefficient.

    Parameters
    ----------
    family : int
        One of :data:`.filters.FAMILIES`.
    m : float32 [parts, ROWS * WIDTH]
        Is written; the last input is kept.
    first : float32 [parts, WIDTH]
        The cutoff in the first sample.
    factor : float
        As in :func:`.filters.run`.
    """
    if family == fl.STATE_VARIABLE:
        m[:, : 4 * fl.WIDTH] = 0.4
    elif family == fl.LADDER:  # the others are never reset: fresh ones are at 0
        plain = cast(Any, fl.pole_of).py_func  # not compiled for itself
        pole = plain(first, F(factor), _row(m, fl.TRIM))
        m[:, : 4 * fl.WIDTH] = np.tile(0.4 / (1 - pole), 4)
        _row(m, fl.SOFT)[:] = 0.4
