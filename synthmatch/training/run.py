"""Train an architecture on a setting; the one way that the library and the command take."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..datasets import Batch, Batches, Dataset, RenderedBatches, StoredBatches, draw, stream
from ..errors import ParameterError, WeightsError
from ..estimators import build
from ..settings import Setting, Source, open_source
from ..synth import Note, Synth
from ..weights.folder import CONFIG, read_folder
from .goal import Goal
from .launch import Launcher, pick_launcher
from .loop import Progress, Run, State
from .recipe import Recipe

if TYPE_CHECKING:
    from ..estimators.estimator import Estimator


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
    """

    folder: Path
    estimator: Estimator
    scores: dict[str, float]
    step: int
    steps: int
    seconds: float
    stopped: str


def train(
    what: Source | Setting | Synth | Dataset | str,
    architecture: str,
    *,
    out: str | Path,
    recipe: Recipe,
    options: Mapping[str, Any] | None = None,
    note: Note | None = None,
    goal: Callable[[Estimator, Source], Goal] | None = None,
    device: str = "auto",
    half: bool = False,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> TrainingResult:
    """Train a network and write its model folder; go on with a run that was interrupted.

    Parameters
    ----------
    what : Source, Setting, Synth, Dataset or str
        Where sounds come from. All but a data set are rendered on the fly; a string names
        a setting or a synth. Of a data set the last rows are held out.
    architecture : str
        One of :data:`synthmatch.estimators.ARCHITECTURES`.
    out : path
        The model folder. If it holds the checkpoint of the same run, that goes on, to
        the same result as if it had never stopped (with a budget in steps, on the CPU).
    recipe : Recipe
        Budget, optimiser, schedule, seed.
    options : mapping, optional
        Of the architecture.
    note : Note, optional
        What a synth plays, when ``what`` is one.
    goal : callable, optional
        Makes the :class:`~synthmatch.training.Goal` of an estimator and its source.
    device : str
        "auto", "cpu", "cuda", "mps". Several processes are torchrun's business.
    half : bool
        Store the model in float16.
    overwrite : bool
        Start anew where ``out`` holds a finished model or another run.
    progress : callable, optional
        Called now and then with a :class:`~synthmatch.training.Progress`.

    Raises
    ------
    WeightsError
        If ``out`` holds a finished model, or an unfinished run that is another.
    SynthmatchError
        If training diverges.
    """
    folder = Path(out)
    source, feed, held_out, data = _sounds(what, note, recipe)
    setting = source.setting
    launcher = pick_launcher(device, recipe.precision)
    checkpoint = folder / "checkpoint.safetensors"
    if launcher.global_rank == 0:
        _prepare(folder, checkpoint, overwrite)
    launcher.broadcast(None)
    devices = [launcher.device] if launcher.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(recipe.seed)
        estimator = build(
            architecture,
            source.synth.space,
            sample_rate=setting.sample_rate,
            samples=setting.samples,
            **(options or {}),
        )
        if not checkpoint.is_file():
            count = -(-estimator.FIT_SOUNDS // recipe.batch)
            estimator.fit_normalisation(torch.from_numpy(feed(i).audio) for i in range(count))
        aim = (goal or (lambda made, _: Goal(made)))(estimator, source)

        def save(averaged: Goal, state: State) -> None:
            metadata = _metadata(setting, recipe, launcher, state)
            averaged.save(folder, {**metadata, "goal": averaged.options}, half=half)

        identity = {"data": data, "config": estimator.config, "half": half, "goal": aim.options}
        run = Run(aim, recipe, launcher, folder, identity, save)
        run.resume()
        if run.state.step and not _whole(folder):
            run.state.best = float("inf")
        stopped = run(feed, held_out, progress)
    state = run.state
    launcher.broadcast(None)
    tensors, _ = read_folder(folder)
    aim.cpu().load(tensors)
    if launcher.global_rank == 0 and stopped != "interrupted":
        checkpoint.unlink(missing_ok=True)
    return TrainingResult(
        folder,
        aim.estimator.eval(),
        dict(state.best_scores),
        state.best_step,
        state.step,
        state.seconds,
        stopped,
    )


def _sounds(
    what: Source | Setting | Synth | Dataset | str, note: Note | None, recipe: Recipe
) -> tuple[Source, Batches, Batch, dict[str, Any]]:
    """Return the source, training batches, held-out sounds, and what defines them."""
    if not isinstance(what, Dataset):
        source = open_source(what, note)
        feed = RenderedBatches(source, recipe.batch, recipe.seed, gate=recipe.gate)
        rng = stream(recipe.seed, "validation")
        held_out = draw(source, rng, recipe.validate, gate=recipe.gate)
        return source, feed, held_out, {"setting": source.setting.to_dict()}
    rows = len(what) - recipe.validate
    if rows < recipe.batch:
        raise ParameterError(
            f"{what.folder} has {len(what):,} sounds, too few for {recipe.validate:,} held out "
            f"and a batch of {recipe.batch:,}"
        )
    stored = StoredBatches(what, recipe.batch, recipe.seed, rows)
    return what.source(), stored, what.read(range(rows, len(what))), what.description.to_dict()


def _prepare(folder: Path, checkpoint: Path, overwrite: bool) -> None:
    """Make the folder; clear what an earlier run left, if the caller says so."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"cannot write {folder}: {error.strerror or error}") from error
    if overwrite:
        for name in (checkpoint.name, CONFIG, "log.jsonl"):
            (folder / name).unlink(missing_ok=True)
    elif (folder / CONFIG).is_file() and not checkpoint.is_file():
        raise WeightsError(f"{folder} holds a finished model; use another folder or overwrite it")


def _whole(folder: Path) -> bool:
    """Say whether the best model so far is whole; a crash can fall between its two files."""
    try:
        read_folder(folder)
    except WeightsError:
        return False
    return True


def _metadata(setting: Setting, recipe: Recipe, launcher: Launcher, state: State) -> dict[str, Any]:
    accuracy = state.best_scores.get("accuracy")
    shown = f"accuracy {accuracy:.1f} %, " if accuracy is not None else ""
    first, value = next(iter(state.best_scores.items()))
    return {
        "setting": setting.to_dict(),
        "recipe": dataclasses.asdict(recipe),
        "scores": dict(state.best_scores),
        "step": state.step,
        "seconds": round(state.seconds, 1),
        "device": str(launcher.device),
        "processes": launcher.world_size,
        "torch": torch.__version__,
        "headline": f"{shown}{first} {value:.4g} on {recipe.validate:,} held-out sounds",
    }
