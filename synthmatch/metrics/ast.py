"""The metrics of the Audio Spectrogram Transformer paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.framing import magnitudes
from .comparison import Result, compare, norm
from .parameters import alike


def spectral_convergence(
    target: npt.ArrayLike, candidate: npt.ArrayLike, size: int = 1024, hop: int = 256
) -> Result:
    """Return ``|| |S| - |S'| ||_F / || |S| ||_F`` of STFTs; lower is better, silence scores 1.

    Parameters
    ----------
    target, candidate : array_like
        ``[samples]`` or ``[n, samples]``; the shorter is filled up with zeros. For a silent
        target it is 0 if the candidate is silent too, else infinite.
    size, hop : int
        FFT size and hop in samples; for ``fm-9`` and ``tal-9`` the paper has 512 and 128.

    References
    ----------
    Arik, Jun and Diamos, "Fast spectrogram inversion using multi-head convolutional neural
    networks", IEEE SPL, 2019; used by InverSynth II and by the AST paper.
    """

    def distance(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
        scale, error = norm(a), norm(np.subtract(a, b, out=b))
        if scale == 0.0:
            return 0.0 if error == 0.0 else math.inf
        return error / scale

    return compare(target, candidate, lambda x: magnitudes(x, size, hop), distance)


def parameter_mse(predicted: npt.ArrayLike, true: npt.ArrayLike) -> Result:
    """Return the mean squared error of values, ``[n, d]`` against ``[n, d]`` to ``[d]``.

    References
    ----------
    "MSE" in Bruford et al., "Synthesizer sound matching using audio spectrogram
    transformers", DAFx 2024, section 3 (parameters scaled to [0, 1]).
    """
    p, t = alike(predicted, true)
    return np.asarray(((p - t) ** 2).mean(axis=0))
