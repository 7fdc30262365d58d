"""The embedded engine: TAL-NoiseMaker's voice without its effects, many presets at once.

``playing``
    Presets of the whole synth, played.
``engine``
    Presets, notes and options, checked; sounds, on several threads.
``programme``
    What happens once a note: presets as the numbers that the loops run on.
``oscillators``, ``modulation``, ``filters``, ``output``
    The compiled loops, a part of a voice each.
``tables``
    Waveforms and band-limited steps.
"""

from __future__ import annotations

from .engine import decimate, lowest_multiple, render_presets
from .playing import play

__all__ = ["decimate", "lowest_multiple", "play", "render_presets"]
