"""Dexed's state as a VST3 preset file.

Three layers, each after its public documentation or source: Steinberg's preset container
(chunks behind a header with the class id of the plug-in), JUCE's binary form of an XML
element, and Dexed's own element, which holds the voice and a bank in JUCE's base 64.

The class id is JUCE's, ``ABCDEF01 9182FAEB`` followed by the plug-in's two four-letter
codes, ``DGSB`` and ``Dexd``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from synthmatch.errors import PresetError

from ..voices import SWITCHES_ON, VOICE, VoiceArray, clamp
from .sysex import bank_dump

ENGINE_TYPES = ("modern", "mark1", "opl")
"""Dexed's engines in the order of its state's ``engineType``."""

_CLASS_ID = b"ABCDEF019182FAEB4447534244657864"
_JUCE_XML = struct.pack("<I", 0x21324356)
_PROGRAM = 161  # bytes: 155 of the voice, the switches, five unused
_SEMITONE = (1 << 24) / 12  # of master tuning in the state
_ALPHABET = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
_SIX = 1 << np.arange(6)
_DIGITS = 9  # of a length


class State(NamedTuple):
    """What a state says about the sound.

    Attributes
    ----------
    voice : int64 [156]
        The voice, and the switches of the operators.
    engine : str
        One of :data:`ENGINE_TYPES`.
    cutoff, resonance, output : float
        0 to 1.
    master_tune : float
        -1 to 1, semitones.
    mended : bool
        Whether numbers of the voice were out of range and clamped.
    """

    voice: VoiceArray
    engine: str = "mark1"
    cutoff: float = 1.0
    resonance: float = 0.0
    output: float = 1.0
    master_tune: float = 0.0
    mended: bool = False


def write_preset(state: State) -> bytes:
    """Return a ``.vstpreset`` file: the state, with a bank that starts with its voice."""
    content = _juce_xml(state)
    offset = 48
    header = b"VST3" + struct.pack("<i", 1) + _CLASS_ID + struct.pack("<q", offset + len(content))
    chunk = b"Comp" + struct.pack("<qq", offset, len(content))
    return header + content + b"List" + struct.pack("<i", 1) + chunk


def read_preset(data: bytes) -> State:
    """Return the state in a ``.vstpreset`` file.

    Raises
    ------
    PresetError
        If the bytes are no VST3 preset, or not one of Dexed.
    """
    if not data.startswith(b"VST3") or len(data) < 48:
        raise PresetError("this is no VST3 preset: it does not start with a VST3 header")
    if data[8:40].upper() != _CLASS_ID:
        raise PresetError(
            f"this is a VST3 preset of another plug-in than Dexed, class id "
            f"{data[8:40].decode('ascii', 'replace')}"
        )
    start = data.find(_JUCE_XML, 48)
    if start < 0 or len(data) < start + 8:
        raise PresetError("this VST3 preset holds no state of Dexed")
    (size,) = struct.unpack_from("<I", data, start + 4)
    return _parse(data[start + 8 : start + 8 + size])


def _juce_xml(state: State) -> bytes:
    bits = np.unpackbits(np.uint8(state.voice[VOICE] & SWITCHES_ON), bitorder="little")[:6]
    program = state.voice.astype(np.uint8).tobytes().ljust(_PROGRAM, b"\0")
    attributes = {
        "cutoff": state.cutoff,
        "reso": state.resonance,
        "gain": state.output,
        "currentProgram": 0,
        "engineType": ENGINE_TYPES.index(state.engine),
        "masterTune": round(state.master_tune * _SEMITONE),
        "opSwitch": "".join(map(str, bits)),  # operator 6 first
        "transpose12AsScale": 1,
        "monoMode": 0,
    }
    blobs = {
        "base64:sysex": _encode(bank_dump(state.voice[None])),
        "base64:program": _encode(program),
    }
    text = (
        '<?xml version="1.0" encoding="UTF-8"?> '
        f"<dexedState {_attributes(attributes)}><dexedBlob {_attributes(blobs)}/>"
        "<midiCC/></dexedState>"
    ).encode()
    return _JUCE_XML + struct.pack("<I", len(text)) + text + b"\0"


def _attributes(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())


def _parse(text: bytes) -> State:
    root: dict[str, str] = {}
    blob: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        target = {"dexedState": root, "dexedBlob": blob}.get(name)
        if target is not None:
            target.update(attributes)

    def refuse(*_: object) -> None:
        raise PresetError("the state of this VST3 preset declares a document type; refused")

    # Without namespaces, as JUCE writes attribute names with an undeclared prefix.
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # unknown and odd encodings
        reason = str(error)[:100]
        raise PresetError(f"the state of this VST3 preset is damaged: {reason}") from None
    program = _decode(blob.get("base64:program", ""))
    if len(program) < VOICE:
        raise PresetError("the state of this VST3 preset holds no voice of Dexed")
    raw = np.frombuffer(program[:VOICE], dtype=np.uint8).astype(np.int64)[None]
    inside, mended = clamp(raw)
    switches = root.get("opSwitch", "")
    if len(switches) != 6:
        switches = "111111"
    mask = sum(1 << bit for bit, on in enumerate(switches) if on != "0")
    engine = round(_number(root, "engineType", 1, 0, len(ENGINE_TYPES) - 1))
    return State(
        voice=np.append(inside[0], mask),
        engine=ENGINE_TYPES[engine],
        cutoff=_number(root, "cutoff", 1, 0, 1),
        resonance=_number(root, "reso", 0, 0, 1),
        output=_number(root, "gain", 1, 0, 1),
        master_tune=_number(root, "masterTune", 0, -_SEMITONE, _SEMITONE) / _SEMITONE,
        mended=mended > 0,
    )


def _number(
    attributes: dict[str, str], name: str, default: float, low: float, high: float
) -> float:
    """Return an attribute as a number from ``low`` to ``high``; ``default`` where it is none."""
    try:
        value = float(attributes[name])
    except (KeyError, ValueError):
        return default
    return min(max(value, low), high) if value == value else default


def _encode(data: bytes) -> str:
    """Return JUCE's base 64 of ``data``: its length, a dot, six bits to a character, low first."""
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    padded = np.pad(bits, (0, -len(bits) % 6)).reshape(-1, 6)
    return f"{len(data)}." + "".join(_ALPHABET[k] for k in padded @ _SIX)


def _decode(text: str) -> bytes:
    """Return the bytes of JUCE's base 64; foreign characters are skipped, as JUCE does."""
    length, _, body = text.partition(".")
    if not length.isascii() or not length.isdigit() or len(length) > _DIGITS:
        return b""
    codes = np.array([_ALPHABET.index(c) for c in body if c in _ALPHABET], dtype=np.uint8)
    bits = (codes[:, None] >> np.arange(6, dtype=np.uint8)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()[: int(length)]
