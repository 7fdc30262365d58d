"""System-exclusive dumps of the DX7: made, checked, and other things told apart by name.

Source of the layouts: Yamaha, DX7 and DX7II MIDI data formats. A bulk dump is ``F0 43 0n
f b b``, the data, a checksum and ``F7``; ``n`` is the channel, ``f`` the format, ``bb`` the
number of data bytes in two septets. The checksum is the two's complement of the sum of the
data bytes, seven bits of it. It is not the switches of the operators, which no dump holds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthmatch.errors import PresetError

from ..voices import LARGEST, PACKED, SOUND, VOICE, VoiceArray, clamp, init_voice, pack, unpack

_BANK = 32
_SIZES = {0: VOICE, 9: _BANK * PACKED}  # data bytes by format: VCED, VMEM
_YAMAHA = {
    1: "DX7 or TX7 function data",
    2: "a TX7 bank of function data",
    3: "a four-operator voice, of a DX21, DX27, DX100 or TX81Z for example",
    4: "a bank of four-operator voices, of a DX21, DX27, DX100 or TX81Z for example",
    5: "a DX7II voice supplement (ACED)",
    6: "a DX7II bank of voice supplements (AMEM)",
}
_NAMED = {
    b"LM  8973": "DX7II performance or system data",
    b"LM  8952": "TX802 performance or system data",
    b"LM  8976": "TX81Z data",
    b"LM  MCR": "a DX7II or TX802 microtuning",
    b"LM  FKSY": "a DX7II fractional scaling",
}
_MAKERS = {
    0x06: "Lexicon",
    0x07: "Kurzweil",
    0x0F: "Ensoniq",
    0x10: "Oberheim",
    0x18: "E-mu",
    0x3E: "Waldorf",
    0x40: "Kawai",
    0x41: "Roland",
    0x42: "Korg",
    0x44: "Casio",
    0x47: "Akai",
    0x7E: "universal non-realtime",
    0x7F: "universal realtime",
}
_MAGIC = {
    b"MThd": "a standard MIDI file",
    b"RIFF": "a RIFF file, a WAV for example",
    b"VST3": "a VST3 preset; give it the suffix .vstpreset",
    b"CcnK": "a VST2 preset or bank",
    b"PK\x03\x04": "a ZIP archive",
}
_STRAY = 12  # a headerless voice with more numbers or bytes than this out of place is none


class Dump(NamedTuple):
    """Voices ``int64 [n, 155]``, and remarks on what was mended or left out."""

    voices: VoiceArray
    remarks: list[str]


def checksum(data: bytes) -> int:
    """Return the checksum of the data bytes of a dump."""
    return -sum(data) & 127


def voice_dump(voice: VoiceArray) -> bytes:
    """Return the 163 bytes of a single-voice dump of ``voice [155]``."""
    return _dump(0, voice[:VOICE].astype(np.uint8).tobytes())


def bank_dump(voices: VoiceArray) -> bytes:
    """Return the 4,104 bytes of a bank of ``voices [1 to 32, 155]``, padded with initial ones."""
    if not 1 <= len(voices) <= _BANK:
        raise PresetError(f"a DX7 bank holds 1 to {_BANK} voices, not {len(voices)}")
    padding = np.tile(init_voice(), (_BANK - len(voices), 1))
    return _dump(9, pack(np.concatenate([voices[:, :VOICE], padding])))


def _dump(form: int, data: bytes) -> bytes:
    header = bytes([0xF0, 0x43, 0, form, len(data) >> 7, len(data) & 127])
    return header + data + bytes([checksum(data), 0xF7])


def read_dumps(data: bytes) -> Dump:
    """Return all DX7 voices in the bytes of a file, with or without sysex headers.

    Raises
    ------
    PresetError
        If there is none; the message says what the bytes are, without the file's name.
    """
    if not data:
        raise PresetError("the file is empty")
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise PresetError(f"this is {what}, not DX7 voices")
    return _messages(data) if data[0] == 0xF0 else _headerless(data)


def _messages(data: bytes) -> Dump:
    voices: list[VoiceArray] = []
    wrong_sums = mended = 0
    cut: list[str] = []
    others: list[str] = []
    position = data.find(0xF0)
    while position >= 0:
        form = _dx7_format(data, position)
        if form is None:
            end = _end(data, position + 1)
            others.append(_describe(data[position:end]))
        else:
            size = _SIZES[form]
            start = position + 6
            end = start + size + 2
            body = data[start : start + size]
            if len(body) < size or (data[end - 1 : end] != b"\xf7" and b"\xf7" in body):
                end = _end(data, start)
                found = len(data[start:end].rstrip(b"\xf7"))
                what = "bank of voices" if form == 9 else "voice"
                cut.append(f"a truncated DX7 {what} ({found} of {size} data bytes)")
            else:
                if data[start + size : start + size + 1] != bytes([checksum(body)]):
                    wrong_sums += 1
                several, bad = unpack(body) if form == 9 else clamp(_row(body))
                voices.append(several)
                mended += bad
        position = data.find(0xF0, max(end, position + 1))
    if not voices:
        raise PresetError(f"the file holds {_listed(cut + others)}; no whole DX7 voice or bank")
    remarks = [f"left out {_listed(cut + others)}"] if cut or others else []
    if wrong_sums:
        remarks.append(f"{wrong_sums} of {len(voices)} dumps have a wrong checksum")
    return _checked(np.concatenate(voices), mended, remarks)


def _checked(voices: VoiceArray, mended: int, remarks: list[str]) -> Dump:
    if mended:
        remarks = [
            *remarks,
            f"{mended} of {len(voices)} voices had stray bits or numbers out of range; "
            f"they were dropped or clamped",
        ]
    return Dump(voices, remarks)


def _row(body: bytes) -> VoiceArray:
    return np.frombuffer(body, dtype=np.uint8).astype(np.int64)[None]


def _dx7_format(data: bytes, position: int) -> int | None:
    """Return 0 for a single voice, 9 for a bank, None for any other message."""
    header = data[position : position + 6]
    if len(header) < 4 or header[1] != 0x43 or header[2] > 0x0F or header[3] not in _SIZES:
        return None
    return header[3]


def _end(data: bytes, start: int) -> int:
    """Return where the message that began before ``start`` ends, its ``F7`` included."""
    stop, following = data.find(0xF7, start), data.find(0xF0, start)
    if stop >= 0 and (following < 0 or stop < following):
        return stop + 1
    return following if following >= 0 else len(data)


def _describe(message: bytes) -> str:
    """Return what a message that is no DX7 voice is."""
    maker = message[1] if len(message) > 1 else 0xF7
    if maker == 0xF7:
        return "an empty message"
    if maker != 0x43:
        return f"a {_MAKERS.get(maker, 'foreign')} message"
    status, form = (message[2], message[3]) if len(message) > 3 else (0, -1)
    if status & 0x70 == 0x10:
        return "a Yamaha parameter change"
    if status & 0x70 == 0x20:
        return "a Yamaha request for a dump"
    if form == 0x7E:
        name = message[6:16]
        known = (what for start, what in _NAMED.items() if name.startswith(start))
        return next(known, "Yamaha data of another instrument")
    return _YAMAHA.get(form, "Yamaha data of another instrument")


def _listed(names: list[str]) -> str:
    """Return distinct ``names``, the first few of them, as a phrase."""
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 4} more kinds" if len(distinct) > 4 else ""
    return ", ".join(distinct[:4]) + more


def _headerless(data: bytes) -> Dump:
    size = len(data)
    if size == VOICE:
        row = _row(data)
        voices, mended = clamp(row)
        misplaced = (row[:, :SOUND] > LARGEST[:SOUND]).sum(axis=1)
    elif size % PACKED == 0:
        voices, mended = unpack(data)
        rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, PACKED)
        again = np.frombuffer(pack(voices), dtype=np.uint8).reshape(-1, PACKED)
        misplaced = (rows != again).sum(axis=1)
    else:
        raise PresetError(
            f"{size} bytes without a sysex header are no DX7 voices; expected {VOICE}, "
            f"or {PACKED} for each packed voice"
        )
    if (misplaced > _STRAY).mean() > 0.5 or not any(data):
        raise PresetError("the bytes are no DX7 voices: most are outside the ranges of a DX7")
    return _checked(voices, mended, [])
