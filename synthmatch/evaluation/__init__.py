"""The papers' tables: models and baselines on the same held-out sounds, papers beside them.

>>> evaluation = evaluate("jsyn-23", ["jsyn-conv6xl"], sounds=4, reference=8)
>>> print(evaluation.to_text().splitlines()[0])
jsyn-23: 4 held-out sounds, seed 0
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..datasets import draw, stream
from ..errors import ParameterError
from ..registry import model_folder
from ..settings import Setting, Source, open_source
from ..synth import Synth
from ..weights import check_space, load_model, load_proxy
from .columns import TABLES, Column, Trial, columns_of
from .contestants import Contestant, FinetunedModel, Model, Prediction, Reference
from .report import Evaluation, Row

__all__ = ["TABLES", "Column", "Contestant", "Evaluation", "Prediction", "Row", "Trial", "evaluate"]

_AT_ONCE = 256  # sounds rendered at a time


def evaluate(
    what: Source | Setting | Synth | str,
    models: Sequence[str | Path] | Mapping[str, Contestant],
    *,
    sounds: int = 200,
    seed: int = 0,
    tables: Sequence[str] = (),
    reference: int = 5_000,
    finetuned: bool = False,
    gate: float | None = None,
    device: str = "cpu",
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Measure models and baselines on the same held-out sounds.

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
        Where networks run.
    progress : callable, optional
        Called with a line of text before each contestant.

    Raises
    ------
    WeightsError
        If a model is damaged or does not fit.
    ParameterError
        If there is nothing to compare, or no such table.
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
            entrants |= _models(name, source, device, seed if finetuned else None)
    kinds = dict.fromkeys(entrants, "model")
    if reference:
        baselines = Reference(source, reference, seed).contestants()
        entrants |= baselines
        kinds |= dict.fromkeys(baselines, "baseline")
    if not entrants:
        raise ParameterError("nothing to evaluate: name a model or keep the baselines")
    truth = draw(source, stream(seed, "test"), sounds, gate=gate)
    rows = []
    for name, contestant in entrants.items():
        if progress is not None:
            progress(f"{name}: {sounds:,} sounds")
        began = time.perf_counter()
        prediction = contestant(truth.audio)
        seconds = (time.perf_counter() - began) / sounds
        rendered = [
            source.render(prediction.vectors[k : k + _AT_ONCE]) for k in range(0, sounds, _AT_ONCE)
        ]
        trial = Trial(
            source.synth.space,
            setting.sample_rate,
            truth.vectors,
            prediction.vectors,
            truth.audio,
            np.concatenate(rendered),
            prediction.scores,
        )
        rows.append(_measure(name, kinds[name], columns, trial, seconds))
    rows += [Row(p.model, "published", p.figures, source=p.source) for p in setting.published]
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


def _models(
    name: str | Path, source: Source, device: str, seed: int | None
) -> dict[str, Contestant]:
    """Return a model by its name and, given a seed, also finetuned if it has a proxy."""
    folder = Path(name) if Path(name).is_dir() else model_folder(str(name))
    estimator, metadata = load_model(folder, device=device)
    check_space(estimator.head.space, source.synth)
    found: dict[str, Contestant] = {folder.name: Model(estimator, source)}
    if seed is not None and "proxy_weight" in metadata.get("goal", {}):
        proxy = load_proxy(folder, estimator)
        found[f"{folder.name}, finetuned"] = FinetunedModel(estimator, proxy, source, seed)
    return found


def _measure(name: str, kind: str, columns: Sequence[Column], trial: Trial, seconds: float) -> Row:
    figures: dict[str, tuple[float, float | None]] = {}
    parameters: dict[str, list[float]] = {}
    for column in columns:
        values = np.asarray(column.measure(trial), dtype=np.float64)
        if column.by == "sound":
            figures[column.name] = float(values.mean()), float(np.median(values))
        elif not np.isnan(values).all():
            figures[column.name] = float(np.nanmean(values)), None
            parameters[column.name] = values.tolist()
    return Row(name, kind, figures, seconds, parameters)
