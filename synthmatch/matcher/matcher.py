"""From a recording to ranked presets: :class:`Matcher`."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..audio import Recording
from ..banks import Bank, Starts, find_starts, read_bank
from ..errors import ParameterError, SearchError, WeightsError
from ..parameters import FloatArray
from ..registry import load_synth
from ..search import DEFAULT, METHODS, Budget, SearchProgress
from ..synth import Note, Synth
from .arguments import AudioInput, NoteInput, budget_of, note_for, read_for
from .finding import Finder
from .fitting import fit, folder_for
from .match import Match
from .matching import find_match
from .network import Network, load_network, resolve_model

DEFAULT_SECONDS = 4.0


class Matcher:
    """Finds presets of one synth that sound like a recording.

    Parameters
    ----------
    synth : Synth or str
        The synth, or its name in the registry.
    model : str, path or Network, optional
        A trained network by its name (`synthmatch models`) or folder, or an architecture
        for :meth:`fit` to train; by default the synth's best installed model, where there
        is one, and "none" for none. Without a trained network, :meth:`predict` searches.
    bank : Bank, path or list of paths, optional
        The user's own presets; the nearest are tried first.
    starts : bool
        Whether to start from the nearest of the synth's index of draws of its prior, where
        it comes with one or the user has built one.
    method : str, optional
        Search method, one of :data:`synthmatch.search.METHODS`; by default the best
        measured.
    seed : int
        Everything random derives from it.
    workers : int, optional
        Threads for rendering and comparing; all cores by default. Results do not depend
        on it.
    device : str
        Where a network runs: "auto", "cpu", "cuda", "mps".

    Raises
    ------
    ParameterError
        If ``model`` is neither a model nor an architecture, or an option is out of range.
    RegistryError, WeightsError
        If the synth or the model cannot be loaded, or do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> from synthmatch import Matcher
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    >>> match = Matcher("fm", model="none").predict(tone, 16000, renders=50)
    >>> match.patch.synth, len(match.candidates)
    ('fm', 5)
    """

    def __init__(
        self,
        synth: Synth | str,
        *,
        model: str | os.PathLike[str] | Network | None = None,
        bank: Bank | str | os.PathLike[str] | list[str | os.PathLike[str]] | None = None,
        starts: bool = True,
        method: str | None = None,
        seed: int = 0,
        workers: int | None = None,
        device: str = "auto",
    ) -> None:
        if workers is not None and workers < 1:
            raise ParameterError(f"workers must be at least 1, not {workers}")
        if method is not None and method not in METHODS:
            raise SearchError(f"no search method {method!r}; use one of {', '.join(METHODS)}")
        if seed < 0:
            raise ParameterError(f"a seed is 0 or more, not {seed}")
        self.synth = load_synth(synth) if isinstance(synth, str) else synth
        self.network: Network | None = None
        self.architecture: str | None = None
        found = model if isinstance(model, Network) else resolve_model(self.synth, model, device)
        if isinstance(found, Network):
            self._take(found)
        else:
            self.architecture = found
        if isinstance(bank, str | os.PathLike):
            bank = [bank]
        self.bank = read_bank(self.synth, bank) if isinstance(bank, list) else bank
        self._use_starts = starts
        self.method = method or DEFAULT
        self.seed = seed
        self.workers = workers or os.cpu_count() or 1
        self.device = device

    @functools.cached_property
    def starts(self) -> Starts | None:
        """The index of draws that a match starts from, None if there is none."""
        return find_starts(self.synth) if self._use_starts else None

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str],
        *,
        synth: Synth | None = None,
        device: str = "auto",
        **options: Any,
    ) -> Matcher:
        """Return a matcher with a trained network, for the synth that it was trained on.

        Parameters
        ----------
        source : str or path
            Name of an installed model (`synthmatch models`), or a model folder.
        synth : Synth, optional
            By default the one the model was trained on.
        device : str
            Where the network runs: "auto", "cpu", "cuda", "mps".
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
        chosen = synth or load_synth(setting.synth, **setting.options)
        return cls(chosen, model=network, device=device, **options)

    def _take(self, network: Network) -> None:
        """Use a network, and hold fixed of the synth what the network was trained without."""
        self.network, self.synth = network.adapt(self.synth)
        self.architecture = network.estimator.architecture

    def fit(
        self,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        out: str | os.PathLike[str] | None = None,
        note: NoteInput | None = None,
        options: Mapping[str, Any] | None = None,
        proxy: bool = False,
        **recipe: Any,
    ) -> Matcher:
        """Train the network on sounds of the synth; return this matcher.

        A matcher that has a trained network goes on from its weights; one made with the
        name of an architecture begins anew. :meth:`save_pretrained` keeps the result.

        Parameters
        ----------
        minutes, steps : float, int
            The budget: give one.
        out : path, optional
            The model folder. A run that was interrupted goes on there.
        note : Note, str or float, optional
            What the sounds play; a name such as "A3" or a MIDI number is a pitch alone.
        options : mapping, optional
            Of the architecture, where training begins anew.
        proxy : bool
            Whether to train InverSynth II's proxy of the synth along with the network.
        **recipe
            Other fields of :class:`synthmatch.training.Recipe`.

        Raises
        ------
        ParameterError
            If there is neither network nor architecture, or the recipe makes no sense.
        """
        if self.architecture is None:
            raise ParameterError("name an architecture to train: Matcher(synth, model='conv6xl')")
        folder = Path(out) if out is not None else folder_for(self)
        fit(
            self.synth,
            self.network or self.architecture,
            out=folder,
            note=note,
            options=options,
            proxy=proxy,
            device=self.device,
            recipe={"minutes": minutes, "steps": steps, "seed": self.seed, **recipe},
        )
        self._take(load_network(folder, self.device))
        return self

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a model folder that :meth:`from_pretrained` reads, with the proxy if any.

        Raises
        ------
        WeightsError
            If there is no trained network, or the folder holds a model already.
        """
        if self.network is None:
            raise WeightsError("this matcher has no trained network to save; call fit first")
        self.network.save(folder)

    def read(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: NoteInput | None = None,
    ) -> Recording:
        """Return a recording as this matcher takes it.

        Where pitch is a parameter of the synth the synth's own note is played, so the pitch
        is not estimated, and silence is not cut off below the length of that note.

        Parameters
        ----------
        audio, sample_rate, note
            As for :meth:`predict`.

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        return read_for(self.synth, audio, sample_rate, note)

    def predict(
        self,
        audio: AudioInput,
        sample_rate: int | None = None,
        *,
        note: NoteInput | None = None,
        candidates: int = 5,
        seconds: float | None = None,
        renders: int | None = None,
        budget: Budget | None = None,
        progress: SearchProgress | None = None,
    ) -> Match:
        """Return ranked candidates for a recording.

        With a trained network, and no budget, its proposals are rendered and ranked.
        Without one, or with a budget, a search goes on from what bank and network
        propose, and the network makes half of the fresh draws that the search takes.

        Parameters
        ----------
        audio : path, array or Recording
            A file, samples ``[n]`` or ``[n, channels]`` with ``sample_rate``, or a recording.
        sample_rate : int, optional
            Rate in Hz of an array.
        note : Note, str or float, optional
            What to play; a name such as "A3" or a MIDI number is a pitch alone. By default
            the synth's own note where pitch is one of its parameters, else estimated.
        candidates : int
            How many to return at most.
        seconds, renders : float, int
            The budget of the search, whichever ends first. Without a network
            :data:`DEFAULT_SECONDS` by default.
        budget : Budget, optional
            The same as one object.
        progress : callable, optional
            Called with (fraction done, best distance, seconds left).

        Raises
        ------
        AudioError
            If the recording cannot be used.
        ParameterError, SearchError
            If an argument is out of range.
        """
        recording = self.read(audio, sample_rate, note=note)
        played = note_for(self.synth, recording, note)
        chosen = budget_of(seconds, renders, budget)
        if self.network is None:
            chosen = chosen or Budget(seconds=DEFAULT_SECONDS)
        return self._run(recording, played, None, "", candidates, chosen, progress)

    def refine(
        self,
        audio: AudioInput,
        match: Match,
        sample_rate: int | None = None,
        *,
        candidates: int | None = None,
        seconds: float | None = None,
        renders: int | None = None,
        budget: Budget | None = None,
        progress: SearchProgress | None = None,
        method: Literal["search", "proxy"] = "search",
    ) -> Match:
        """Return a match at least as good, started from the candidates of ``match``.

        Parameters
        ----------
        audio : path, array or Recording
            The recording ``match`` is for.
        match : Match
            Where to start; of the same synth. Its note is played.
        sample_rate : int, optional
            Rate in Hz of an array.
        candidates : int, optional
            How many to return at most; as many as ``match`` has by default.
        seconds, renders, budget, progress
            As for :meth:`predict`; :data:`DEFAULT_SECONDS` by default.
        method : {"search", "proxy"}
            Search, or adapt the network to this one sound through its proxy
            (InverSynth II, section 2.4), in 30 steps or as many as the seconds of the
            budget allow, ranking not counted.

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
        given = budget_of(seconds, renders, budget)
        chosen: Budget | None = given or Budget(seconds=DEFAULT_SECONDS)
        recording = self.read(audio, sample_rate, note=match.note)
        start = np.stack([c.vector for c in match.candidates])
        before = f"{match.method}, then "
        if method == "proxy":
            if self.network is None:
                raise WeightsError("finetuning needs a network with a proxy; see from_pretrained")
            longest = given.seconds if given is not None else DEFAULT_SECONDS
            adapted = self.network.finetune(recording, match.note, self.seed, longest)
            start, chosen = np.concatenate([start, adapted]), None
            before += f"{len(adapted)} answers of {self.network.name} finetuned"
        count = len(match.candidates) if candidates is None else candidates
        return self._run(recording, match.note, start, before, count, chosen, progress)

    def finder(self) -> Finder:
        """Return what proposes and searches for this matcher."""
        return Finder(self.synth, self.network, self.bank, self.method, self.seed, self.starts)

    def _run(
        self,
        recording: Recording,
        note: Note,
        start: FloatArray | None,
        before: str,
        count: int,
        budget: Budget | None,
        progress: SearchProgress | None,
    ) -> Match:
        return find_match(
            self.synth,
            self.finder(),
            recording,
            note,
            start=start,
            before=before,
            count=count,
            budget=budget,
            progress=progress,
            seed=self.seed,
            workers=self.workers,
        )
