"""Numbers, notes and parameter values as a report writes them."""

from __future__ import annotations

import math

from ..parameters import Parameter, Value
from ..synth import Note, pitch_name


def describe_note(note: Note) -> str:
    """Return a note in words."""
    cents = round(100 * (note.pitch - round(note.pitch)))
    fine = f" {cents:+d} cents" if cents else ""
    return (
        f"{pitch_name(note.pitch)}{fine} (MIDI {note.pitch:g}) at velocity {note.velocity}, "
        f"held {note.held:.2f} s of {note.total:.2f} s"
    )


def decimals(largest: float) -> int:
    """Return the decimals that show about three digits of numbers up to ``largest``."""
    return 2 - math.floor(math.log10(min(max(largest, 1e-2), 100.0)))


def describe_value(parameter: Parameter, value: Value) -> str:
    """Return a native value with its unit."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    shown = str(value) if isinstance(value, int) else _four_digits(value)
    return f"{shown} {parameter.unit}" if parameter.unit else shown


def _four_digits(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"
