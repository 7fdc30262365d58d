"""A matcher with a network: trained, saved, loaded, drawn from, and refused when damaged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from synthmatch import Matcher, Note, load_synth
from synthmatch.audio import Recording
from synthmatch.errors import ParameterError, RegistryError, WeightsError
from synthmatch.estimators import build
from synthmatch.matcher.network import Network
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.search import Budget
from synthmatch.settings import Setting
from synthmatch.synth import FrozenSynth, render_batch, sample_prior, save_patch
from synthmatch.weights import load_proxy

NOTE = Note(69, 100, 0.25, 0.25)
RATE = 16_384


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    matcher = Matcher("fm", model="conv1")
    out = tmp_path_factory.mktemp("fit")
    return matcher.fit(steps=60, batch=32, note=NOTE, out=out, validations=2, validate=64)


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    synth = load_synth("fm")
    return render_batch(synth, sample_prior(synth, np.random.default_rng(8), 1), NOTE)[0]


def test_predict_ranks_what_the_network_draws(trained: Matcher, target: np.ndarray) -> None:
    match = trained.predict(target, RATE, note=NOTE, candidates=3)
    assert match.stopped == "ranked" and match.renders == 16
    assert "16 proposals" in match.method
    distances = [c.distance for c in match.candidates]
    assert distances == sorted(distances)
    refined = trained.refine(target, match, RATE, renders=200)
    assert refined.best.distance <= match.best.distance


def test_a_budget_makes_the_search_go_on_from_the_draws(
    trained: Matcher, target: np.ndarray
) -> None:
    ranked = trained.predict(target, RATE, note=NOTE)
    searched = trained.predict(target, RATE, note=NOTE, budget=Budget(renders=300))
    assert searched.renders == 300 and "128 proposals" in searched.method
    assert searched.best.distance <= ranked.best.distance


def test_an_answer_is_as_sure_as_the_temperature_says(trained: Matcher, target: np.ndarray) -> None:
    assert trained.network is not None
    match = trained.predict(target, RATE, note=NOTE, candidates=1)
    answer = trained.network.predict(match.target, NOTE)
    likeliest = answer.likeliest()
    assert likeliest.shape == (1, 9)

    def strays(temperature: float) -> float:
        drawn = answer.draw(np.random.default_rng(0), 400, temperature)
        return float((drawn != likeliest).mean())

    assert strays(1e-3) < 0.02 < strays(0.5) < strays(1.0) < strays(3.0)
    again = [answer.draw(np.random.default_rng(1), 5) for _ in range(2)]
    assert np.array_equal(*again)
    assert answer.draw(np.random.default_rng(1), 0).shape == (0, 9)
    proposed = answer.propose(np.random.default_rng(1), 6)
    assert np.array_equal(proposed, np.concatenate([likeliest, again[0]]))


def test_presets_of_the_bank_come_before_what_the_network_proposes(
    trained: Matcher, target: np.ndarray, tmp_path: Path
) -> None:
    synth = load_synth("fm")
    own = sample_prior(synth, np.random.default_rng(8), 1)  # the target itself
    save_patch(synth, synth.space.decode(own[0]), tmp_path / "own.json")
    matcher = Matcher("fm", model=trained.network, bank=tmp_path)
    match = matcher.predict(target, RATE, note=NOTE, budget=Budget(renders=5), candidates=1)
    assert match.best.distance < 1e-6
    assert match.method.startswith("1 of 1 bank presets, then 128 proposals")


def test_a_synth_that_the_best_model_does_not_fit_is_searched_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fm = load_synth("fm")
    frozen = FrozenSynth(fm, {fm.space.free[0].name: fm.space.free[0].choices[0]})
    assert Matcher(fm).network is not None
    assert Matcher(frozen).network is None
    with pytest.raises(WeightsError, match="held fixed"):
        Matcher(frozen, model="fm-is2")


def test_a_model_of_a_part_of_the_choices_proposes_for_the_whole_synth() -> None:
    core, whole = load_synth("tal", view="tal-core"), load_synth("tal")
    estimator = build("conv1", core.space, sample_rate=8000, samples=8000).eval()
    network = Network(
        "part", estimator, {"setting": Setting("tal", "tal", NOTE, 8000).to_dict()}, Path()
    )
    matcher = Matcher(whole, model=network)
    recording = matcher.read(np.sin(np.arange(8000, dtype=np.float32)), 8000)
    assert matcher.synth is whole and matcher.network is not None
    own = network.predict(recording, NOTE).propose(np.random.default_rng(3), 4)
    found = matcher.network.predict(recording, NOTE).propose(np.random.default_rng(3), 4)
    assert own.shape == (4, len(core.space)) and found.shape == (4, len(whole.space))
    assert [whole.space.decode(v) for v in found] == [core.space.decode(v) for v in own]
    again = Matcher(core, model=matcher.network).network
    assert again is not None
    assert np.array_equal(again.predict(recording, NOTE).propose(np.random.default_rng(3), 4), own)
    with pytest.raises(WeightsError, match="does not fit"):
        Matcher(load_synth("tal", view="tal-9"), model=network)


def test_finetuning_leaves_off_before_a_step_would_end_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Matcher.from_pretrained("fm-is2").network
    assert network is not None
    clock = iter([0.0, 1.0, 2.5, 4.0])
    monkeypatch.setattr("synthmatch.matcher.network.time.perf_counter", lambda: next(clock))
    asked: list[bool] = []

    def fake(*args: object, stop: Callable[[], bool], **options: object) -> object:
        while not (asked and asked[-1]):
            asked.append(stop())
        return SimpleNamespace(vectors=np.zeros((1, 9)))

    monkeypatch.setattr("synthmatch.proxy.finetune", fake)
    synth = load_synth("fm")
    audio = render_batch(synth, sample_prior(synth, np.random.default_rng(8), 1), NOTE)[0]
    recording = Recording(audio, RATE, "x", None, 69.0, True, 0.25, -20.0)
    found = network.finetune(recording, NOTE, 0, 5.0)
    assert asked == [False, False, True]  # at 1, 2.5 and 4 s: a step takes 1.5 s
    first, *others = synth.space.parameters
    more = Parameter.categorical(first.name, (*first.choices, "noise"))
    wider = ParameterSpace("fm", [more, *others])
    asked.clear()
    clock = iter([0.0, 1.0, 2.5, 4.0])
    again = dataclasses.replace(network, space=wider).finetune(recording, NOTE, 0, 5.0)
    assert [wider.decode(v) for v in again] == [synth.space.decode(v) for v in found]


def test_a_saved_matcher_keeps_its_proxy(tmp_path: Path) -> None:
    Matcher.from_pretrained("fm-is2").save_pretrained(tmp_path / "copy")
    network = Matcher.from_pretrained(tmp_path / "copy").network
    assert network is not None
    load_proxy(tmp_path / "copy", network.estimator)
    assert "default" not in network.metadata


def test_the_network_guides_the_fresh_draws_of_a_search(
    trained: Matcher, target: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import synthmatch.matcher.finding as module

    seen = {}

    def spy(*args: object, **options: object) -> object:
        seen.update(options)
        return make_optimizer(*args, **options)  # type: ignore[arg-type]

    make_optimizer = module.make_optimizer
    monkeypatch.setattr(module, "make_optimizer", spy)
    match = trained.predict(target, RATE, note=NOTE, budget=Budget(renders=1), candidates=1)
    assert trained.network is not None
    likeliest = trained.network.predict(match.target, NOTE).likeliest()
    sample, start = seen["sample"], np.asarray(seen["start"])
    guided = sample(np.random.default_rng(0), 1000)
    prior = sample_prior(trained.synth, np.random.default_rng(0), 1000)
    near = [float((rows == likeliest).mean()) for rows in (start[:128], guided, prior)]
    assert near[0] > near[1] > near[2]
    assert len(start) == 256


def test_a_recording_of_another_pitch_is_brought_to_the_network_s(
    trained: Matcher, target: np.ndarray
) -> None:
    assert trained.network is not None
    seen = []
    estimator = trained.network.estimator
    handle = estimator.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    low = Note(57, 100, 0.25, 0.25)
    synth = load_synth("fm")
    tone = synth.render(synth.space.patch(), low, RATE)
    trained.predict(tone, RATE, note=low)
    handle.remove()
    heard = seen[0][0].numpy()
    spectrum = np.abs(np.fft.rfft(heard[:1500] * np.hanning(1500)))
    assert np.argmax(spectrum) * RATE / 1500 == pytest.approx(440.0, abs=RATE / 1500)


def test_saved_and_loaded_it_says_the_same(
    trained: Matcher, target: np.ndarray, tmp_path: Path
) -> None:
    trained.save_pretrained(tmp_path / "model")
    loaded = Matcher.from_pretrained(tmp_path / "model")
    first = trained.predict(target, RATE, note=NOTE)
    second = loaded.predict(target, RATE, note=NOTE)
    assert [c.patch for c in first.candidates] == [c.patch for c in second.candidates]
    with pytest.raises(WeightsError, match="holds a model already"):
        trained.save_pretrained(tmp_path / "model")


def test_a_model_of_another_synth_is_refused(trained: Matcher, tmp_path: Path) -> None:
    trained.save_pretrained(tmp_path / "model")
    with pytest.raises(WeightsError, match="'fm'"):
        Matcher("jsyn", model=str(tmp_path / "model"))


def test_damage_is_one_clear_error(trained: Matcher, tmp_path: Path) -> None:
    trained.save_pretrained(tmp_path / "m")
    tensors = tmp_path / "m" / "model.safetensors"
    whole = tensors.read_bytes()
    for damaged in (whole[:-1], whole[:9], b"", whole[:200] + b"\x00" + whole[201:]):
        tensors.write_bytes(damaged)
        with pytest.raises(WeightsError):
            Matcher.from_pretrained(tmp_path / "m")
    tensors.write_bytes(whole)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    config["metadata"].pop("setting")
    (tmp_path / "m" / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="trained on"):
        Matcher.from_pretrained(tmp_path / "m")


def test_without_a_network_or_an_architecture() -> None:
    with pytest.raises(ParameterError, match="architecture"):
        Matcher("fm", model="none").fit(steps=1)
    with pytest.raises(WeightsError, match="fit"):
        Matcher("fm", model="conv1").save_pretrained("nowhere")
    with pytest.raises(RegistryError, match="no model named"):
        Matcher.from_pretrained("no-such-model")


def test_a_name_that_is_neither_model_nor_architecture_lists_both() -> None:
    with pytest.raises(ParameterError, match=r"'conv66'.*fm-is2.*conv6xl"):
        Matcher("fm", model="conv66")


def test_the_best_model_is_used_unless_none_is_asked_for() -> None:
    best = Matcher("jsyn").network
    assert best is not None and best.name == "jsyn-conv6xl"
    assert Matcher("jsyn", model="none").network is None


def test_fitting_goes_on_from_the_weights_and_takes_options(tmp_path: Path) -> None:
    small = {"batch": 8, "validate": 8}
    options = {"batch_norm": True}
    matcher = Matcher("fm", model="conv1").fit(steps=1, options=options, **small)
    assert matcher.network is not None
    assert matcher.network.estimator.config["batch_norm"] is True
    matcher.save_pretrained(tmp_path / "kept")
    before = dict(matcher.network.estimator.named_parameters())
    matcher.fit(steps=1, learning_rate=1e-9, **small)
    after = dict(matcher.network.estimator.named_parameters())
    assert all(torch.allclose(before[k], after[k], atol=1e-4) for k in before)
    assert Matcher.from_pretrained(tmp_path / "kept").synth.name == "fm"


def test_a_matcher_with_a_bank_starts_from_it(target: np.ndarray, tmp_path: Path) -> None:
    from synthmatch.synth import save_patch

    synth = load_synth("fm")
    vectors = sample_prior(synth, np.random.default_rng(8), 1)
    save_patch(synth, synth.space.decode(vectors[0]), tmp_path / "mine.json")
    match = Matcher("fm", bank=tmp_path).predict(target, RATE, note=NOTE, budget=Budget(renders=20))
    assert match.best.distance == 0.0
    assert "bank" in match.method


def test_refining_through_a_proxy_never_gets_worse(target: np.ndarray, tmp_path: Path) -> None:
    from synthmatch.training import ProxyGoal, Recipe, train

    train(
        "fm",
        "inversynth2",
        out=tmp_path / "model",
        recipe=Recipe(steps=8, batch=8, validate=16, validations=1),
        note=NOTE,
        goal=ProxyGoal,
    )
    matcher = Matcher.from_pretrained(tmp_path / "model")
    first = matcher.predict(target, RATE, note=NOTE, candidates=2)
    better = matcher.refine(target, first, RATE, seconds=3.0, method="proxy")
    assert better.best.distance <= first.best.distance
    assert "finetuned" in better.method


def test_a_network_without_a_proxy_cannot_be_finetuned(
    trained: Matcher, target: np.ndarray
) -> None:
    match = trained.predict(target, RATE, note=NOTE, candidates=1)
    with pytest.raises(WeightsError, match="proxy"):
        trained.refine(target, match, RATE, method="proxy")
