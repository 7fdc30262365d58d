"""The parts of Sound2Synth."""

import math

import numpy as np
import pytest
import torch

from synthmatch.errors import ParameterError
from synthmatch.estimators import build
from synthmatch.estimators.head import Head
from synthmatch.estimators.local_heads import GroupedLinear, LocalHeads
from synthmatch.estimators.prime_dilated import (
    PrimeDilatedConvolution,
    RatioConvolution,
    dilations,
    prime_ratios,
)
from synthmatch.estimators.vgg import vgg11
from synthmatch.features import ConstantQ
from synthmatch.parameters import Parameter, ParameterSpace

SPACE = ParameterSpace(
    "s",
    [
        Parameter.continuous("ratio1", 0, 1, classes=64, group="one"),
        Parameter.categorical("wave", ["a", "b", "c"], group="two"),
        Parameter.continuous("ratio2", 0, 1, classes=8, group="one"),
        Parameter.ordinal("steps", [1, 2, 3, 4], group="two"),
    ],
)


def test_prime_ratios_are_equation_5():
    assert prime_ratios(6) == [2, 3 / 2, 5 / 4, 7 / 4, 11 / 8, 13 / 8]


def test_dilations_are_equations_9_and_11():
    # 12 log2 of 5/4, 3/2, 7/4, 2 is 3.86, 7.02, 9.69, 12: figure 5.
    assert dilations(4, 12, symmetric=False) == [0, 4, 7, 10, 12]
    assert dilations(4, 12, symmetric=True) == [-12, -10, -7, -4, 0, 4, 7, 10, 12]
    assert dilations(3, 48, symmetric=False) == [0, 15, 28, 48]
    with pytest.raises(ParameterError):
        dilations(0, 12, symmetric=False)


@pytest.mark.parametrize("symmetric", [False, True])
def test_prime_dilated_convolution_by_hand(symmetric):
    layer = PrimeDilatedConvolution(3, 12, 3, symmetric=symmetric)
    x = torch.randn(2, 3, 30, 4, generator=torch.Generator().manual_seed(0))
    got = layer(x)
    places = dilations(3, 12, symmetric=symmetric)
    assert layer.weight.shape == (3, len(places))
    want = torch.zeros_like(x)
    for k in range(30):
        for j, place in enumerate(places):
            if 0 <= k + place < 30:
                want[:, :, k] += layer.weight[:, j, None] * x[:, :, k + place]
    torch.testing.assert_close(got, want)


def test_ratio_convolution_by_hand():
    multiples = torch.tensor([0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
    layer = RatioConvolution(2, multiples, primes=2, stack=1)  # ratios 2 and 1.5
    x = torch.randn(3, 2, 7, 4, generator=torch.Generator().manual_seed(0))
    want = torch.zeros_like(x)
    for j, ratio in enumerate((1.0, 2.0, 1.5, 1 / 2.0, 1 / 1.5)):
        for k, multiple in enumerate(multiples.tolist()):
            for c in range(2):
                for b, t in np.ndindex(3, 4):
                    row = x[b, c, :, t].detach().numpy()
                    seen = np.interp(multiple * ratio, multiples.numpy(), row, 0.0, 0.0)
                    want[b, c, k, t] += layer.weight[0, c, j].item() * seen
    torch.testing.assert_close(layer(x).detach(), want, rtol=1e-5, atol=1e-5)


def test_ratio_convolutions_in_a_stack_are_one_after_another():
    multiples = torch.arange(1, 33) / 4.0
    stack = RatioConvolution(2, multiples, primes=3, stack=3)
    x = torch.randn(1, 2, 32, 5, generator=torch.Generator().manual_seed(0))
    want = x
    for number in range(3):
        layer = RatioConvolution(2, multiples, primes=3, stack=1)
        layer.weight.data = stack.weight.data[number : number + 1]
        want = layer(want)
    torch.testing.assert_close(stack(x), want, rtol=1e-4, atol=1e-5)


def factors(n):
    """The powers of equation 6: n = product of r(p)^a; r(2) = 2 makes up for the rest."""
    found = []
    for p in (3, 5, 7):
        while n % p == 0:
            found.append(p / 2 ** math.floor(math.log2(p)))
            n //= p
            found += [2.0] * math.floor(math.log2(p))
    while n % 2 == 0:
        found.append(2.0)
        n //= 2
    return found if n == 1 else None


def test_stacked_layers_reach_every_harmonic_that_the_primes_factor():
    bins_per_octave = 60
    layers = [PrimeDilatedConvolution(1, bins_per_octave, 4, symmetric=False) for _ in range(4)]
    for layer in layers:
        torch.nn.init.ones_(layer.weight)
    for n in range(2, 17):
        needed = factors(n)
        x = torch.zeros(1, 1, 5 * bins_per_octave, 1)
        steps = needed if needed is not None else [n]
        x[0, 0, sum(round(bins_per_octave * math.log2(r)) for r in steps)] = 1.0
        reached = []
        for depth in range(1, 5):
            y = x
            for layer in layers[:depth]:
                y = layer(y)
            reached.append(bool(y[0, 0, 0, 0] > 0))
        if needed is None:
            assert not any(reached), n  # 11 and 13 are not among the first four primes
        else:
            assert reached == [depth >= len(needed) for depth in range(1, 5)], n


def test_a_missing_fundamental_lights_up():
    # Harmonics 2 to 6 of 220 Hz, without 220 Hz: two layers gather them at its bin.
    rate, f0 = 16000, 220.0
    t = torch.arange(rate) / rate
    audio = sum(torch.sin(2 * torch.pi * n * f0 * t) for n in range(2, 7))
    transform = ConstantQ(rate, rate, 512, 84 + 12, 12, 55.0 / 2).transform
    spectrum = transform(audio[None]).log1p()[:, None, :, 8:-8].mean(3, keepdim=True)
    spectrum = (spectrum - spectrum.median()).clamp_min(0)
    home = round(12 * math.log2(f0 / 27.5))
    assert spectrum[0, 0, home, 0] < 0.1 * spectrum.max()
    layer = PrimeDilatedConvolution(1, 12, 3, symmetric=False)
    torch.nn.init.ones_(layer.weight)
    gathered = layer(layer(layer(spectrum)))[0, 0, :, 0]
    assert gathered[home] > 0.5 * gathered.max()


def test_vgg11_has_the_weights_of_vgg11():
    # 9,220,480 with 3 input channels (Simonyan and Zisserman 2015, table 2), and 2,752
    # channels under batch normalisation.
    made = vgg11(10)
    weights = sum(p.numel() for p in made.parameters()) - (2048 * 10 + 10)
    assert weights == 9_220_480 - 2 * 64 * 9 + 2 * 2752
    assert made(torch.zeros(2, 1, 20, 5)).shape == (2, 10)


def test_grouped_layer_is_a_masked_dense_one():
    outputs = torch.tensor([2, 0, 0, 1, 2, 2, 0])
    layer = GroupedLinear(5, outputs, 3)
    x = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    dense = torch.zeros(7, 15)
    for row, group in enumerate(outputs):
        dense[row, 5 * group : 5 * group + 5] = layer.weight[row]
    want = x.flatten(1) @ dense.T + layer.bias
    torch.testing.assert_close(layer(x), want)


@pytest.mark.parametrize(
    ("grouping", "owner"), [("parameter", [0, 1, 2, 3]), ("group", [0, 1, 0, 1])]
)
def test_local_heads_keep_groups_apart(grouping, owner):
    head = Head(SPACE)
    local = LocalHeads(10, head, grouping)
    groups = max(owner) + 1
    assert local.spread.out_features == 64 * groups
    stored = sum(p.numel() for p in local.parameters())
    assert stored == (10 + 1 + 64 + 1) * 64 * groups + head.size * 65
    x = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
    before = local(x)
    assert before.shape == (3, head.size)
    with torch.no_grad():
        local.spread.weight[64:128] += 1.0  # the second group's features
    changed = (local(x) != before).any(0)
    for part, group in zip(head.slices, owner, strict=True):
        assert changed[part].all() if group == 1 else not changed[part].any()


def test_local_heads_refuse_another_grouping():
    with pytest.raises(ParameterError, match="'group'"):
        LocalHeads(10, Head(SPACE), "oscillator")


def test_the_papers_sizes():
    made = build("sound2synth", SPACE, sample_rate=48000, samples=4 * 48000)
    assert made.spectrogram.shape == (1, 1025, 376)
    assert made.constant_q.shape == (1, 432, 376)
    assert made.cepstrum.shape == (1, 20, 376)
    assert made.envelopes.shape == (4, 376)
    assert made.merge.in_features == 512 + 512 + 128 + 4 * 128
    assert made.merge.out_features == 2048
    assert made.head.smoothing == pytest.approx(0.02 * 64)


def test_every_view_reaches_the_output():
    made = build(
        "sound2synth", SPACE, sample_rate=8000, samples=2000, features=32, bins_per_octave=12
    ).eval()
    audio = torch.tensor(np.random.default_rng(0).standard_normal((1, 2000))).float()
    before = made(audio)
    for view in (made.spectrogram, made.constant_q, made.cepstrum, made.envelopes):
        view.mean += 5.0
        assert (made(audio) != before).any()
        view.mean -= 5.0


def widths(network):
    """The sizes of all that is learned, by name."""
    return {name: tuple(p.shape) for name, p in network.named_parameters()}


@pytest.mark.parametrize("architecture", ["pdc-symmetric", "pdc-asymmetric", "sound2synth"])
def test_a_divisor_narrows_every_layer_alike(architecture):
    made = {
        divisor: build(architecture, SPACE, sample_rate=8000, samples=4000, divisor=divisor)
        for divisor in (1, 8)
    }
    narrow, wide = (widths(made[divisor]) for divisor in (8, 1))
    assert narrow.keys() == wide.keys()
    tied = {1, 3, 4, 7, 20, made[1].head.size}  # kernels, what goes in, and what comes out
    if architecture == "sound2synth":
        tied |= {made[1].envelopes.shape[1]}
    for name, shape in wide.items():
        for large, small in zip(shape, narrow[name], strict=True):
            assert small == large // 8 or small == large in tied, name
    assert made[8].output.hidden == 8
    assert made[1].output.spread.in_features == 2048  # the authors' sizes unless asked


@pytest.mark.parametrize("architecture", ["pdc-symmetric", "sound2synth"])
def test_views_can_be_kept(architecture):
    made = build(architecture, SPACE, sample_rate=8000, samples=4000, divisor=16).eval()
    audio = torch.randn(3, 4000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made.estimate(made.views(audio)), made(audio))
    assert not any(view.requires_grad for view in made.views(audio))
    with pytest.raises(ParameterError, match="takes audio"):
        made.views(audio[:, 1:])


def test_a_divisor_is_a_whole_number_of_at_least_one():
    with pytest.raises(ParameterError, match="divisor is a whole number from 1"):
        build("sound2synth", SPACE, sample_rate=8000, samples=4000, divisor=0)
