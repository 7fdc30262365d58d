"""The embedded DX7 engine: what Dexed 1.0.1 plays, sample by sample, without the plug-in.

``rendering``
    Voices, notes and options, checked; sounds, on several threads.
``programme``
    What happens once a note: voices as the numbers that the kernel runs on.
``kernel``
    What happens once a block: the compiled loop over blocks and operators. It calls
    ``envelopes``, ``lfo`` and ``operators``.
``tables``
    The numbers a DX7 is made of.
"""

from __future__ import annotations

from .rendering import play, render_voices

__all__ = ["play", "render_voices"]
