"""What training begins with: a new network, or the weights of one that was trained."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import TrainingError
from ..estimators import build
from ..registry import find_model
from ..settings import Source
from ..weights import load_model, load_proxy, read_config
from .joint import ProxyGoal

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator
    from .goal import Goal


@dataclasses.dataclass(frozen=True)
class Beginning:
    """A network to train.

    Attributes
    ----------
    estimator : Estimator
        On the CPU.
    folder : Path or None
        The model it was loaded from, whose proxy a goal with one goes on with.
    digest : str
        Hash of the weights; "" for random ones.
    """

    estimator: Estimator
    folder: Path | None = None
    digest: str = ""

    def fill(self, goal: Goal) -> None:
        """Give a goal with a proxy the weights of the one that was trained before."""
        if self.folder is None or not isinstance(goal, ProxyGoal):
            return
        if "proxy_weight" in read_config(self.folder)["metadata"].get("goal", {}):
            goal.proxy.load_state_dict(load_proxy(self.folder, self.estimator).state_dict())


def begin(
    architecture: str | None,
    source: Source,
    options: Mapping[str, Any],
    start: Estimator | str | os.PathLike[str] | None,
) -> Beginning:
    """Return a new network, or the one to go on with.

    Parameters
    ----------
    architecture : str or None
        Of the network; that of ``start`` for None.
    source : Source
        What it is trained on.
    options : mapping
        Of the architecture; those of ``start`` may be left out.
    start : Estimator, str, path or None
        See :func:`synthmatch.training.train`.

    Raises
    ------
    TrainingError
        If neither says what to train, or ``start`` does not fit the rest.
    """
    space, setting = source.synth.space, source.setting
    if start is None:
        if architecture is None:
            raise TrainingError("name an architecture to train, or a model to start from")
        audio = {"sample_rate": setting.sample_rate, "samples": setting.samples}
        return Beginning(build(architecture, space, **audio, **options))
    folder = None
    if isinstance(start, str | os.PathLike):
        folder = find_model(start)
        estimator, _ = load_model(folder, device="cpu")
    else:
        estimator = copy.deepcopy(start).cpu()
    wanted = {"sample_rate": setting.sample_rate, "samples": setting.samples, **options}
    if architecture is not None:
        wanted["architecture"] = architecture
    for name, value in wanted.items():
        if estimator.config.get(name) != value:
            raise TrainingError(
                f"the weights to start from are of {name} {estimator.config.get(name)}, not {value}"
            )
    if estimator.head.space != space:
        raise TrainingError("the weights to start from are for other parameters")
    return Beginning(estimator.requires_grad_(True).train(), folder, _digest(estimator))


def _digest(estimator: Estimator) -> str:
    digest = hashlib.sha256()
    for name, tensor in estimator.state_dict().items():
        digest.update(name.encode())
        digest.update(memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy()))
    return digest.hexdigest()
