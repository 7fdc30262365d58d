"""Trained models: loading, fitting them to a synth, describing them."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import SynthmatchError, WeightsError
from ..parameters import Parameter, ParameterSpace
from ..registry import list_models, model_folder
from ..synth import FrozenSynth, Synth
from .folder import PROXY, check_folder, read_config
from .tensors import open_tensors

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..estimators import Estimator
    from ..proxy import Proxy


_FIXED = 1 << 26  # numbers beside the weights: tables that follow from the configuration


def load_model(
    folder: str | os.PathLike[str], *, device: str = "auto"
) -> tuple[Estimator, dict[str, Any]]:
    """Return the estimator of a model folder, in evaluation mode, and its metadata.

    Parameters
    ----------
    folder : path
        What :func:`save_model` wrote.
    device : str
        Where the estimator runs: "auto" for the fastest there is, "cpu", "cuda", "mps".

    Raises
    ------
    WeightsError
        If the folder is corrupted, truncated, foreign, or written by a newer synthmatch.
    DeviceError
        If there is no such device.
    """
    from ..estimators import from_config, pick_device

    chosen = pick_device(device)
    path, config = check_folder(folder)
    with open_tensors(path) as file:
        own = [name for name in file.names if not name.startswith(PROXY)]
        held = sum(math.prod(file.shape(name)) for name in own)
        try:
            estimator = from_config(config["config"], most_weights=2 * held + _FIXED)
        except SynthmatchError as error:
            raise WeightsError(
                f"{folder} describes no network that this synthmatch builds: {error}"
            ) from None
        complaint = f"{folder}: the tensors are not those of {estimator.architecture!r}"
        _fill(estimator, {name: file[name] for name in own}, complaint)
    return estimator.to(chosen).eval(), config["metadata"]


def load_proxy(folder: str | os.PathLike[str], estimator: Estimator) -> Proxy:
    """Return the proxy that was trained with the estimator of a model folder.

    Parameters
    ----------
    folder : path
        What :func:`load_model` read.
    estimator : Estimator
        What it returned; the proxy is put on its device.

    Raises
    ------
    WeightsError
        If the model has no proxy, or the folder is corrupted.
    """
    from ..proxy import Proxy

    path, _ = check_folder(folder)
    with open_tensors(path) as file:
        own = file.under(PROXY)
    if not own:
        raise WeightsError(
            f"{folder} has no proxy; train one with --model inversynth2 --proxy to finetune"
        )
    proxy = Proxy(estimator)
    _fill(proxy, own, f"{folder}: the tensors are not those of its proxy")
    return proxy.to(next(estimator.parameters()).device).eval()


def _fill(module: nn.Module, tensors: Mapping[str, Tensor], complaint: str) -> None:
    """Load tensors into a module, in its own precision; refuse those of another."""
    own = module.state_dict()
    wrong = sorted(own.keys() ^ tensors.keys())
    wrong += [k for k in own if k in tensors and own[k].shape != tensors[k].shape]
    if wrong:
        raise WeightsError(f"{complaint} ({len(wrong)} differ, {wrong[0]} for one)")
    module.load_state_dict({k: v.to(own[k].dtype) for k, v in tensors.items()})


def _domain(p: Parameter) -> tuple[object, ...]:
    return p.name, p.kind, p.low, p.high, p.scale, p.choices, p.classes


def check_space(space: ParameterSpace, synth: Synth) -> Synth:
    """Return ``synth`` with the frozen values of a model's ``space`` held.

    Vectors of the model are vectors of the returned synth.

    Raises
    ------
    WeightsError
        If the model is of another synth, or the synth's parameters have changed since.
    """
    if space.synth != synth.name:
        raise WeightsError(f"this model is for synth {space.synth!r}, not {synth.name!r}")
    for mine, theirs in zip(space.parameters, synth.space.parameters, strict=False):
        if _domain(mine) != _domain(theirs):
            raise WeightsError(
                f"this model does not fit the installed synth {synth.name!r}: its parameter "
                f"{mine.name!r} is another than the synth's {theirs.name!r}; "
                f"install the version it was trained with, or train again"
            )
    if len(space.parameters) != len(synth.space.parameters):
        raise WeightsError(
            f"this model does not fit the installed synth {synth.name!r}: it knows "
            f"{len(space.parameters)} parameters, the synth has {len(synth.space.parameters)}; "
            f"install the version it was trained with, or train again"
        )
    if dict(space.frozen) == dict(synth.space.frozen):
        return synth
    if any(space.frozen.get(k) != v for k, v in synth.space.frozen.items()):
        raise WeightsError(
            f"this model was trained with other parameters of {synth.name!r} held fixed; "
            f"use the synth with {', '.join(space.frozen) or 'none'} frozen"
        )
    rest = {k: v for k, v in space.frozen.items() if k not in synth.space.frozen}
    return FrozenSynth(synth, rest)


def describe_model(name: str) -> dict[str, Any]:
    """Return what lists of models show of an installed one; its tensors are not read.

    Raises
    ------
    RegistryError
        If no model of that name is installed.
    WeightsError
        If its folder is damaged.
    """
    folder = model_folder(name)
    config = read_config(folder)
    return {
        "name": name,
        "synth": config["synth"],
        "architecture": config["architecture"],
        "megabytes": round(config["tensors"]["bytes"] / 1e6, 3),
        "default": config["metadata"].get("default") is True,
        "headline": config["metadata"].get("headline", ""),
        "folder": str(folder),
    }


def describe_models() -> list[dict[str, Any]]:
    """Return what lists of models show of all that are installed.

    One that is broken has its ``name`` and an ``error``, a line of text, and nothing else.
    """
    rows: list[dict[str, Any]] = []
    for name in list_models():
        try:
            rows.append(describe_model(name))
        except SynthmatchError as error:
            rows.append({"name": name, "error": str(error)})
    return rows
