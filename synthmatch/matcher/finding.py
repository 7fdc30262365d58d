"""Where a search starts, and the search: bank, starts and network first, then the optimiser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..banks import Bank, Nearest, Starts
from ..parameters import FloatArray
from ..search import (
    Budget,
    Evaluate,
    Optimizer,
    Sampler,
    Search,
    SearchProgress,
    SearchResult,
    Stage,
    make_optimizer,
    search_in_stages,
)
from ..synth import Synth, audible, renders_excerpts, sample_prior
from .network import Network
from .prediction import Prediction
from .ranking import ranked
from .rates import search_rates
from .target import Target

_DRAWS = 16  # candidates that a network proposes to be ranked
_MORE = 128  # fresh draws that a search which a network guides starts from besides, if not starts
_FROM_BANK = 32  # presets of the user's bank that are tried
_FROM_STARTS = 64  # draws of the prior that are tried, the nearest of very many
_NEAR = 2048  # draws that a search takes half of its fresh ones from, in turn
_EXCERPTS = 0.6  # share of a budget for the stage that compares excerpts
_LONGEST = 10.0  # seconds of it, at most: by then it finds no more
_LAST = 0.2  # and for the last stage, where sounds are compared at a higher rate
_SETTLED = 2500  # renders before it without which there is none
_POOL = 2000  # best distinct vectors of a search that candidates are picked from


@dataclasses.dataclass(frozen=True)
class Proposed:
    """Where a search starts.

    Attributes
    ----------
    vectors : ndarray
        ``float64 [k, d]``.
    words : str
        Where they come from, for people.
    prediction : Prediction or None
        Of the network, which goes on to make fresh draws.
    near : Nearest or None
        The next of the starts, which the search goes on with.
    """

    vectors: FloatArray
    words: str
    prediction: Prediction | None
    near: Nearest | None = None


class Finder:
    """What a matcher finds with: synth, network, bank, starts, search method and seed."""

    def __init__(
        self,
        synth: Synth,
        network: Network | None,
        bank: Bank | None,
        method: str,
        seed: int,
        starts: Starts | None = None,
    ) -> None:
        self._synth = synth
        self._network = network
        self._bank = bank
        self._method = method
        self._seed = seed
        self._starts = starts

    def prepare(
        self, target: Target, budget: Budget | None, start: FloatArray | None = None
    ) -> list[Stage]:
        """Return what a search within a budget goes by, stage after stage.

        Excerpts save time, so they serve a budget of seconds only, and from a ``start``, near
        already, they would lead away. Each distance is called once, since engines compile on
        their first sound: that is not to count as search.
        """
        rates = search_rates(target, self._synth.sample_rate)
        stages = []
        seconds = budget.seconds if budget is not None and start is None else None
        if seconds is not None and renders_excerpts(self._synth):
            parts = target.evaluate_excerpts(self._synth, rates[0])
            if parts is not None:
                until = min(_EXCERPTS, _LONGEST / seconds)
                stages.append(Stage(parts, until=until, exact=False))
        if len(rates) > 1:
            # What a later stage goes over again need not be exact.
            quick = target.evaluate(self._synth, rates[0], quick=True)
            stages.append(Stage(quick, until=1 - _LAST))
        settled = _SETTLED if len(rates) > 1 else 0
        stages.append(Stage(target.evaluate(self._synth, rates[-1]), settled=settled))
        for stage in stages:
            stage.evaluate(self._synth.space.encode({})[None])
        return stages

    def propose(self, target: Target, budget: Budget | None, start: FloatArray | None) -> Proposed:
        """Return where to start: the vectors given, else what bank, starts and network propose."""
        network = self._network
        prediction, near = None, None
        if network is not None and (start is None or budget is not None):
            prediction = network.predict(target.recording, target.note)
        if start is not None:
            return Proposed(start, "", prediction)
        rows, words = [np.empty((0, len(self._synth.space)))], []
        rate = search_rates(target, self._synth.sample_rate)[-1]
        sound = target.samples(rate), rate, target.note
        if self._bank is not None:
            rows.append(self._bank.nearest(self._synth, *sound, _FROM_BANK))
            words.append(f"{len(rows[-1])} of {len(self._bank):,} bank presets")
        if self._starts is not None:
            near = self._starts.nearest(*sound, _NEAR)
            rows.append(near.take(min(len(near), _FROM_STARTS)))
            words.append(f"{len(rows[-1])} of {len(self._starts):,} starts")
        if network is not None and prediction is not None:
            count = _DRAWS if budget is None else prediction.starts
            rows.append(prediction.propose(np.random.default_rng([self._seed, 2]), count))
            words.append(f"{count} proposals of {network.name}")
        return Proposed(np.concatenate(rows), ", then ".join(words), prediction, near)

    def find(
        self,
        stages: Sequence[Stage],
        proposed: Proposed,
        budget: Budget | None,
        progress: SearchProgress | None,
    ) -> SearchResult:
        """Search within a budget, or rank what is proposed where there is none."""
        if budget is None:
            return ranked(proposed.vectors, stages[-1].evaluate(proposed.vectors))
        optimizer, start = self._optimizers(proposed)
        if self._method == "random":  # which learns nothing that a second stage could use
            stages = stages[-1:]
        return search_in_stages(stages, optimizer, start, budget, keep=_POOL, progress=progress)

    def begin(self, evaluate: Evaluate, proposed: Proposed) -> Search:
        """Return a search by one distance that goes on from one share of a budget to the next."""
        optimizer, start = self._optimizers(proposed)
        return Search(evaluate, optimizer(0, start), keep=_POOL)

    def _optimizers(
        self, proposed: Proposed
    ) -> tuple[Callable[[int, FloatArray], Optimizer], FloatArray]:
        """Return what makes the optimiser of a stage from where it starts, and the first start."""
        sample: Sampler = partial(sample_prior, self._synth)
        start = proposed.vectors
        if proposed.near:
            sample = partial(_half_near, sample, proposed.near)
        if proposed.prediction is not None:
            sample = proposed.prediction.guide(sample)
            if not proposed.near:
                more = sample(np.random.default_rng([self._seed, len(start)]), _MORE)
                start = np.concatenate([start, more])

        def optimizer(stage: int, first: FloatArray) -> Optimizer:
            rng = np.random.default_rng([self._seed, 1, stage] if stage else [self._seed, 1])
            return make_optimizer(
                self._method,
                self._synth.space,
                rng,
                start=first,
                sample=sample,
                audible=partial(audible, self._synth),
            )

        return optimizer, start

    def describe(self, proposed: Proposed, found: SearchResult, budget: Budget | None) -> str:
        """Return how the candidates were found, for people."""
        if budget is None:
            return proposed.words
        words = f"{self._method} search of {found.renders:,} renders"
        return f"{proposed.words}, then {words}" if proposed.words else words


def _half_near(prior: Sampler, near: Nearest, rng: np.random.Generator, n: int) -> FloatArray:
    """Return fresh draws ``[n, d]`` for a search: half of the ``prior``, half the next nearest.

    So the populations that follow the first have a start of their own, and none is crowded
    by what is nearest of all.
    """
    return np.concatenate([near.take(n // 2), prior(rng, n - n // 2)])
