"""Preset files of any synth: which it knows, and reading and writing them whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._files import atomic
from ..errors import PresetError, SynthmatchError
from ..parameters import Patch, Value
from .capabilities import BANKS, PRESETS
from .protocol import StrPath, Synth


def preset_suffixes(synth: Synth) -> tuple[str, ...]:
    """Return the suffixes that presets of ``synth`` may have, preferred first."""
    own = _own_suffixes(synth)
    return (*own, ".json") if ".json" not in own else own


def _own_suffixes(synth: Synth) -> tuple[str, ...]:
    own = PRESETS.of(synth)
    return tuple(own.suffixes) if own is not None else ()


def save_patch(synth: Synth, patch: Mapping[str, Value], path: StrPath) -> None:
    """Write ``patch`` to ``path``, whole or not at all; ``.json`` works for every synth.

    Parameters of ``patch`` that are not given take their defaults.

    Raises
    ------
    ParameterError
        If the patch does not fit the synth.
    OutputError
        If what lies at ``path`` is no file.
    PresetError
        If the synth does not write files of this suffix, or the file cannot be written.
    """
    target = Path(path)
    checked = synth.space.patch(patch)
    suffix = _known_suffix(synth, target)
    try:
        with atomic(target) as temporary:
            own = PRESETS.of(synth)
            if own is not None and suffix in own.suffixes:
                own.save_patch(checked, temporary)
            else:
                temporary.write_text(checked.to_json(), encoding="utf-8")
    except OSError as error:
        raise PresetError(f"cannot write {target}: {error.strerror or error}") from error


def load_patch(synth: Synth, path: StrPath) -> Patch:
    """Return the patch in a preset file of ``synth``, checked against its space.

    Raises
    ------
    PresetError
        If the file is missing, of another format, or holds no patch of this synth.
    """
    source = Path(path)
    with _reading(synth, source) as suffix:
        own = PRESETS.of(synth)
        if own is not None and suffix in own.suffixes:
            return synth.space.patch(own.load_patch(source))
        return synth.space.patch(Patch.from_json(source.read_text(encoding="utf-8")))


def load_bank(synth: Synth, path: StrPath) -> list[tuple[str, Patch]]:
    """Return the names and patches of all presets in a file of ``synth``, in order.

    A file of a synth without banks holds one, which is named after the file.

    Raises
    ------
    PresetError
        If the file is missing, of another format, or holds no patch of this synth.
    """
    source = Path(path)
    with _reading(synth, source) as suffix:
        banks = BANKS.of(synth)
        if banks is not None and suffix in banks.suffixes:
            return [(name, synth.space.patch(patch)) for name, patch in banks.load_bank(source)]
    return [(source.stem, load_patch(synth, source))]


@contextlib.contextmanager
def _reading(synth: Synth, source: Path) -> Iterator[str]:
    """Check that ``source`` can be a preset, yield its suffix, and name it in all errors."""
    suffix = _known_suffix(synth, source)
    if not source.is_file():
        raise PresetError(f"no such preset file: {source}")
    try:
        yield suffix
    except OSError as error:
        raise PresetError(f"cannot read {source}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise PresetError(f"{source} is not a text file; expected a JSON patch") from None
    except PresetError:
        raise
    except SynthmatchError as error:
        raise PresetError(f"{source}: {error}") from error


def _known_suffix(synth: Synth, path: Path) -> str:
    known = preset_suffixes(synth)
    if path.suffix.lower() not in known:
        raise PresetError(
            f"{path.name}: presets of {synth.name!r} end in {' or '.join(known)}, "
            f"not {path.suffix or 'nothing'}"
        )
    return path.suffix.lower()
