"""The papers' tables: models and baselines on the same held-out sounds, papers beside them.

>>> evaluation = evaluate("jsyn-23", ["jsyn-conv6xl"], sounds=4, reference=8)
>>> print(evaluation.to_text().splitlines()[0])
jsyn-23: 4 held-out sounds, seed 0
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..datasets import Batch, draw_vectors, render, stream
from ..errors import ParameterError, WeightsError
from ..estimators import pick_device
from ..registry import find_model
from ..settings import Setting, Source, open_source
from ..synth import Synth, backend_info
from ..weights import check_space, load_model, load_proxy, read_config
from .columns import TABLES, Column, Trial, columns_of
from .contestants import Contestant, FinetunedModel, Model, Prediction, Reference
from .journal import code_digest, open_journal
from .measuring import Figures, measure
from .notes import NoteModel
from .report import Evaluation, Row

__all__ = [
    "TABLES",
    "Column",
    "Contestant",
    "Evaluation",
    "Prediction",
    "Row",
    "Trial",
    "code_digest",
    "evaluate",
]

_AT_ONCE = 64  # sounds rendered and predicted at a time
_EVERY = 2.0  # seconds between two lines of progress


def evaluate(
    what: Source | Setting | Synth | str,
    models: Sequence[str | os.PathLike[str]] | Mapping[str, Contestant],
    *,
    sounds: int = 200,
    seed: int = 0,
    tables: Sequence[str] = (),
    reference: int = 5_000,
    finetuned: bool = False,
    gate: float | None = None,
    device: str = "auto",
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure models and baselines on the same held-out sounds.

    Models by name or folder: the same call goes on with one that was interrupted.

    Parameters
    ----------
    what : Source, Setting, Synth or str
        What the sounds are; a string names a setting or a synth.
    models : sequence of str or path, or mapping
        Names of installed models or model folders; or contestants by name.
    sounds : int
        How many, from the "test" stream of ``seed``, which no training run with whatever
        seed draws from.
    seed : int
        Which sounds.
    tables : sequence of str
        Names in :data:`TABLES`; the setting's own by default.
    reference : int
        Sounds that the baselines know; 0 leaves the baselines out.
    finetuned : bool
        Add a line for every model with a proxy, finetuned to each sound: seconds a sound.
    gate : float, optional
        Level in dB under which sounds are drawn again.
    device : str
        Where networks run: "auto" for the fastest there is, "cpu", "cuda", "mps".
    progress : callable, optional
        Called every few seconds with a line of text: what is done and the time left.

    Raises
    ------
    WeightsError
        If a model is damaged or does not fit.
    ParameterError
        If there is nothing to compare, or no such table.
    DeviceError
        If there is no such device.
    """
    if sounds < 1 or reference < 0:
        raise ParameterError(f"evaluate 1 or more sounds, not {sounds}")
    source = open_source(what)
    setting = source.setting
    columns = columns_of(tables or setting.tables)
    if isinstance(models, Mapping):
        entrants = dict(models)
    else:
        entrants = {}
        for name in models:
            found = _models(name, source, pick_device(device), seed if finetuned else None)
            if twice := entrants.keys() & found.keys():
                raise ParameterError(
                    f"two models are called {min(twice)}; rename a folder, or evaluate them one "
                    f"after the other"
                )
            entrants |= found
    kinds = dict.fromkeys(entrants, "model")
    if reference:
        baselines = Reference(source, reference, seed).contestants()
        entrants |= baselines
        kinds |= dict.fromkeys(baselines, "baseline")
    if not entrants:
        raise ParameterError("nothing to evaluate: name a model or keep the baselines")
    vectors = draw_vectors(source, stream(seed, "test"), sounds, gate=gate)
    identity = None
    if not isinstance(models, Mapping):
        hashes = [read_config(find_model(name))["tensors"]["sha256"] for name in models]
        identity = {
            "setting": setting.to_dict(),
            "space": source.synth.space.to_dict(),
            "backend": backend_info(source.synth),
            "sound": hashlib.sha256(render(source, vectors[:4]).tobytes()).hexdigest(),
            "drawn": [sounds, seed, gate, reference],
            "contestants": [*entrants, *hashes],
            "columns": [[c.name for c in columns], setting.stft],
        }
    figures = _figures(entrants, source, columns, vectors, identity, progress)
    rows = [figures[name].row(name, kinds[name]) for name in entrants]
    rows += [Row(p.method, "published", p.figures, citation=p.citation) for p in setting.published]
    return Evaluation(
        setting.name,
        sounds,
        seed,
        columns,
        tuple(rows),
        source.synth.space.names,
        tuple(p.group for p in source.synth.space),
        setting.remark,
    )


def _figures(
    entrants: Mapping[str, Contestant],
    source: Source,
    columns: Sequence[Column],
    vectors: np.ndarray,
    identity: dict[str, Any] | None,
    progress: Callable[[str], None] | None,
) -> dict[str, Figures]:
    """Return the figures of every contestant, on a few sounds at a time."""
    figures = {name: Figures(columns) for name in entrants}
    sounds, shown = len(vectors), -math.inf
    spent, fresh = dict.fromkeys(entrants, 0.0), dict.fromkeys(entrants, 0)
    with open_journal(identity) as journal:
        for start in range(0, sounds, _AT_ONCE):
            numbers = np.arange(start, min(start + _AT_ONCE, sounds))
            truth: Batch | None = None
            for name, contestant in entrants.items():
                part = journal.get(name, start)
                if part is None or part[2].keys() != {c.name for c in columns}:
                    began = time.perf_counter()
                    if truth is None:
                        some = vectors[start : start + _AT_ONCE]
                        truth = Batch(some, render(source, some))
                    part = (
                        len(numbers),
                        *measure(contestant, source, columns, truth, numbers),
                    )
                    journal.keep(name, start, part)
                    spent[name] += time.perf_counter() - began
                    fresh[name] += len(numbers)
                figures[name].add(*part)
                now = time.perf_counter()
                if progress is not None and now - shown > _EVERY:
                    shown = now
                    left = sum(
                        spent[n] / max(fresh[n], 1) * (sounds - figures[n].sounds) for n in entrants
                    )
                    progress(f"{name}: {numbers[-1] + 1:,} of {sounds:,} sounds, {left:.0f} s left")
        journal.remove()
    return figures


def _models(
    name: str | os.PathLike[str], source: Source, device: str, seed: int | None
) -> dict[str, Contestant]:
    """Return a model by its name and, given a seed, also finetuned if it has a proxy.

    One of any note need not have been trained on the setting.
    """
    from ..estimators.masked import MaskedTransformer

    folder = find_model(name).resolve()
    estimator, metadata = load_model(folder, device=device)
    try:
        check_space(estimator.head.space, source.synth)
        found: dict[str, Contestant] = {folder.name: Model(estimator, source)}
    except WeightsError:
        if not isinstance(estimator, MaskedTransformer):
            raise
        found = {folder.name: NoteModel(estimator, source)}
    if seed is not None and "proxy_weight" in metadata.get("goal", {}):
        proxy = load_proxy(folder, estimator)
        found[f"{folder.name}, finetuned"] = FinetunedModel(estimator, proxy, source, seed)
    return found
