import copy

import numpy as np
import pytest
import torch
from sine_synth import NOTE, RATE, SPACE, sine_source

from synthmatch.datasets import RenderedBatches, draw, render, stream
from synthmatch.errors import ParameterError, WeightsError
from synthmatch.estimators import build
from synthmatch.evaluation import evaluate
from synthmatch.proxy import Proxy, finetune
from synthmatch.training import ProxyGoal, Recipe, read_log, train
from synthmatch.weights import load_model, load_proxy, save_model

SAMPLES = NOTE.samples(RATE)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder of an encoder and a proxy trained for a moment."""
    folder = tmp_path_factory.mktemp("proxy") / "model"
    recipe = Recipe(steps=60, batch=16, learning_rate=3e-3, validations=4, validate=64, average=0.9)
    goal = lambda estimator, source: ProxyGoal(estimator, source, truth=1.0)  # noqa: E731
    train(
        sine_source(),
        "inversynth2",
        options={"n_fft": 64, "hop": 64},
        out=folder,
        recipe=recipe,
        goal=goal,
        device="cpu",
    )
    return folder


@pytest.fixture
def networks(trained):
    estimator, _ = load_model(trained)
    return estimator, load_proxy(trained, estimator)


def sounds(n, seed=5):
    return draw(sine_source(), stream(seed, "test"), n)


def true_synth(vectors):
    return render(sine_source(), vectors)


def test_the_proxy_learns_the_synth(trained, networks):
    rows = [row for row in read_log(trained) if row["event"] == "validation"]
    assert rows[-1]["proxy_error"] < 0.7 * rows[0]["proxy_error"]
    estimator, proxy = networks
    batch = sounds(64)
    audio, vectors = torch.from_numpy(batch.audio), torch.from_numpy(batch.vectors).float()
    with torch.no_grad():
        targets = estimator.head.targets(vectors)
        right = proxy.loss(targets, audio)
        wrong = proxy.loss(targets.roll(1, 0), audio)
    assert right < 0.6 * wrong  # it says which sound a patch makes


def test_training_keeps_what_sounds_nearest_on_the_true_synth(trained):
    rows = [row for row in read_log(trained) if row["event"] == "validation"]
    _, metadata = load_model(trained)
    assert metadata["scores"]["audio_loss"] == min(row["audio_loss"] for row in rows)
    assert metadata["goal"] == {"proxy_weight": 1.0, "proxy_truth": 1.0, "proxy_share": 1.0}


def test_joint_loss_is_equation_4():
    torch.manual_seed(0)
    estimator = build("inversynth2", SPACE, sample_rate=RATE, samples=SAMPLES).eval()
    batch = sounds(8)
    audio, vectors = torch.from_numpy(batch.audio), torch.from_numpy(batch.vectors).float()
    estimator.fit_normalisation([audio])
    goal = ProxyGoal(estimator, sine_source(), weight=0.3).eval()
    with torch.no_grad():
        output = estimator(audio)
        spectrogram = goal.proxy.decoder(estimator.head.predictions(output))
        expected = estimator.head.loss(output, vectors) + 0.3 * np.mean(
            np.abs(spectrogram.numpy() - estimator.front(audio).numpy())
        )
        assert float(goal(audio, vectors)) == pytest.approx(float(expected), rel=1e-5)


def test_a_share_of_the_batch_is_enough_for_the_proxy():
    estimator = build("inversynth2", SPACE, sample_rate=RATE, samples=SAMPLES).eval()
    batch = sounds(8)
    audio, vectors = torch.from_numpy(batch.audio), torch.from_numpy(batch.vectors).float()
    goal = ProxyGoal(estimator, sine_source(), share=0.25).eval()
    with torch.no_grad():
        output = estimator(audio)
        proxy = goal.proxy.loss(estimator.head.predictions(output[:2]), audio[:2])
        expected = estimator.head.loss(output, vectors) + proxy
        torch.testing.assert_close(goal(audio, vectors), expected)
    with pytest.raises(ParameterError, match="share"):
        ProxyGoal(estimator, sine_source(), share=0.0)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_dropout_is_the_encoders_and_the_decoders(dropout):
    estimator = build("inversynth2", SPACE, sample_rate=RATE, samples=SAMPLES, dropout=dropout)
    layers = [*estimator.modules(), *estimator.decoder().modules()]
    assert [m.p for m in layers if isinstance(m, torch.nn.Dropout)] == [dropout, dropout]


def test_both_networks_learn_from_the_audio_loss():
    estimator = build("inversynth2", SPACE, sample_rate=RATE, samples=SAMPLES)
    goal = ProxyGoal(estimator, sine_source())
    batch = sounds(4)
    head = estimator.head
    output = estimator(torch.from_numpy(batch.audio))
    goal.proxy.loss(head.predictions(output), torch.from_numpy(batch.audio)).backward()
    gradients = {name: p.grad for name, p in goal.named_parameters()}
    assert all(g is not None and g.isfinite().all() for g in gradients.values())
    assert gradients["estimator.layers.0.weight"].abs().max() > 0


def test_audio_loss_is_the_mean_absolute_difference(networks):
    _, proxy = networks
    a, b = torch.from_numpy(sounds(3).audio), torch.from_numpy(sounds(3, seed=6).audio)
    expected = np.abs(proxy.front(a).numpy() - proxy.front(b).numpy()).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(proxy.distances(a, b), expected, rtol=1e-5)
    np.testing.assert_array_equal(proxy.distances(a, a), 0)


def test_finetuning_never_makes_it_worse_and_sometimes_better(networks):
    estimator, proxy = networks
    before = copy.deepcopy(estimator.state_dict())
    batches = RenderedBatches(sine_source(), 16, seed=9)
    improved = 0
    for sound in sounds(5).audio:
        found = finetune(estimator, proxy, sound, true_synth, batches, steps=8, learning_rate=2e-3)
        with torch.no_grad():
            start = estimator.head.decode(estimator(torch.from_numpy(sound[None])))
        np.testing.assert_allclose(found.vectors[found.start], start[0], atol=1e-6)
        assert (np.diff(found.losses) >= 0).all()
        assert len(np.unique(found.vectors, axis=0)) == len(found.vectors) <= 9
        rendered = torch.from_numpy(true_synth(found.vectors))
        target = torch.from_numpy(np.repeat(sound[None], len(rendered), axis=0))
        np.testing.assert_allclose(found.losses, proxy.distances(rendered, target), atol=1e-6)
        improved += found.improved
    assert improved >= 1
    assert all(torch.equal(v, before[k]) for k, v in estimator.state_dict().items())
    assert not estimator.training


def test_finetuning_falls_back_to_the_start(networks):
    """Where the true synth likes nothing better, the network's own answer stays first."""
    estimator, proxy = networks
    sound = sounds(1).audio[0]
    calls = []

    def stubborn(vectors):
        calls.append(vectors)
        return sound[None] if len(calls) == 1 else np.ones((1, SAMPLES), dtype=np.float32)

    batches = RenderedBatches(sine_source(), 16, seed=9)
    found = finetune(estimator, proxy, sound, stubborn, batches, steps=8, learning_rate=5e-3)
    assert len(calls) > 1
    assert not found.improved
    assert found.start == 0
    assert found.losses[0] == 0


def test_finetuning_stops_when_told_and_is_the_same_every_time(networks):
    estimator, proxy = networks
    sound = sounds(1).audio[0]
    batches = RenderedBatches(sine_source(), 16, seed=9)
    one, again = (finetune(estimator, proxy, sound, true_synth, batches, steps=3) for _ in range(2))
    np.testing.assert_array_equal(one.vectors, again.vectors)
    none = finetune(estimator, proxy, sound, true_synth, batches, stop=lambda: True)
    assert len(none.vectors) == 1
    with pytest.raises(ParameterError, match="takes audio"):
        finetune(estimator, proxy, sound[:-1], true_synth, batches)


def test_evaluation_of_finetuning(trained):
    evaluation = evaluate(
        sine_source(), [trained], sounds=1, reference=0, finetuned=True, tables=["inversynth2"]
    )
    plain, tuned = evaluation.rows
    assert tuned.name == f"{plain.name}, finetuned"
    assert tuned.seconds > plain.seconds


def test_only_its_own_encoder(tmp_path):
    estimator = build("conv1", SPACE, sample_rate=RATE, samples=SAMPLES)
    with pytest.raises(ParameterError, match="not with 'conv1'"):
        Proxy(estimator)
    save_model(tmp_path, estimator, {})
    with pytest.raises(WeightsError, match="has no proxy; train one"):
        load_proxy(tmp_path, estimator)


def test_damaged_proxy(trained, networks, tmp_path):
    estimator, proxy = networks
    tensors = {f"proxy.{k}": v for k, v in proxy.state_dict().items()}
    tensors.pop("proxy.front.mean")
    save_model(tmp_path, estimator, {}, tensors={**estimator.state_dict(), **tensors})
    load_model(tmp_path)
    with pytest.raises(WeightsError, match="not those of its proxy"):
        load_proxy(tmp_path, estimator)
