"""Every architecture: any space, rate and length; rebuilt from its config; it learns."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from synthmatch.errors import ParameterError
from synthmatch.estimators import ARCHITECTURES, Estimator, build, from_config
from synthmatch.parameters import Parameter, ParameterSpace

MIXED = ParameterSpace(
    "mixed",
    [
        Parameter.continuous("cutoff", 20.0, 20000.0, scale="log", classes=9, group="filter"),
        Parameter.categorical("wave", ["sine", "saw", "square"], group="oscillator"),
        Parameter.ordinal("octave", [-2, -1, 0, 1, 2], group="oscillator"),
        Parameter.continuous("held", 0.0, 1.0),
        Parameter.continuous("level", 0.0, 1.0, classes=16, group="out"),
    ],
    {"held": 0.5},
)
JSYN = ParameterSpace("jsyn", [Parameter.continuous(f"p{i}", 0, 1, classes=16) for i in range(23)])

# Sizes that fit a test; the published ones are looked at in the other files.
SMALL = {
    "fc-linear": {"words": 20, "components": 8},
    "fc1": {"words": 20, "components": 8},
    "fc2": {"words": 20, "components": 8},
    "fc3": {"words": 20, "components": 8},
    "hc": {"components": 6},
    "hc3": {"components": 6},
    "vgg11": {"features": 64},
    "pdc-asymmetric": {"features": 64, "bins_per_octave": 12, "primes": 2, "stack": 1},
    "pdc-symmetric": {"features": 64, "bins_per_octave": 12, "grouping": "group"},
    "lstm-mfcc": {"features": 64, "hidden": 32, "layers": 2},
    "mlp-statistics": {"features": 64},
    "sound2synth": {"features": 64, "bins_per_octave": 12, "stack": 1, "grouping": "group"},
    "ast": {"width": 48, "heads": 3, "layers": 2, "stride": 12},
    "ast-small": {"layers": 2},
    "ast-mlp": {"width": 128},
    "ast-cnn": {"width": 128, "channels": 16},
    "masked": {"width": 32, "heads": 2, "layers": 1, "hidden": 64, "channels": 16, "stack": 2},
}
FITTED = ("fc-linear", "fc1", "fc2", "fc3", "hc", "hc3")
# Steps and learning rate where ten of 1e-3 are not enough to see anything.
STEPS = {"ast": (20, 1e-3), "ast-cnn": (60, 1e-3)}
STEPS |= {"lstm-mfcc": (20, 3e-3), "mlp-statistics": (10, 3e-3)}
PAPER = {
    **{f"conv{n}": "sigmoid" for n in (1, 2, 3, 4, 5, 6, "6xl")},
    **dict.fromkeys(("conve2e", *FITTED), "sigmoid"),
    **dict.fromkeys(("ast", "ast-small", "ast-mlp", "ast-cnn"), "regression"),
}


def small(name, space=MIXED, sample_rate=8000, samples=4000, **options):
    torch.manual_seed(0)
    options = {**SMALL.get(name, {}), **options}
    return build(name, space, sample_rate=sample_rate, samples=samples, **options)


def sounds(n, samples, seed=0):
    """Decaying sines of random pitch, with some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / samples
    pitch = rng.uniform(10, samples / 8, (n, 1))
    audio = np.sin(2 * np.pi * pitch * t) * np.exp(-rng.uniform(0, 5, (n, 1)) * t)
    return torch.tensor(0.3 * audio + 0.01 * rng.standard_normal((n, samples))).float()


def vectors_of(space, n, seed=0):
    return torch.tensor(space.sample(np.random.default_rng(seed), n)).float()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_learns_a_fixed_batch(name):
    if name in FITTED:
        pytest.importorskip("sklearn")
    estimator = small(name, samples=2000)
    audio, vectors = sounds(8, 2000), vectors_of(MIXED, 8)
    estimator.fit_normalisation(audio.split(5))
    steps, rate = STEPS.get(name, (10, 1e-3))
    optimiser = torch.optim.Adam(estimator.parameters(), rate)
    losses = []
    for _ in range(steps):
        loss = estimator.head.loss(estimator(audio), vectors)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.9 * losses[0]
    idle = [k for k, p in estimator.named_parameters() if p.grad is None]
    assert not idle


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_is_rebuilt_from_its_config_and_weights(name):
    estimator = small(name)
    config = json.loads(json.dumps(estimator.config))
    assert not any(isinstance(v, (dict, list)) for k, v in config.items() if k != "space")
    again = from_config(config)
    assert again.config == estimator.config
    assert isinstance(again, Estimator)
    assert again.architecture == name
    with torch.no_grad():
        for value in estimator.state_dict().values():
            if value.is_floating_point():
                value.add_(0.01)
    again.load_state_dict({k: v.clone() for k, v in estimator.state_dict().items()})
    audio = sounds(3, 4000)
    want = estimator.eval()(audio)
    torch.testing.assert_close(again.eval()(audio), want, rtol=0, atol=0)
    assert want.shape == (3, estimator.head.size)
    assert estimator.config["head"] == PAPER.get(name, "softmax")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_hears_each_sound_alone(name):
    estimator = small(name).eval()
    audio = sounds(3, 4000)
    with torch.no_grad():
        together = estimator(audio)
        for i in range(3):
            alone = estimator(audio[i : i + 1])[0]
            torch.testing.assert_close(alone, together[i], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("rate", "samples"), [(4000, 300), (44100, 6001), (22050, 9999)])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_takes_any_rate_and_length(name, rate, samples):
    estimator = small(name, sample_rate=rate, samples=samples, head="regression").eval()
    with torch.no_grad():
        output = estimator(sounds(2, samples))
    assert output.shape == (2, estimator.head.size)
    assert torch.isfinite(output).all()
    MIXED.check_vectors(estimator.head.decode(output).numpy())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_runs_in_bfloat16(name):
    estimator = small(name, head="softmax", smoothing=1.0)
    with torch.autocast("cpu", torch.bfloat16):
        output = estimator(sounds(4, 4000))
    loss = estimator.head.loss(output, vectors_of(MIXED, 4))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in estimator.parameters())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_keeps_to_the_device_it_is_moved_to(name):
    # Operations that mix the meta device with the CPU raise, as they would with a GPU.
    estimator = small(name, head="regression").to("meta")
    output = estimator(torch.zeros(4, 4000, device="meta"))
    vectors = torch.zeros(4, 4, device="meta")
    head = estimator.head
    head.loss(output, vectors).backward()
    assert all(p.grad.device.type == "meta" for p in estimator.parameters())
    for found in (
        head.decode(output, "expectation"),
        head.targets(vectors),
        head.predictions(output),
    ):
        assert found.device.type == "meta"


def test_unknown_names_and_options_list_the_known_ones():
    with pytest.raises(ParameterError, match=r"did you mean 'conv6xl'\? known: conv1, conv2"):
        build("conv6x", MIXED, sample_rate=8000, samples=4000)
    with pytest.raises(ParameterError, match="it takes head, smoothing, n_fft, hop, mels"):
        small("conv6xl", layers=3)
    with pytest.raises(ParameterError, match="samples is a whole number from 1"):
        small("conv6xl", samples=0)
    with pytest.raises(ParameterError, match="softmax"):
        small("conv6xl", head="gaussian")


def test_audio_of_another_length_is_refused():
    with pytest.raises(ParameterError, match=r"takes audio \[b, 4000\] at 8000 Hz"):
        small("conv6xl")(torch.zeros(1, 3999))


@pytest.mark.parametrize("lost", ["architecture", "space", "samples"])
def test_a_broken_config_is_one_clear_error(lost):
    config = small("conv1").config
    with pytest.raises(ParameterError, match=lost):
        from_config({k: v for k, v in config.items() if k != lost})
    with pytest.raises(ParameterError):
        from_config({**config, lost: "nonsense"})


def test_fitting_touches_every_front_end():
    estimator = small("sound2synth")
    estimator.fit_normalisation(sounds(6, 4000).split(2))
    fitted = [k for k, v in estimator.state_dict().items() if k.endswith("std") and (v != 1).any()]
    assert len(fitted) == 4


def test_names_are_known_without_loading_torch():
    code = (
        "import sys; from synthmatch.estimators import ARCHITECTURES; "
        "assert 'conv6xl' in ARCHITECTURES; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
