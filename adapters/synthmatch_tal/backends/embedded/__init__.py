"""The embedded engine: TAL-NoiseMaker's voice without its effects, many presets at once.

``playing``
    Presets of the whole synth, played.
``engine``
    Presets, notes and options, checked; sounds, on several threads.
``programme``
    What happens once a note: presets as the numbers that the loops run on.
``filter_types``
    What tells the types of filters apart.
``oscillators``, ``modulation``, ``filters``, ``output``
    The compiled loops, a part of a voice each.
``tables``
    Waveforms and band-limited steps.
``decimation``
    Down to rates under which the plug-in's filters would not sound.
"""

from __future__ import annotations

from .decimation import decimate
from .engine import lowest_multiple, render_presets
from .playing import play

__all__ = ["decimate", "lowest_multiple", "play", "render_presets"]
