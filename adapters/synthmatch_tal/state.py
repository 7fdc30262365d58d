"""TAL-NoiseMaker's programs as XML, bare and inside a VST3 preset.

The plug-in keeps its programs in an XML element, ``tal``, with an attribute for each
parameter, from 0 to 1. Its preset files are that element with one program; a host's state is
the same element, with all 256 or one, in JUCE's binary form, which a VST3 preset file wraps
in Steinberg's container (chunks behind a header with the class id of the plug-in).

The class id is JUCE's, ``ABCDEF01 9182FAEB`` followed by the plug-in's two four-letter
codes, ``TOGU`` and ``ncut``. Other builds of the plug-in may have another; it is written as
this one, and not looked at when read.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from synthmatch.errors import PresetError

from .space import LISTS, ORDER

CLASS_ID = b"ABCDEF019182FAEB544F47556E637574"
"""What stands in bytes 8 to 40 of a VST3 preset of the open-source plug-in."""

_VERSION = 1.7
_JUCE_XML = struct.pack("<I", 0x21324356)
_TABS = {"tab1open": 1, "tab2open": 1, "tab3open": 0, "tab4open": 0}
_MOST = 4096  # programs of a file; the plug-in itself keeps 256
# What the plug-in takes for attributes that a file lacks; 0 where nothing stands here.
_LACKING: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(("volume", "osc2tune", "oscmastertune", "osc1finetune"), 0.5),
        **dict.fromkeys(("osc2finetune", "filtercontour", "lfo1amount", "lfo2amount"), 0.5),
        **dict.fromkeys(("osc1pw", "osc1phase", "transpose", "reverbdecay"), 0.5),
        **dict.fromkeys(("delaytime", "delayfeedback"), 0.5),
        **dict.fromkeys(("filtertype", "cutoff", "osc1waveform", "osc2waveform"), 1.0),
        **dict.fromkeys(("filtersustain", "ampsustain", "voices", "portamentomode"), 1.0),
        **dict.fromkeys(("lfo1destination", "lfo2destination", "freeaddestination"), 1.0),
        **dict.fromkeys(("reverbhighcut", "oscbitcrusher"), 1.0),
        **dict.fromkeys(("envelopeeditordest1", "envelopeeditorspeed"), 1.0),
        **{"osc1volume": 0.8, "osc3volume": 0.8, "osc1tune": 0.25, "reverblowcut": 0.1},
    }
)
_COUNTED = (  # lists that version 1.5 and before kept as 1, 2, 3, ...
    *("voices", "portamentomode", "lfo1destination", "lfo2destination", "freeaddestination"),
    *("filtertype", "osc1waveform", "osc2waveform", "envelopeeditordest1", "envelopeeditorspeed"),
)


class Program(NamedTuple):
    """One preset.

    Attributes
    ----------
    name : str
        As written; may be empty.
    numbers : dict of float
        All parameters by name, 0 to 1, as the plug-in would read them.
    drawn : bool
        Whether it has a drawn envelope in use, whose curve is not among the numbers.
    mended : int
        Numbers that were none or out of range.
    """

    name: str
    numbers: Mapping[str, float]
    drawn: bool = False
    mended: int = 0


class Programs(NamedTuple):
    """What a file holds: the programs, at least one, and which of them is chosen."""

    programs: list[Program]
    current: int


def write_xml(programs: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return the XML of named presets, as the plug-in writes them."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n\n' + _element(programs) + "\n"


def write_vst3(programs: Sequence[tuple[str, Mapping[str, float]]]) -> bytes:
    """Return a ``.vstpreset`` file: a host's state of the plug-in."""
    text = _element(programs).encode()
    content = _JUCE_XML + struct.pack("<I", len(text)) + text + b"\0"
    offset = 48
    header = b"VST3" + struct.pack("<i", 1) + CLASS_ID + struct.pack("<q", offset + len(content))
    chunk = b"Comp" + struct.pack("<qq", offset, len(content))
    return header + content + b"List" + struct.pack("<i", 1) + chunk


def read_vst3(data: bytes) -> Programs:
    """Return the programs in a ``.vstpreset`` file.

    Raises
    ------
    PresetError
        If the bytes are no VST3 preset, or not one of TAL-NoiseMaker.
    """
    if not data.startswith(b"VST3") or len(data) < 48:
        raise PresetError("this is no VST3 preset: it does not start with a VST3 header")
    start = data.find(_JUCE_XML, 48)
    if start < 0 or len(data) < start + 8:
        raise PresetError("this VST3 preset holds no state of TAL-NoiseMaker")
    (size,) = struct.unpack_from("<I", data, start + 4)
    return read_xml(data[start + 8 : start + 8 + size])


def read_xml(text: bytes) -> Programs:
    """Return the programs of the XML of TAL-NoiseMaker.

    Raises
    ------
    PresetError
        If it is no XML, not of TAL-NoiseMaker, or holds no program.
    """
    root: dict[str, str] = {}
    found: list[dict[str, str]] = []
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) == 1:
            if name != "tal":
                raise PresetError(f"this is XML of something else than TAL-NoiseMaker: {name!r}")
            root.update(attributes)
        elif path == ["tal", "programs", "program"]:
            if len(found) == _MOST:
                raise PresetError(f"more than {_MOST} programs")
            found.append(attributes)

    def refuse(*_: object) -> None:
        raise PresetError("the preset declares a document type; refused")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: path.pop()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise PresetError(f"this is no preset of TAL-NoiseMaker, or damaged: {error}") from None
    if not found:
        raise PresetError("the preset holds no program")
    version = _number(root.get("version"), math.inf)
    programs = [_program(attributes, 1.0 if version is None else version) for attributes in found]
    current = _number(root.get("curprogram"), len(found) - 1)
    return Programs(programs, int(current) if current is not None and len(found) > 1 else 0)


def _element(programs: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return the element with its programs, on one line."""
    inside = "".join(
        f"<program programname={_quoted(name)} "
        + " ".join(f'{key}="{numbers[key]!r}"' for key in ORDER)
        + "".join(f' {key}="{value}"' for key, value in _TABS.items())
        + "/>"
        for name, numbers in programs
    )
    return f'<tal curprogram="0" version="{_VERSION}"><programs>{inside}</programs></tal>'


def _quoted(name: str) -> str:
    """Return a name as an attribute, without what XML cannot hold."""
    return quoteattr("".join(c for c in name if c.isprintable() and not 0xD800 <= ord(c) < 0xE000))


def _number(text: str | None, highest: float) -> float | None:
    """Return a number from 0 to ``highest`` where there is one."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    return None if math.isnan(value) else min(max(value, 0.0), highest)


def _program(attributes: Mapping[str, str], version: float) -> Program:
    """Return a program, with lists as version 1.7 keeps them."""
    highest = {name: 99.0 if version < 1.6 and name in _COUNTED else 1.0 for name in ORDER}
    numbers, mended = {}, 0
    for name in ORDER:
        lacking = _LACKING.get(name, 0.0)
        value = lacking
        if name in attributes:
            given = _number(attributes[name], highest[name])
            value = lacking if given is None else given
            mended += given is None or given != float(attributes[name])
        numbers[name] = value
    if version < 1.1:  # waveforms were knobs
        for name, kinds in (("osc1waveform", 2), ("osc2waveform", 3)):
            part = 1 / kinds - 0.001
            numbers[name] = min(1.0 + math.floor(numbers[name] / part), kinds + 1.0)
    if version < 1.6:  # lists counted from 1
        for name in _COUNTED:
            numbers[name] = min(max((numbers[name] - 1) / (len(LISTS[name]) - 1), 0.0), 1.0)
    if version < 1.7:  # of ten filters there became twelve
        numbers["filtertype"] = math.floor(numbers["filtertype"] * 9 + 0.5) / 11
    drawn = numbers["envelopeeditoramount"] > 0 and numbers["envelopeeditordest1"] * 7 >= 0.5
    return Program(attributes.get("programname", "").strip(), numbers, drawn, mended)
