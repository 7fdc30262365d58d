"""The networks of InverSynth at the paper's shapes, and the features of its baselines."""

import sys

import numpy as np
import pytest
import torch

from synthmatch.errors import ParameterError, SynthmatchError
from synthmatch.estimators import build
from synthmatch.estimators.bag_of_words import BagOfWords
from synthmatch.estimators.hand_crafted import HandCrafted, PrincipalComponents
from synthmatch.estimators.inversynth import padding
from synthmatch.features import LogSTFT
from synthmatch.parameters import Parameter, ParameterSpace

JSYN = ParameterSpace("jsyn", [Parameter.continuous(f"p{i}", 0, 1, classes=16) for i in range(23)])


def jsyn(name, **options):
    return build(name, JSYN, sample_rate=16384, samples=16384, **options)


def weights_of(estimator):
    return sum(p.numel() for p in estimator.parameters())


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        *((f"conv{n}", 1.2) for n in range(1, 7)),
        ("conv6xl", 2.3),
        ("conve2e", 1.9),
        *((f"fc{n}", 1.2) for n in ("-linear", 1, 2, 3)),
    ],
)
def test_weights_are_as_many_as_the_paper_says(name, millions):
    assert round(weights_of(jsyn(name)) / 1e6, 1) == millions


@pytest.mark.parametrize("name", ["hc", "hc3"])
def test_hand_crafted_networks_have_as_many_weights(name):
    components = 20
    missing = 1000 - components
    made = jsyn(name, components=components)
    first = next(m for m in made.layers if isinstance(m, torch.nn.Linear))
    assert round((weights_of(made) + missing * first.out_features) / 1e6, 1) == 1.2


def test_the_spectrogram_is_64_by_257_and_the_output_368():
    estimator = jsyn("conv6xl")
    first = estimator.layers[0]
    seen = []
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    assert estimator(torch.zeros(2, 16384)).shape == (2, 368)
    assert seen == [(2, 1, 64, 257)]


def test_conve2e_makes_the_matrix_of_a_spectrogram():
    estimator = jsyn("conve2e")
    with torch.no_grad():
        waves = estimator.waves(torch.zeros(1, 1, 1, 16384))
    assert waves.shape == (1, 257, 1, 64)


def test_conve2e_needs_a_frame():
    with pytest.raises(ParameterError, match="256"):
        build("conve2e", JSYN, sample_rate=8000, samples=200)


@pytest.mark.parametrize(
    ("kernel", "stride"), [(3, 2), (4, 3), (3, 1), (64, 4), (13, 13), (26, 26)]
)
def test_padding_divides_by_the_stride(kernel, stride):
    for size in range(1, 140):
        x = torch.zeros(1, 1, size)
        zeros = padding(size, kernel, stride)
        got = torch.nn.functional.conv1d(x, torch.zeros(1, 1, kernel), stride=stride, padding=zeros)
        assert got.shape[2] == -(-size // stride)


def test_mel_bands_replace_the_bins():
    estimator = jsyn("conv6", mels=40, hop=128)
    assert estimator.front.shape == (1, 40, 129)
    assert estimator(torch.zeros(1, 16384)).shape == (1, 368)


def tones(n, seed=0, samples=2000):
    """One of four tones each."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 4, n)
    t = np.arange(samples) / 8000
    pitch = np.array([300.0, 700.0, 1500.0, 3100.0])[which]
    audio = np.sin(2 * np.pi * pitch[:, None] * t) + 1e-3 * rng.standard_normal((n, samples))
    return torch.tensor(audio).float(), which


def test_bags_of_words_count_kinds_of_spectra():
    pytest.importorskip("sklearn")
    front = BagOfWords(LogSTFT(128, 64), 2000, 8, 6, seed=0)
    audio, which = tones(60)
    front.fit_normalisation(audio.split(16))
    bags = front(audio)
    torch.testing.assert_close(bags.sum(1), torch.ones(60))
    assert bags.shape == (60, 6)
    words = bags.argmax(1).numpy()
    assert len({(w, k) for w, k in zip(words, which, strict=True)}) == 4
    again = BagOfWords(LogSTFT(128, 64), 2000, 8, 6, seed=0)
    again.load_state_dict(front.state_dict())
    torch.testing.assert_close(again(audio), bags)


def test_bags_of_words_need_frames():
    with pytest.raises(ParameterError, match="500 words need at least as many frames, not 64"):
        front = BagOfWords(LogSTFT(128, 64), 2000, 8, 500, seed=0)
        front.fit_normalisation([tones(2)[0]])
    with pytest.raises(ParameterError, match="65 components"):
        BagOfWords(LogSTFT(128, 64), 2000, 100, 5, seed=0)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    front = BagOfWords(LogSTFT(128, 64), 2000, 8, 5, seed=0)
    with pytest.raises(SynthmatchError, match=r"synthmatch\[baselines\]"):
        front.fit_normalisation([tones(2)[0]])


def test_hand_crafted_features_are_as_many_as_promised():
    feature = HandCrafted(8000, 256, 128)
    audio, _ = tones(4)
    assert feature.frames(audio).shape == (4, 32, 16)
    found = feature(audio)
    assert found.shape == (4, 24 * 224 * 25)
    assert torch.isfinite(found).all()


def test_hand_crafted_features_mean_what_they_say():
    feature = HandCrafted(8000, 256, 128)
    t = torch.arange(2000) / 8000
    audio = torch.sin(2 * torch.pi * 1000 * t)[None]
    frames = feature.frames(audio)[0, :, 4:-4].mean(1)
    level, crossings, centroid, peak = frames[0], frames[5], frames[6], frames[10]
    assert crossings == pytest.approx(0.25, abs=0.01)
    assert centroid == pytest.approx(0.25, abs=0.01)
    assert peak == pytest.approx(32 / 129, abs=1e-6)
    # Parseval: the power over half the bins is n_fft * sum(window^2) * mean square / 2.
    window = torch.hann_window(256)
    want = 10 * torch.log10(128 * window.square().sum() / 2)
    assert level == pytest.approx(float(want), abs=0.1)
    louder = feature.frames(10 * audio)[0, :, 4:-4].mean(1)
    assert louder[0] - level == pytest.approx(20, abs=0.01)
    assert louder[6] == pytest.approx(float(centroid), abs=1e-3)


def test_principal_components_against_numpy():
    pytest.importorskip("sklearn")

    class Pair(torch.nn.Module):
        def forward(self, audio):
            return audio[:, :5] * torch.tensor([1.0, 10.0, 0.1, 3.0, 0.0])

    rng = np.random.default_rng(0)
    audio = torch.tensor(rng.standard_normal((200, 5)) @ rng.standard_normal((5, 5))).float()
    front = PrincipalComponents(Pair(), 5, 3, seed=0)
    front.fit_normalisation(audio.split(50))
    found = front(audio).double().numpy()
    x = Pair()(audio).double().numpy()
    std = x.std(0)
    x = (x - x.mean(0)) / np.where(std > 0, std, 1)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    want = u[:, :3] * s[:3]
    signs = np.sign((found * want).sum(0))
    scale = np.sqrt((found**2).mean() / (want**2).mean())
    np.testing.assert_allclose(found, want * signs * scale, atol=1e-3)
    assert (found**2).mean() == pytest.approx(1, rel=0.02)


def test_principal_components_without_enough_sounds_stay_empty():
    pytest.importorskip("sklearn")

    class Start(torch.nn.Module):
        def forward(self, audio):
            return audio[:, :30]

    front = PrincipalComponents(Start(), 2000, 20, seed=0)
    front.fit_normalisation([tones(6)[0]])
    found = front(tones(4, seed=1)[0])
    assert (found[:, :5] != 0).all()
    assert (found[:, 5:] == 0).all()
