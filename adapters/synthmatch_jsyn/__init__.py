"""The synths of the InverSynth papers: ``jsyn``, four FM oscillators, and ``fm``, one.

Both play their written frequencies at MIDI note 69 (A4); another note transposes them.
They are made of plain equations, render thousands of times faster than real time on one
core, and need no plug-in.
"""

from __future__ import annotations

from .fm import FM
from .jsyn import JSyn

__all__ = ["FM", "JSyn"]
