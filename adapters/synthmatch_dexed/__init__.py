"""Dexed for synthmatch: the DX7 in software, its files, and what people make with it.

Registered as ``dexed``. Nothing but this package is needed to render; the plug-in is not.
"""

from __future__ import annotations

from .settings import dexed_t6, dx7_144, t6_setting
from .synth import Dexed

__all__ = ["Dexed", "dexed_t6", "dx7_144", "t6_setting"]
