"""Rules of preset files: what is saved comes back, and what is no preset is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SynthmatchError
from ..parameters import Patch
from ..synth import Synth, load_bank, load_patch, preset_suffixes, save_patch
from ..synth.capabilities import BANKS, PRESETS
from .probes import ConformanceError, ensure, patches_of, same_patch

_MILLIONTH = 1e-6  # of a range: formats may hold single-precision numbers


def preset_files(synth: Synth) -> None:
    """Check that each format gives back the patch: choices exactly, ranges to a millionth."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in preset_suffixes(synth):
            ensure(
                suffix.startswith(".") and suffix == suffix.lower(),
                f"suffix {suffix!r}; write it in lower case with the dot",
            )
            for number, patch in enumerate(patches_of(synth, 6, seed=3)):
                path = Path(folder) / f"patch {number}{suffix}"
                save_patch(synth, patch, path)
                before = path.read_bytes()
                loaded = load_patch(synth, path)
                ensure(path.read_bytes() == before, f"loading a {suffix} file changes the file")
                within = 0.0 if suffix == ".json" else _MILLIONTH
                same_patch(synth, patch, loaded, f"a {suffix} file", within)
                _, first = load_bank(synth, path)[0]
                same_patch(synth, loaded, first, f"load_bank of a {suffix} file")
                save_patch(synth, loaded, path)
                same_patch(synth, loaded, load_patch(synth, path), f"a {suffix} file saved again")


def preset_paths(synth: Synth) -> None:
    """Check that the synth's own methods take paths as ``str`` and ``Path``."""
    patch = patches_of(synth, 2, seed=3)[1]
    with tempfile.TemporaryDirectory() as folder:
        save_patch(synth, dict(patch), Path(folder) / "plain.json")
        plain = load_patch(synth, str(Path(folder) / "plain.json"))
        same_patch(synth, patch, plain, "a plain dict saved as .json")
        own, banks = PRESETS.of(synth), BANKS.of(synth)
        if own is None:
            return
        for suffix in own.suffixes:
            path = Path(folder) / f"patch{suffix}"
            save_patch(synth, patch, path)
            expected = load_patch(synth, path)
            for place in (path, str(path)):
                kind = f"a path of type {type(place).__name__}"
                _takes(kind, own.save_patch, patch, place)
                loaded = synth.space.patch(_takes(kind, own.load_patch, place))
                same_patch(synth, expected, loaded, f"load_patch of {kind}")
                if banks is not None:
                    _, first = _takes(kind, banks.load_bank, place)[0]
                    same_patch(synth, expected, synth.space.patch(first), f"load_bank of {kind}")


def _takes(kind: str, method: Callable[..., Any], *arguments: object) -> Any:
    try:
        return method(*arguments)
    except (TypeError, AttributeError) as error:
        raise ConformanceError(
            f"{method.__name__} does not take {kind} ({error}); begin with path = Path(path)"
        ) from error


def foreign_files(synth: Synth) -> None:
    """Check that what is no preset of the synth is refused with an error of synthmatch."""
    noise = np.random.default_rng(4).bytes(5000)
    other = Patch(f"not {synth.name}", {"x": 1}).to_json().encode()
    foreign = {"an empty": b"", "a random": noise, "a blank": bytes(3000), "another synth's": other}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in preset_suffixes(synth):
            path = Path(folder) / f"patch{suffix}"
            for kind, content in foreign.items():
                path.write_bytes(content)
                ensure(
                    not _loads(synth, path, f"{kind} {suffix} file"),
                    f"{kind} {suffix} file is taken for a preset; check the format",
                )
            save_patch(synth, synth.space.patch(), path)
            whole = path.read_bytes()
            for size in (1, len(whole) // 2, len(whole) - 1):
                path.write_bytes(whole[:size])
                _loads(synth, path, f"a {suffix} file cut short")


def _loads(synth: Synth, path: Path, what: str) -> bool:
    """Tell whether ``path`` loads; refuse every other end than a patch or an own error."""
    try:
        load_patch(synth, path)
    except SynthmatchError:
        return False
    except Exception as error:
        raise ConformanceError(
            f"{what} raises {type(error).__name__} ({error}); raise PresetError"
        ) from error
    return True
