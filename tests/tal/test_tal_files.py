"""Preset files of TAL-NoiseMaker: exact round trips, old versions, and refusals by name."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthmatch.errors import PresetError, PresetWarning
from synthmatch.synth import load_bank, load_patch, save_patch
from synthmatch_tal import Tal
from synthmatch_tal.files import fit, read_presets, write_presets
from synthmatch_tal.space import LISTS, ORDER, tal_space, to_numbers, to_patch, whole
from synthmatch_tal.state import CLASS_ID, read_vst3, read_xml, write_vst3, write_xml

TAL = Tal()
in_place = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
seeds = st.integers(0, 2**32 - 1)
names = st.text(max_size=20)


def some_patch(seed):
    """Return a patch anywhere in the whole space."""
    space = whole()
    return space.decode(np.random.default_rng(seed).random(len(space.names)))


def numbers(**values):
    return {**to_numbers(whole().patch()), **values}


def program_xml(attributes, root='curprogram="0" version="1.7"', name="A"):
    inside = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<tal {root}><programs><program programname="{name}" {inside}/></programs></tal>'


# Round trips


@pytest.mark.parametrize("view", ["dry", "tal-core", "tal-9"])
@pytest.mark.parametrize("suffix", TAL.suffixes)
@in_place
@given(seed=seeds)
def test_a_patch_comes_back_exactly(tmp_path, view, suffix, seed):
    synth = Tal(view)
    patch = synth.space.decode(np.random.default_rng(seed).random(len(synth.space.names)))
    save_patch(synth, patch, tmp_path / f"tone{suffix}")
    back = load_patch(synth, tmp_path / f"tone{suffix}")
    for lfo in ("lfo1", "lfo2"):  # one that is off has no waveform in a file, only no amount
        if patch[f"{lfo}waveform"] == "none":
            assert back[f"{lfo}waveform"] in ("none", "sine")
            patch = synth.space.patch(
                {
                    **patch,
                    **{f"{lfo}{knob}": back[f"{lfo}{knob}"] for knob in ("waveform", "amount")},
                }
            )
    assert back == patch


@pytest.mark.parametrize("suffix", [".noisemakerpreset", ".vstpreset"])
@in_place
@given(drawn=st.lists(st.tuples(names, seeds), min_size=1, max_size=4))
def test_a_bank_comes_back_exactly(tmp_path, suffix, drawn):
    presets = [(name, some_patch(seed)) for name, seed in drawn]
    path = tmp_path / f"bank{suffix}"
    write_presets(path, presets)
    with warnings.catch_warnings():  # of drawn envelopes, which are in use here
        warnings.simplefilter("ignore", PresetWarning)
        back = read_presets(path)
    assert back.patches == [patch for _, patch in presets]
    assert back.current == 0 and all(back.names)
    for (name, _), read in zip(presets, back.names, strict=True):
        if name.isprintable() and name.strip() == name and name:
            assert read == name


@in_place
@given(seed=seeds)
def test_the_same_numbers_whatever_the_container(seed):
    presets = [("A", to_numbers(some_patch(seed))), ("B", to_numbers(some_patch(seed + 1)))]
    (a, b), _ = read_xml(write_xml(presets).encode())
    assert read_vst3(write_vst3(presets)).programs == [a, b]
    assert a.numbers == presets[0][1] and b.numbers == presets[1][1]


def test_a_file_is_named_after_itself(tmp_path):
    for suffix in TAL.suffixes:
        path = str(tmp_path / f"Soft & <čau>{suffix}")
        TAL.save_patch({"cutoff": 0.3}, path)
        assert TAL.load_patch(path) == TAL.space.patch({"cutoff": 0.3})
        assert load_bank(TAL, path) == TAL.load_bank(path)
        assert TAL.load_bank(path)[0][0] == "Soft & <čau>"


def test_the_chosen_program_is_what_is_loaded(tmp_path):
    text = write_xml([("A", numbers(cutoff=0.1)), ("B", numbers(cutoff=0.2))])
    (tmp_path / "bank.noisemakerpreset").write_text(
        text.replace('curprogram="0"', 'curprogram="1"')
    )
    assert TAL.load_patch(tmp_path / "bank.noisemakerpreset")["cutoff"] == 0.2
    assert [name for name, _ in TAL.load_bank(tmp_path / "bank.noisemakerpreset")] == ["A", "B"]


# Formats


def test_xml_is_what_the_plug_in_writes():
    root = ElementTree.fromstring(write_xml([("A & B", numbers(cutoff=0.25))]))
    (program,) = root.findall("programs/program")
    assert root.tag == "tal" and root.attrib == {"curprogram": "0", "version": "1.7"}
    assert program.attrib["programname"] == "A & B" and program.attrib["cutoff"] == "0.25"
    assert set(ORDER) < set(program.attrib)


def test_a_vst3_preset_is_chunks_behind_a_header():
    data = write_vst3([("A", numbers())])
    assert data[:8] == b"VST3" + struct.pack("<i", 1) and data[8:40] == CLASS_ID
    (place,) = struct.unpack_from("<q", data, 40)
    assert data[place : place + 4] == b"List" and data[place + 8 : place + 12] == b"Comp"
    offset, size = struct.unpack_from("<qq", data, place + 12)
    state = data[offset : offset + size]
    magic, length = struct.unpack_from("<II", state)
    assert magic == 0x21324356 and state[8 + length :] == b"\0"
    assert ElementTree.fromstring(state[8 : 8 + length]).tag == "tal"


def test_what_a_file_lacks_is_what_the_plug_in_takes():
    (program,) = read_xml(program_xml({"cutoff": 0.5}).encode()).programs
    assert program.numbers["cutoff"] == 0.5 and program.numbers["volume"] == 0.5
    assert program.numbers["ampattack"] == 0 and program.numbers["osc1tune"] == 0.25


def test_lists_of_old_versions_count_from_one():
    old = program_xml({"filtertype": 3, "osc2waveform": 4, "voices": 1}, 'version="1.5"')
    (program,) = read_xml(old.encode()).programs
    patch = to_patch(program.numbers)
    assert patch["osc2waveform"] == LISTS["osc2waveform"][3] and patch["voices"] == "mono"
    assert program.mended == 0
    between = program_xml({"filtertype": 2 / 9}, 'version="1.6"')
    (again,) = read_xml(between.encode()).programs
    assert to_patch(again.numbers)["filtertype"] == LISTS["filtertype"][2]
    ancient = program_xml({"osc1waveform": 0.9, "osc2waveform": 0.0}, 'version="1.0"')
    (oldest,) = read_xml(ancient.encode()).programs
    assert to_patch(oldest.numbers)["osc1waveform"] == "pulse"
    assert to_patch(oldest.numbers)["osc2waveform"] == "saw"


def test_garbage_is_mended_with_a_warning(tmp_path):
    text = program_xml({"cutoff": "nan", "resonance": "loud", "volume": "7", "osc1pw": 0.25})
    (tmp_path / "odd.noisemakerpreset").write_text(text)
    with pytest.warns(PresetWarning, match="odd.noisemakerpreset: 3 numbers were none or out"):
        (patch,) = read_presets(tmp_path / "odd.noisemakerpreset").patches
    assert patch["cutoff"] == 1 and patch["volume"] == 1 and patch["osc1pw"] == 0.25


def test_a_drawn_envelope_is_said_to_be_left_out(tmp_path):
    write_presets(
        tmp_path / "drawn.noisemakerpreset",
        [("A", whole().patch({"envelopeeditoramount": 0.5, "envelopeeditordest1": "volume"}))],
    )
    with pytest.warns(PresetWarning, match="curve of the drawn envelope is left out of 1"):
        read_presets(tmp_path / "drawn.noisemakerpreset")


def test_what_a_view_cannot_say_is_said(tmp_path):
    path = tmp_path / "wide.json"
    write_presets(path, [("A", whole().patch({"reverbwet": 0.5, "cutoff": 0.3}))])
    with pytest.warns(PresetWarning, match=r"beyond these parameters: reverbwet 0.5 is 0"):
        assert TAL.load_patch(path)["cutoff"] == 0.3
    patch = fit(path, whole().patch(), tal_space("plugin"))
    assert patch == whole().patch()


def test_an_lfo_that_is_off_stays_off(tmp_path):
    nine = Tal("tal-9")
    patch = nine.space.patch({"lfo1waveform": "none", "lfo2waveform": "square"})
    for suffix in nine.suffixes:
        save_patch(nine, patch, tmp_path / f"a{suffix}")
        back = load_patch(nine, tmp_path / f"a{suffix}")
        assert back["lfo1waveform"] == "none" and back["lfo2waveform"] == "square"
        assert read_presets(tmp_path / f"a{suffix}").patches[0]["lfo1amount"] == 0.5


# Refusals


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.noisemakerpreset", b"", "no preset of TAL-NoiseMaker, or damaged"),
        ("a.noisemakerpreset", b"<tal><programs>", "no preset of TAL-NoiseMaker, or damaged"),
        ("a.noisemakerpreset", b"<dexed/>", "XML of something else than TAL-NoiseMaker: 'dexed'"),
        ("a.noisemakerpreset", b"<tal><programs/></tal>", "holds no program"),
        ("a.noisemakerpreset", b"<!DOCTYPE tal [<!ENTITY a 'b'>]><tal/>", "document type"),
        ("a.noisemakerpreset", b'<?xml version="1.0" encoding="none"?><tal/>', "damaged"),
        ("a.vstpreset", b"VST", "does not start with a VST3 header"),
        ("a.vstpreset", b"VST3" + bytes(60), "holds no state of TAL-NoiseMaker"),
        ("a.json", b"\xff\xfe", "not a text file"),
        ("a.json", b"{}", "a.json"),
        ("a.json", b'{"synth": "dexed", "parameters": {}}', "dexed"),
        ("a.json", b'{"synth": "tal", "parameters": {"cut": 1}}', "cut"),
    ],
)
def test_what_is_no_preset_is_refused(tmp_path, name, data, text):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PresetError, match=text):
        read_presets(tmp_path / name)


def test_what_cannot_be_written_or_read_is_one_kind_of_error(tmp_path):
    patch = whole().patch()
    with pytest.raises(PresetError, match=r"presets of TAL end in .noisemakerpreset"):
        TAL.save_patch({}, tmp_path / "tone.txt")
    with pytest.raises(PresetError, match=r"cannot write .*: No such file"):
        TAL.save_patch({}, tmp_path / "none" / "tone.vstpreset")
    with pytest.raises(PresetError, match="no presets to write"):
        write_presets(tmp_path / "none.json", [])
    with pytest.raises(PresetError, match="a JSON file holds one preset, not 2"):
        write_presets(tmp_path / "two.json", [("A", patch), ("B", patch)])
    with pytest.raises(PresetError, match="cannot be read: No such file"):
        read_presets(tmp_path / "gone.noisemakerpreset")
    too_many = write_xml([("A", numbers())]).replace("/></", "/>" + "<program/>" * 4096 + "</")
    with pytest.raises(PresetError, match="more than 4096 programs"):
        read_xml(too_many.encode())


def test_large_files_are_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("synthmatch_tal.files._LIMIT", 10)
    (tmp_path / "a.noisemakerpreset").write_text(write_xml([("A", numbers())]))
    with pytest.raises(PresetError, match="too large for presets"):
        read_presets(Path(tmp_path / "a.noisemakerpreset"))


@in_place
@given(data=st.binary(max_size=300), suffix=st.sampled_from(TAL.suffixes))
def test_arbitrary_bytes_are_refused_or_read(tmp_path, data, suffix):
    (tmp_path / f"any{suffix}").write_bytes(data)
    with pytest.raises(PresetError):
        read_presets(tmp_path / f"any{suffix}")
