"""The loop itself: any goal, any batches, resumable to the step."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets import Batch, Batches, prefetch
from ..errors import TrainingError, WeightsError
from .checkpoint import open_checkpoint, restore, save_checkpoint
from .goal import Goal, validate
from .launch import Launcher
from .log import Log
from .optimizers import optimizer_for
from .recipe import Recipe

_LOG_EVERY = 50  # steps that one row of the log is the mean of
_SAVE_EVERY = 300.0  # seconds between checkpoints


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes
    ----------
    step : int
        Steps done.
    fraction : float
        Share of the budget spent.
    seconds, seconds_left : float
        Spent, and what is left at this pace.
    sounds_per_second : float
        Lately.
    loss : float
        Mean of the latest training losses.
    scores : dict
        The latest scores on held-out sounds; empty before the first.
    best : float
        Lowest held-out loss so far.
    """

    step: int
    fraction: float
    seconds: float
    seconds_left: float
    sounds_per_second: float
    loss: float
    scores: dict[str, float]
    best: float


@dataclasses.dataclass
class State:
    """What a checkpoint keeps beside tensors."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = 0
    best_scores: dict[str, float] = dataclasses.field(default_factory=dict)
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    validations: int = 0
    stale: int = 0
    window: list[float] = dataclasses.field(default_factory=list)  # losses not yet in the log


@torch.no_grad()
def average(into: nn.Module, live: nn.Module, decay: float) -> None:
    """Move the floating-point state of ``into`` towards ``live``; copy the rest."""
    targets = (*into.parameters(), *into.buffers())
    pairs = list(zip(targets, (*live.parameters(), *live.buffers()), strict=True))
    floating = [(t, s) for t, s in pairs if t.is_floating_point()]
    torch._foreach_lerp_([t for t, _ in floating], [s for _, s in floating], 1.0 - decay)
    for target, source in pairs:
        if not target.is_floating_point():
            target.copy_(source)


class Run:
    """One training run.

    Parameters
    ----------
    goal : Goal
        What is minimised.
    recipe : Recipe
        How.
    launcher : Launcher
        Where.
    folder : Path
        Where the checkpoint and the log are.
    identity : dict
        What defines the run, JSON-ready; a checkpoint of another run is refused.
    save : callable
        Called with the averaged goal and the state whenever the held-out loss is the
        lowest so far, in the process of rank 0.

    Attributes
    ----------
    state : State
        Where it is.
    signal : int
        Number of the signal that interrupted it, or 0.
    """

    def __init__(
        self,
        goal: Goal,
        recipe: Recipe,
        launcher: Launcher,
        folder: Path,
        identity: dict[str, Any],
        save: Callable[[Goal, State], None],
    ) -> None:
        self.recipe = recipe
        self.launcher = launcher
        self.folder = folder
        self.save = save
        whole = {**identity, "recipe": dataclasses.asdict(recipe)}
        self.identity = json.loads(json.dumps(whole))  # as it reads back
        self.state = State()
        self.averaged = copy.deepcopy(goal).requires_grad_(False).to(launcher.device)
        self.goal = goal
        self.module, self.optimizer = launcher.setup(goal, optimizer_for(goal, recipe))
        self.signal = 0
        torch.manual_seed(torch_seed(recipe.seed, launcher.global_rank))

    @property
    def checkpoint(self) -> Path:
        """Where the run can be taken up again."""
        return self.folder / "checkpoint.safetensors"

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises
        ------
        TrainingError
            If it is of another run.
        WeightsError
            If it is damaged.
        """
        if not self.checkpoint.is_file():
            return
        with open_checkpoint(self.checkpoint) as (file, saved):
            if saved.get("identity") != self.identity:
                raise TrainingError(
                    f"{self.folder} holds an unfinished run with another {self._unlike(saved)}; "
                    f"give the same options to go on with it, or use another folder"
                )
            self.state = _state(saved.get("state"), self.checkpoint)
            restore(file, self._modules(), self.optimizer)
        if self.launcher.global_rank > 0:  # the saved generator is that of rank 0
            rank, step = self.launcher.global_rank, self.state.step
            torch.manual_seed(torch_seed(self.recipe.seed, rank, step))

    def check_best(self, step: int | None) -> None:
        """Make sure that the best weights so far are saved: a kill can fall in between.

        Parameters
        ----------
        step : int or None
            Of the model that is in the folder; None if there is none.
        """
        state = self.state
        if not state.step or step == state.best_step:
            return
        if state.best_step != state.step:  # gone; the next validation is the best
            state.best = math.inf
        elif self.launcher.global_rank == 0:
            self.save(self.averaged, state)

    def _unlike(self, saved: dict[str, Any]) -> str:
        def flat(tree: dict[str, Any]) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for key, value in tree.items():
                nested = flat(value) if isinstance(value, dict) else None
                out |= {key: value} if nested is None else nested
            return out

        found = saved.get("identity")
        before, now = flat(found if isinstance(found, dict) else {}), flat(self.identity)
        different = [k for k in now if before.get(k) != now[k]]
        return ", ".join(different[:3]) or "definition"

    def _modules(self) -> dict[str, nn.Module]:
        return {"goal": self.goal, "average": self.averaged}

    def _checkpoint(self, window: list[Tensor]) -> None:
        if self.launcher.global_rank == 0:
            self.state.window = [float(loss) for loss in window]
            state = {"identity": self.identity, "state": dataclasses.asdict(self.state)}
            save_checkpoint(self.checkpoint, self._modules(), self.optimizer, state)

    def __call__(
        self,
        batches: Batches,
        held_out: Batch,
        progress: Callable[[Progress], None] | None = None,
    ) -> str:
        """Train until the budget is spent; return why it stopped.

        "finished", "no better for N validations" or "interrupted"; the last leaves a
        checkpoint to go on from.
        """
        recipe, state, launcher = self.recipe, self.state, self.launcher
        self._held_out = tuple(torch.from_numpy(x).float() for x in held_out[::-1])
        self._log = Log(self.folder / "log.jsonl", state.step) if not launcher.global_rank else None
        self._progress = progress
        self._norm = torch.zeros(())
        per_step = recipe.accumulate * launcher.world_size
        ahead = _indices(state.step * per_step + launcher.global_rank, launcher.world_size)
        made = prefetch(batches, ahead)
        before, began = state.seconds, time.perf_counter()
        saved = reported = began
        window = [torch.tensor(loss, device=launcher.device) for loss in state.window]
        self.goal.train()
        try:
            with _interruptible() as interrupted:
                while True:
                    state.seconds = before + time.perf_counter() - began
                    fraction, stop = launcher.broadcast(
                        (recipe.fraction(state.step, state.seconds), interrupted[0])
                    )
                    due = int(min(fraction, 1.0) * recipe.validations + 1e-9)
                    if window and (state.step % _LOG_EVERY == 0 or due > state.validations):
                        self._report(window, fraction, time.perf_counter() - reported)
                        window, reported = [], time.perf_counter()
                    if due > state.validations:
                        state.validations = due
                        self._validate()
                        reported = time.perf_counter()
                        if recipe.patience is not None and state.stale >= recipe.patience:
                            return f"no better for {state.stale} validations"
                    if fraction >= 1.0:
                        return "finished"
                    if stop:
                        self.signal = stop
                        self._checkpoint(window)
                        if not math.isfinite(state.best):
                            self._validate()
                        return "interrupted"
                    if time.perf_counter() - saved > _SAVE_EVERY:
                        self._checkpoint(window)
                        saved = time.perf_counter()
                    window.append(self._step(made, recipe.rate(fraction)))
        finally:
            made.close()
            if self._log is not None:
                self._log.close()

    def _step(self, made: Iterator[Batch], rate: float) -> Tensor:
        """Take one step of the optimiser; return the loss."""
        recipe, device = self.recipe, self.launcher.device
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=device)
        for k in range(recipe.accumulate):
            batch = next(made)
            audio = torch.from_numpy(batch.audio).to(device, non_blocking=True)
            vectors = torch.from_numpy(batch.vectors).float().to(device, non_blocking=True)
            last = k == recipe.accumulate - 1
            with self.launcher.no_backward_sync(self.module, enabled=not last):
                with self.launcher.autocast():
                    loss = self.module(audio, vectors)
                self.launcher.backward(loss / recipe.accumulate)
            total += loss.detach() / recipe.accumulate
        self._norm = nn.utils.clip_grad_norm_(self.goal.parameters(), recipe.clip)
        self.optimizer.step()
        done = self.state.step
        average(self.averaged, self.goal, min(recipe.average, (1 + done) / (10 + done)))
        self.state.step = done + 1
        return total

    def _report(self, window: list[Tensor], fraction: float, seconds: float) -> None:
        """Write a row of the log and tell the caller; stop a run that has diverged."""
        state, recipe = self.state, self.recipe
        loss = float(torch.stack(window).mean())
        if not math.isfinite(loss):
            raise TrainingError(
                f"training diverged by step {state.step} (the loss is {loss}); "
                f"lower the learning rate, {recipe.learning_rate:g} now"
            )
        sounds = len(window) * recipe.batch * recipe.accumulate * self.launcher.world_size
        speed = sounds / max(seconds, 1e-9)
        if self._log is not None:
            self._log.write(
                "train",
                state.step,
                loss=loss,
                learning_rate=self.optimizer.param_groups[0]["lr"],
                gradient_norm=float(self._norm),
                sounds_per_second=round(speed, 1),
                seconds=round(state.seconds, 2),
            )
            if self._progress is not None:
                left = state.seconds * (1.0 - fraction) / max(fraction, 1e-9)
                self._progress(
                    Progress(
                        state.step,
                        fraction,
                        state.seconds,
                        max(left, 0.0),
                        speed,
                        loss,
                        dict(state.scores),
                        state.best,
                    )
                )

    def _validate(self) -> None:
        """Score the averaged weights on held-out sounds; save them if they are the best."""
        state = self.state
        scores: dict[str, float] = {}
        if self._log is not None:
            audio, vectors = self._held_out
            scores = validate(
                self.averaged, audio, vectors, self.recipe.batch, self.launcher.device
            )
            self._log.write("validation", state.step, **scores, seconds=round(state.seconds, 2))
        state.scores = self.launcher.broadcast(scores)
        score = next(iter(state.scores.values()))
        if score < state.best:
            state.best, state.best_step, state.stale = score, state.step, 0
            state.best_scores = dict(state.scores)
            if self.launcher.global_rank == 0:
                if not self.checkpoint.is_file():  # first, so that no run looks like a model
                    self._checkpoint([])
                self.save(self.averaged, state)
        else:
            state.stale += 1


def _indices(start: int, stride: int) -> Iterator[int]:
    index = start
    while True:
        yield index
        index += stride


def torch_seed(seed: int, *key: int) -> int:
    """Return a seed for torch; those of different seeds and keys are independent."""
    (state,) = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return int(state)


def _state(saved: Any, path: Path) -> State:
    """Return the state of a checkpoint, checked."""
    kinds = {f.name: type(getattr(State(), f.name)) for f in dataclasses.fields(State)}
    if not isinstance(saved, dict) or saved.keys() != kinds.keys():
        raise WeightsError(f"{path} is not a training checkpoint of this synthmatch")
    for name, kind in kinds.items():
        value = saved[name]
        right = isinstance(value, (int, float) if kind is float else kind)
        inside = list(value.values() if isinstance(value, dict) else value if kind is list else [])
        if not right or not all(isinstance(number, (int, float)) for number in inside):
            raise WeightsError(f"{path} is damaged: {name!r} is of the wrong type")
    return State(**saved)


@contextlib.contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yield a list whose one number Ctrl-C and SIGTERM set; a second Ctrl-C raises at once."""
    received = [0]
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: Any) -> None:
        if received[0] and number == signal.SIGINT:
            raise KeyboardInterrupt
        received[0] = number

    for number in before:
        signal.signal(number, handle)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
