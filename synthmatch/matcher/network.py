"""A trained network as a source of candidates for a recording at any pitch."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..audio import Recording, resample
from ..audio.framing import fit_length
from ..errors import ModelWarning, ParameterError, SynthmatchError, WeightsError
from ..parameters import FloatArray, ParameterSpace
from ..registry import find_model, list_models, model_folder
from ..settings import Setting
from ..synth import Note, Synth
from .prediction import Completion, Prediction

if TYPE_CHECKING:
    from ..estimators import Estimator

_REGULARISE = 64  # training sounds in each step of finetuning (InverSynth II, section 3.2)


@dataclasses.dataclass(frozen=True)
class Network:
    """An estimator, what it was trained on, and what it is called.

    Attributes
    ----------
    name : str
        For people.
    estimator : Estimator
        In evaluation mode, on its device.
    metadata : dict
        What :func:`synthmatch.weights.load_model` returned; ``"setting"`` is used here.
    folder : Path
        Where it came from.
    space : ParameterSpace, optional
        Whose vectors it predicts, where they are not those that it was trained on.
    """

    name: str
    estimator: Estimator
    metadata: Mapping[str, Any]
    folder: Path
    space: ParameterSpace | None = None

    @property
    def setting(self) -> Setting:
        """What the network was trained on."""
        return Setting.from_dict(self.metadata["setting"])

    def prepare(self, recording: Recording, note: Note) -> npt.NDArray[np.float32]:
        """Return a recording as the network takes it, ``float32 [samples]``.

        Most networks know one pitch. For them a recording of another is played faster or
        slower until it has that pitch, as a sampler would do it.
        """
        estimator = self.estimator
        speed = 1.0
        if not estimator.KNOWS_NOTE:
            speed = 2.0 ** ((self.setting.note.pitch - note.pitch) / 12.0)
        moved = resample(recording.samples, recording.sample_rate * speed, estimator.sample_rate)
        return fit_length(moved, estimator.samples)

    def predict(self, recording: Recording, note: Note) -> Prediction:
        """Return what the network predicts for a recording."""
        import torch

        from ..estimators.masked import MaskedTransformer

        estimator = self.estimator
        device = next(estimator.parameters()).device
        audio = torch.from_numpy(self.prepare(recording, note)[None]).to(device)
        with torch.inference_mode():
            if isinstance(estimator, MaskedTransformer):
                played = torch.tensor([[note.pitch, note.velocity, note.held]], dtype=torch.float32)
                encoded = estimator.encode(audio, played.to(device))
                return Completion(estimator, encoded, self._convert)
            return Prediction(estimator.head, estimator(audio), self._convert)

    def _convert(self, vectors: FloatArray) -> FloatArray:
        """Return vectors ``[n, d]`` of the estimator as those of the space."""
        own, space = self.estimator.head.space, self.space
        return vectors if space is None else space.adopt(own, vectors)

    def adapt(self, synth: Synth) -> tuple[Network, Synth]:
        """Return the network as it serves a synth, and that synth.

        What a network holds fixed is held fixed of a synth with the same parameters. A synth
        with more choices, all that the network can say among them, is kept whole.

        Raises
        ------
        WeightsError
            If they do not fit.
        """
        fitting, space = _fit(self.estimator.head.space, synth)
        return dataclasses.replace(self, space=space), fitting

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a model folder, with the proxy if there is one.

        Raises
        ------
        WeightsError
            If the folder holds a model already.
        """
        from ..weights import load_proxy, save_model
        from ..weights.folder import with_proxy

        if (Path(folder) / "config.json").exists():
            raise WeightsError(f"{folder} holds a model already; use another folder")
        metadata = {k: v for k, v in self.metadata.items() if k != "default"}
        tensors = None
        if "proxy_weight" in metadata.get("goal", {}):
            tensors = with_proxy(self.estimator, load_proxy(self.folder, self.estimator))
        save_model(Path(folder), self.estimator, metadata, tensors=tensors)

    def finetune(
        self, recording: Recording, note: Note, seed: int, seconds: float | None
    ) -> FloatArray:
        """Return what the network predicts while it adapts to a recording ``[k, d]``, best first.

        Raises
        ------
        WeightsError
            If the network was trained without a proxy.
        """
        from ..datasets import RenderedBatches
        from ..proxy import finetune
        from ..weights import load_proxy

        deadline = math.inf if seconds is None else time.perf_counter() + seconds
        proxy = load_proxy(self.folder, self.estimator)
        source = self.setting.open()
        asked: list[float] = []

        def late() -> bool:
            """Say whether another step, as short as the shortest, would end too late."""
            asked.append(time.perf_counter())
            steps = [after - before for before, after in itertools.pairwise(asked)]
            return asked[-1] + min(steps, default=0.0) > deadline

        found: FloatArray = finetune(
            self.estimator,
            proxy,
            self.prepare(recording, note),
            source.render,
            RenderedBatches(source, _REGULARISE, seed),
            stop=late,
        ).vectors
        return self._convert(found)


def load_network(source: str | os.PathLike[str], device: str = "auto") -> Network:
    """Return the network of an installed model or of a model folder.

    Raises
    ------
    RegistryError
        If there is no such model.
    WeightsError
        If its folder is damaged or of a newer version.
    """
    from ..weights import load_model

    folder = find_model(source)
    estimator, metadata = load_model(folder, device=device)
    network = Network(folder.resolve().name, estimator, metadata, folder)
    try:
        network.setting  # noqa: B018
    except (SynthmatchError, KeyError):
        raise WeightsError(
            f"{folder} does not say what it was trained on; train it again"
        ) from None
    return network


def default_model(synth: Synth) -> str | None:
    """Return the model that is used for a synth unless another is named: its best, if any.

    A model that does not fit, since other parameters are held fixed, does not count, nor
    does one that says it is to be asked for by name (``"default": false``); one that cannot
    be read is left out with a warning.
    """
    from ..weights import read_config

    configs = {}
    for name in list_models():
        try:
            configs[name] = read_config(model_folder(name))
        except SynthmatchError as error:
            warnings.warn(f"model {name!r} is left out: {error}", ModelWarning, stacklevel=2)
    best_first = sorted(configs, key=lambda name: not configs[name]["metadata"].get("default"))
    for name in best_first:
        by_name_only = configs[name]["metadata"].get("default") is False
        if configs[name]["synth"] == synth.name and not by_name_only:
            with contextlib.suppress(SynthmatchError, KeyError):
                space = ParameterSpace.from_dict(configs[name]["config"]["space"])
                _fit(space, synth)
                return name
    return None


def _fit(space: ParameterSpace, synth: Synth) -> tuple[Synth, ParameterSpace | None]:
    """Return the synth that a model of a space serves; its space, if vectors have to change."""
    from ..weights import check_space

    try:
        return check_space(space, synth), None
    except WeightsError:
        if not synth.space.includes(space):
            raise
        return synth, synth.space


def resolve_model(
    synth: Synth, model: str | os.PathLike[str] | None, device: str
) -> Network | str | None:
    """Return the network that a model's name or folder means, or the name of an architecture.

    Parameters
    ----------
    synth : Synth
        Whose best model is meant by None.
    model : str, path or None
        "none" means no network.
    device : str
        Where the network runs.

    Raises
    ------
    ParameterError
        If it is the name of neither, nor a folder.
    """
    if model is None:
        model = default_model(synth)
    if model is None or model == "none":
        return None
    if Path(model).is_dir() or str(model) in list_models():
        return load_network(model, device)
    from ..estimators import ARCHITECTURES

    if str(model) in ARCHITECTURES:
        return str(model)
    raise ParameterError(
        f"no model or architecture named {str(model)!r}; models: "
        f"{', '.join(list_models()) or 'none'} (or a folder); architectures: "
        f"{', '.join(ARCHITECTURES)}"
    )
