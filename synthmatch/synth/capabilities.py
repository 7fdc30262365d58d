"""Which capabilities a synth has: whole ones count, incomplete ones are named.

A capability is a protocol of :mod:`synthmatch.synth` beyond
:class:`~synthmatch.synth.Synth`. A synth has it if it has all its members, methods
that can be called and values of the right type. What is None counts as absent, so that a
subclass can take a capability back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from .note import Note
from .protocol import (
    AudibleSynth,
    BackedSynth,
    BankSynth,
    BatchSynth,
    CanonicalSynth,
    ConditionalPriorSynth,
    DiagnosableSynth,
    ExcerptSynth,
    OwnNoteSynth,
    PresetSynth,
    PriorSynth,
    StartsSynth,
    Synth,
)

S = TypeVar("S")


def _is_suffixes(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(suffix, str) for suffix in value)


_VALUES: dict[str, tuple[Callable[[object], bool], str]] = {
    "suffixes": (_is_suffixes, "a tuple of str"),
    "note": (lambda value: isinstance(value, Note), "a Note"),
    "starts": (lambda value: isinstance(value, (str, os.PathLike)), "a path"),
    "backend_info": (lambda value: isinstance(value, Mapping), "a mapping"),
}


class Capability(Generic[S]):
    """A protocol that a synth may keep.

    Parameters
    ----------
    protocol : type
        The protocol class.

    Attributes
    ----------
    name : str
        Of the protocol.
    own, members : tuple of str
        Names that the protocol defines itself, and all that it takes.
    """

    def __init__(self, protocol: type) -> None:
        self.name = protocol.__name__
        added = [base for base in protocol.__mro__ if Synth in base.__mro__[1:]]
        names = [[name for name in vars(base) if not name.startswith("_")] for base in added]
        self.own = tuple(names[0])
        self.members = tuple(name for base in reversed(names) for name in base)

    def of(self, synth: Synth) -> S | None:
        """Return ``synth`` if it has the capability, else None."""
        whole = all(_fault(synth, member) is None for member in self.members)
        return cast(S, synth) if whole else None

    def fault(self, synth: Synth) -> str | None:
        """Return what the capability lacks, "" if nothing; None if the synth has none of it."""
        faults = {member: _fault(synth, member) for member in self.members}
        if all(faults[member] == "" for member in self.own):
            return None
        missing = [member for member, fault in faults.items() if fault == ""]
        wrong = [fault for fault in faults.values() if fault]
        return "; ".join([*wrong, *([f"it lacks {', '.join(missing)}"] if missing else [])])


def _fault(synth: Synth, member: str) -> str | None:
    """Return what is wrong with a member: "" if it is absent, None if nothing."""
    value: Any = getattr(synth, member, None)
    if value is None:
        return ""
    if member not in _VALUES:
        return None if callable(value) else f"{member} is {type(value).__name__}, not a method"
    fits, expected = _VALUES[member]
    return None if fits(value) else f"{member} is {type(value).__name__}, not {expected}"


BATCH: Capability[BatchSynth] = Capability(BatchSynth)
EXCERPTS: Capability[ExcerptSynth] = Capability(ExcerptSynth)
PRESETS: Capability[PresetSynth] = Capability(PresetSynth)
BANKS: Capability[BankSynth] = Capability(BankSynth)
PRIOR: Capability[PriorSynth] = Capability(PriorSynth)
CONDITIONAL_PRIOR: Capability[ConditionalPriorSynth] = Capability(ConditionalPriorSynth)
STARTS: Capability[StartsSynth] = Capability(StartsSynth)
BACKEND: Capability[BackedSynth] = Capability(BackedSynth)
DIAGNOSIS: Capability[DiagnosableSynth] = Capability(DiagnosableSynth)
OWN_NOTE: Capability[OwnNoteSynth] = Capability(OwnNoteSynth)
AUDIBLE: Capability[AudibleSynth] = Capability(AudibleSynth)
CANONICAL: Capability[CanonicalSynth] = Capability(CanonicalSynth)

CAPABILITIES: tuple[Capability[Any], ...] = (
    BATCH,
    EXCERPTS,
    PRESETS,
    BANKS,
    PRIOR,
    CONDITIONAL_PRIOR,
    STARTS,
    BACKEND,
    DIAGNOSIS,
    OWN_NOTE,
    AUDIBLE,
    CANONICAL,
)


def capabilities(synth: Synth) -> dict[str, str]:
    """Return what a synth can do beyond the required, and what it does only in part.

    Returns
    -------
    dict of str to str
        Names of protocols of :mod:`synthmatch.synth`, each with "" if the synth keeps it,
        or with what is missing or wrong: then it counts as absent.
    """
    found = {}
    for capability in CAPABILITIES:
        try:
            fault = capability.fault(synth)
        except Exception as error:  # of a property
            fault = f"{type(error).__name__}: {error}"
        if fault is not None:
            found[capability.name] = fault
    return found
