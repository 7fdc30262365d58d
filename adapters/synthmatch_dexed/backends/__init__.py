"""What plays a voice.

``embedded``
    The engine of this package, which needs nothing installed.
``plugin``
    Dexed itself, hosted in processes of its own.
"""

from __future__ import annotations

from typing import Literal

Engine = Literal["mark1", "modern"]
"""Dexed's default engine, with the logarithmic tables of the chip, and its exact-sine one."""

ENGINES: tuple[Engine, ...] = ("mark1", "modern")
