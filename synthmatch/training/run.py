"""Train an architecture on a setting; the one way that the library and the command take."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from .._files import lock, remove_unfinished
from ..datasets import Batch, Batches, Dataset, RenderedBatches, StoredBatches, draw, stream
from ..errors import ParameterError, TrainingError, TrainingWarning, WeightsError
from ..settings import Setting, Source, open_source
from ..synth import Note, Synth
from ..weights.folder import CONFIG, check_folder, read_config, read_folder, write_config
from .beginning import begin
from .goal import Goal
from .joint import ProxyGoal
from .launch import Launcher, pick_launcher
from .loop import Progress, Run, State, torch_seed
from .memory import memory_free, memory_needed, size_of
from .recipe import Recipe

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator

_MOST_SAMPLES = 1 << 31  # of audio at once: 8 GB
_CHECKPOINT = "checkpoint.safetensors"


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What came of a run.

    Attributes
    ----------
    folder : Path
        The model folder, with the run's ``log.jsonl``; after an interruption also the
        checkpoint to go on from.
    estimator : Estimator
        With the best weights, on the CPU, in evaluation mode.
    scores : dict
        On held-out sounds, of the best weights.
    step, steps : int
        Step of the best weights, and steps trained.
    seconds : float
        Spent training, interruptions left out.
    stopped : str
        "finished", "no better for N validations" or "interrupted".
    signal : int or None
        Number of the signal that interrupted it: 2 for Ctrl-C, 15 for SIGTERM.
    """

    folder: Path
    estimator: Estimator
    scores: dict[str, float]
    step: int
    steps: int
    seconds: float
    stopped: str
    signal: int | None = None


def train(
    what: Source | Setting | Synth | Dataset | str,
    architecture: str | None = None,
    *,
    out: str | os.PathLike[str],
    recipe: Recipe,
    options: Mapping[str, Any] | None = None,
    note: Note | None = None,
    start: Estimator | str | os.PathLike[str] | None = None,
    goal: Callable[[Estimator, Source], Goal] | Literal["proxy"] | None = None,
    device: str = "auto",
    half: bool = False,
    overwrite: bool = False,
    notify: Callable[[str], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a network and write its model folder; go on with a run that was interrupted.

    Parameters
    ----------
    what : Source, Setting, Synth, Dataset or str
        Where sounds come from. All but a data set are rendered on the fly; a string names
        a setting or a synth. Of a data set the last rows are held out.
    architecture : str, optional
        One of :data:`synthmatch.estimators.ARCHITECTURES`; with ``start`` that of its
        network.
    out : path
        The model folder. If it holds the checkpoint of the same run, that goes on, to
        the same result as if it had never stopped (with a budget in steps, on the CPU).
    recipe : Recipe
        Budget, optimiser, schedule, seed.
    options : mapping, optional
        Of the architecture.
    note : Note, optional
        What a synth plays, when ``what`` is one.
    start : Estimator, str or path, optional
        The weights to begin with: a network, which is not changed, or the name or folder of
        a model, with its proxy if it has one. By default random ones.
    goal : "proxy" or callable, optional
        What is minimised beside the loss of parameters: that of a proxy of the synth
        (:class:`~synthmatch.training.ProxyGoal`), or a function that makes the
        :class:`~synthmatch.training.Goal` of an estimator and its source.
    device : str
        "auto" for the fastest there is, "cpu", "cuda", "mps". Several processes are
        torchrun's business.
    half : bool
        Store the model in float16.
    overwrite : bool
        Start anew where ``out`` holds a finished model or another run.
    notify : callable, optional
        Called with a line of text before training: how many weights there are, and how
        much memory they take.
    progress : callable, optional
        Called now and then with a :class:`~synthmatch.training.Progress`.

    Raises
    ------
    TrainingError
        If ``out`` holds a finished model or another unfinished run, if ``start`` does not
        fit, or if training diverges.
    BusyError
        If another process trains in ``out``.
    WeightsError
        If a file is damaged, or cannot be written.
    DeviceError
        If there is no such device.

    Warns
    -----
    TrainingWarning
        If training probably needs more memory than is free.
    """
    folder = Path(out)
    launcher = pick_launcher(device, recipe.precision)
    with contextlib.ExitStack() as stack:
        if launcher.global_rank == 0:
            _take(folder, overwrite, stack)
        launcher.broadcast(None)
        source, feed, held_out, data = _sounds(what, note, recipe)
        devices = [launcher.device] if launcher.device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices))
        torch.manual_seed(torch_seed(recipe.seed))
        beginning = begin(architecture, source, options or {}, start)
        estimator = beginning.estimator
        if start is None and (overwrite or not (folder / _CHECKPOINT).is_file()):
            count = -(-estimator.FIT_SOUNDS // recipe.batch)
            estimator.fit_normalisation(torch.from_numpy(feed(i).audio) for i in range(count))
        make = ProxyGoal if goal == "proxy" else goal or (lambda made, _: Goal(made))
        aim = make(estimator, source)
        beginning.fill(aim)

        def save(averaged: Goal, state: State) -> None:
            metadata = _metadata(source.setting, recipe, launcher, state)
            averaged.save(folder, {**metadata, "goal": averaged.options}, half=half)

        identity = {
            "data": data,
            "config": estimator.config,
            "half": half,
            "goal": aim.options,
            "start": beginning.digest,
        }
        if overwrite:  # nothing before this can still fail for what was asked for
            if launcher.global_rank == 0:
                _clear(folder)
            launcher.broadcast(None)
        needed = memory_needed(aim, recipe, estimator.samples)
        run = Run(aim, recipe, launcher, folder, identity, save)
        if launcher.global_rank == 0:
            _tell(aim, needed, launcher, notify)
        run.resume()
        run.check_best(_saved_step(folder))
        stopped = run(feed, held_out, progress)
        state = run.state
        launcher.broadcast(None)
        tensors, config = read_folder(folder)
        aim.cpu().load(tensors)
        if launcher.global_rank == 0 and stopped != "interrupted":
            metadata = {**config["metadata"], "stopped": stopped}
            write_config(folder, {**config, "metadata": metadata})
            (folder / _CHECKPOINT).unlink(missing_ok=True)
    return TrainingResult(
        folder,
        aim.estimator.eval(),
        dict(state.best_scores),
        state.best_step,
        state.step,
        state.seconds,
        stopped,
        run.signal or None,
    )


def _sounds(
    what: Source | Setting | Synth | Dataset | str, note: Note | None, recipe: Recipe
) -> tuple[Source, Batches, Batch, dict[str, Any]]:
    """Return the source, training batches, held-out sounds, and what defines them."""
    most = max(recipe.batch, recipe.validate)
    if not isinstance(what, Dataset):
        source = open_source(what, note)
        _check_size(most, source.setting.samples)
        feed = RenderedBatches(source, recipe.batch, recipe.seed, gate=recipe.gate)
        rng = stream(recipe.seed, "validation")
        held_out = draw(source, rng, recipe.validate, gate=recipe.gate)
        return source, feed, held_out, {"setting": source.setting.to_dict()}
    _check_size(most, what.source().setting.samples)
    rows = len(what) - recipe.validate
    if rows < recipe.batch:
        raise ParameterError(
            f"{what.folder} has {len(what):,} sounds, too few for {recipe.validate:,} held out "
            f"and a batch of {recipe.batch:,}"
        )
    stored = StoredBatches(what, recipe.batch, recipe.seed, rows)
    return what.source(), stored, what.read(range(rows, len(what))), what.description.to_dict()


def _check_size(sounds: int, samples: int) -> None:
    """Raise TrainingError for batches that no machine holds, before anything is rendered."""
    if sounds * samples > _MOST_SAMPLES:
        raise TrainingError(
            f"{sounds:,} sounds at once take {4e-9 * sounds * samples:,.0f} GB; take a smaller "
            f"batch (--accumulate adds several up to one step) and fewer held-out sounds"
        )


def _take(folder: Path, overwrite: bool, stack: contextlib.ExitStack) -> None:
    """Make the folder, lock it, and refuse a finished model that is not to be overwritten.

    A run is finished when the configuration of its model says so, or if that was made
    elsewhere and there is no checkpoint.
    """
    busy = f"another process trains in {folder}; wait for its end, or use another folder"
    checkpoint, config = folder / _CHECKPOINT, folder / CONFIG
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(lock(folder / ".lock", busy))
        remove_unfinished(folder)
    except OSError as error:
        raise WeightsError(f"cannot write {folder}: {error.strerror or error}") from error
    if config.is_file() and not overwrite:
        stopped = read_config(folder)["metadata"].get("stopped")
        if stopped or (stopped is None and not checkpoint.is_file()):
            raise TrainingError(
                f"{folder} holds a finished model; use another folder or overwrite it"
            )


def _clear(folder: Path) -> None:
    """Remove the run and the model that are to be overwritten."""
    try:
        for name in (_CHECKPOINT, CONFIG, "log.jsonl"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"cannot write {folder}: {error.strerror or error}") from error


def _saved_step(folder: Path) -> int | None:
    """Return the step of the model in a folder, if it is whole."""
    try:
        step = check_folder(folder)[1]["metadata"].get("step")
    except WeightsError:
        return None
    return step if isinstance(step, int) else None


def _tell(
    goal: Goal, needed: int, launcher: Launcher, notify: Callable[[str], None] | None
) -> None:
    """Say what training needs, and warn where there is less."""
    weights = sum(p.numel() for p in goal.parameters())
    free = memory_free(launcher.device)
    there = "" if free is None else f", {size_of(free)} are free"
    if notify is not None:
        notify(
            f"{weights:,} weights; training needs about {size_of(needed)} "
            f"on {launcher.device}{there}"
        )
    if free is not None and needed > free:
        warnings.warn(
            f"training needs about {size_of(needed)} on {launcher.device}{there}; "
            f"take a smaller batch or network",
            TrainingWarning,
            stacklevel=3,
        )


def _metadata(setting: Setting, recipe: Recipe, launcher: Launcher, state: State) -> dict[str, Any]:
    accuracy = state.best_scores.get("accuracy")
    shown = f"accuracy {accuracy:.1f} %, " if accuracy is not None else ""
    first, value = next(iter(state.best_scores.items()))
    return {
        "setting": setting.to_dict(),
        "recipe": dataclasses.asdict(recipe),
        "scores": dict(state.best_scores),
        "step": state.step,
        "stopped": "",  # what ended the run, once it has
        "seconds": round(state.seconds, 1),
        "device": str(launcher.device),
        "processes": launcher.world_size,
        "torch": torch.__version__,
        "headline": f"{shown}{first} {value:.4g} on {recipe.validate:,} held-out sounds",
    }
