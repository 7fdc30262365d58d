"""What a synthesizer is: the :class:`Synth` protocol, notes, and what a synth may add.

A synth has a ``name``, a ``space``, a ``sample_rate`` and a pure ``render``. It *may* also

* render many vectors at once (:class:`BatchSynth`), and parts of sounds faster than the
  whole (:class:`ExcerptSynth`),
* read and write preset files of its own (:class:`PresetSynth`), also of several
  presets (:class:`BankSynth`),
* know what good patches look like (:class:`PriorSynth`), also around given values
  (:class:`ConditionalPriorSynth`), and come with an index of many of its draws
  (:class:`StartsSynth`),
* know which parameters matter in a patch (:class:`AudibleSynth`), and which patches
  sound alike (:class:`CanonicalSynth`),
* play one note of its own, its pitch being a parameter (:class:`OwnNoteSynth`),
* say what makes its sound (:class:`BackedSynth`), and whether that works on this machine
  (:class:`DiagnosableSynth`).

The functions of this module supply what a synth leaves out, so callers use
``render(synth, ...)``, ``render_batch(synth, ...)`` and friends and never ask what the synth
implements. A capability counts where it is whole; :func:`capabilities` names those that a
synth has, and what is missing of others that it has begun.

``protocol`` holds the protocols, ``capabilities`` tells which a synth keeps, ``rendering``
and ``presets`` supply what it leaves out, ``frozen`` holds parameters fixed, ``note`` is what
is played.
"""

from __future__ import annotations

from .capabilities import capabilities
from .frozen import FrozenSynth
from .note import Note, as_note, parse_pitch, pitch_name
from .presets import load_bank, load_patch, preset_suffixes, save_patch
from .protocol import (
    AudibleSynth,
    AudioArray,
    BackedSynth,
    BankSynth,
    BatchSynth,
    BoolArray,
    CanonicalSynth,
    ConditionalPriorSynth,
    DiagnosableSynth,
    ExcerptSynth,
    Finding,
    OwnNoteSynth,
    PresetSynth,
    PriorSynth,
    Spans,
    StartsSynth,
    StrPath,
    Synth,
)
from .rendering import (
    audible,
    backend_info,
    canonical,
    check_spans,
    diagnose,
    own_note,
    render,
    render_batch,
    render_excerpts,
    renders_excerpts,
    sample_prior,
    starts_file,
)

__all__ = [
    "AudibleSynth",
    "AudioArray",
    "BackedSynth",
    "BankSynth",
    "BatchSynth",
    "BoolArray",
    "CanonicalSynth",
    "ConditionalPriorSynth",
    "DiagnosableSynth",
    "ExcerptSynth",
    "Finding",
    "FrozenSynth",
    "Note",
    "OwnNoteSynth",
    "PresetSynth",
    "PriorSynth",
    "Spans",
    "StartsSynth",
    "StrPath",
    "Synth",
    "as_note",
    "audible",
    "backend_info",
    "canonical",
    "capabilities",
    "check_spans",
    "diagnose",
    "load_bank",
    "load_patch",
    "own_note",
    "parse_pitch",
    "pitch_name",
    "preset_suffixes",
    "render",
    "render_batch",
    "render_excerpts",
    "renders_excerpts",
    "sample_prior",
    "save_patch",
    "starts_file",
]
