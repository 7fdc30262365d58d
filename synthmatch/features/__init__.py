"""What networks, metrics and the objective compare sounds by.

``spectra`` has mel spectrograms and MFCCs in numpy. ``transforms`` has batched, differentiable
features in torch, ``constant_q`` among them, and ``front_end`` adds the normalisation that a
model carries with it. Importing this package loads no torch; its names do when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .front_end import FrontEnd, Normalisation
    from .transforms import (
        MFCC,
        ConstantQ,
        Envelopes,
        Feature,
        LogMel,
        LogSTFT,
        RawAudio,
        full_precision,
        make_feature,
        window_samples,
    )

__all__ = [
    "MFCC",
    "ConstantQ",
    "Envelopes",
    "Feature",
    "FrontEnd",
    "LogMel",
    "LogSTFT",
    "Normalisation",
    "RawAudio",
    "full_precision",
    "make_feature",
    "window_samples",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "front_end" if name in ("FrontEnd", "Normalisation") else "transforms"
    return getattr(importlib.import_module(f".{home}", __name__), name)
