"""A sound to match, read, trimmed and analysed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from ..synth import AudioArray, Note, pitch_name
from .loudness import loudness
from .notes import several_notes
from .pitch import pitch_track
from .reading import MIN_SECONDS, read_array, read_file
from .trimming import held as _held
from .trimming import sounding
from .writing import resample

MAX_SECONDS = 30.0
_QUIET = 10.0 ** (-50.0 / 20.0)  # peak under which a recording is called very quiet
_VELOCITY = 100
_UNPITCHED = 60.0  # C4, what is played for a sound without a pitch
_OUT_OF_TUNE = 0.25  # semitones from the played note that are worth a warning


@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """A sound to match: mono, from onset to end, with what is known about its note.

    Attributes
    ----------
    samples : ndarray
        float32 ``[n]``, nominally within [-1, 1].
    sample_rate : int
        Hz; that of the source, at most 192 kHz.
    name : str
        File name, for people.
    path : Path or None
        Where it was read from, None for arrays.
    pitch : float or None
        MIDI note with cents as fraction, None if the sound has no clear pitch.
    pitch_given : bool
        Whether ``pitch`` was given by the caller rather than estimated.
    held : float
        Estimated seconds until the key was let go, at most the length of the sound.
    loudness : float
        Integrated loudness in LUFS, see :func:`synthmatch.audio.loudness`.
    warnings : tuple of str
        What the person who gave the sound should know, a line each.
    """

    samples: AudioArray
    sample_rate: int
    name: str
    path: Path | None
    pitch: float | None
    pitch_given: bool
    held: float
    loudness: float
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def note(self) -> Note:
        """The note to play to a synth: velocity 100, held and total as recorded.

        Synths are played in semitones, so an estimated pitch is rounded to the nearest one; a
        given pitch is kept as it is. Without a clear pitch it is C4.
        """
        if self.pitch is None:
            pitch = _UNPITCHED
        else:
            pitch = self.pitch if self.pitch_given else float(round(self.pitch))
        return Note(pitch, _VELOCITY, min(self.held, self.seconds), self.seconds)

    def at(self, sample_rate: int) -> AudioArray:
        """Return the samples at ``sample_rate`` Hz, as many as ``note.samples(sample_rate)``."""
        wanted = self.note.samples(sample_rate)
        samples = resample(self.samples, self.sample_rate, sample_rate)[:wanted]
        return np.pad(samples, (0, wanted - len(samples)))


def read_recording(
    source: str | os.PathLike[str] | npt.NDArray[Any],
    sample_rate: int | None = None,
    *,
    pitch: float | None = None,
    max_seconds: float = MAX_SECONDS,
    least: float = 0.0,
) -> Recording:
    """Return a recording, mono and trimmed, with its pitch, note length and loudness.

    Parameters
    ----------
    source : path or ndarray
        A file that libsndfile reads (WAV, FLAC, OGG, MP3, AIFF and more; any rate, channels
        and bit depth), or samples ``[frames]`` or ``[frames, channels]``, floats within
        [-1, 1] or integers of which the type gives full scale.
    sample_rate : int, optional
        Hz, needed for an array; a file carries its own.
    pitch : float, optional
        MIDI note of the recording, 0 to 127, where known; else it is estimated.
    max_seconds : float
        Longer sounds are cut to this, with a warning.
    least : float
        Seconds that are kept where there are as many: so much silence before and after the
        sound is not cut off.

    Raises
    ------
    AudioError
        If there is no such file, it is not audio, empty, silent, shorter than 20 ms, sampled
        under 4 kHz or over 1 MHz, or has samples that are not finite.

    Notes
    -----
    Channels are averaged, or, where they cancel out, the loudest is taken. Silence before the
    onset and after the end is cut off.
    """
    if not max_seconds >= MIN_SECONDS:
        raise AudioError(f"allow at least {MIN_SECONDS} s of sound, not {max_seconds} s")
    if isinstance(source, (str, os.PathLike)):
        path: Path | None = Path(source)
        name = Path(source).name
        sound = read_file(Path(source), max_seconds, sample_rate)
    else:
        path, name = None, "the sound"
        sound = read_array(source, sample_rate, max_seconds)
    warnings = list(sound.warnings)
    rate, mono = sound.rate, sound.samples
    mono = mono[_widened(sounding(mono, rate), len(mono), round(least * rate))]
    limit = round(max_seconds * rate)
    if sound.more or len(mono) > limit:
        mono = mono[:limit]
        warnings.append(
            f"it is longer than {max_seconds:g} s; "
            f"only {len(mono) / rate:.1f} s from the onset are used"
        )
    _check_level(mono, warnings)
    track = pitch_track(mono, rate)
    given = pitch is not None
    found = Note(pitch).pitch if pitch is not None else track.pitch()
    _check_pitch(found, given, warnings)
    several = several_notes(track)
    if several:
        warnings.append(f"it seems to hold several notes ({several}); a single note matches best")
    return Recording(
        samples=mono,
        sample_rate=rate,
        name=name,
        path=path,
        pitch=found,
        pitch_given=given,
        held=_held(mono, rate),
        loudness=float(loudness(mono, rate)),
        warnings=tuple(warnings),
    )


def _widened(part: slice, samples: int, least: int) -> slice:
    """Return a part of so many samples, made longer where it is shorter than ``least``."""
    stop = min(samples, max(part.stop, part.start + least))
    return slice(max(0, min(part.start, stop - least)), stop)


def _check_level(mono: AudioArray, warnings: list[str]) -> None:
    peak = float(np.abs(mono).max())
    if peak < _QUIET:
        warnings.append(f"it is very quiet (peak {20.0 * np.log10(peak):.0f} dB); noise may count")
    same = (np.diff(mono) == 0.0) & (np.abs(mono[1:]) > max(0.98, 0.999 * peak))
    flat = int((same[2:] & same[1:-1] & same[:-2]).sum())  # fourth in a row at full scale
    if 5 <= flat < 0.4 * len(mono):  # more are square waves
        warnings.append("it seems to be clipped; record it at a lower level")


def _check_pitch(pitch: float | None, given: bool, warnings: list[str]) -> None:
    if pitch is None:
        played = pitch_name(_UNPITCHED)
        warnings.append(f"it has no clear pitch; {played} is played unless a note is given")
    elif not given and abs(pitch - round(pitch)) > _OUT_OF_TUNE:
        cents = 100.0 * (pitch - round(pitch))
        where = "above" if cents > 0 else "below"
        warnings.append(f"it sounds {abs(cents):.0f} cents {where} {pitch_name(pitch)}")
