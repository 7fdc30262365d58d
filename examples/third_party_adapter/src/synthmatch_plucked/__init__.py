"""A plucked string for synthmatch."""

from __future__ import annotations

from .synth import Plucked

__all__ = ["Plucked"]
