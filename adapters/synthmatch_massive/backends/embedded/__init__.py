"""The stand-in for Massive: a wavetable voice with its structure, not its sound.

Two wavetable oscillators and noise go through a low-pass and a high-pass filter in series
and an amplifier into a reverb. Envelope 4 moves the amplitude, envelope 1 the cutoff of the
low-pass, and a short third one fades the voice out after its key is released.

``wavetables``
    The single-cycle waves, made from formulas of this package's own.
``programme``
    What happens once a note: knobs as the numbers that the kernel runs on.
``kernel``
    What happens once a sample: the compiled loops of a voice and of the reverb.
``rendering``
    Presets, notes and rates, checked; sounds, on several threads.
"""

from __future__ import annotations

from .rendering import play

__all__ = ["play"]
