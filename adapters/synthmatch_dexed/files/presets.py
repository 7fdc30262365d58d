"""Files of any of the formats to patches, and patches to files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from synthmatch.errors import PresetError, PresetWarning, SynthmatchError
from synthmatch.parameters import Patch

from ..space import NEUTRAL, to_patch, to_voice, whole
from ..voices import VOICE, VoiceArray, pack, voice_name
from .state import State, read_preset, write_preset
from .sysex import bank_dump, read_dumps, voice_dump

_PLUGIN = ("cutoff", "resonance", "output", "master_tune_adj")
SUFFIXES = (".syx", ".vstpreset", ".vmem", ".json")
_LIMIT = 64 << 20  # bytes; the largest collections of voices are a tenth of it


class Presets(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    names : list of str
        One for each patch, never empty.
    patches : list of Patch
        Of all 155 parameters.
    engine : str or None
        The engine of Dexed the file asks for, where it says.
    """

    names: list[str]
    patches: list[Patch]
    engine: str | None = None


def read_voices(path: str | os.PathLike[str]) -> VoiceArray:
    """Return all voices ``int64 [n, 155]`` of a ``.syx`` or ``.vmem`` file.

    Raises
    ------
    PresetError
        If the file cannot be read or holds no DX7 voice.
    """
    source = Path(path)
    try:
        return _voices(source)
    except PresetError as error:
        raise PresetError(f"{source}: {error}") from None


def write_voices(path: str | os.PathLike[str], voices: VoiceArray) -> None:
    """Write voices ``[n, 155]``: banks of 32 to a ``.syx`` file, else packed without headers.

    Raises
    ------
    PresetError
        If there are none, or the file cannot be written.
    """
    target = Path(path)
    if not len(voices):
        raise PresetError(f"{target}: no voices to write")
    banks = [voices[start : start + 32] for start in range(0, len(voices), 32)]
    form = bank_dump if target.suffix.lower() == ".syx" else pack
    _write(target, b"".join(map(form, banks)))


def read_presets(path: str | os.PathLike[str], most: int | None = None) -> Presets:
    """Return the presets of a file, at ``most`` so many; its suffix picks the format.

    Raises
    ------
    PresetError
        If the file is of another format, or cannot be read.
    """
    source = Path(path)
    suffix = source.suffix.lower()
    try:
        if suffix == ".json":
            return _read_json(source)
        return _read_state(source) if suffix == ".vstpreset" else _read_dumps(source, most)
    except SynthmatchError as error:
        raise PresetError(f"{source}: {error}") from None


def _read_json(path: Path) -> Presets:
    try:
        text = _content(path).decode("utf-8")
    except UnicodeDecodeError:
        raise PresetError("not a text file; expected a JSON patch") from None
    return Presets([path.stem], [whole().patch(Patch.from_json(text))])


def _read_state(path: Path) -> Presets:
    state = read_preset(_content(path))
    if state.mended:
        _warn(path, ["the voice had numbers out of range; they were clamped"])
    numbers = (state.cutoff, state.resonance, state.output, state.master_tune)
    patch = whole().patch({**to_patch(state.voice), **dict(zip(_PLUGIN, numbers, strict=True))})
    return Presets([voice_name(state.voice) or path.stem], [patch], state.engine)


def _read_dumps(path: Path, most: int | None) -> Presets:
    some = _voices(path)[:most]
    names = [voice_name(voice) or f"voice {i}" for i, voice in enumerate(some, start=1)]
    return Presets(names, [to_patch(voice) for voice in some])


def write_patch(path: str | os.PathLike[str], patch: Patch, *, engine: str, syx: str) -> None:
    """Write one patch, named after the file; its suffix picks the format.

    Parameters
    ----------
    path : path
        Ends in one of :data:`SUFFIXES`.
    patch : Patch
        A full patch of Dexed.
    engine : str
        The engine a ``.vstpreset`` sets.
    syx : {"bank", "voice"}
        What a ``.syx`` file holds.

    Raises
    ------
    PresetError
        If the suffix is none of these, or the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise PresetError(f"{target}: presets of Dexed end in {', '.join(SUFFIXES)}")
    if suffix == ".json":
        data = patch.to_json().encode()
    elif suffix == ".vstpreset":
        cutoff, resonance, output, tune = (float(patch[name]) for name in _PLUGIN)
        voice = to_voice(patch, target.stem)
        data = write_preset(State(voice, engine, cutoff, resonance, output, tune))
    else:
        spoken = to_voice(neutralise(target, patch, NEUTRAL), target.stem)[:VOICE]
        if suffix == ".vmem":
            data = pack(spoken[None])
        else:
            data = voice_dump(spoken) if syx == "voice" else bank_dump(spoken[None])
    _write(target, data)


def neutralise(path: Path, patch: Patch, names: Collection[str]) -> Patch:
    """Return ``patch`` with the parameters ``names`` of the plug-in neutral.

    An operator that was switched off gets an output level of 0, and no keyboard scaling that
    could raise it, which sounds the same; of anything else that is lost a warning tells.
    """
    lost = [name for name in names if patch[name] != NEUTRAL[name]]
    if not lost:
        return patch
    values = dict(patch)
    for name in lost:
        values[name] = NEUTRAL[name]
        if name.endswith("switch"):
            for silent in ("output_level", "l_scale_depth", "r_scale_depth"):
                values[name.replace("switch", silent)] = 0
    gone = [f"{name} {patch[name]:g}" for name in lost if not name.endswith("switch")]
    if gone:
        _warn(path, [f"left out, for neither a DX7 nor the engine has it: {', '.join(gone)}"])
    return whole().patch(values)


def _voices(path: Path) -> VoiceArray:
    voices, remarks = read_dumps(_content(path))
    _warn(path, remarks)
    return voices


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LIMIT:
            raise PresetError(f"larger than {_LIMIT >> 20} MB, too large for presets")
        return path.read_bytes()
    except OSError as error:
        raise PresetError(f"cannot be read: {error.strerror or error}") from error


def _write(target: Path, data: bytes) -> None:
    try:
        target.write_bytes(data)
    except OSError as error:
        raise PresetError(f"cannot write {target}: {error.strerror or error}") from error


def _warn(path: Path, remarks: Sequence[str]) -> None:
    for remark in remarks:
        warnings.warn(f"{path.name}: {remark}", PresetWarning, stacklevel=2)
