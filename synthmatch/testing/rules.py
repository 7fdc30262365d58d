"""The rules that every synth keeps, in order, and which of them others rely on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..synth import Synth
from . import definition, files, knowledge, sound

Rule = Callable[[Synth], None]

_OF_SOUND: tuple[Rule, ...] = (
    sound.audio_level,
    sound.render_defaults,
    sound.parameters_matter,
    sound.cube_corners,
    sound.note_extremes,
    sound.purity,
    sound.inputs_untouched,
    sound.batch_equals_singles,
    sound.excerpts,
    sound.fresh_process,
    sound.sample_rates,
    knowledge.own_note,
    knowledge.audible,
    knowledge.canonical,
)

RULES: tuple[Rule, ...] = (
    definition.interface,
    definition.whole_capabilities,
    definition.encode_decode,
    sound.audio_format,
    *_OF_SOUND,
    knowledge.prior,
    knowledge.prior_given,
    files.preset_files,
    files.preset_paths,
    files.foreign_files,
)

NEEDS: Mapping[Rule, tuple[Rule, ...]] = {
    rule: (definition.interface, *((sound.audio_format,) if rule in _OF_SOUND else ()))
    for rule in RULES
    if rule is not definition.interface
}
"""Rules that must be kept before another can be checked."""
