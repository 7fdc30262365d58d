"""What the two engines share: compiling, waveforms, and rendering on several threads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from synthmatch import compiling

Floats = npt.NDArray[np.float64]
Audio = npt.NDArray[np.float32]
_Function = TypeVar("_Function", bound=Callable[..., Any])

# sin(2 pi z) = z * (S0 + S1 z^2 + S2 z^4 + ...), Taylor: for abs(z) <= 1/4 the first term
# left out is under 3e-16.
_S0, _S1, _S2, _S3, _S4, _S5, _S6, _S7, _S8, _S9 = (
    (-1.0) ** k * (2.0 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(10)
)

_WORTH_A_THREAD = 16_384  # samples; fewer are done sooner than a thread is started


def kernel(signature: str | None = None) -> Callable[[_Function], _Function]:
    """Compile a function as :func:`synthmatch.compiling.kernel` does.

    Of fastmath only the fusing of a multiplication and an addition is allowed, so sums keep
    their order.
    """
    return compiling.kernel(signature, fastmath={"contract"}, error_model="numpy")


@kernel()
def quarter_triangle(cycles: float) -> float:
    """Return z in [-1/4, 1/4] with the sine of ``cycles``; 4 z is a triangle wave."""
    x = cycles - 0.25
    nearest: float = np.rint(x)
    return 0.25 - abs(x - nearest)


@kernel()
def sine(cycles: float) -> float:
    """Return sin(2 pi cycles), to within 1e-15 of the sine of the cycles as rounded."""
    z = quarter_triangle(cycles)
    s = z * z
    p = _S5 + s * (_S6 + s * (_S7 + s * (_S8 + s * _S9)))
    return z * (_S0 + s * (_S1 + s * (_S2 + s * (_S3 + s * (_S4 + s * p)))))


@kernel()
def sawtooth(cycles: float) -> float:
    """Return a wave that rises from -1 to 1 and is 0 at whole cycles."""
    nearest: float = np.floor(cycles + 0.5)
    return 2.0 * (cycles - nearest)


def on_threads(render: Callable[[int, int], None], rows: int, samples: int) -> None:
    """Call ``render(first, last)`` on slices that cover ``rows`` rows of ``samples`` samples.

    There are as many threads as NUMBA_NUM_THREADS says (without it, as many as cores) and
    they end with this call: nothing is left behind that a fork or another thread could
    trip over.
    """
    config: Any = numba.config
    threads = min(config.NUMBA_NUM_THREADS, rows, rows * samples // _WORTH_A_THREAD)
    if threads < 2:
        if rows:
            render(0, rows)
        return
    edges = [rows * k // threads for k in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for slice_ in [pool.submit(render, *pair) for pair in itertools.pairwise(edges)]:
            slice_.result()
