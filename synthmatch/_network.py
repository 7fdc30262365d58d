"""A trained network as a source of candidates for a recording at any pitch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .audio import Recording, resample
from .errors import SynthmatchError, WeightsError
from .parameters import FloatArray
from .registry import list_models, model_folder
from .settings import Setting
from .synth import Note

if TYPE_CHECKING:
    from .estimators import Estimator


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
    """

    name: str
    estimator: Estimator
    metadata: Mapping[str, Any]

    @property
    def setting(self) -> Setting:
        """What the network was trained on."""
        return Setting.from_dict(self.metadata["setting"])

    def propose(self, recording: Recording, note: Note, count: int, seed: int) -> FloatArray:
        """Return the likeliest vector and ``count - 1`` sampled ones, ``[count, d]``.

        The network knows one pitch. A recording of another is played faster or slower
        until it has that pitch, as a sampler would do it.
        """
        import torch

        estimator = self.estimator
        speed = 2.0 ** ((self.setting.note.pitch - note.pitch) / 12.0)
        heard = resample(recording.samples, recording.sample_rate * speed, estimator.sample_rate)[
            : estimator.samples
        ]
        audio = torch.zeros(1, estimator.samples)
        audio[0, : len(heard)] = torch.from_numpy(heard)
        device = next(estimator.parameters()).device
        generator = torch.Generator(device).manual_seed(seed)
        with torch.inference_mode():
            output = estimator(audio.to(device))
            vectors = [estimator.head.decode(output)]
            if count > 1:
                vectors.append(estimator.head.sample(output, count - 1, generator)[0])
        return np.clip(torch.cat(vectors).cpu().numpy().astype(np.float64), 0.0, 1.0)


def load_network(source: str | Path, device: str = "cpu") -> Network:
    """Return the network of an installed model or of a model folder.

    Raises
    ------
    RegistryError
        If there is no such model.
    WeightsError
        If its folder is damaged or of a newer version.
    """
    from .weights import load_model

    folder = Path(source) if Path(source).is_dir() else model_folder(str(source))
    estimator, metadata = load_model(folder, device=device)
    network = Network(folder.name, estimator, metadata)
    try:
        network.setting  # noqa: B018
    except (SynthmatchError, KeyError):
        raise WeightsError(
            f"{folder} does not say what it was trained on; train it again"
        ) from None
    return network


def default_model(synth: str) -> str | None:
    """Return the model that is used for a synth unless another is named: its best, if any."""
    from .weights import describe_model

    rows = [describe_model(name) for name in list_models()]
    fitting = [row for row in rows if row["synth"] == synth]
    fitting.sort(key=lambda row: not row["default"])
    return str(fitting[0]["name"]) if fitting else None
