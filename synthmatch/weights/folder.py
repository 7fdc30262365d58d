"""A model on disk: ``model.safetensors`` beside ``config.json``, which holds its hash."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .._files import atomic
from .._version import __version__
from ..errors import WeightsError
from .tensors import read_tensors, sha256, write_tensors

if TYPE_CHECKING:
    import torch

    from ..estimators import Estimator
    from ..proxy import Proxy

FORMAT = "synthmatch-model"
VERSION = 1
TENSORS = "model.safetensors"
CONFIG = "config.json"
PROXY = "proxy."  # prefix of the tensors of a proxy, beside those of the estimator


def with_proxy(estimator: Estimator, proxy: Proxy) -> dict[str, torch.Tensor]:
    """Return the state of both as one model folder holds it."""
    prefixed = {f"{PROXY}{name}": value for name, value in proxy.state_dict().items()}
    return {**estimator.state_dict(), **prefixed}


def save_model(
    folder: str | os.PathLike[str],
    estimator: Estimator,
    metadata: Mapping[str, Any],
    *,
    half: bool = False,
    tensors: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a model folder that :func:`synthmatch.weights.load_model` reads.

    Parameters
    ----------
    folder : path
        Made if needed; other files in it stay.
    estimator : Estimator
        Its ``config``, which holds the parameter space, is stored beside its tensors.
    metadata : mapping
        JSON-ready: setting, recipe, scores; ``"headline"`` is the line for lists of models.
    half : bool
        Store floating-point tensors as float16.
    tensors : mapping, optional
        State to store in place of the estimator's own, averaged weights for example.

    Raises
    ------
    WeightsError
        If the folder cannot be written, or a number is too large for float16.
    """
    target = Path(folder)
    state = estimator.state_dict() if tensors is None else tensors
    digest = write_tensors(target / TENSORS, state, half=half)
    config = {
        "format": FORMAT,
        "version": VERSION,
        "synthmatch": __version__,
        "synth": estimator.head.space.synth,
        "architecture": estimator.config["architecture"],
        "tensors": {
            "file": TENSORS,
            "bytes": (target / TENSORS).stat().st_size,
            "sha256": digest,
            "dtype": "float16" if half else "float32",
        },
        "metadata": dict(metadata),
        "config": dict(estimator.config),
    }
    write_config(target, config)


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the ``config.json`` of a model folder.

    Raises
    ------
    WeightsError
        If it cannot be written.
    """
    try:
        with atomic(folder / CONFIG) as temporary:
            temporary.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise WeightsError(f"cannot write {folder}: {error.strerror or error}") from error


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the checked ``config.json`` of a model folder, without reading its tensors.

    Raises
    ------
    WeightsError
        If it is missing, not JSON, not a model, or of a newer format.
    """
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise WeightsError(f"{folder} is not a model folder: it has no {CONFIG}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not readable JSON ({error})") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise WeightsError(f"{path} does not describe a synthmatch model")
    version = config.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise WeightsError(f"{path}: {str(version)[:20]!r} is not a format version")
    if version > VERSION:
        raise WeightsError(
            f"{folder} has a model format newer than this synthmatch reads ({VERSION}); "
            f"upgrade synthmatch"
        )
    for where, name, kind in _FIELDS:
        inside = config if not where else config[where]
        if not isinstance(inside.get(name), kind) or isinstance(inside.get(name), bool):
            raise WeightsError(f"{path} is damaged: {name!r} is missing or of the wrong type")
    for name, kind in _METADATA.items():
        if not isinstance(config["metadata"].get(name, kind()), kind):
            raise WeightsError(f"{path} is damaged: {name!r} is of the wrong type")
    found = config["tensors"]
    if found["bytes"] < 0 or not _HASH.fullmatch(found["sha256"]):
        raise WeightsError(f"{path} is damaged: it has no size and hash of its tensors")
    return config


_FIELDS: tuple[tuple[str, str, type], ...] = (
    ("", "tensors", dict),
    ("", "metadata", dict),
    ("", "config", dict),
    ("", "synth", str),
    ("", "architecture", str),
    ("tensors", "bytes", int),
    ("tensors", "sha256", str),
)
_METADATA: Mapping[str, type] = MappingProxyType(
    {"setting": dict, "recipe": dict, "scores": dict, "goal": dict, "headline": str, "step": int}
)
_HASH = re.compile("[0-9a-f]{64}")


def check_folder(folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """Return the file of the tensors and the config of a model folder, the hash checked.

    Raises
    ------
    WeightsError
        If a file is missing, or the tensors are not those the config was written with.
    """
    config = read_config(folder)
    path = Path(folder) / TENSORS
    if not path.is_file():
        raise WeightsError(f"{folder} is not a whole model folder: it has no {TENSORS}")
    try:
        digest = sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    if digest != config["tensors"]["sha256"]:
        raise WeightsError(
            f"{path} is corrupted, truncated or not the file {CONFIG} was written with "
            f"(its SHA-256 differs); fetch the model again"
        )
    return path, config


def read_folder(folder: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and the config of a model folder, its hash checked.

    Raises
    ------
    WeightsError
        If a file is missing, or the tensors are not those the config was written with.
    """
    path, config = check_folder(folder)
    return read_tensors(path)[0], config
