"""Massive for synthmatch: a stand-in, and with ``backend="plugin"`` the real plug-in.

Registered as ``massive``. The stand-in is a wavetable synth of this package with the same 16
parameters; it is not Massive and does not sound like it. A preset that was made on it is a
starting point, to be refined where Massive is installed.
"""

from __future__ import annotations

from .synth import Massive

__all__ = ["Massive"]
