import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from synthmatch.errors import ParameterError
from synthmatch.estimators.head import Head
from synthmatch.parameters import Parameter, ParameterSpace

MIXED = ParameterSpace(
    "mixed",
    [
        Parameter.continuous("cutoff", 20.0, 20000.0, scale="log", classes=9),
        Parameter.categorical("wave", ["sine", "saw", "square"]),
        Parameter.ordinal("octave", [-2, -1, 0, 1, 2]),
        Parameter.categorical("only", ["this"]),
        Parameter.continuous("held", 0.0, 1.0, classes=64),
        Parameter.continuous("level", 0.0, 1.0, classes=16),
    ],
    {"held": 0.5},
)
EVEN = ParameterSpace("even", [Parameter.continuous(f"p{i}", 0, 1, classes=16) for i in range(23)])
CLASSES = (9, 3, 5, 1, 16)


def some(space, n=6, seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(space.sample(rng, n))


def output_for(head, n=6, seed=0):
    return torch.randn(n, head.size, generator=torch.Generator().manual_seed(seed))


def smoothed(index, classes, sigma):
    """Section 2.5 in so many words: convolve the one-hot label with a Gaussian, normalise."""
    label = np.zeros(classes)
    label[index] = 1.0
    kernel = np.exp(-0.5 * (np.arange(-classes, classes + 1) / sigma) ** 2)
    full = np.convolve(label, kernel)[classes:-classes]
    return full / full.sum()


def test_sizes_are_the_papers_368_on_jsyn_23():
    assert Head(EVEN, "sigmoid").size == 368
    assert Head(EVEN, "regression").size == 23
    assert Head(MIXED).size == sum(CLASSES)
    assert Head(MIXED, "regression").size == 1 + 3 + 1 + 1 + 1
    assert [s.stop - s.start for s in Head(MIXED).slices] == list(CLASSES)


def test_classes_are_the_spaces():
    for space in (MIXED, EVEN):
        vectors = some(space, 200)
        np.testing.assert_array_equal(Head(space).classes(vectors), space.to_classes(vectors))
        ends = torch.tensor([[0.0] * len(space), [1.0] * len(space)], dtype=torch.float64)
        np.testing.assert_array_equal(Head(space).classes(ends), space.to_classes(ends))


@pytest.mark.parametrize("sigma", [0.0, 1.28])
@pytest.mark.parametrize("space", [MIXED, EVEN], ids=lambda s: s.synth)
def test_softmax_loss_is_the_mean_cross_entropy(space, sigma):
    head = Head(space, "softmax", sigma)
    output, vectors = output_for(head), some(space)
    classes = space.to_classes(vectors)
    terms = []
    for i, (p, part) in enumerate(zip(space.free, head.slices, strict=True)):
        logp = output[:, part].double().log_softmax(1).numpy()
        for row, k in enumerate(classes[:, i]):
            numeric = sigma and p.kind != "categorical"
            target = smoothed(k, p.classes, sigma) if numeric else np.eye(p.classes)[k]
            terms.append(-(target * logp[row]).sum())
    assert head.loss(output, vectors) == pytest.approx(np.mean(terms), rel=1e-5)


def test_sigmoid_loss_is_the_mean_binary_cross_entropy():
    head = Head(EVEN, "sigmoid")
    output, vectors = output_for(head), some(EVEN)
    one_hot = functional.one_hot(torch.tensor(EVEN.to_classes(vectors)), 16).flatten(1).float()
    want = functional.binary_cross_entropy((output - math.log(15)).sigmoid(), one_hot)
    torch.testing.assert_close(head.loss(output, vectors), want)
    head = Head(MIXED, "sigmoid")
    output, vectors = output_for(head), some(MIXED)
    terms = [
        functional.binary_cross_entropy_with_logits(
            output[:, part] - math.log(max(p.classes - 1, 1)),
            functional.one_hot(head.classes(vectors)[:, i], p.classes).float(),
        )
        for i, (p, part) in enumerate(zip(MIXED.free, head.slices, strict=True))
    ]
    torch.testing.assert_close(head.loss(output, vectors), torch.stack(terms).mean())


def test_an_output_of_zero_is_a_uniform_guess():
    for kind in ("softmax", "sigmoid"):
        likely = Head(EVEN, kind).probabilities(torch.zeros(1, 368))
        torch.testing.assert_close(torch.stack(likely), torch.full((23, 1, 16), 1 / 16))
    loss = Head(EVEN, "sigmoid").loss(torch.zeros(6, 368), some(EVEN))
    p = 1 / 16
    assert loss == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p), rel=1e-5)


def test_regression_loss_is_squared_error_and_cross_entropy():
    head = Head(MIXED, "regression").eval()
    output, vectors = output_for(head), some(MIXED)
    terms = []
    for i, (p, part) in enumerate(zip(MIXED.free, head.slices, strict=True)):
        if p.kind == "categorical":
            k = head.classes(vectors)[:, i]
            terms.append(functional.cross_entropy(output[:, part], k))
        else:
            value = output[:, part][:, 0].sigmoid()
            terms.append(functional.mse_loss(value, vectors[:, i].float()))
    torch.testing.assert_close(head.loss(output, vectors), torch.stack(terms).mean())


def test_loss_is_differentiable_and_leaves_no_parameter_out():
    for kind in ("softmax", "sigmoid", "regression"):
        head = Head(MIXED, kind, 0.5)
        output = output_for(head).requires_grad_()
        head.loss(output, some(MIXED)).backward()
        moved = output.grad.abs().sum(0) > 0
        single = head.slices[3]
        assert moved[: single.start].all()
        assert moved[single.stop :].all()


def test_weights_scale_the_loss_of_a_parameter():
    head = Head(MIXED)
    output, vectors = output_for(head), some(MIXED)
    alone = []
    for i in range(len(MIXED)):
        weights = torch.zeros(len(MIXED))
        weights[i] = 7.0
        alone.append(head.loss(output, vectors, weights))
    torch.testing.assert_close(torch.stack(alone).mean(), head.loss(output, vectors))
    head.weights.copy_(torch.tensor([1.0, 0, 0, 0, 3.0]))
    torch.testing.assert_close(head.loss(output, vectors), (alone[0] + 3 * alone[4]) / 4)
    each = torch.rand(len(vectors), len(MIXED))
    first = torch.zeros_like(each)
    first[2] = each[2]
    one = head.loss(output[2:3], vectors[2:3], each[2:3])
    torch.testing.assert_close(head.loss(output, vectors, first), one)
    assert "weights" in head.state_dict()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "regression"])
@pytest.mark.parametrize("space", [MIXED, EVEN], ids=lambda s: s.synth)
def test_probabilities_are_distributions(space, kind):
    head = Head(space, kind)
    output = output_for(head)
    found = head.probabilities(output)
    assert [tuple(p.shape) for p in found] == [(6, p.classes) for p in space.free]
    for p, part, parameter in zip(found, head.slices, space.free, strict=True):
        torch.testing.assert_close(p.sum(1), torch.ones(6))
        if kind == "softmax" or parameter.kind == "categorical":
            odds = output[:, part] - math.log(max(parameter.classes - 1, 1))
            score = odds.sigmoid() if kind == "sigmoid" else output[:, part].exp()
            torch.testing.assert_close(p, score / score.sum(1, keepdim=True))


def perfect(head, vectors):
    """The output of a network that is certain of the truth."""
    targets = head.targets(vectors).double()
    if head.kind == "regression":
        for i, (p, part) in enumerate(zip(head.space.free, head.slices, strict=True)):
            if p.kind != "categorical":
                targets[:, part] = torch.special.logit(vectors[:, i : i + 1], 1e-6) / 60
    return 60 * targets


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "regression"])
@pytest.mark.parametrize("space", [MIXED, EVEN], ids=lambda s: s.synth)
def test_decoding_certainty_gives_the_truth(space, kind):
    head = Head(space, kind)
    vectors = torch.tensor(space.sample_classes(np.random.default_rng(3), 50))
    output = perfect(head, vectors)
    torch.testing.assert_close(head.decode(output).double(), vectors, atol=1e-5, rtol=0)
    if kind != "sigmoid":
        found = head.decode(output, "expectation").double()
        torch.testing.assert_close(found, vectors, atol=1e-5, rtol=0)
        torch.testing.assert_close(
            head.predictions(output), head.targets(vectors), atol=1e-5, rtol=0
        )
    assert head.targets(vectors).shape == (50, head.size)
    space.check_vectors(head.decode(output_for(head)).numpy())


def test_expectation_is_the_mean_for_numbers_and_the_mode_for_categories():
    head = Head(MIXED)
    output = output_for(head)
    found = head.decode(output, "expectation")
    likely = head.probabilities(output)
    for i, p in enumerate(MIXED.free):
        units = torch.tensor(p.unit_of_class(range(p.classes))).float()
        mean = (likely[i] * units).sum(1)
        mode = units[likely[i].argmax(1)]
        torch.testing.assert_close(found[:, i], mode if p.kind == "categorical" else mean)


def test_samples_follow_the_probabilities():
    head = Head(MIXED)
    output = output_for(head, 2)
    generator = torch.Generator().manual_seed(1)
    n = 20000
    drawn = head.sample(output, n, generator)
    assert drawn.shape == (2, n, 5)
    for row in range(2):
        k = MIXED.to_classes(drawn[row].numpy())
        for i, p in enumerate(head.probabilities(output)):
            share = np.bincount(k[:, i], minlength=CLASSES[i]) / n
            np.testing.assert_allclose(share, p[row], atol=4.5 * 0.5 / math.sqrt(n))


def test_temperature_sharpens_and_flattens():
    head = Head(EVEN)
    output = output_for(head, 1)
    best = head.decode(output)[:, None]
    agree = [
        (head.sample(output, 200, torch.Generator().manual_seed(0), t) == best).float().mean()
        for t in (0.05, 1.0, 20.0)
    ]
    assert agree[0] > 0.9 > agree[1] > agree[2]
    assert agree[2] < 0.12


def test_sampling_is_repeatable_and_checked():
    head = Head(MIXED)
    output = output_for(head)
    one = head.sample(output, 3, torch.Generator().manual_seed(5))
    two = head.sample(output, 3, torch.Generator().manual_seed(5))
    assert torch.equal(one, two)
    for n, temperature in ((0, 1.0), (1, 0.0), (1, math.nan)):
        with pytest.raises(ParameterError):
            head.sample(output, n, torch.Generator(), temperature)


def test_regression_samples_around_its_value_with_the_spread_it_learnt():
    space = ParameterSpace("r", [Parameter.continuous("x", 0, 1), Parameter.continuous("y", 0, 1)])
    head = Head(space, "regression")
    generator = torch.Generator().manual_seed(0)
    truth = torch.full((64, 2), 0.5)
    for _ in range(800):
        error = torch.tensor([0.02, 0.1]) * torch.randn(64, 2, generator=generator)
        head.loss(torch.special.logit((truth + error).clamp(0.01, 0.99)), truth)
    torch.testing.assert_close(head.spread, torch.tensor([0.02, 0.1]), rtol=0.1, atol=0)
    head.eval().loss(torch.zeros(64, 2), torch.ones(64, 2))
    torch.testing.assert_close(head.spread, torch.tensor([0.02, 0.1]), rtol=0.1, atol=0)
    drawn = head.sample(torch.zeros(1, 2), 5000, generator)
    torch.testing.assert_close(drawn.mean((0, 1)), torch.tensor([0.5, 0.5]), atol=0.01, rtol=0)
    torch.testing.assert_close(drawn.std((0, 1)), head.spread, rtol=0.1, atol=0)
    wide = head.probabilities(torch.zeros(1, 2))
    assert wide[0].max() > wide[1].max()
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_reads_bfloat16():
    head = Head(MIXED, "softmax", 1.0)
    output = output_for(head)
    near = head.loss(output.bfloat16(), some(MIXED))
    torch.testing.assert_close(near, head.loss(output, some(MIXED)), rtol=0.02, atol=0)
    assert near.dtype == torch.float32


def test_refuses_what_makes_no_sense():
    with pytest.raises(ParameterError, match="softmax, sigmoid, regression"):
        Head(MIXED, "linear")
    with pytest.raises(ParameterError, match="smoothing"):
        Head(MIXED, "softmax", -1.0)
    with pytest.raises(ParameterError, match="'expectation'"):
        Head(MIXED).decode(torch.zeros(1, 34), "mean")
    frozen = ParameterSpace("f", [Parameter.continuous("x", 0, 1)], {"x": 0.5})
    with pytest.raises(ParameterError, match="free at least one"):
        Head(frozen)
