"""Preset files of Dexed and the DX7, read and written whatever their format.

``.syx``
    System exclusive. Read: single-voice dumps and banks, several in one file; also
    without headers, as 155 or any multiple of 128 bytes. Written as a bank of 32 that
    starts with the voice, as Dexed opens no single-voice dump from a file, or as a
    single-voice dump, for a DX7 whose bank should stay.
``.vstpreset``
    A preset of Dexed's VST3, which also holds its engine and operator switches.
``.vmem``
    Packed voices without headers, 128 bytes each.
``.json``
    Readable, with the values that Dexed shows.

What had to be mended on reading, or left out on writing, is said in a
:class:`~synthmatch.errors.PresetWarning`.

``presets`` picks the format by suffix; ``sysex`` knows the dumps, ``state`` the VST3 presets.
"""

from __future__ import annotations

from .presets import (
    SUFFIXES,
    Presets,
    neutralise,
    read_presets,
    read_voices,
    write_patch,
    write_voices,
)

__all__ = [
    "SUFFIXES",
    "Presets",
    "neutralise",
    "read_presets",
    "read_voices",
    "write_patch",
    "write_voices",
]
