"""Encoder and proxy trained together (InverSynth II, equation 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..datasets import render
from ..errors import ParameterError
from ..parameters import FloatArray
from ..proxy import Proxy
from ..settings import Source
from ..synth import AudioArray
from ..weights.folder import PROXY, save_model, with_proxy
from .goal import Goal

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator


class ProxyGoal(Goal):
    """``L_p(e(x), y) + lambda L_a(d(e(x)), x)``, watched on the true synth (equation 5).

    Parameters
    ----------
    estimator : Estimator
        An ``inversynth2`` encoder.
    source : Source
        Its synth renders the held-out predictions; training keeps the weights whose
        renders are nearest to the sounds.
    weight : float
        ``lambda``; 1 in the paper (section 3.2).
    truth : float
        Weight of ``L_a(d(y), x)``, a loss on true parameters that the paper does not
        have: it keeps the proxy a synth, where the encoder could otherwise pass more about
        the sound through the probabilities than a patch holds.
    share : float
        Share of each batch, more than 0, that the proxy sees. It costs more than the
        encoder and needs fewer sounds; 1 in the paper.
    """

    def __init__(
        self,
        estimator: Estimator,
        source: Source,
        *,
        weight: float = 1.0,
        truth: float = 0.0,
        share: float = 1.0,
    ) -> None:
        super().__init__(estimator)
        self.proxy = Proxy(estimator)
        if not 0 < share <= 1:
            raise ParameterError(f"the proxy sees a share of more than 0 to 1, not {share}")
        self.options = {"proxy_weight": weight, "proxy_truth": truth, "proxy_share": share}
        self.share = share
        self.weight = weight
        self.truth = truth
        # a function, which copies of the goal share
        self._render: Callable[[FloatArray], AudioArray] = lambda vectors: render(source, vectors)

    def forward(self, audio: Tensor, vectors: Tensor) -> Tensor:
        """Return the joint loss."""
        head = self.estimator.head
        output = self.estimator(audio)
        loss = head.loss(output, vectors)
        seen = slice(math.ceil(self.share * len(audio)))
        loss = loss + self.weight * self.proxy.loss(head.predictions(output[seen]), audio[seen])
        if self.truth:
            targets = head.targets(vectors[seen])
            loss = loss + self.truth * self.proxy.loss(targets, audio[seen])
        return loss

    def scores(self, audio: Tensor, vectors: Tensor) -> dict[str, float]:
        """Return the audio loss on the true synth first, then that of the proxy and the rest.

        ``proxy_error`` is how far the proxy is from the synth on true parameters.
        """
        head = self.estimator.head
        output = self.estimator(audio)
        decoded = head.decode(output)
        predicted = decoded.cpu().numpy().astype(np.float64).clip(0.0, 1.0)
        made = torch.from_numpy(self._render(predicted)).to(audio.device)
        right = head.classes(decoded) == head.classes(vectors)
        return {
            "audio_loss": float(self.proxy.distances(made, audio).mean()),
            "proxy_loss": float(self.proxy.loss(head.predictions(output), audio)),
            "proxy_error": float(self.proxy.loss(head.targets(vectors), audio)),
            "loss": float(head.loss(output, vectors)),
            "accuracy": 100.0 * float(right.float().mean()),
        }

    def save(self, folder: Path, metadata: Mapping[str, Any], *, half: bool = False) -> None:
        """Write one model folder with encoder and proxy."""
        tensors = with_proxy(self.estimator, self.proxy)
        save_model(folder, self.estimator, metadata, half=half, tensors=tensors)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back both."""
        own = self.proxy.state_dict()
        mine = {k.removeprefix(PROXY): v for k, v in tensors.items() if k.startswith(PROXY)}
        self.proxy.load_state_dict({k: v.to(own[k].dtype) for k, v in mine.items()})
        super().load({k: v for k, v in tensors.items() if not k.startswith(PROXY)})
