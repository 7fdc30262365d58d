"""From a recording to ranked presets: :class:`Matcher` and what it returns."""

from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..audio import Recording, read_recording
from ..banks import Bank, read_bank
from ..errors import ParameterError, WeightsError
from ..parameters import FloatArray
from ..registry import load_synth
from ..search import (
    DEFAULT,
    METHODS,
    Budget,
    Evaluate,
    Optimizer,
    Progress,
    Sampler,
    SearchResult,
    make_optimizer,
)
from ..search.stages import search_in_stages
from ..synth import Note, Synth, backend_info, sample_prior
from .match import Candidate, Match
from .network import Answer, Network, default_model, load_network
from .ranking import fit_length, pick, ranked
from .rates import distances, search_rates

__all__ = ["DEFAULT_SECONDS", "Candidate", "Match", "Matcher"]

AudioInput = str | os.PathLike[str] | npt.NDArray[Any] | Recording

DEFAULT_SECONDS = 4.0
_DRAWS = 16  # candidates that a network proposes to be ranked
_STARTS = 128  # candidates that it proposes for a search to start from
_FROM_BANK = 32  # presets of the user's bank that are tried
_POOL = 2000  # best distinct vectors of a search that candidates are picked from


class Matcher:
    """Finds presets of one synth that sound like a recording.

    Parameters
    ----------
    synth : Synth or str
        The synth, or its name in the registry.
    model : str or Network, optional
        The architecture that :meth:`fit` trains, or a trained network, as
        :meth:`from_pretrained` passes it. Without a trained network, :meth:`predict`
        searches.
    bank : Bank, path or list of paths, optional
        The user's own presets; the nearest are tried first.
    method : str, optional
        Search method, one of :data:`synthmatch.search.METHODS`; by default the best
        measured.
    seed : int
        Everything random derives from it.
    workers : int, optional
        Threads for comparing; all cores by default. Results do not depend on it.

    Examples
    --------
    >>> from synthmatch.synth import render
    >>> matcher = Matcher("jsyn")
    >>> recording = render(matcher.synth, {"cutoff": 1000.0}, Note(pitch=69))
    >>> match = matcher.predict(recording, 16_384, budget=Budget(renders=100))
    >>> 200.0 <= match.patch["cutoff"] <= 4000.0
    True
    """

    def __init__(
        self,
        synth: Synth | str,
        *,
        model: str | Network | None = None,
        bank: Bank | str | os.PathLike[str] | list[str | os.PathLike[str]] | None = None,
        method: str | None = None,
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise ParameterError(f"workers must be at least 1, not {workers}")
        if method is not None and method not in METHODS:
            raise ParameterError(f"no search method {method!r}; use one of {', '.join(METHODS)}")
        self.synth = load_synth(synth) if isinstance(synth, str) else synth
        self.network: Network | None = None
        self.architecture: str | None = None
        if isinstance(model, Network):
            self._take(model)
        else:
            self.architecture = model
        if isinstance(bank, str | os.PathLike):
            bank = [bank]
        self.bank = read_bank(self.synth, bank) if isinstance(bank, list) else bank
        self.method = method or DEFAULT
        self.seed = seed
        self.workers = workers or os.cpu_count() or 1

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, synth: Synth | None = None, device: str = "cpu", **options: Any
    ) -> Matcher:
        """Return a matcher with a trained network.

        Parameters
        ----------
        source : str or path
            Name of an installed model (`synthmatch models`), or a model folder.
        synth : Synth, optional
            By default the one the model was trained on.
        device : str
            Where the network runs.
        **options
            Of :class:`Matcher`.

        Raises
        ------
        RegistryError
            If there is no such model.
        WeightsError
            If it is damaged, of a newer version, or does not fit the synth.
        """
        network = load_network(source, device)
        setting = network.setting
        return cls(synth or load_synth(setting.synth, **setting.options), model=network, **options)

    @classmethod
    def for_synth(
        cls, synth: Synth | str, model: str | None = None, *, device: str = "cpu", **options: Any
    ) -> Matcher:
        """Return a matcher for a synth with its best installed model.

        Parameters
        ----------
        synth : Synth or str
            The synth, or its name.
        model : str, optional
            Another model or a model folder; "none" for none. By default the best one
            that fits: a synth with other parameters held fixed than its model knows is
            searched without.
        device, options
            As for :meth:`from_pretrained`.
        """
        loaded = load_synth(synth) if isinstance(synth, str) else synth
        chosen = default_model(loaded) if model is None else model
        if chosen is None or chosen == "none":
            return cls(loaded, **options)
        return cls.from_pretrained(chosen, synth=loaded, device=device, **options)

    def _take(self, network: Network) -> None:
        from ..weights import check_space

        self.synth = check_space(network.estimator.head.space, self.synth)
        self.network = network
        self.architecture = network.estimator.architecture

    def fit(
        self,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        out: str | Path | None = None,
        note: Note | None = None,
        device: str = "auto",
        **recipe: Any,
    ) -> Matcher:
        """Train the network named by ``model`` on sounds of the synth; return this matcher.

        Parameters
        ----------
        minutes, steps : float, int
            The budget: give one.
        out : path, optional
            The model folder. A run that was interrupted goes on there.
        note : Note, optional
            What the sounds play.
        device : str
            "auto", "cpu", "cuda", "mps".
        **recipe
            Other fields of :class:`synthmatch.training.Recipe`.

        Raises
        ------
        ParameterError
            If no architecture was named, or the recipe makes no sense.
        """
        from ..training import Recipe, train

        if self.architecture is None:
            raise ParameterError("name an architecture to train: Matcher(synth, model='conv6xl')")
        chosen = Recipe(minutes=minutes, steps=steps, **{"seed": self.seed, **recipe})
        with tempfile.TemporaryDirectory() as scratch:
            result = train(
                self.synth,
                self.architecture,
                out=out or scratch,
                recipe=chosen,
                note=note,
                device=device,
            )
            self._take(load_network(result.folder))
        return self

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a model folder that :meth:`from_pretrained` reads, with the proxy if any.

        Raises
        ------
        WeightsError
            If there is no trained network, or the folder holds a model already.
        """
        if self.network is None:
            raise WeightsError("this matcher has no trained network to save; call fit first")
        self.network.save(folder)

    def predict(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: Note | None = None,
        candidates: int = 5,
        budget: Budget | None = None,
        progress: Progress | None = None,
    ) -> Match:
        """Return ranked candidates for a recording.

        With a trained network, and no ``budget``, its proposals are rendered and ranked.
        Without one, or with a ``budget``, a search goes on from what bank and network
        propose, and the network makes half of the fresh draws that the search takes.

        Parameters
        ----------
        audio : path, array or Recording
            A file, samples ``[n]`` or ``[n, channels]`` with ``sample_rate``, or a recording.
        sample_rate : int, optional
            Rate in Hz of an array.
        note : Note, optional
            What to play; estimated from the recording by default.
        candidates : int
            How many to return at most.
        budget : Budget, optional
            Of the search. Without a network :data:`DEFAULT_SECONDS` by default.
        progress : callable, optional
            Called with (fraction done, best distance, seconds left).

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        recording = _as_recording(audio, sample_rate)
        return self._run(recording, note or recording.note, None, "", candidates, budget, progress)

    def refine(
        self,
        audio: AudioInput,
        match: Match,
        budget: Budget | None = None,
        *,
        method: Literal["search", "proxy"] = "search",
        sample_rate: int | None = None,
        progress: Progress | None = None,
    ) -> Match:
        """Return a match at least as good, started from the candidates of ``match``.

        Parameters
        ----------
        audio : path, array or Recording
            The recording ``match`` is for.
        match : Match
            Where to start; of the same synth.
        budget : Budget, optional
            :data:`DEFAULT_SECONDS` by default.
        method : {"search", "proxy"}
            Search, or adapt the network to this one sound through its proxy
            (InverSynth II, section 2.4), in 30 steps or as many as the seconds of the
            budget allow, ranking not counted.
        sample_rate, progress
            As for :meth:`predict`.

        Raises
        ------
        ParameterError
            If ``match`` is of another synth.
        WeightsError
            If the proxy is asked for and there is none.
        """
        if match.synth != self.synth.name:
            raise ParameterError(
                f"this match is for synth {match.synth!r}, not {self.synth.name!r}; "
                f"refine it with a Matcher of that synth"
            )
        recording = _as_recording(audio, sample_rate)
        start = np.stack([c.vector for c in match.candidates])
        chosen: Budget | None = budget or Budget(seconds=DEFAULT_SECONDS)
        before = f"{match.method}, then "
        if method == "proxy":
            if self.network is None:
                raise WeightsError("finetuning needs a network with a proxy; see from_pretrained")
            seconds = chosen.seconds if chosen is not None else None
            adapted = self.network.finetune(recording, match.note, self.seed, seconds)
            start, chosen = np.concatenate([start, adapted]), None
            before += f"{len(adapted)} answers of {self.network.name} finetuned"
        count = len(match.candidates)
        return self._run(recording, match.note, start, before, count, chosen, progress)

    def _run(
        self,
        recording: Recording,
        note: Note,
        start: FloatArray | None,
        before: str,
        count: int,
        budget: Budget | None,
        progress: Progress | None,
    ) -> Match:
        if count < 1:
            raise ParameterError(f"ask for at least 1 candidate, not {count}")
        began = time.perf_counter()
        rates = search_rates(recording, note, self.synth.sample_rate)
        stages = [distances(self.synth, recording, note, rate, self.workers) for rate in rates]
        for stage in stages:  # engines compile on first use, off the clock
            stage(self.synth.space.encode({})[None])
        answer = None
        if self.network is not None and (start is None or budget is not None):
            answer = self.network.answer(recording, note)
        if start is None:
            proposals = _DRAWS if budget is None else _STARTS
            start, before = self._propose(answer, proposals, recording, rates[-1], note)
        prepared = time.perf_counter()
        if self.network is not None and budget is None:
            found = ranked(start, stages[-1](start))
            method = before.removesuffix(", then ")
        else:
            found = self._search(stages, start, answer, budget, progress)
            method = f"{before}{self.method} search of {found.renders:,} renders"
        searched = time.perf_counter()
        candidates = pick(self.synth, recording, note, found, start, count, self.workers)
        ranking = time.perf_counter() - searched
        timings = {"prepare": prepared - began, "search": searched - prepared, "rank": ranking}
        return Match(
            synth=self.synth.name,
            target=recording,
            note=note,
            sample_rate=self.synth.sample_rate,
            candidates=candidates,
            method=method,
            renders=found.renders,
            stopped=found.stopped,
            timings=timings,
            seed=self.seed,
            backend=backend_info(self.synth),
            history=tuple(found.history),
        )

    def _propose(
        self, answer: Answer | None, proposals: int, recording: Recording, rate: int, note: Note
    ) -> tuple[FloatArray, str]:
        """Return where to start ``[k, d]``, and in words where that comes from."""
        rows, words = [np.empty((0, len(self.synth.space)))], ""
        if self.bank is not None:
            target = fit_length(recording.at(rate), note.samples(rate))
            rows.append(self.bank.nearest(self.synth, target, rate, note.pitch, _FROM_BANK))
            words += f"{len(rows[-1])} of {len(self.bank):,} bank presets, then "
        if self.network is not None and answer is not None:
            rows.append(answer.propose(np.random.default_rng([self.seed, 2]), proposals))
            words += f"{proposals} proposals of {self.network.name}, then "
        return np.concatenate(rows), words

    def _search(
        self,
        stages: list[Evaluate],
        start: FloatArray,
        answer: Answer | None,
        budget: Budget | None,
        progress: Progress | None,
    ) -> SearchResult:
        sample: Sampler = partial(sample_prior, self.synth)
        if answer is not None:
            sample = answer.guide(sample)
            more = sample(np.random.default_rng([self.seed, len(start)]), _STARTS)
            start = np.concatenate([start, more])

        def optimizer(stage: int, first: FloatArray) -> Optimizer:
            rng = np.random.default_rng([self.seed, 1, stage] if stage else [self.seed, 1])
            return make_optimizer(self.method, self.synth.space, rng, start=first, sample=sample)

        if self.method == "random":  # which learns nothing that a second stage could use
            stages = stages[-1:]
        chosen = budget or Budget(seconds=DEFAULT_SECONDS)
        return search_in_stages(stages, optimizer, start, chosen, keep=_POOL, progress=progress)


def _as_recording(audio: AudioInput, sample_rate: int | None) -> Recording:
    return audio if isinstance(audio, Recording) else read_recording(audio, sample_rate)
