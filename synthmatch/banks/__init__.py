"""Banks of sounds that a search starts from: the user's presets, and draws of a synth's prior.

Both are looked up by an index of fingerprints, which serves recordings of any note.

``presets`` reads the user's preset files; ``starts`` remakes draws of a prior from their
seed; ``fingerprints`` are what sounds are compared by; ``index`` finds the nearest of many;
``building`` renders what an index is of; ``caching`` says where it is kept.
"""

from __future__ import annotations

from .building import building_pool
from .caching import cache_folder
from .presets import Bank, read_bank
from .starts import Nearest, Starts, build_starts, cached_starts, find_starts

__all__ = [
    "Bank",
    "Nearest",
    "Starts",
    "build_starts",
    "building_pool",
    "cache_folder",
    "cached_starts",
    "find_starts",
    "read_bank",
]
