"""What is played: a note, and the names of pitches."""

from __future__ import annotations

import dataclasses
import math
import numbers
import re

from ..errors import ParameterError

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """What is played.

    Attributes
    ----------
    pitch : float
        MIDI note number, 0 to 127; 69 is A4 (440 Hz). Fractions are cents; a synth that
        is played by MIDI alone rounds them.
    velocity : int
        MIDI velocity, 1 to 127.
    held : float
        Seconds until the key is released, more than 0.
    total : float
        Seconds rendered, at least ``held``.
    """

    pitch: float = 60
    velocity: int = 100
    held: float = 1.0
    total: float = 1.5

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, numbers.Real):
                raise ParameterError(
                    f"the {field.name} of a note is a number, not {value!r}; "
                    f"parse_pitch reads names of notes"
                )
        if not (math.isfinite(self.pitch) and 0 <= self.pitch <= 127):
            raise ParameterError(f"note pitch {self.pitch} is not a MIDI note from 0 to 127")
        if not 1 <= self.velocity <= 127 or int(self.velocity) != self.velocity:
            raise ParameterError(f"velocity {self.velocity} is not a whole number from 1 to 127")
        if not (math.isfinite(self.total) and 0 < self.held <= self.total):
            raise ParameterError(
                f"a note is held for more than 0 s and at most its total; "
                f"not held {self.held} s of {self.total} s"
            )

    def samples(self, sample_rate: int) -> int:
        """Return the number of samples of this note at ``sample_rate`` Hz."""
        if sample_rate < 1:
            raise ParameterError(f"sample rate {sample_rate} Hz; give a positive whole number")
        return max(1, round(self.total * sample_rate))

    @property
    def frequency(self) -> float:
        """Fundamental in Hz, equal temperament, A4 = 440 Hz."""
        return float(440.0 * 2.0 ** ((self.pitch - 69.0) / 12.0))


def as_note(note: Note | str | float | None, default: Note) -> Note:
    """Return ``note``; a pitch alone is played as ``default`` is, None is ``default``.

    Parameters
    ----------
    note : Note, str, float or None
        A note, or its pitch only: a name that :func:`parse_pitch` reads or a MIDI number.
    default : Note
        Where velocity, times and a missing pitch come from.

    Raises
    ------
    ParameterError
        If it is none of these.

    Examples
    --------
    >>> as_note("A3", Note(held=2.0, total=3.0))
    Note(pitch=57.0, velocity=100, held=2.0, total=3.0)
    """
    if note is None or isinstance(note, Note):
        return default if note is None else note
    if isinstance(note, str):
        return dataclasses.replace(default, pitch=parse_pitch(note))
    if isinstance(note, numbers.Real) and not isinstance(note, bool):
        return dataclasses.replace(default, pitch=float(note))
    raise ParameterError(f"{note!r} is not a note; give a Note, a name like A3 or a MIDI number")


def parse_pitch(text: str) -> float:
    """Return the MIDI pitch of ``"60"``, ``"C4"``, ``"f#3"``, ``"Bb2"`` or ``"60.5"``.

    Raises
    ------
    ParameterError
        If the text is neither a note name nor a number from 0 to 127.

    Examples
    --------
    >>> parse_pitch("C4"), parse_pitch("60.5")
    (60.0, 60.5)
    """
    match = re.fullmatch(r"([A-Ga-g])([#b♯♭]?)(-?\d)", text.strip())
    if match:
        letter, accidental, octave = match.groups()
        shift = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}[accidental]
        pitch = float(_SEMITONES[letter.upper()] + shift + 12 * (int(octave) + 1))
    else:
        number = re.fullmatch(r"\d+(\.\d*)?", text.strip())
        pitch = float(number[0]) if number else math.nan
    if not 0 <= pitch <= 127:
        raise ParameterError(f"{text!r} is not a note; write C4, F#3 or a number from 0 to 127")
    return pitch


def pitch_name(pitch: float) -> str:
    """Return the name of the nearest note.

    Examples
    --------
    >>> pitch_name(60)
    'C4'
    """
    names = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    nearest = round(pitch)
    return f"{names[nearest % 12]}{nearest // 12 - 1}"
