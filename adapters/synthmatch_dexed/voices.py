"""DX7 voices as numbers: the order of a voice dump, its ranges, names, and the packed form.

A *voice* is a row of 155 numbers in the order of a single-voice dump (VCED): operators 6
to 1 with 21 numbers each, the pitch envelope, the algorithm and feedback, the LFO, the
transposition, and ten characters of name. An engine row has one more, the switches of the
operators: bit 5 is operator 1, bit 0 operator 6, as in the DX7's parameter 155. In a bank
(VMEM) a voice is packed into 128 bytes.

Source: Yamaha, DX7 MIDI data format (printed in the DX7's manual).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

VoiceArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]

VOICE = 155
"""Numbers of a voice, the ten characters of its name included."""
SOUND = 145
"""Numbers of a voice that make its sound."""
PACKED = 128
"""Bytes of a packed voice."""
SWITCHES_ON = 63

# The 21 numbers of an operator, with the largest value of each; all start at 0.
OPERATOR = {
    "eg_rate_1": 99,
    "eg_rate_2": 99,
    "eg_rate_3": 99,
    "eg_rate_4": 99,
    "eg_level_1": 99,
    "eg_level_2": 99,
    "eg_level_3": 99,
    "eg_level_4": 99,
    "break_point": 99,
    "l_scale_depth": 99,
    "r_scale_depth": 99,
    "l_key_scale": 3,
    "r_key_scale": 3,
    "rate_scaling": 7,
    "a_mod_sens": 3,
    "key_velocity": 7,
    "output_level": 99,
    "mode": 1,
    "f_coarse": 31,
    "f_fine": 99,
    "osc_detune": 14,
}
COMMON = {
    **{f"pitch_eg_rate_{i}": 99 for i in (1, 2, 3, 4)},
    **{f"pitch_eg_level_{i}": 99 for i in (1, 2, 3, 4)},
    "algorithm": 31,
    "feedback": 7,
    "osc_key_sync": 1,
    "lfo_speed": 99,
    "lfo_delay": 99,
    "lfo_pm_depth": 99,
    "lfo_am_depth": 99,
    "lfo_key_sync": 1,
    "lfo_wave": 5,
    "p_mode_sens": 7,
    "transpose": 48,
}
RANGES = {
    **{f"op{op}_{name}": top for op in (6, 5, 4, 3, 2, 1) for name, top in OPERATOR.items()},
    **COMMON,
}
"""Name and largest value of the 145 numbers of a sound, in the order of a voice."""
COLUMN = {name: column for column, name in enumerate(RANGES)}
LARGEST: VoiceArray = np.array([*RANGES.values(), *[127] * 10], dtype=np.int64)

# Where each number sits in a packed voice: byte, lowest bit, width in bits.
_PACKED_OPERATOR = (
    *((byte, 0, 7) for byte in range(11)),
    *((11, 0, 2), (11, 2, 2), (12, 0, 3), (13, 0, 2), (13, 2, 3), (14, 0, 7)),
    *((15, 0, 1), (15, 1, 5), (16, 0, 7), (12, 3, 4)),
)
_PACKED = np.array(
    [
        *((17 * op + byte, bit, width) for op in range(6) for byte, bit, width in _PACKED_OPERATOR),
        *((byte, 0, 7) for byte in range(102, 110)),
        *((110, 0, 5), (111, 0, 3), (111, 3, 1)),
        *((byte, 0, 7) for byte in range(112, 116)),
        *((116, 0, 1), (116, 1, 3), (116, 4, 3)),
        *((byte, 0, 7) for byte in range(117, 128)),
    ],
    dtype=np.int64,
)


def unpack(data: bytes) -> tuple[VoiceArray, int]:
    """Return the voices of packed bytes and how many of them had to be mended.

    Stray bits outside the fields are dropped and numbers over their range become the
    largest of it, so that any bytes give voices in range.

    Parameters
    ----------
    data : bytes
        128 bytes for each voice.

    Returns
    -------
    voices : int64 [n, 155]
    mended : int
    """
    packed = np.frombuffer(data, dtype=np.uint8).astype(np.int64).reshape(-1, PACKED)
    byte, bit, width = _PACKED.T
    voices = np.minimum((packed[:, byte] >> bit) & ((1 << width) - 1), LARGEST)
    mended = (np.frombuffer(pack(voices), dtype=np.uint8).reshape(-1, PACKED) != packed).any(axis=1)
    return voices, int(mended.sum())


def pack(voices: VoiceArray) -> bytes:
    """Return voices ``[n, 155]`` as packed bytes, 128 for each."""
    byte, bit, _ = _PACKED.T
    packed = np.zeros((PACKED, len(voices)), dtype=np.int64)
    np.add.at(packed, byte, (voices[:, :VOICE] << bit).T)
    return packed.T.astype(np.uint8).tobytes()


def clamp(voices: VoiceArray) -> tuple[VoiceArray, int]:
    """Return voices ``[n, 155]`` in range, as :func:`unpack` does, and how many were mended."""
    inside = np.minimum(voices & 127, LARGEST)
    return inside, int((inside != voices).any(axis=1).sum())


def voice_name(voice: VoiceArray) -> str:
    """Return the name of a voice; characters that only the DX7 has become their likeness."""
    likeness = {92: "Y", 126: ">", 127: "<"}  # yen, right arrow, left arrow
    codes = (int(code) for code in voice[SOUND:VOICE])
    return "".join(likeness.get(c, chr(c) if c >= 32 else " ") for c in codes).strip()


def name_codes(text: str) -> VoiceArray:
    """Return the ten characters ``int64 [10]`` of a voice's name, padded with spaces."""
    plain = "".join(c if 32 <= ord(c) < 126 and c != "\\" else " " for c in text.strip())
    return np.frombuffer(f"{plain:<10.10}".encode("ascii"), dtype=np.uint8).astype(np.int64)


def init_voice() -> VoiceArray:
    """Return Dexed's initial voice ``int64 [155]``: a plain sine of operator 1."""
    values = dict.fromkeys(RANGES, 0)
    for op in range(1, 7):
        values |= {f"op{op}_eg_rate_{i}": 99 for i in (1, 2, 3, 4)}
        values |= {f"op{op}_eg_level_{i}": 99 for i in (1, 2, 3)}
        values |= {f"op{op}_f_coarse": 1, f"op{op}_osc_detune": 7}
    values |= {f"pitch_eg_rate_{i}": 99 for i in (1, 2, 3, 4)}
    values |= {f"pitch_eg_level_{i}": 50 for i in (1, 2, 3, 4)}
    values |= {"op1_output_level": 99, "osc_key_sync": 1, "lfo_speed": 35, "lfo_key_sync": 1}
    values |= {"p_mode_sens": 3, "transpose": 24}
    return np.concatenate([np.array(list(values.values()), np.int64), name_codes("INIT VOICE")])
