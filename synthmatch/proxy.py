"""A differentiable stand-in for a synth, learned from its renders (InverSynth II).

Barkan, Shvartzman, Uzrad, Laufer, Elharar, Koenigstein: "InverSynth II: Sound Matching via
Self-Supervised Synthesizer-Proxy and Inference-Time Finetuning", ISMIR 2023. A decoder
``d`` turns the parameters that an encoder ``e`` predicts into a spectrogram, so that the
distance of sounds, ``L_a``, has a gradient. :class:`synthmatch.training.ProxyGoal` trains
both together (equation 4); :func:`finetune` adapts the encoder to one sound (equation 6).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from .datasets import Batches
from .errors import ParameterError
from .estimators.inversynth2 import InverSynth2
from .parameters import FloatArray
from .synth import AudioArray

if TYPE_CHECKING:
    from .estimators.estimator import Estimator


class Proxy(nn.Module):
    """The decoder ``d``, and the spectrograms it is compared with.

    Parameters
    ----------
    estimator : Estimator
        An ``inversynth2`` encoder, its normalisation fitted: the proxy makes its
        spectrograms from the parameters of its head.

    Raises
    ------
    ParameterError
        If the estimator is of another architecture.
    """

    def __init__(self, estimator: Estimator) -> None:
        super().__init__()
        if not isinstance(estimator, InverSynth2):
            raise ParameterError(
                f"a proxy goes with an inversynth2 encoder, not with {estimator.architecture!r}"
            )
        self.front = copy.deepcopy(estimator.front)
        self.decoder = estimator.decoder()

    def forward(self, parameters: Tensor) -> Tensor:
        """Return spectrograms ``[b, 1, bins, frames]``.

        Parameters
        ----------
        parameters : Tensor ``[b, head.size]``
            The targets or predictions of the estimator's head.
        """
        made: Tensor = self.decoder(parameters)
        return made

    def spectrograms(self, audio: Tensor) -> Tensor:
        """Return the spectrograms ``[b, 1, bins, frames]`` of sounds ``[b, samples]``."""
        spectrogram: Tensor = self.front(audio)
        return spectrogram

    def loss(self, parameters: Tensor, audio: Tensor) -> Tensor:
        """Return the audio loss through the proxy, ``L_a(d(parameters), audio)``."""
        difference: Tensor = self(parameters).float() - self.spectrograms(audio)
        return difference.abs().mean()

    def distances(self, audio: Tensor, other: Tensor) -> Tensor:
        """Return ``L_a`` between sounds ``[b, samples]``, mean absolute difference, ``[b]``."""
        return (self.spectrograms(audio) - self.spectrograms(other)).abs().flatten(1).mean(1)


@dataclasses.dataclass(frozen=True)
class Finetuned:
    """What finetuning to one sound came to.

    Attributes
    ----------
    vectors : ndarray
        The distinct vectors ``[k, d]`` that were tried, best first.
    losses : ndarray
        Their distances ``[k]`` to the sound, rendered by the true synth.
    start : int
        Row of the vector that the network gave before; 0 if nothing was better.
    """

    vectors: FloatArray
    losses: FloatArray
    start: int

    @property
    def improved(self) -> bool:
        """Whether a vector is better than the one it began with."""
        return self.start > 0


def finetune(
    estimator: Estimator,
    proxy: Proxy,
    audio: AudioArray,
    render: Callable[[FloatArray], AudioArray],
    batches: Batches,
    *,
    steps: int = 30,
    learning_rate: float = 1e-4,
    regularisation: float = 1.0,
    proxy_weight: float = 1.0,
    stop: Callable[[], bool] | None = None,
) -> Finetuned:
    """Adapt a copy of the encoder to one sound, through the frozen proxy (equation 6).

    Each step lowers ``L_t + lambda_B L_B``: the audio loss of the sound, plus parameter
    and audio loss of a training batch, which keeps the encoder from forgetting. The true
    synth renders what the encoder predicts after each step; the best of that is returned, or
    the start where nothing is better.

    Parameters
    ----------
    estimator, proxy : Estimator, Proxy
        Trained together. Neither is changed. Dropout is off and batch norm uses what it
        learned, as in use.
    audio : ndarray
        The sound, ``float32 [samples]``, as the estimator takes it.
    render : callable
        The true synth: vectors ``[n, d]`` to sounds ``float32 [n, samples]``.
    batches : Batches
        Training batches; the paper has 64 sounds in each.
    steps : int
        At most this many; 30 in the paper.
    learning_rate : float
        Of Adam (betas 0.9 and 0.99, section 3.2); the paper does not state this one.
    regularisation, proxy_weight : float
        ``lambda_B`` and ``lambda``, both 1 in the paper.
    stop : callable, optional
        Asked before each step; true ends it, at a deadline for example.

    Raises
    ------
    ParameterError
        If the sound has another length than the estimator takes.
    """
    device = next(estimator.parameters()).device
    encoder = copy.deepcopy(estimator).eval().requires_grad_(True)
    frozen = copy.deepcopy(proxy).eval().requires_grad_(False)
    head = encoder.head
    sound = encoder.check_audio(torch.from_numpy(audio[None]).to(device))
    tried: dict[bytes, tuple[FloatArray, float]] = {}

    def score(output: Tensor) -> None:
        """Render what the encoder predicts now, unless that vector was rendered before."""
        vector = head.decode(output.detach()).cpu().numpy().astype(np.float64).clip(0.0, 1.0)
        if vector.tobytes() not in tried:
            made = torch.from_numpy(render(vector)).to(device)
            with torch.no_grad():
                tried[vector.tobytes()] = vector[0], float(frozen.distances(made, sound)[0])

    optimizer = torch.optim.Adam(encoder.parameters(), lr=learning_rate, betas=(0.9, 0.99))
    output = encoder(sound)
    score(output)
    for step in range(steps):
        if stop is not None and stop():
            break
        batch = batches(step)
        sounds = torch.from_numpy(batch.audio).to(device)
        predicted = encoder(sounds)
        parameters = head.loss(predicted, torch.from_numpy(batch.vectors).float().to(device))
        kept = parameters + proxy_weight * frozen.loss(head.predictions(predicted), sounds)
        loss = frozen.loss(head.predictions(output), sound) + regularisation * kept
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        output = encoder(sound)
        score(output)
    vectors = np.stack([vector for vector, _ in tried.values()])
    losses = np.array([loss for _, loss in tried.values()])
    order = np.argsort(losses, kind="stable")
    return Finetuned(vectors[order], losses[order], int(np.flatnonzero(order == 0)[0]))
