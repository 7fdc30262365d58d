"""Preset files of Dexed: exact round trips, mended dumps, and refusals by name."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthmatch.errors import PresetError, PresetWarning, SynthmatchError
from synthmatch.parameters import Patch
from synthmatch.synth import Note, load_bank, load_patch, save_patch
from synthmatch_dexed import Dexed, dexed_t6
from synthmatch_dexed.files import read_presets, read_voices, write_voices
from synthmatch_dexed.files.state import State, read_preset, write_preset
from synthmatch_dexed.files.sysex import bank_dump, checksum, read_dumps, voice_dump
from synthmatch_dexed.voices import COLUMN, LARGEST, SOUND, init_voice, name_codes, pack

DEXED = Dexed()
in_place = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
vectors = st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).random(145))


def some_voices(n, seed=0):
    """Return voices anywhere in their ranges, with names."""
    rng = np.random.default_rng(seed)
    voices = rng.integers(0, LARGEST + 1, size=(n, len(LARGEST)))
    for i in range(n):
        voices[i, SOUND:] = name_codes(f"made up {i}")
    return voices


# Round trips


@pytest.mark.parametrize("suffix", DEXED.suffixes)
@in_place
@given(vector=vectors)
def test_a_patch_comes_back_exactly(tmp_path, suffix, vector):
    patch = DEXED.space.decode(vector)
    save_patch(DEXED, patch, tmp_path / f"tone{suffix}")
    assert load_patch(DEXED, tmp_path / f"tone{suffix}") == patch


@pytest.mark.parametrize("suffix", DEXED.suffixes)
def test_a_file_is_a_bank_too(tmp_path, suffix):
    patch = DEXED.space.decode(np.full(145, 0.7))
    save_patch(DEXED, patch, tmp_path / f"tone{suffix}")
    bank = load_bank(DEXED, tmp_path / f"tone{suffix}")
    assert bank[0] == ("tone", patch) and len(bank) == (32 if suffix == ".syx" else 1)


@in_place
@given(vector=vectors)
def test_a_single_voice_dump_comes_back_exactly(tmp_path, vector):
    synth = Dexed(syx="voice")
    patch = synth.space.decode(vector)
    path = tmp_path / "tone.syx"
    save_patch(synth, patch, path)
    data = path.read_bytes()
    assert len(data) == 163 and data[:6] == bytes.fromhex("f0 43 00 00 01 1b") and data[-1] == 0xF7
    assert (sum(data[6:162]) & 127) == 0  # data and checksum
    assert load_patch(synth, path) == patch


@in_place
@given(seed=st.integers(0, 999), n=st.integers(1, 70))
def test_voices_come_back_exactly(tmp_path, seed, n):
    voices = some_voices(n, seed)
    write_voices(tmp_path / "all.vmem", voices)
    assert np.array_equal(read_voices(tmp_path / "all.vmem"), voices)
    write_voices(tmp_path / "all.syx", voices)
    assert np.array_equal(read_voices(tmp_path / "all.syx")[:n], voices)
    assert (tmp_path / "all.syx").stat().st_size == -(-n // 32) * 4104


@in_place
@given(seed=st.integers(0, 2**32 - 1))
def test_the_plug_in_s_own_parameters_survive_its_state(tmp_path, seed):
    synth = dexed_t6()
    patch = synth.space.decode(np.random.default_rng(seed).random(len(synth.space)))
    for name in ("tone.vstpreset", "tone.json"):
        save_patch(synth, patch, tmp_path / name)
        assert load_patch(synth, tmp_path / name) == patch


def test_a_voice_is_named_after_its_file(tmp_path):
    for name, spoken in (("Soft Bell.syx", "Soft Bell"), ("a-very-long-name.vmem", "a-very-lon")):
        save_patch(DEXED, DEXED.space.patch(), tmp_path / name)
        assert load_bank(DEXED, tmp_path / name)[0][0] == spoken
    save_patch(DEXED, DEXED.space.patch(), tmp_path / "čau.syx")
    assert load_bank(DEXED, tmp_path / "čau.syx")[0][0] == "au"


@pytest.mark.parametrize("suffix", DEXED.suffixes)
def test_paths_may_be_text_and_patches_dictionaries(tmp_path, suffix):
    path = str(tmp_path / f"tone{suffix}")
    DEXED.save_patch({"algorithm": 7}, path)
    assert DEXED.load_patch(path) == DEXED.space.patch({"algorithm": 7})
    name, patch = DEXED.load_bank(path)[0]
    assert name == "tone" and patch["algorithm"] == 7
    assert read_presets(path).names[0] == "tone"
    if suffix in (".syx", ".vmem"):
        write_voices(path, read_voices(path))
        assert DEXED.load_patch(path)["algorithm"] == 7


def test_what_cannot_be_written_is_one_kind_of_error(tmp_path):
    with pytest.raises(PresetError, match=r"tone.txt: presets of Dexed end in .syx"):
        DEXED.save_patch({}, tmp_path / "tone.txt")
    with pytest.raises(PresetError, match=r"cannot write .*: No such file"):
        DEXED.save_patch({}, tmp_path / "none" / "tone.syx")


# Dumps


def test_checksums_are_those_of_dumps_made_by_hand():
    assert checksum(b"") == 0 and checksum(bytes([1])) == 127 and checksum(bytes([64, 64])) == 0
    # The initial voice sums to 11,066 = 86 * 128 + 58.
    assert int(init_voice().sum()) % 128 == 128 - voice_dump(init_voice())[161]


def test_a_bank_has_the_layout_of_the_manual():
    data = bank_dump(some_voices(3))
    assert len(data) == 4104 and data[:6] == bytes.fromhex("f0 43 00 09 20 00")
    assert data[-1] == 0xF7 and (sum(data[6:4103]) & 127) == 0
    assert data[6 + 118 : 6 + 128] == b"made up 0 " and data[6 + 31 * 128 + 118 :][:4] == b"INIT"


def test_a_wrong_checksum_is_a_warning(tmp_path):
    data = bytearray(bank_dump(some_voices(32)))
    data[4102] ^= 1
    (tmp_path / "bank.syx").write_bytes(data)
    with pytest.warns(PresetWarning, match=r"bank.syx: 1 of 1 dumps have a wrong checksum"):
        assert len(load_bank(DEXED, tmp_path / "bank.syx")) == 32


def test_garbage_is_clamped_with_a_warning(tmp_path):
    voice = init_voice()
    voice[COLUMN["op1_output_level"]] = 120
    voice[COLUMN["lfo_wave"]] = 7
    data = bytearray(pack(voice[None]))
    data[0] |= 0x80  # the bit above an envelope rate
    data[11] |= 0xF0  # the bits above the key scaling curves
    path = tmp_path / "tone.vmem"
    path.write_bytes(data)
    with pytest.warns(PresetWarning, match=r"tone.vmem: 1 of 1 voices had stray bits"):
        patch = load_patch(DEXED, path)
    assert patch["op1_output_level"] == 99 and patch["lfo_wave"] == "sample & hold"
    assert patch["op6_eg_rate_1"] == 99 and patch["op6_l_key_scale"] == "-LN"


def test_several_messages_in_one_file():
    voices = some_voices(35)
    data = voice_dump(voices[0]) + bank_dump(voices[1:33]) + voice_dump(voices[33])
    found = read_dumps(data)
    assert np.array_equal(found.voices, voices[:34]) and found.remarks == []


def test_supplements_between_voices_are_left_out_with_a_remark():
    voices = some_voices(32)
    supplement = bytes.fromhex("f0 43 00 06 08 60") + bytes(1120) + b"\x00\xf7"
    found = read_dumps(supplement + bank_dump(voices))
    assert np.array_equal(found.voices, voices)
    assert found.remarks == ["left out a DX7II bank of voice supplements (AMEM)"]


def test_a_missing_end_is_forgiven():
    voices = some_voices(32)
    assert np.array_equal(read_dumps(bank_dump(voices)[:-1]).voices, voices)


@pytest.mark.parametrize("n", [1, 7, 32, 64])
def test_headerless_banks(n):
    voices = some_voices(n)
    assert np.array_equal(read_dumps(pack(voices)).voices, voices)


def test_a_headerless_single_voice():
    voice = some_voices(1)
    assert np.array_equal(read_dumps(voice[0].astype(np.uint8).tobytes()).voices, voice)


def message(*head, size=0):
    return bytes([0xF0, *head]) + bytes(size) + b"\xf7"


FOREIGN = {
    "empty": (b"", "empty"),
    "truncated bank": (
        bank_dump(init_voice()[None])[:3000],
        r"truncated DX7 bank of voices .2994 of 4096",
    ),
    "truncated voice": (voice_dump(init_voice())[:100], r"truncated DX7 voice .94 of 155"),
    "ACED": (message(0x43, 0, 5, 0, 49, size=50), r"DX7II voice supplement \(ACED\)"),
    "AMEM": (message(0x43, 0, 6, 8, 0x60, size=1121), r"DX7II bank of voice supplements \(AMEM\)"),
    "4-op voice": (message(0x43, 0, 3, 0, 93, size=94), "four-operator voice.*TX81Z"),
    "4-op bank": (message(0x43, 0, 4, 32, 0, size=4097), "bank of four-operator voices"),
    "TX81Z": (message(0x43, 0, 0x7E, 0, 33, *b"LM  8976AE", size=24), "TX81Z data"),
    "TX802": (message(0x43, 0, 0x7E, 1, 40, *b"LM  8952PE", size=168), "TX802 performance"),
    "DX7II": (message(0x43, 0, 0x7E, 0, 61, *b"LM  8973PE", size=52), "DX7II performance"),
    "SY77": (message(0x43, 0, 0x7A, 4, 0, *b"LM  8101VC", size=99), "another instrument"),
    "change": (message(0x43, 0x10, 1, 6, 5), "Yamaha parameter change"),
    "request": (message(0x43, 0x20, 9), "Yamaha request for a dump"),
    "Roland": (message(0x41, 0x10, 0x14, 0x12, size=300), "Roland message"),
    "Korg": (message(0x42, 0x30, size=300), "Korg message"),
    "unknown maker": (message(0x55, size=300), "foreign message"),
    "MIDI": (b"MThd" + bytes(124), "standard MIDI file"),
    "WAV": (b"RIFF" + bytes(252), "RIFF file"),
    "FXP": (b"CcnK" + bytes(252), "VST2 preset"),
    "text": (b"These are not the voices you are looking for. " * 128, "no DX7 voices"),
    "zeros": (bytes(4096), "no DX7 voices"),
    "noise": (np.random.default_rng(0).bytes(4096), "no DX7 voices"),
    "odd size": (bytes(1000), "1000 bytes without a sysex header"),
}


@pytest.mark.parametrize(("data", "reason"), FOREIGN.values(), ids=list(FOREIGN))
def test_other_files_are_refused_by_name(tmp_path, data, reason):
    path = tmp_path / "file.syx"
    path.write_bytes(data)
    with pytest.raises(PresetError, match=reason) as caught:
        load_patch(DEXED, path)
    assert "file.syx" in str(caught.value) and "\n" not in str(caught.value)


# Dexed's state


def test_the_state_is_laid_out_as_vst3_and_juce_read_it():
    """Read the container as Steinberg documents it, and the XML as JUCE's source does."""
    voice = np.append(some_voices(1)[0], 0b011111)  # operator 1 off
    data = write_preset(State(voice, engine="modern"))
    magic, version, class_id, list_at = struct.unpack_from("<4si32sq", data)
    assert (magic, version, class_id) == (b"VST3", 1, b"ABCDEF019182FAEB4447534244657864")
    assert class_id[16:] == b"".join(f"{c:02X}".encode() for c in b"DGSBDexd")
    kind, entries, chunk, offset, size = struct.unpack_from("<4si4sqq", data, list_at)
    assert (kind, entries, chunk) == (b"List", 1, b"Comp") and len(data) == list_at + 28
    assert offset + size == list_at
    content = data[offset : offset + size]
    number, length = struct.unpack_from("<II", content)
    assert number == 0x21324356 and len(content) == 8 + length + 1 and content[-1] == 0
    text = content[8:-1].decode().replace("base64:", "base64-")
    root = ElementTree.fromstring(text)
    assert root.tag == "dexedState" and root.get("engineType") == "0"
    assert [root.get(k) for k in ("cutoff", "reso", "gain")] == ["1.0", "0.0", "1.0"]
    assert root.get("opSwitch") == "111110"
    blob = root.find("dexedBlob")
    assert juce_bytes(blob.get("base64-program"))[:156] == voice.astype(np.uint8).tobytes()
    assert juce_bytes(blob.get("base64-sysex")) == bank_dump(voice[None])


def juce_bytes(text):
    """Decode JUCE's base 64 bit by bit."""
    size, body = text.split(".", 1)
    alphabet = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"
    value = sum(alphabet.index(c) << (6 * i) for i, c in enumerate(body))
    return value.to_bytes(len(body) * 6 // 8 + 1, "little")[: int(size)]


def test_a_state_for_the_other_engine_is_a_warning(tmp_path):
    save_patch(Dexed("modern"), DEXED.space.patch(), tmp_path / "tone.vstpreset")
    with pytest.warns(PresetWarning, match="made for Dexed's engine modern, played by mark1"):
        load_patch(DEXED, tmp_path / "tone.vstpreset")


def test_other_vst3_presets_are_refused(tmp_path):
    good = write_preset(State(np.append(init_voice(), 63)))
    other = good[:8] + b"5653544E6924486D6173736976652078" + good[40:]
    cases = {
        b"none": "no VST3 preset",
        other: "another plug-in than Dexed, class id 5653544E",
        good[:60]: "damaged",
        good[:48] + b"nothing": "no state of Dexed",
        good.replace(b"base64:program", b"base64:problem"): "no voice of Dexed",
        good.replace(b"?> <dexed", b"?><!DOCTYPE a><dexed"): "document type",
    }
    for data, reason in cases.items():
        with pytest.raises(PresetError, match=reason):
            read_preset(data)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        *(
            (b"UTF-8", encoding, "is damaged")
            for encoding in (b"klingon", b"utf-7", b"idna", b"rot13", b"punycode", b"x" * 900)
        ),
        (b'"161.', b'"' + b"9" * 5000 + b".", "no voice of Dexed"),
        (b'"161.', '"\u0661.'.encode(), "no voice of Dexed"),
    ],
)
def test_odd_encodings_and_lengths_are_one_line(old, new, reason):
    good = write_preset(State(np.append(init_voice(), 63)))
    text = good[56 : 56 + int.from_bytes(good[52:56], "little")]
    assert old in text
    text = text.replace(old, new)
    with pytest.raises(PresetError, match=reason) as caught:
        read_preset(good[:52] + len(text).to_bytes(4, "little") + text)
    assert len(str(caught.value)) < 200


def test_a_state_without_its_optional_parts_loads():
    voice = np.append(init_voice(), 63)
    data = write_preset(State(voice))
    plain = data.replace(b'opSwitch="111111"', b'opSwitch="1"     ')
    assert np.array_equal(read_preset(plain).voice, voice)
    assert read_preset(data.replace(b'engineType="1"', b'otherName_="1"')).engine == "mark1"


# What a voice cannot say


def test_operators_switched_off_become_silent_in_a_voice(tmp_path):
    t6 = dexed_t6()
    patch = Patch("dexed", {**t6.space.patch(), "op1_switch": False, "op2_switch": False})
    save_patch(t6, patch, tmp_path / "tone.syx")
    loaded = load_patch(DEXED, tmp_path / "tone.syx")
    assert loaded["op1_output_level"] == 0 and loaded["op1_switch"] is True
    save_patch(t6, patch, tmp_path / "tone.vstpreset")
    assert load_patch(DEXED, tmp_path / "tone.vstpreset") == loaded


def test_keyboard_scaling_does_not_bring_back_an_operator_that_is_off(tmp_path):
    t6 = dexed_t6()
    scaled = {"l_scale_depth": 99, "r_scale_depth": 99, "r_key_scale": "+LN", "break_point": 0}
    patch = t6.space.patch({"op5_switch": False, **{f"op5_{k}": v for k, v in scaled.items()}})
    save_patch(t6, patch, tmp_path / "tone.syx")
    note = Note(60, 100, held=0.2, total=0.3)
    kept = DEXED.render(load_patch(DEXED, tmp_path / "tone.syx"), note, 44_100)
    np.testing.assert_array_equal(kept, t6.render(patch, note, 44_100))


def test_the_plug_in_s_filter_is_left_out_with_a_warning(tmp_path):
    voice = np.append(init_voice(), 63)
    (tmp_path / "tone.vstpreset").write_bytes(write_preset(State(voice, cutoff=0.25)))
    with pytest.warns(PresetWarning, match=r"neither a DX7 nor the engine has it: cutoff 0.25"):
        assert load_patch(DEXED, tmp_path / "tone.vstpreset") == DEXED.space.patch()


def test_a_frozen_view_reads_the_fitting_voices_of_a_bank(tmp_path):
    voices = some_voices(20)
    voices[:, COLUMN["algorithm"]] = np.arange(20) % 4
    write_voices(tmp_path / "bank.vmem", voices)
    found = load_bank(dexed_t6(3), tmp_path / "bank.vmem")
    assert [name for name, _ in found] == [f"made up {i}" for i in range(2, 20, 4)]
    with pytest.raises(PresetError, match="no preset in it has the frozen values"):
        load_bank(dexed_t6(32), tmp_path / "bank.vmem")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(PresetError, match="no such preset file"):
        load_patch(DEXED, tmp_path / "none.syx")
    with pytest.raises(PresetError, match=r"none.vmem: cannot be read: No such file"):
        read_voices(tmp_path / "none.vmem")
    (tmp_path / "bad.json").write_bytes(b"\xff")
    with pytest.raises(PresetError, match="not a text file"):
        load_patch(DEXED, tmp_path / "bad.json")
    with pytest.raises(PresetError, match="no voices to write"):
        write_voices(tmp_path / "none.vmem", some_voices(0))


# Anything at all

known = [
    voice_dump(init_voice()),
    bank_dump(init_voice()[None]),
    pack(np.tile(init_voice(), (3, 1))),
    write_preset(State(np.append(init_voice(), 63))),
    DEXED.space.patch().to_json().encode(),
    *(data for data, _ in FOREIGN.values()),
]


@st.composite
def any_bytes(draw):
    """Return anything, or a file with some of it changed, cut out or repeated."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=400))
    data = bytearray(draw(st.sampled_from(known)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 200))
        replacement = draw(st.binary(max_size=8) | st.just(bytes(data[at : at + length])))
        data[at : at + draw(st.integers(0, length))] = replacement
    return bytes(data)


@pytest.mark.parametrize("suffix", DEXED.suffixes)
@settings(in_place, max_examples=100)
@given(data=any_bytes())
def test_any_bytes_give_patches_or_an_error(tmp_path, suffix, data):
    path = Path(tmp_path / f"any{suffix}")
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PresetWarning)
        try:
            found = load_bank(DEXED, path)
        except SynthmatchError as error:
            assert "\n" not in str(error)
        else:
            assert found and all(name.strip() for name, _ in found)
            assert all(DEXED.space.patch(patch) == patch for _, patch in found)
