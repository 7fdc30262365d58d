"""A trained network as a source of candidates for a recording at any pitch."""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..audio import Recording, resample
from ..errors import SynthmatchError, WeightsError
from ..parameters import FloatArray
from ..registry import model_folder
from ..search import Sampler
from ..settings import Setting
from ..synth import Note, Synth
from .ranking import fit_length

if TYPE_CHECKING:
    from torch import Tensor

    from ..estimators import Estimator
    from ..estimators.head import Head

_BELIEVED = 0.5  # share of a search's fresh draws that a network makes, not the prior
_TEMPERATURE = 2.0  # of those draws: a network is too sure of sounds it was not trained on
_REGULARISE = 64  # training sounds in each step of finetuning (InverSynth II, section 3.2)


class Answer:
    """What a network believes about one recording.

    Parameters
    ----------
    head : Head
        Of the network.
    output : Tensor ``[1, head.size]``
        Of the network.
    """

    def __init__(self, head: Head, output: Tensor) -> None:
        self._head = head
        self._output = output

    def likeliest(self) -> FloatArray:
        """Return the likeliest vector, ``[1, d]``."""
        return _vectors(self._head.decode(self._output))

    def draw(self, rng: np.random.Generator, n: int, temperature: float = 1.0) -> FloatArray:
        """Return random vectors ``[n, d]``; a higher temperature wanders further."""
        import torch

        if n < 1:
            return np.empty((0, len(self._head.space)))
        generator = torch.Generator(self._output.device).manual_seed(int(rng.integers(2**62)))
        return _vectors(self._head.sample(self._output, n, generator, temperature)[0])

    def propose(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return the likeliest vector and ``count - 1`` drawn ones, ``[count, d]``."""
        return np.concatenate([self.likeliest(), self.draw(rng, count - 1)])

    def guide(self, prior: Sampler) -> Sampler:
        """Return a source of fresh draws for a search: half from here, half from ``prior``."""

        def sample(rng: np.random.Generator, n: int) -> FloatArray:
            plain = prior(rng, n)
            believed = rng.random((n, 1)) < _BELIEVED
            return np.where(believed, self.draw(rng, n, _TEMPERATURE), plain)

        return sample


def _vectors(tensor: Tensor) -> FloatArray:
    return np.clip(tensor.cpu().numpy().astype(np.float64), 0.0, 1.0)


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
    """

    name: str
    estimator: Estimator
    metadata: Mapping[str, Any]
    folder: Path

    @property
    def setting(self) -> Setting:
        """What the network was trained on."""
        return Setting.from_dict(self.metadata["setting"])

    def hear(self, recording: Recording, note: Note) -> npt.NDArray[np.float32]:
        """Return a recording as the network takes it, ``float32 [samples]``.

        The network knows one pitch. A recording of another is played faster or slower
        until it has that pitch, as a sampler would do it.
        """
        estimator = self.estimator
        speed = 2.0 ** ((self.setting.note.pitch - note.pitch) / 12.0)
        moved = resample(recording.samples, recording.sample_rate * speed, estimator.sample_rate)
        return fit_length(moved, estimator.samples)

    def answer(self, recording: Recording, note: Note) -> Answer:
        """Return what the network believes about a recording."""
        import torch

        device = next(self.estimator.parameters()).device
        audio = torch.from_numpy(self.hear(recording, note)[None]).to(device)
        with torch.inference_mode():
            return Answer(self.estimator.head, self.estimator(audio))

    def save(self, folder: str | Path) -> None:
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
        save_model(folder, self.estimator, metadata, tensors=tensors)

    def finetune(
        self, recording: Recording, note: Note, seed: int, seconds: float | None
    ) -> FloatArray:
        """Return what the network says while it adapts to a recording ``[k, d]``, best first.

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

        return finetune(
            self.estimator,
            proxy,
            self.hear(recording, note),
            source.render,
            RenderedBatches(source, _REGULARISE, seed),
            stop=late,
        ).vectors


def load_network(source: str | Path, device: str = "cpu") -> Network:
    """Return the network of an installed model or of a model folder.

    Raises
    ------
    RegistryError
        If there is no such model.
    WeightsError
        If its folder is damaged or of a newer version.
    """
    from ..weights import load_model

    folder = Path(source) if Path(source).is_dir() else model_folder(str(source))
    estimator, metadata = load_model(folder, device=device)
    network = Network(folder.name, estimator, metadata, folder)
    try:
        network.setting  # noqa: B018
    except (SynthmatchError, KeyError):
        raise WeightsError(
            f"{folder} does not say what it was trained on; train it again"
        ) from None
    return network


def default_model(synth: Synth) -> str | None:
    """Return the model that is used for a synth unless another is named: its best, if any."""
    from ..weights import default_model as best

    return best(synth)
