"""Preset files of TAL-NoiseMaker, read and written whatever their format.

``.noisemakerpreset``
    What the plug-in's own menu writes and opens: XML with one program, or several.
``.vstpreset``
    A preset of its VST3, which hosts write and open: the same XML in a container. When it
    holds many programs, the chosen one is what is loaded.
``.json``
    Readable, with the labels of the menus.

What had to be mended on reading, or left out for a view of the space, is said in a
:class:`~synthmatch.errors.PresetWarning`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from synthmatch.errors import PresetError, PresetWarning, SynthmatchError
from synthmatch.parameters import Parameter, ParameterSpace, Patch, Value

from .space import NO_LFO, ORDER, to_numbers, to_patch, whole
from .state import Programs, read_vst3, read_xml, write_vst3, write_xml

SUFFIXES = (".noisemakerpreset", ".vstpreset", ".json")
_LIMIT = 64 << 20  # bytes; a bank of 256 programs is a hundredth of it
_SHOWN = 6  # parameters that a warning names
_NEAR = 1e-6  # under which a knob counts as what a step says


class Presets(NamedTuple):
    """What a file holds.

    Attributes
    ----------
    names : list of str
        One for each patch, never empty.
    patches : list of Patch
        Of all parameters.
    current : int
        The chosen one.
    """

    names: list[str]
    patches: list[Patch]
    current: int = 0


def read_presets(path: Path) -> Presets:
    """Return the presets of a file; its suffix picks the format.

    Raises
    ------
    PresetError
        If the file is of another format, or cannot be read.
    """
    try:
        data = _content(path)
        suffix = path.suffix.lower()
        if suffix == ".json":
            return Presets([path.stem], [_from_json(data)])
        return _named(path, read_vst3(data) if suffix == ".vstpreset" else read_xml(data))
    except SynthmatchError as error:
        raise PresetError(f"{path}: {error}") from None


def write_presets(path: Path, presets: Sequence[tuple[str, Patch]]) -> None:
    """Write named patches of any view; the suffix of ``path`` picks the format.

    Raises
    ------
    PresetError
        If there are none, or more than one for ``.json``, or the suffix is another, or
        the file cannot be written.
    """
    if not presets:
        raise PresetError(f"{path}: no presets to write")
    suffix = path.suffix.lower()
    if suffix == ".json":
        if len(presets) > 1:
            raise PresetError(f"{path}: a JSON file holds one preset, not {len(presets)}")
        _write(path, presets[0][1].to_json().encode())
        return
    programs = [(name, to_numbers(patch)) for name, patch in presets]
    if suffix == ".noisemakerpreset":
        _write(path, write_xml(programs).encode())
    elif suffix == ".vstpreset":
        _write(path, write_vst3(programs))
    else:
        raise PresetError(f"{path}: presets of TAL end in {' or '.join(SUFFIXES)}")


def fit(path: Path, patch: Patch, space: ParameterSpace) -> Patch:
    """Return what a view of the space can say of a patch of all parameters.

    What is lost or rounded is said in a warning.
    """
    values: dict[str, Value] = {}
    lost = []
    for parameter in space.parameters:
        name = parameter.name
        values[name] = space.frozen.get(name, _nearest(parameter, patch))
    for name in values:
        if name.endswith("amount") and values.get(f"{name[:4]}waveform") == NO_LFO:
            continue  # off by its waveform, whatever the amount
        if not _alike(values[name], patch[name]):
            lost.append(f"{name} {_shown(patch[name])} is {_shown(values[name])}")
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        _warn(path, f"beyond these parameters: {', '.join(lost[:_SHOWN])}{more}")
    return space.patch(values)


def _nearest(parameter: Parameter, patch: Patch) -> Value:
    """Return the value of a parameter that is nearest to a patch's."""
    value = patch[parameter.name]
    if parameter.kind == "ordinal":
        return min(parameter.choices, key=lambda choice: abs(float(choice) - float(value)))
    if parameter.kind == "categorical":
        if NO_LFO in parameter.choices and patch[parameter.name[:4] + "amount"] == 0.5:
            return NO_LFO
        return value if value in parameter.choices else parameter.default
    return value


def _alike(a: Value, b: Value) -> bool:
    if a == NO_LFO:
        return True
    if isinstance(a, (str, bool)) or isinstance(b, (str, bool)):
        return a == b
    return abs(a - b) < _NEAR


def _shown(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _named(path: Path, found: Programs) -> Presets:
    programs, current = found
    mended = sum(program.mended for program in programs)
    if mended:
        _warn(path, f"{mended} numbers were none or out of range; they were mended")
    drawn = sum(program.drawn for program in programs)
    if drawn:
        _warn(path, f"the curve of the drawn envelope is left out of {drawn} of its presets")
    names = [program.name or f"program {k}" for k, program in enumerate(programs, start=1)]
    return Presets(names, [to_patch(program.numbers) for program in programs], current)


def _from_json(data: bytes) -> Patch:
    try:
        patch = Patch.from_json(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise PresetError("not a text file; expected a JSON patch") from None
    values = dict(patch)
    for lfo in ("lfo1", "lfo2"):
        if values.get(f"{lfo}waveform") == NO_LFO:
            values[f"{lfo}waveform"], values[f"{lfo}amount"] = "sine", 0.5
    unknown = [name for name in values if name not in ORDER]
    if unknown or patch.synth != whole().synth:
        return whole().patch(patch)  # which says what is wrong
    return whole().patch(Patch(patch.synth, values))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LIMIT:
            raise PresetError(f"larger than {_LIMIT >> 20} MB, too large for presets")
        return path.read_bytes()
    except OSError as error:
        raise PresetError(f"cannot be read: {error.strerror or error}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise PresetError(f"cannot write {path}: {error.strerror or error}") from error


def _warn(path: Path, text: str) -> None:
    warnings.warn(f"{path.name}: {text}", PresetWarning, stacklevel=3)
