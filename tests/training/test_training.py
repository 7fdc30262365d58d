import copy
import dataclasses
import itertools
import json
import re
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from sine_synth import NOTE, RATE, SineSynth, sine_source, with_helpers

from synthmatch.datasets import Batch, Dataset, RenderedBatches, build_dataset, draw, stream
from synthmatch.errors import (
    BusyError,
    DeviceError,
    ParameterError,
    SynthmatchError,
    TrainingError,
    TrainingWarning,
    WeightsError,
)
from synthmatch.estimators import build, pick_device
from synthmatch.settings import Setting, Source
from synthmatch.synth import FrozenSynth
from synthmatch.training import Goal, Recipe, plot_log, read_log, train
from synthmatch.training.launch import OneDevice
from synthmatch.training.loop import Run, average, torch_seed
from synthmatch.training.memory import size_of
from synthmatch.training.optimizers import optimizer_for, orthogonalised
from synthmatch.weights import load_model, load_proxy
from synthmatch.weights.tensors import read_tensors, write_tensors

QUICK = Recipe(steps=12, batch=8, validations=3, validate=32)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(out, recipe=QUICK, **options):
    return train(sine_source(), "conv1", out=out, recipe=recipe, device="cpu", **options)


def same(first, second):
    a, b = first.state_dict(), second.state_dict()
    assert a.keys() == b.keys()
    return all(torch.equal(a[k], b[k]) for k in a)


def test_learns(tmp_path):
    recipe = Recipe(steps=150, batch=32, learning_rate=3e-3, validations=3, validate=256)
    result = run(tmp_path / "model", recipe)
    assert result.stopped == "finished"
    assert result.scores["accuracy"] > 70  # guessing: (1/6 + 1/8 + 1/2) / 3 = 26 %
    source = sine_source()
    batch = draw(source, stream(7, "test"), 200)
    estimator, metadata = load_model(tmp_path / "model")
    with torch.no_grad():
        vectors = estimator.head.decode(estimator(torch.from_numpy(batch.audio))).double().numpy()
    space = source.synth.space
    right = space.to_classes(vectors) == space.to_classes(batch.vectors)
    assert abs(100 * right.mean() - metadata["scores"]["accuracy"]) < 5
    assert metadata["recipe"]["steps"] == 150
    assert f"accuracy {metadata['scores']['accuracy']:.1f} %" in metadata["headline"]


def test_same_seed_same_run(tmp_path):
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    other = run(tmp_path / "c", Recipe(**{**vars(QUICK), "seed": 1}))
    assert same(first.estimator, second.estimator)
    assert first.scores == second.scores
    assert not same(first.estimator, other.estimator)


def test_leaves_the_callers_generator_alone(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    run(tmp_path / "a")
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_goes_on_after_an_interruption_as_if_nothing_happened(tmp_path, optimizer):
    recipe = dataclasses.replace(QUICK, optimizer=optimizer)
    straight = run(tmp_path / "straight", recipe)

    def interrupt(progress):
        if progress.step == 4:
            signal.raise_signal(signal.SIGINT)

    stopped = run(tmp_path / "stopped", recipe, progress=interrupt)
    assert (stopped.stopped, stopped.steps) == ("interrupted", 5)
    load_model(tmp_path / "stopped")  # the best so far is there
    resumed = run(tmp_path / "stopped", recipe)
    assert (resumed.stopped, resumed.steps) == ("finished", 12)
    assert same(straight.estimator, resumed.estimator)
    assert resumed.scores == straight.scores
    assert not (tmp_path / "stopped" / "checkpoint.safetensors").exists()

    def rows(folder):
        timed = ("seconds", "sounds_per_second")
        return [{k: v for k, v in r.items() if k not in timed} for r in read_log(folder)]

    assert rows(tmp_path / "straight") == rows(tmp_path / "stopped")


def test_interrupted_before_the_first_validation_still_gives_a_model(tmp_path):
    class Once(Goal):
        def forward(self, audio, vectors):
            if self.training:
                signal.raise_signal(signal.SIGTERM)
            return super().forward(audio, vectors)

    result = run(
        tmp_path / "m", Recipe(**{**vars(QUICK), "steps": 1000}), goal=lambda e, s: Once(e)
    )
    assert (result.stopped, result.steps, result.signal) == ("interrupted", 1, signal.SIGTERM)
    load_model(tmp_path / "m")


def test_killed_run_goes_on_from_its_last_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        import torch
        from sine_synth import sine_source
        import synthmatch.training.loop as loop
        from synthmatch.training import Recipe, train
        torch.set_num_threads(1)
        loop._SAVE_EVERY = 0.0
        def die(progress):
            if progress.step == 8:
                os.kill(os.getpid(), signal.SIGKILL)
        recipe = Recipe(steps=12, batch=8, validations=3, validate=32)
        train(sine_source(), "conv1", out=sys.argv[1], recipe=recipe, device="cpu", progress=die)
        """
    )
    environment = with_helpers()
    out = tmp_path / "killed"
    done = subprocess.run([sys.executable, "-c", script, str(out)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    (out / "model.safetensors").write_bytes(b"half a mod")  # the crash fell into writing it
    with (out / "log.jsonl").open("a") as log:
        log.write('{"event": "tra')
    resumed = run(out)
    assert same(resumed.estimator, run(tmp_path / "straight").estimator)
    assert [r["step"] for r in read_log(out) if r["event"] == "validation"] == [4, 8, 12]


def test_refuses_a_folder_of_another_run(tmp_path):
    def interrupt(progress):
        signal.raise_signal(signal.SIGINT)

    run(tmp_path / "m", progress=interrupt)
    with pytest.raises(TrainingError, match="unfinished run with another batch"):
        run(tmp_path / "m", Recipe(**{**vars(QUICK), "batch": 9}))
    finished = run(tmp_path / "m", Recipe(**{**vars(QUICK), "batch": 9}), overwrite=True)
    assert finished.steps == 12
    with pytest.raises(TrainingError, match="finished model"):
        run(tmp_path / "m")


@pytest.mark.parametrize("wrong", [{"architecture": "conv99"}, {"options": {"width": "much"}}])
def test_what_cannot_be_trained_overwrites_nothing(tmp_path, wrong):
    first = run(tmp_path / "m")
    (tmp_path / "m" / ".2024-notes").mkdir()
    (tmp_path / "m" / f".123-{'0a' * 8}").mkdir()  # as a killed process leaves it
    kept = {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir() if p.is_file()}
    given = {"architecture": "conv1", **wrong}
    with pytest.raises(SynthmatchError):
        train(sine_source(), out=tmp_path / "m", recipe=QUICK, overwrite=True, **given)
    assert {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir() if p.is_file()} == kept
    assert [p.name for p in (tmp_path / "m").iterdir() if p.is_dir()] == [".2024-notes"]
    assert same(load_model(tmp_path / "m")[0], first.estimator)


def test_a_model_can_be_overwritten_by_what_it_becomes(tmp_path):
    first = run(tmp_path / "m")
    second = train(
        sine_source(),
        out=tmp_path / "m",
        recipe=dataclasses.replace(QUICK, seed=1),
        start=tmp_path / "m",
        device="cpu",
        overwrite=True,
    )
    assert second.stopped == "finished"
    assert not same(first.estimator, second.estimator)
    assert same(load_model(tmp_path / "m")[0], second.estimator)


def test_early_stopping_keeps_the_best(tmp_path):
    class Worse(Goal):
        calls = 0

        def scores(self, audio, vectors):
            Worse.calls += 1
            return {"loss": float(Worse.calls)}

    recipe = Recipe(steps=1000, batch=8, validations=500, validate=8, patience=3)
    result = run(tmp_path / "m", recipe, goal=lambda e, s: Worse(e))
    assert result.stopped == "no better for 3 validations"
    assert (result.step, result.steps, result.scores) == (2, 8, {"loss": 1.0})


def test_minutes_end_on_time(tmp_path, monkeypatch):
    looks = itertools.count()  # at a clock that goes on by 10 ms with each: no machine is too busy
    monkeypatch.setattr("synthmatch.training.loop.time.perf_counter", lambda: 0.01 * next(looks))
    result = run(tmp_path / "m", Recipe(minutes=0.03, batch=8, validations=2, validate=16))
    assert result.stopped == "finished"
    assert 1.8 <= result.seconds < 3.0
    rates = [r["learning_rate"] for r in read_log(tmp_path / "m") if r["event"] == "train"]
    assert rates[-1] < 0.1 * max(rates)


def test_accumulation_is_a_larger_batch(tmp_path):
    """Two batches summed give the gradient of both together."""
    goal = Goal(build("conv1", SineSynth.space, sample_rate=RATE, samples=NOTE.samples(RATE)))
    batches = RenderedBatches(sine_source(), 8, 0)

    def joined(index):
        halves = batches(2 * index), batches(2 * index + 1)
        return Batch(*(np.concatenate(x) for x in zip(*halves, strict=True)))

    def trained(feed, name, **options):
        recipe = Recipe(**{**vars(QUICK), "steps": 5, "validations": 1, **options})
        copied = copy.deepcopy(goal)
        run = Run(copied, recipe, OneDevice("cpu", "float32"), tmp_path / name, {}, lambda *_: None)
        (tmp_path / name).mkdir()
        assert run(feed, batches(100)) == "finished"
        return list(copied.parameters())

    two = trained(batches, "two", accumulate=2)
    one = trained(joined, "one", batch=16)
    for a, b in zip(two, one, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=2e-5)


def test_two_processes_are_a_larger_batch_too(tmp_path):
    """torchrun with two processes gives what accumulating two batches gives."""
    pytest.importorskip("lightning_fabric", reason="Lightning Fabric is not installed")
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            import torch
            from sine_synth import sine_source
            from synthmatch.training import Recipe, train
            torch.set_num_threads(1)
            recipe = Recipe(steps=6, batch=8, validations=2, validate=32)
            result = train(sine_source(), "conv1", out=sys.argv[1], recipe=recipe, device="cpu")
            assert result.steps == 6
            """
        )
    )
    environment = {
        **with_helpers(),
        "OMP_NUM_THREADS": "1",
    }
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script]
    subprocess.run(
        [sys.executable, *map(str, command), str(tmp_path / "two")], env=environment, check=True
    )
    recipe = Recipe(steps=6, batch=8, validations=2, validate=32, accumulate=2)
    alone = run(tmp_path / "one", recipe)
    two, metadata = load_model(tmp_path / "two")
    assert metadata["processes"] == 2
    assert metadata["scores"]["loss"] == pytest.approx(alone.scores["loss"], rel=1e-3)
    for a, b in zip(two.parameters(), alone.estimator.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=1e-4)


def test_from_a_data_set(tmp_path):
    dataset = Dataset(build_dataset(sine_source(), tmp_path / "data", 400, shard=50))
    recipe = Recipe(steps=100, batch=32, learning_rate=3e-3, validations=2, validate=100)
    result = train(dataset, "conv1", out=tmp_path / "m", recipe=recipe, device="cpu")
    assert result.scores["accuracy"] > 60
    with pytest.raises(ParameterError, match="400 sounds, too few"):
        too_many = Recipe(**{**vars(recipe), "validate": 390})
        train(dataset, "conv1", out=tmp_path / "n", recipe=too_many, device="cpu")


def test_divergence_is_one_line(tmp_path):
    class Diverging(Goal):
        def forward(self, audio, vectors):
            return super().forward(audio, vectors) * float("nan")

    with pytest.raises(SynthmatchError, match=r"diverged by step 4 .* lower the learning rate"):
        run(tmp_path / "m", goal=lambda e, s: Diverging(e))


def test_schedule():
    recipe = Recipe(steps=100, learning_rate=2.0, final=0.1, warmup=0.1)
    assert recipe.rate(0.05) == pytest.approx(1.0)
    assert recipe.rate(0.1) == pytest.approx(2.0)
    assert recipe.rate(0.55) == pytest.approx(1.1)  # half way down: the mean of 2 and 0.2
    assert recipe.rate(1.0) == recipe.rate(1.5) == pytest.approx(0.2)
    assert recipe.rate(0.0) > 0
    assert recipe.fraction(25, 1e9) == 0.25
    assert Recipe(minutes=2).fraction(10**9, 30.0) == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"steps": 1, "minutes": 1.0},
        {"steps": 0},
        {"minutes": float("nan")},
        {"steps": 1, "batch": 0},
        {"steps": 1, "warmup": 1.0},
        {"steps": 1, "learning_rate": -1.0},
        {"steps": 1, "precision": "float16"},
        {"steps": 1, "optimizer": "sgd"},
    ],
)
def test_recipe_is_checked(wrong):
    with pytest.raises(ParameterError):
        Recipe(**wrong)


def test_average_against_the_formula():
    torch.manual_seed(0)
    live, kept = (torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)) for _ in "ab")
    live[1].num_batches_tracked += 5
    before = {k: v.clone() for k, v in kept.state_dict().items()}
    average(kept, live, 0.9)
    for name, value in kept.state_dict().items():
        new = live.state_dict()[name]
        expected = 0.9 * before[name] + 0.1 * new if value.is_floating_point() else new
        torch.testing.assert_close(value, expected)


def test_decay_is_for_weights_only():
    groups = optimizer_for(torch.nn.Linear(3, 2), Recipe(steps=1, weight_decay=0.5)).param_groups
    assert [(g["weight_decay"], [p.ndim for p in g["params"]]) for g in groups] == [
        (0.5, [2]),
        (0.0, [1]),
    ]


@pytest.mark.parametrize("shape", [(40, 100), (100, 40)])
def test_orthogonalised_has_the_same_directions_and_singular_values_near_1(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.mT @ orthogonalised(matrix).float() @ v.mT
    diagonal = found.diagonal()
    assert diagonal.min() > 0.6
    assert diagonal.max() < 1.3
    assert (found - torch.diag(diagonal)).abs().max() < 0.05


def test_muon_turns_hidden_matrices_and_leaves_the_rest_to_adamw():
    torch.manual_seed(0)
    recipe = Recipe(steps=1, optimizer="muon", learning_rate=0.01, weight_decay=0.1)
    estimator = build("conv3", SineSynth().space, sample_rate=RATE, samples=NOTE.samples(RATE))
    muon = optimizer_for(estimator, recipe)
    names = {id(p): n for n, p in estimator.named_parameters()}
    turned = {names[id(p)] for g in muon.param_groups if g.get("orthogonal") for p in g["params"]}
    # not the first layer (5 x 4 inputs to one map suffice), not the output
    assert turned == {f"layers.{i}.weight" for i in (0, 2, 4, 7)}
    assert sum(len(g["params"]) for g in muon.param_groups) == len(names)
    before = {n: p.detach().clone() for n, p in estimator.named_parameters()}
    for p in estimator.parameters():
        p.grad = torch.randn_like(p)
    muon.step()
    for name, p in estimator.named_parameters():
        if name in turned:
            matrix = p.grad.flatten(1)
            step = 0.2 * max(matrix.shape) ** 0.5 * orthogonalised(matrix).float()
            expected = (1 - 0.01 * 0.1) * before[name] - 0.01 * step.view(p.shape)
            torch.testing.assert_close(p.detach(), expected, rtol=0.02, atol=1e-3)
        else:  # the first step of Adam has length 1 in every coordinate
            kept = 1 - 0.01 * 0.1 if p.ndim > 1 else 1.0
            expected = kept * before[name] - 0.01 * p.grad.sign()
            torch.testing.assert_close(p.detach(), expected, rtol=0, atol=1e-5)


def test_bfloat16(tmp_path):
    recipe = Recipe(steps=100, batch=32, validations=1, validate=64, precision="bfloat16")
    result = run(tmp_path / "m", recipe)
    assert result.scores["accuracy"] > 40
    assert next(result.estimator.parameters()).dtype == torch.float32
    launcher = OneDevice("cpu", "bfloat16")
    with launcher.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_devices():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda", "mps")
    for name in ("cuda:99", "fast", "meta", "", 3.5):
        with pytest.raises(DeviceError, match=r"no device .* use cpu, or auto"):
            pick_device(name)


def test_log_and_picture(tmp_path):
    run(tmp_path / "m")
    plot_log(tmp_path / "m", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    rows = read_log(tmp_path / "m" / "log.jsonl")
    assert [(r["event"], r["step"]) for r in rows] == [
        (event, step) for step in (4, 8, 12) for event in ("train", "validation")
    ]
    (tmp_path / "m" / "log.jsonl").write_text("what\n" + json.dumps({}) + "\n")
    with pytest.raises(TrainingError, match="line 1: not a training log"):
        read_log(tmp_path / "m")
    with pytest.raises(TrainingError, match="no training log"):
        plot_log(tmp_path / "none", tmp_path / "curves.png")


def interrupt_at(step):
    def interrupt(progress):
        if progress.step >= step:
            signal.raise_signal(signal.SIGINT)

    return interrupt


def test_goes_on_from_loaded_weights(tmp_path):
    first = run(tmp_path / "first")
    before = {k: v.clone() for k, v in first.estimator.state_dict().items()}
    still = Recipe(**{**vars(QUICK), "learning_rate": 1e-12})
    for start in (first.estimator, tmp_path / "first", str(tmp_path / "first")):
        out = tmp_path / f"again {type(start).__name__}"
        again = train(sine_source(), out=out, recipe=still, start=start, device="cpu")
        for name, value in again.estimator.state_dict().items():
            torch.testing.assert_close(value, before[name], rtol=0, atol=1e-6)
    assert all(torch.equal(v, before[k]) for k, v in first.estimator.state_dict().items())


def test_weights_that_do_not_fit_are_refused(tmp_path):
    first = run(tmp_path / "first").estimator
    other = Source(SineSynth(), Setting("fast", "sine", NOTE, 2 * RATE, "classes"))
    frozen = Source(FrozenSynth(SineSynth(), {"wave": "sine"}), sine_source().setting)
    for what, architecture, options, message in (
        (sine_source(), "conv3", {}, "are of architecture conv1, not conv3"),
        (sine_source(), None, {"mels": 40}, "are of mels 0, not 40"),
        (other, None, {}, "are of sample_rate 4000, not 8000"),
        (frozen, None, {}, "are for other parameters"),
    ):
        with pytest.raises(TrainingError, match=message):
            train(
                what, architecture, out=tmp_path / "m", recipe=QUICK, options=options, start=first
            )
    with pytest.raises(TrainingError, match="name an architecture to train, or a model"):
        train(sine_source(), out=tmp_path / "m", recipe=QUICK)


def test_another_start_is_another_run(tmp_path):
    first, second = run(tmp_path / "1").estimator, run(tmp_path / "2", half=True).estimator
    options = {"out": tmp_path / "m", "recipe": QUICK, "device": "cpu"}
    train(sine_source(), start=first, progress=interrupt_at(4), **options)
    with pytest.raises(TrainingError, match="unfinished run with another start"):
        train(sine_source(), start=second, **options)
    assert train(sine_source(), start=first, **options).stopped == "finished"


def test_a_proxy_is_gone_on_with_too(tmp_path):
    options = {"recipe": Recipe(steps=2, batch=4, validations=1, validate=8), "device": "cpu"}
    one = train(sine_source(), "inversynth2", out=tmp_path / "1", goal="proxy", **options)
    still = dataclasses.replace(options["recipe"], learning_rate=1e-12)
    options = {**options, "recipe": still, "goal": "proxy", "start": tmp_path / "1"}
    train(sine_source(), out=tmp_path / "2", **options)
    proxies = [load_proxy(tmp_path / n, one.estimator).state_dict() for n in "12"]
    assert proxies[0].keys() == proxies[1].keys()
    for name, value in proxies[0].items():
        if "running" not in name and "tracked" not in name:
            torch.testing.assert_close(proxies[1][name], value, rtol=0, atol=1e-6)


def test_one_training_to_a_folder(tmp_path):
    def second(progress):
        with pytest.raises(BusyError, match="another process trains in"):
            run(tmp_path / "m")

    assert run(tmp_path / "m", progress=second).stopped == "finished"
    assert not (tmp_path / "m" / ".lock").exists()


KILLED = """
import os, signal, sys
import torch
from sine_synth import sine_source
from synthmatch import _files
from synthmatch.training import Recipe, train
torch.set_num_threads(1)
sync = _files._sync
def dies_at(write):
    left = [write]
    def die(path):
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        sync(path)
    _files._sync = die
    recipe = Recipe(steps=12, batch=8, validations=3, validate=32)
    out = f"{sys.argv[1]}/{write}"
    train(sine_source(), "conv1", out=out, recipe=recipe, device="cpu")
for write in map(int, sys.argv[2:]):
    child = os.fork()  # which has imported everything
    if child == 0:
        dies_at(write)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
WRITES = (2, 4, 5, 6, 9)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Return a folder of runs that were killed at so many writes, and what each exited with."""
    folder = tmp_path_factory.mktemp("killed")
    script = folder / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(folder), *map(str, WRITES)]
    done = subprocess.run(command, env=with_helpers(), check=True, stdout=subprocess.PIPE)
    return folder, dict(zip(WRITES, map(int, done.stdout.split()), strict=True))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Return the network of a run that nothing interrupted."""
    return run(tmp_path_factory.mktemp("straight") / "m").estimator


@pytest.mark.parametrize("write", WRITES)
def test_a_run_that_was_killed_while_it_wrote_goes_on_to_the_same_end(killed, straight, write):
    """However early: the checkpoint is there before anything that looks like a model."""
    folder, statuses = killed
    assert statuses[write] == -signal.SIGKILL
    out = folder / str(write)
    resumed = run(out)
    assert resumed.stopped == "finished"
    assert same(resumed.estimator, straight)
    names = {p.name for p in out.iterdir()}
    assert names == {"config.json", "log.jsonl", "model.safetensors"}  # nothing is left over
    with pytest.raises(TrainingError, match="finished model"):
        run(out)


def test_the_first_checkpoint_comes_with_the_first_validation(tmp_path):
    there = []

    def look(progress):
        there.append((progress.step, (tmp_path / "m" / "checkpoint.safetensors").is_file()))

    run(tmp_path / "m", progress=look)
    assert there == [(4, False), (8, True), (12, True)]


def test_says_what_it_needs_and_warns_where_that_is_not_there(tmp_path, monkeypatch):
    lines = []
    result = run(tmp_path / "a", notify=lines.append)
    weights = sum(p.numel() for p in result.estimator.parameters())
    assert re.fullmatch(
        rf"{weights:,} weights; training needs about \d+\.\d [GM]B on cpu, \d+\.\d GB are free",
        lines[0],
    )
    assert " 0.0 " not in lines[0]  # a small network takes megabytes
    monkeypatch.setattr("synthmatch.training.run.memory_free", lambda device: 1000)
    with pytest.warns(TrainingWarning, match="take a smaller batch or network"):
        run(tmp_path / "b")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0.1 MB"), (4_200_000, "4.2 MB"), (100_000_000, "0.1 GB"), (12_340_000_000, "12.3 GB")],
)
def test_sizes_are_told_in_the_unit_that_says_something(count, text):
    assert size_of(count) == text


def test_batches_that_no_machine_holds_are_refused_before_anything_is_rendered(tmp_path):
    for change in ({"batch": 100_000_000}, {"validate": 100_000_000}):
        recipe = dataclasses.replace(QUICK, **change)
        with pytest.raises(TrainingError, match=r"100,000,000 sounds at once take .* GB; take a"):
            train(sine_source(), "conv1", out=tmp_path / "m", recipe=recipe, device="cpu")


MEMORY = r"""
import json, re, sys
import torch
from sine_synth import sine_source
from synthmatch.training import Recipe, train
import synthmatch.training.loop as loop
torch.set_num_threads(1)
peaks = {}
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/self/status").read())[1]) * 1024
save = loop.save_checkpoint
def measured(*arguments):
    peaks.setdefault("training", peak())
    save(*arguments)
    peaks["checkpoint"] = peak()
loop.save_checkpoint = measured
recipe = Recipe(steps=2, batch=8, validations=1, validate=8)
told = []
train(sine_source(), "ast-mlp", out=sys.argv[1], recipe=recipe, device="cpu", notify=told.append,
      options={"width": 3072})
print(json.dumps([peaks, told]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_checkpoint_takes_next_to_no_memory(tmp_path):
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "m")]
    done = subprocess.run(command, env=with_helpers(), check=True, capture_output=True, text=True)
    peaks, told = json.loads(done.stdout)
    weights = int(told[0].split()[0].replace(",", ""))
    assert weights > 40e6
    largest = 4 * 3072 * 3072 * 8 / 4  # one tensor of the optimiser, and some
    assert peaks["checkpoint"] - peaks["training"] < 2 * largest < 0.3 * 4 * 4 * weights


def test_a_full_disk_is_one_line(tmp_path):
    """The largest file a process may write stands for the disk."""
    pytest.importorskip("resource")
    script = tmp_path / "full.py"
    script.write_text(
        textwrap.dedent(
            """
            import resource, sys
            import torch
            from sine_synth import sine_source
            from synthmatch.errors import SynthmatchError
            from synthmatch.training import Recipe, train
            torch.set_num_threads(1)
            recipe = Recipe(steps=12, batch=8, validations=3, validate=32)
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            for size in sys.argv[2:]:
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), most))
                out = f"{sys.argv[1]}/{size}"
                try:
                    train(sine_source(), "conv1", out=out, recipe=recipe, device="cpu")
                except SynthmatchError as error:
                    print(error)
            """
        )
    )
    sizes = ("0", "100", "20000")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), *sizes],
        env=with_helpers(),
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    for size, line in zip(sizes, lines, strict=True):
        out = tmp_path / size
        assert re.fullmatch(rf"cannot write .*/{size}\b.*: File too large", line)
        assert not list(out.glob(".[0-9]*"))
        assert run(out).stopped == "finished"


@pytest.mark.parametrize(
    "row", ["[1]", '{"event": "train"}', '{"event": 1, "step": 1}', "[" * 9999]
)
def test_a_damaged_log_is_one_line(tmp_path, row):
    (tmp_path / "log.jsonl").write_text(row + "\n")
    with pytest.raises(TrainingError, match="line 1: not a training log"):
        read_log(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda state, tensors: state.pop("state"),
        lambda state, tensors: state["state"].update(step="4"),
        lambda state, tensors: state["state"].update(window=[None]),
        lambda state, tensors: state["state"].update(colour=1),
        lambda state, tensors: state.update(identity=[]),
        lambda state, tensors: tensors.pop("generator.cpu"),
        lambda state, tensors: tensors.update({"generator.cpu": torch.zeros(3)}),
        lambda state, tensors: tensors.pop("optimizer.0.exp_avg"),
        lambda state, tensors: tensors.update({"optimizer.99.step": torch.zeros(())}),
        lambda state, tensors: tensors.update({"optimizer.0.exp_avg": torch.zeros(3)}),
        lambda state, tensors: tensors.update({"optimizer.x.step": torch.zeros(())}),
        lambda state, tensors: tensors.pop("goal.estimator.output.bias"),
    ],
)
def test_damaged_checkpoints_are_one_line(tmp_path, change):
    run(tmp_path, progress=interrupt_at(4))
    file = tmp_path / "checkpoint.safetensors"
    tensors, metadata = read_tensors(file)
    state = json.loads(metadata["state"])
    change(state, tensors)
    write_tensors(file, tensors, {"state": json.dumps(state)})
    with pytest.raises((WeightsError, TrainingError)) as caught:
        run(tmp_path)
    assert "\n" not in str(caught.value)


def test_seeds_of_processes_and_steps_never_collide():
    keys = [(seed, *key) for seed in (0, 1, 2**32) for key in ((), (0,), (1,), (1, 0), (0, 1))]
    assert len({torch_seed(*key) for key in keys}) == len(keys)
