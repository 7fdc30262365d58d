"""What every architecture is: a front end with its normalisation, a network, a head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..errors import ParameterError
from ..features import FrontEnd
from .head import Head


class Estimator(nn.Module):
    """Base of the architectures; :func:`synthmatch.estimators.build` makes them.

    A subclass takes ``(architecture, head, sample_rate, samples, *, options...)``, makes
    its front ends and layers, and implements :meth:`forward`.

    Attributes
    ----------
    architecture : str
        The name it was built under.
    head : Head
        Reads the output.
    sample_rate, samples : int
        Rate in Hz and length of the audio it takes.
    config : dict
        Flat and JSON-ready; :func:`synthmatch.estimators.from_config` rebuilds the
        network (without its weights) from it.
    """

    HEAD: ClassVar[Mapping[str, Any]] = {"head": "softmax", "smoothing": 0.0}
    """Published defaults of the head."""

    KNOWS_NOTE: ClassVar[bool] = False
    """Whether it takes the note of each sound beside its audio, so that it knows all pitches."""

    FIT_SOUNDS: ClassVar[int] = 512
    """Sounds that :meth:`fit_normalisation` should get."""

    config: dict[str, Any]

    def __init__(self, architecture: str, head: Head, sample_rate: int, samples: int) -> None:
        super().__init__()
        self.architecture = architecture
        self.head = head
        self.sample_rate = sample_rate
        self.samples = samples

    def forward(self, audio: Tensor) -> Tensor:
        """Return the output ``[b, head.size]`` for ``audio float32 [b, samples]``."""
        raise NotImplementedError

    def loss(self, audio: Tensor, vectors: Tensor) -> Tensor:
        """Return the scalar loss for sounds ``[b, samples]`` of ``vectors [b, d]``."""
        return self.head.loss(self(audio), vectors)

    def fit_normalisation(self, batches: Iterable[Tensor]) -> None:
        """Fit every front end to some audio; do it once, before training.

        Parameters
        ----------
        batches : iterable of Tensor ``[b, samples]``
            Gone through once; about :attr:`FIT_SOUNDS` sounds in all.
        """
        fronts = [module for module in self.modules() if isinstance(module, FrontEnd)]
        device = next(self.parameters()).device
        for front in fronts:
            front.start_fit()
        with torch.no_grad():
            for audio in batches:
                for front in fronts:
                    front.add_to_fit(audio.to(device))
        for front in fronts:
            front.finish_fit()

    def check_audio(self, audio: Tensor) -> Tensor:
        """Return ``audio`` if it is ``[b, samples]``; refuse another shape."""
        if audio.ndim != 2 or audio.shape[1] != self.samples:
            raise ParameterError(
                f"{self.architecture} takes audio [b, {self.samples}] at {self.sample_rate} Hz, "
                f"not {list(audio.shape)}; cut or pad it"
            )
        return audio
