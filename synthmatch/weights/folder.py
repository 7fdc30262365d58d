"""A model on disk: ``model.safetensors`` beside ``config.json``, which holds its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
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
    folder: str | Path,
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
    import torch

    target = Path(folder)
    state = dict(estimator.state_dict() if tensors is None else tensors)
    if half:
        whole = state
        state = {k: v.to(torch.float16) if v.is_floating_point() else v for k, v in state.items()}
        large = [k for k, v in state.items() if v.isinf().any() and not whole[k].isinf().any()]
        if large:
            raise WeightsError(f"{large[0]} is too large for float16; store the model in float32")
    digest = write_tensors(target / TENSORS, state)
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
    try:
        with atomic(target / CONFIG) as temporary:
            temporary.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise WeightsError(f"cannot write {target}: {error.strerror or error}") from error


def read_config(folder: str | Path) -> dict[str, Any]:
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
    if not isinstance(version, int) or version < 1:
        raise WeightsError(f"{path}: {version!r} is not a format version")
    if version > VERSION:
        raise WeightsError(
            f"{folder} has model format {version}, newer than this synthmatch reads ({VERSION}); "
            f"upgrade synthmatch"
        )
    kinds = (dict, ("tensors", "metadata", "config")), (str, ("synth", "architecture"))
    for kind, key in ((kind, key) for kind, keys in kinds for key in keys):
        if not isinstance(config.get(key), kind):
            raise WeightsError(f"{path} is damaged: {key!r} is missing or of the wrong type")
    return config


def read_folder(folder: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the tensors and the config of a model folder, its hash checked.

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
    if digest != config["tensors"].get("sha256"):
        raise WeightsError(
            f"{path} is corrupted, truncated or not the file {CONFIG} was written with "
            f"(its SHA-256 differs); fetch the model again"
        )
    return read_tensors(path)[0], config
