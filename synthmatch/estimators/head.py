"""The one output head of every architecture: reads an output as parameters of a space.

A :class:`Head` has no weights. An architecture ends in a linear layer of ``head.size``
outputs, and the head reads them: as a loss, as a vector, as candidates, as
probabilities. Everything is vectorised over parameters: outputs are laid out one
parameter after another and padded to ``[b, d, k]`` with ``k`` the most classes of any.

Kinds of head
-------------
``softmax``
    Every parameter is a classification over ``Parameter.classes``; ordinal and
    continuous ones with Gaussian label smoothing (Sound2Synth, section 2.5).
``sigmoid``
    The same classes under one sigmoid layer with binary cross-entropy (InverSynth,
    section V). An output of 0 stands for the odds of a uniform guess, which spares a new
    network from learning that most classes are wrong.
``regression``
    Ordinal and continuous parameters are one sigmoid each under squared error (AST,
    section 2.2); categorical ones stay a softmax (InverSynth II, section 2.6).
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ParameterError
from ..parameters import ParameterSpace

HeadKind = Literal["softmax", "sigmoid", "regression"]
KINDS: tuple[HeadKind, ...] = ("softmax", "sigmoid", "regression")

_CLOSED = -1e4  # logit of the classes that a parameter does not have: probability exactly 0
_MEMORY = 0.99  # share of the running error that one training batch keeps
_UNIFORM_SPREAD = 1.0 / math.sqrt(12.0)  # standard deviation of a uniform guess in [0, 1]


class Head(nn.Module):
    """Reads outputs ``[b, size]`` of a network as estimates of the free parameters.

    Parameters
    ----------
    space : ParameterSpace
        The parameters; ``d`` is the number of free ones.
    kind : {"softmax", "sigmoid", "regression"}
        See the module.
    smoothing : float
        Standard deviation, in classes, of the Gaussian that spreads the label of an
        ordinal or continuous parameter over its neighbours (Sound2Synth's sigma_0);
        0 for one-hot labels. Regressed parameters have none.

    Attributes
    ----------
    size : int
        Outputs needed: classes, or 1 for a regressed parameter, over all parameters.
    slices : tuple of slice
        Where the outputs of each parameter are.
    weights : Tensor ``[d]``
        Importance of each parameter in the loss, 1 unless set; saved with the model.
    spread : Tensor ``[d]``
        Root mean square error of each regressed parameter, a running mean over the
        batches whose loss was taken in training mode; what sampling one goes by.
    """

    weights: Tensor
    spread: Tensor
    _classes: Tensor
    _columns: Tensor
    _units: Tensor
    _targets: Tensor
    _odds: Tensor
    _open: Tensor
    _grid: Tensor
    _regressed: Tensor
    _numeric: Tensor

    def __init__(
        self, space: ParameterSpace, kind: HeadKind = "softmax", smoothing: float = 0.0
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ParameterError(f"no head named {kind!r}; use one of {', '.join(KINDS)}")
        if not (math.isfinite(smoothing) and smoothing >= 0):
            raise ParameterError(f"label smoothing is 0 or more classes, not {smoothing}")
        if not len(space):
            raise ParameterError(f"every parameter of {space.synth!r} is frozen; free at least one")
        self.space = space
        self.kind: HeadKind = kind
        self.smoothing = float(smoothing)
        free = space.free
        regressed = [kind == "regression" and p.kind != "categorical" for p in free]
        widths = [1 if r else p.classes for p, r in zip(free, regressed, strict=True)]
        ends = list(itertools.accumulate(widths))
        self.size = ends[-1]
        self.slices = tuple(slice(e - w, e) for e, w in zip(ends, widths, strict=True))
        most = max(p.classes for p in free)
        self._even = all(w == most for w in widths)

        column = torch.arange(most)
        self._fixed("_classes", torch.tensor([p.classes for p in free]))
        self._fixed("_grid", torch.tensor([p.kind == "continuous" for p in free]))
        self._fixed("_regressed", torch.tensor(regressed))
        self._fixed("_numeric", torch.tensor([p.kind != "categorical" for p in free]))
        odds = [-math.log(max(p.classes - 1, 1)) for p in free]
        self._fixed("_odds", torch.tensor(odds)[:, None])
        self._fixed("_open", column < torch.tensor(widths)[:, None])
        self._fixed("_columns", self._open.flatten().nonzero()[:, 0])
        units = [torch.from_numpy(p.unit_of_class(range(p.classes))) for p in free]
        self._fixed("_units", nn.utils.rnn.pad_sequence(units, batch_first=True).float())
        self._fixed("_targets", self._labels())
        self.register_buffer("weights", torch.ones(len(free)))
        self.register_buffer("spread", torch.full((len(free),), _UNIFORM_SPREAD))

    def _fixed(self, name: str, value: Tensor) -> None:
        """Register a buffer that follows from the space, and is not saved."""
        self.register_buffer(name, value, persistent=False)

    def _labels(self) -> Tensor:
        """Return the target distribution of each class, ``[d, k, k]``; rows sum to 1."""
        most = self._units.shape[1]
        index = torch.arange(most)
        one_hot = torch.eye(most).expand(len(self._classes), -1, -1)
        if self.smoothing == 0:
            return one_hot.clone()
        distance = (index[:, None] - index).abs()
        bell = torch.exp(-0.5 * (distance / self.smoothing) ** 2)
        has = index < self._classes[:, None]
        bells = bell * has[:, None]
        bells = bells / bells.sum(2, keepdim=True)
        return torch.where((self._numeric[:, None] & has)[..., None], bells, one_hot)

    def _logits(self, output: Tensor) -> Tensor:
        """Return ``[b, d, k]`` in single precision, closed where there is no such class."""
        output = output.float()
        if self._even:
            logits = output.view(-1, *self._open.shape)
            return logits + self._odds if self.kind == "sigmoid" else logits
        padded = output.new_full((len(output), self._open.numel()), _CLOSED)
        padded = padded.index_copy(1, self._columns, output)
        logits = padded.view(-1, *self._open.shape)
        return logits + self._odds if self.kind == "sigmoid" else logits

    def classes(self, vectors: Tensor) -> Tensor:
        """Return the classes ``int64 [b, d]`` of unit-cube ``vectors [b, d]``."""
        count = self._classes
        bin_ = torch.minimum((vectors * count).long(), count - 1)
        return torch.where(self._grid, torch.round(vectors * (count - 1)).long(), bin_)

    def loss(self, output: Tensor, vectors: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the scalar loss of ``output [b, size]`` against true ``vectors [b, d]``.

        The weighted mean over sounds and parameters of the cross-entropy, binary
        cross-entropy (mean over classes) or squared error of each.

        Parameters
        ----------
        output, vectors : Tensor
            Of the network, and the true vectors.
        weights : Tensor ``[d]`` or ``[b, d]``, optional
            Importance beside :attr:`weights`, such as
            :func:`~synthmatch.estimators.weighting.gradient_weights` gives.
        """
        each = self.losses(output, vectors)
        importance = self.weights if weights is None else self.weights * weights
        importance = importance.expand_as(each)
        return (importance * each).sum() / importance.sum()

    def losses(self, output: Tensor, vectors: Tensor) -> Tensor:
        """Return the loss of each parameter, ``[b, d]``."""
        logits = self._logits(output)
        parameter = torch.arange(logits.shape[1], device=logits.device)
        targets = self._targets[parameter, self.classes(vectors)]
        if self.kind == "sigmoid":
            binary = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return (binary * self._open).sum(2) / self._classes
        if self.kind == "softmax":
            return -(targets * logits.log_softmax(2)).sum(2)
        error = (logits[..., 0].sigmoid() - vectors.float()) ** 2
        if self.training:
            with torch.no_grad():
                mean = _MEMORY * self.spread**2 + (1 - _MEMORY) * error.mean(0)
                self.spread.copy_(torch.where(self._regressed, mean.sqrt(), self.spread))
        entropy = -(targets * logits.log_softmax(2)).sum(2)
        return torch.where(self._regressed, error, entropy)

    def _likely(self, output: Tensor) -> Tensor:
        """Return the probabilities of all classes, ``[b, d, k]``, 0 where there is none."""
        logits = self._logits(output)
        if self.kind == "sigmoid":
            odds = logits.sigmoid() * self._open
            return odds / odds.sum(2, keepdim=True).clamp_min(torch.finfo(odds.dtype).tiny)
        likely = logits.softmax(2)
        if self.kind == "softmax":
            return likely
        offset = (self._units - logits[..., :1].sigmoid()) / self.spread[:, None].clamp_min(1e-3)
        has = torch.arange(self._units.shape[1], device=output.device) < self._classes[:, None]
        bell = (-0.5 * offset**2).masked_fill(~has, -math.inf).softmax(2)
        return torch.where(self._regressed[:, None], bell, likely)

    def probabilities(self, output: Tensor) -> list[Tensor]:
        """Return for each parameter the probabilities ``[b, classes]`` of its classes.

        The scores of a sigmoid head are divided by their sum. A regressed parameter has
        the Gaussian of :attr:`spread` around its value.
        """
        likely = self._likely(output)
        return [likely[:, i, : p.classes] for i, p in enumerate(self.space.free)]

    def targets(self, vectors: Tensor) -> Tensor:
        """Return true ``vectors [b, d]`` laid out as an output, ``float32 [b, size]``.

        One-hot classes, and the value of a regressed parameter: the super-vector of
        InverSynth II (section 2.6).
        """
        one_hot = functional.one_hot(self.classes(vectors), self._open.shape[1]).float()
        value = vectors.float()[..., None]
        laid = torch.where(self._regressed[:, None], value, one_hot)
        return laid.flatten(1).index_select(1, self._columns)

    def predictions(self, output: Tensor) -> Tensor:
        """Return an output laid out as :meth:`targets`, differentiable, ``float32 [b, size]``.

        Probabilities of classes, and the value of a regressed parameter.
        """
        laid = self._likely(output)
        if self.kind == "regression":
            value = self._logits(output)[..., :1].sigmoid()
            laid = torch.where(self._regressed[:, None], value, laid)
        return laid.flatten(1).index_select(1, self._columns)

    def decode(self, output: Tensor, method: Literal["argmax", "expectation"] = "argmax") -> Tensor:
        """Return the one most likely vector of each sound, ``float32 [b, d]`` in [0, 1].

        Parameters
        ----------
        output : Tensor ``[b, size]``
            Of the network.
        method : {"argmax", "expectation"}
            The most likely class, or the mean coordinate under the probabilities;
            categorical parameters always give the most likely class, and regressed
            ones their value.
        """
        if method not in ("argmax", "expectation"):
            raise ParameterError(f"decode by 'argmax' or 'expectation', not {method!r}")
        likely = self._likely(output)
        vectors = self.units(likely.argmax(2)[:, None])[:, 0]
        if method == "expectation":
            vectors = torch.where(self._numeric, (likely * self._units).sum(2), vectors)
        if self.kind == "regression":
            value = self._logits(output)[..., 0].sigmoid()
            vectors = torch.where(self._regressed, value, vectors)
        return vectors.clamp(0.0, 1.0)

    def sample(
        self, output: Tensor, n: int, generator: torch.Generator, temperature: float = 1.0
    ) -> Tensor:
        """Return ``n`` random candidates for each sound, ``float32 [b, n, d]`` in [0, 1].

        Parameters are drawn independently of each other.

        Parameters
        ----------
        output : Tensor ``[b, size]``
            Of the network.
        n : int
            Candidates for each sound.
        generator : torch.Generator
            On the device of ``output``.
        temperature : float
            More than 0. Below 1 keeps to what is likely, above 1 wanders.
        """
        if not (math.isfinite(temperature) and temperature > 0):
            raise ParameterError(f"temperature {temperature} is not a number above 0")
        if n < 1:
            raise ParameterError(f"draw at least 1 candidate, not {n}")
        tempered = (self._likely(output).log() / temperature).softmax(2)
        b, d = tempered.shape[:2]
        # eighteen times as fast as torch.multinomial on a CPU
        heights = tempered.cumsum(2)
        total = heights[..., -1:]
        places = total * torch.rand(b, d, n, generator=generator, device=output.device)
        places = places.minimum(total.nextafter(torch.zeros_like(total)))
        drawn = torch.searchsorted(heights, places, right=True)
        vectors = self.units(drawn.transpose(1, 2))
        if self.kind == "regression":
            noise = torch.randn(b, n, d, generator=generator, device=output.device)
            value = self._logits(output)[:, None, :, 0].sigmoid()
            jittered = value + temperature * self.spread * noise
            vectors = torch.where(self._regressed, jittered, vectors)
        return vectors.clamp(0.0, 1.0)

    def units(self, classes: Tensor) -> Tensor:
        """Return the coordinates ``float32 [..., d]`` of the middles of classes ``[..., d]``."""
        parameter = torch.arange(classes.shape[-1], device=classes.device)
        return self._units[parameter, classes]
