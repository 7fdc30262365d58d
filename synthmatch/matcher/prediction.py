"""What a network says about one recording, as candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..parameters import FloatArray
from ..search import Sampler

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from ..estimators.head import Head
    from ..estimators.masked import MaskedTransformer

Convert = Callable[[FloatArray], FloatArray]

_GUIDED = 0.5  # share of a search's fresh draws that a network makes, not the prior
_WANDER = 2.0  # temperature of those draws: a network is too sure of sounds it does not know
_CERTAIN, _CONTENT = 0.5, 0.6  # temperatures of one patch and of several, where drawn in rounds
_TOGETHER = 64  # patches that are completed at once


class Prediction:
    """What a network predicts for one recording: a probability for every class.

    Parameters
    ----------
    head : Head
        Of the network.
    output : Tensor ``[1, head.size]``
        Of the network.
    convert : callable, optional
        From vectors ``[n, d]`` of the network to those that are wanted.
    """

    wander: float = _WANDER
    temperature: float = 1.0
    """Of the draws that it proposes."""
    starts: int = 128
    """Candidates that it proposes for a search to start from."""

    def __init__(self, head: Head, output: Tensor, convert: Convert | None = None) -> None:
        self._head = head
        self._output = output
        self._convert: Convert = convert or (lambda vectors: vectors)

    def likeliest(self) -> FloatArray:
        """Return the likeliest vector, ``[1, d]``."""
        return self._convert(self._likeliest())

    def draw(self, rng: np.random.Generator, n: int, temperature: float = 1.0) -> FloatArray:
        """Return random vectors ``[n, d]``; a higher temperature wanders further."""
        if n < 1:
            return self._convert(np.empty((0, len(self._head.space))))
        return self._convert(self._draw(rng, n, temperature))

    def _likeliest(self) -> FloatArray:
        return _vectors(self._head.decode(self._output))

    def _draw(self, rng: np.random.Generator, n: int, temperature: float) -> FloatArray:
        generator = _generator(rng, self._output)
        return _vectors(self._head.sample(self._output, n, generator, temperature)[0])

    def propose(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Return the likeliest vector and ``count - 1`` drawn ones, ``[count, d]``."""
        return np.concatenate([self.likeliest(), self.draw(rng, count - 1, self.temperature)])

    def guide(self, prior: Sampler) -> Sampler:
        """Return a source of fresh draws for a search: half from here, half from ``prior``."""

        def sample(rng: np.random.Generator, n: int) -> FloatArray:
            drawn = prior(rng, n).copy()
            guided = np.flatnonzero(rng.random(n) < _GUIDED)
            drawn[guided] = self.draw(rng, len(guided), self.wander)
            return drawn

        return sample


class Completion(Prediction):
    """What a network predicts that draws whole patches, a part of the parameters at a time.

    Parameters
    ----------
    network : MaskedTransformer
        In evaluation mode.
    encoded : Tensor ``[1, tokens, width]``
        Of the sound; see :meth:`MaskedTransformer.encode`.
    convert : callable, optional
        See :class:`Prediction`.
    """

    temperature = _CONTENT
    wander = 1.0  # its draws agree with themselves; a search wanders from there on its own
    starts = 32  # a draw costs as much as several sounds

    def __init__(
        self, network: MaskedTransformer, encoded: Tensor, convert: Convert | None = None
    ) -> None:
        super().__init__(network.head, encoded, convert)
        self._network = network

    def _likeliest(self) -> FloatArray:
        """Return one vector ``[1, d]``, always the same, drawn at a low temperature.

        The likeliest class of each parameter in turn would be a patch of nothing but defaults
        where the network is in doubt.
        """
        return self._draw(np.random.default_rng(0), 1, _CERTAIN)

    def guide(self, prior: Sampler) -> Sampler:
        """Return a source of fresh draws for a search: half from here, half from ``prior``.

        Those from here are taken from a few that are drawn once.
        """
        pool: list[FloatArray] = []

        def sample(rng: np.random.Generator, n: int) -> FloatArray:
            if not pool:
                pool.append(self.draw(rng, self.starts, self.wander))
            drawn = prior(rng, n).copy()
            guided = np.flatnonzero(rng.random(n) < _GUIDED)
            drawn[guided] = pool[0][rng.integers(0, self.starts, len(guided))]
            return drawn

        return sample

    def _draw(self, rng: np.random.Generator, n: int, temperature: float) -> FloatArray:
        nothing = np.zeros((n, len(self._head.space)))
        return self.complete(rng, nothing, nothing > 0, temperature)

    def complete(
        self,
        rng: np.random.Generator,
        vectors: FloatArray,
        shown: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
        temperature: float = 1.0,
    ) -> FloatArray:
        """Return ``vectors [n, d]`` of the network, what is not ``shown [n, d]`` drawn anew."""
        import torch

        generator = _generator(rng, self._output)
        device = self._output.device
        made = []
        for start in range(0, len(vectors), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            known = torch.from_numpy(shown[part]).to(device)
            drawn = self._network.complete(
                self._output.expand(len(known), -1, -1),
                torch.from_numpy(vectors[part]).to(device),
                known,
                generator,
                temperature=temperature,
            )
            made.append(np.where(shown[part], vectors[part], _vectors(drawn)))
        return np.concatenate(made)


def _generator(rng: np.random.Generator, like: Tensor) -> Generator:
    import torch

    return torch.Generator(like.device).manual_seed(int(rng.integers(2**62)))


def _vectors(tensor: Tensor) -> FloatArray:
    return np.clip(tensor.cpu().numpy().astype(np.float64), 0.0, 1.0)
