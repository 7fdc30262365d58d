"""What a synthesizer is: the :class:`Synth` protocol, notes, and what a synth may add.

A synth has a ``name``, a ``space``, a ``sample_rate`` and a pure ``render``. It *may* also

* render many vectors at once (:class:`BatchSynth`),
* read and write preset files of its own (:class:`PresetSynth`), also of several
  presets (:class:`BankSynth`),
* know what good patches look like (:class:`PriorSynth`), also around given values
  (:class:`ConditionalPriorSynth`),
* say what makes its sound (:class:`BackedSynth`), and whether that works on this machine
  (:class:`DiagnosableSynth`).

The functions of this module supply what a synth leaves out, so callers use
``render_batch(synth, ...)`` and friends and never ask what the synth implements.
"""

from __future__ import annotations

from .frozen import FrozenSynth
from .note import Note, parse_pitch, pitch_name
from .presets import load_bank, load_patch, preset_suffixes, save_patch
from .protocol import (
    AudioArray,
    BackedSynth,
    BankSynth,
    BatchSynth,
    ConditionalPriorSynth,
    DiagnosableSynth,
    Finding,
    PresetSynth,
    PriorSynth,
    Synth,
)
from .rendering import backend_info, render_batch, sample_prior

__all__ = [
    "AudioArray",
    "BackedSynth",
    "BankSynth",
    "BatchSynth",
    "ConditionalPriorSynth",
    "DiagnosableSynth",
    "Finding",
    "FrozenSynth",
    "Note",
    "PresetSynth",
    "PriorSynth",
    "Synth",
    "backend_info",
    "load_bank",
    "load_patch",
    "parse_pitch",
    "pitch_name",
    "preset_suffixes",
    "render_batch",
    "sample_prior",
    "save_patch",
]
