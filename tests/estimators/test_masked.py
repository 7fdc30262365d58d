"""Pictures of notes, and the network that fills in patches."""

import signal

import numpy as np
import pytest
import torch

from synthmatch import Matcher, Note, load_synth
from synthmatch.errors import ParameterError
from synthmatch.estimators import build
from synthmatch.estimators.note_pictures import (
    HARMONIC_SHAPE,
    TIME_SHAPE,
    NotePictures,
    multiples,
)
from synthmatch.parameters import Parameter, ParameterSpace
from synthmatch.training import Recipe, train

RATE = 16000
SMALL = {"width": 32, "heads": 2, "layers": 2, "hidden": 64, "channels": 16}
TWINS = ParameterSpace(
    "twins",
    [
        *(Parameter.continuous(f"a{i}", 0, 1, classes=8, group="one") for i in range(3)),
        *(Parameter.continuous(f"b{i}", 0, 1, classes=8, group="two") for i in range(3)),
        Parameter.categorical("wave", ["sine", "saw"], group="three"),
    ],
)


def tone(pitch, ratios, seconds=2.0, cents=0.0):
    """Sines at multiples of a note's pitch, with a vibrato of 5 Hz."""
    t = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69 + cents / 100 * np.sin(2 * np.pi * 5 * t)) / 12)
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    return torch.tensor(sum(np.sin(ratio * phase) for ratio in ratios)).float()


def pictures(audio, pitch, held=2.0, samples=4 * RATE):
    padded = torch.nn.functional.pad(audio, (0, samples - len(audio)))[None]
    made = NotePictures(RATE, samples)(padded, torch.tensor([pitch]), torch.tensor([held]))
    return made[0][0], made[1][0]


@pytest.mark.parametrize("pitch", [40.0, 60.0, 72.5])
def test_partials_stand_in_the_rows_of_their_ratios(pitch):
    harmonics, _ = pictures(tone(pitch, [1, 3, 5.5]), pitch)
    assert harmonics.shape == HARMONIC_SHAPE
    assert harmonics.min() >= 0 and harmonics.max() == 1
    loud = np.flatnonzero(harmonics[:, 12].numpy() > 0.9)
    assert [(row + 1) / 4 for row in loud] == [1, 3, 5.5]  # rows a quarter apart up to 8


def test_an_envelope_twice_as_slow_is_moved_by_some_columns():
    t = torch.arange(2 * RATE) / RATE
    sound = tone(60, [1])
    fast, _ = pictures(sound * torch.exp(-t / 0.2), 60.0)
    slow, _ = pictures(sound * torch.exp(-t / 0.4), 60.0)
    half = [int((picture[3, :24] > 0.75).sum()) for picture in (fast, slow)]  # above -20 dB
    columns = np.log(2) / (np.log(3.0 / 0.03) / 23)  # of an octave of time
    assert half[1] - half[0] == pytest.approx(columns, abs=1)


def test_what_comes_long_after_the_release_is_not_seen():
    sound = tone(60, [1, 2], 3.5)
    cut = sound[: round(1.5 * RATE)]
    for one, other in zip(pictures(sound, 60.0, 0.5), pictures(cut, 60.0, 0.5), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_vibrato_is_read_in_cents():
    _, times = pictures(tone(60, [4], cents=30), 60.0)
    assert times.shape == TIME_SHAPE
    wobble = (times[-1, 4:150].numpy() - 0.5) * 200
    assert np.ptp(wobble) / 2 == pytest.approx(30, abs=4)
    spectrum = np.abs(np.fft.rfft(wobble - wobble.mean(), 1600))
    assert np.argmax(spectrum) / (1600 * 0.0125) == pytest.approx(5, abs=0.3)
    _, steady = pictures(tone(60, [4]), 60.0)
    assert np.ptp(steady[-1, 4:150].numpy()) < 0.01


def test_silence_has_finite_pictures():
    for picture in pictures(torch.zeros(100), 60.0):
        assert torch.isfinite(picture).all()


def network(space=TWINS, **options):
    torch.manual_seed(0)
    options = {**SMALL, **options}
    return build("masked", space, sample_rate=8000, samples=4000, **options).eval()


def test_like_groups_share_their_weights_and_others_do_not():
    made = network()
    assert len(made.outputs) == 2  # of two groups of three numbers, and of one switch
    assert made.outputs[0].out_features == 24 and made.outputs[1].out_features == 2
    assert made.tokens.tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert network(stack=2).tokens.tolist() == [0, 0, 1, 2, 2, 3, 4]
    with torch.no_grad():  # a class of the second group goes to the second group's output
        made.biases[made.head.slices[4]] += torch.arange(8.0)
        made.outputs[0].weight.zero_()
    decoded = made.head.decode(made(torch.zeros(1, 4000)))[0]
    assert decoded[4] == 1 and decoded[3] == decoded[1] == 0


def test_only_what_is_shown_is_looked_at():
    made = network()
    encoded = made.encode(torch.randn(1, 4000)).detach()
    shown = torch.tensor([[True, False, False, True, False, False, False]])
    base = torch.zeros(1, 7, dtype=torch.long)
    unseen, seen = base.clone(), base.clone()
    unseen[0, 1], seen[0, 3] = 5, 5
    want = made.fill(encoded, base, shown)
    assert torch.equal(made.fill(encoded, unseen, shown), want)
    assert not torch.allclose(made.fill(encoded, seen, shown), want)
    assert torch.equal(made.fill(encoded, base, torch.zeros_like(shown)), made.fill(encoded))


def test_masks_hide_something_of_each_and_at_times_all():
    shown = network().hide(4000, torch.Generator().manual_seed(0)).float()
    assert shown.shape == (4000, 7) and not shown.all(1).any()
    assert 0.33 < (shown.sum(1) == 0).float().mean() < 0.6
    together = (shown[:, 0] == shown[:, 1]).float().mean()  # of one token
    assert together > (shown[:, 0] == shown[:, 3]).float().mean() + 0.05


def test_the_loss_is_of_what_is_hidden_and_counts():
    made = network(head="softmax", smoothing=0.0)
    encoded = made.encode(torch.randn(3, 4000)).detach()
    vectors = torch.rand(3, 7)
    only = torch.zeros(3, 7)
    only[:, 6] = 1.0
    made.hide = lambda n: torch.tensor([[True] * 6 + [False]]).expand(n, -1)
    logits = made.fill(encoded, made.head.classes(vectors), made.hide(3))[:, made.head.slices[6]]
    want = torch.nn.functional.cross_entropy(logits, made.head.classes(vectors)[:, 6])
    torch.testing.assert_close(made.masked_loss(encoded, vectors), want)
    torch.testing.assert_close(made.masked_loss(encoded, vectors, only), want)


@pytest.mark.parametrize("rounds", [1, 3, 20])
def test_completion_keeps_what_is_shown_and_draws_the_rest(rounds):
    made = network()
    encoded = made.encode(torch.randn(1, 4000)).detach().expand(50, -1, -1)
    vectors = torch.rand(50, 7)
    shown = torch.rand(50, 7) < 0.5

    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        return made.complete(encoded, vectors, shown, generator, rounds=rounds)

    drawn = draw(1)
    assert torch.equal(drawn[shown], vectors[shown])
    assert not torch.equal(drawn[~shown], vectors[~shown])
    TWINS.check_vectors(drawn.double().numpy())
    assert torch.equal(drawn, draw(1)) and not torch.equal(drawn, draw(2))


def test_it_learns_what_goes_together_and_draws_it():
    # Two numbers that are always equal, and say nothing in the sound: drawn apart from each
    # other they would agree in one of eight draws.
    space = ParameterSpace(
        "pair", [Parameter.continuous(n, 0, 1, classes=8, group=n) for n in ("a", "b")]
    )
    made = network(space, smoothing=0.0).train()
    optimiser = torch.optim.Adam(made.parameters(), 3e-3)
    encoded = torch.zeros(256, 2, 32)
    for _ in range(150):
        same = torch.rand(256, 1).expand(-1, 2)
        loss = made.masked_loss(encoded, same)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    nothing = torch.zeros(256, 2)
    drawn = made.eval().complete(encoded, nothing, nothing > 0, torch.Generator().manual_seed(0))
    assert (drawn[:, 0] == drawn[:, 1]).float().mean() > 0.8
    assert len(drawn[:, 0].unique()) == 8
    shown = torch.tensor([[True, False]]).expand(256, -1)
    again = made.complete(encoded, drawn, shown, torch.Generator().manual_seed(3))
    assert (again[:, 0] == again[:, 1]).float().mean() > 0.8


def test_a_width_that_does_not_divide_is_refused():
    with pytest.raises(ParameterError, match="divides into heads"):
        network(width=30, heads=4)


@pytest.mark.parametrize("views", ["harmonics", "times"])
def test_a_network_of_one_view_does_not_look_at_the_other(views):
    made = network(views=views)
    harmonics, times = torch.rand(2, *HARMONIC_SHAPE), torch.rand(2, *TIME_SHAPE)
    played = torch.tensor([[60.0, 100.0, 1.0]]).expand(2, -1)
    want = made.encode_pictures(harmonics, times, played)
    others = [harmonics.flip(1), times.flip(1)]
    for moved, seen in zip(others, ("harmonics", "times"), strict=True):
        given = [moved, times] if seen == "harmonics" else [harmonics, moved]
        same = torch.equal(made.encode_pictures(*given, played), want)
        assert same == (seen != views)
    assert not any(views not in n and n.startswith(("harm", "times")) for n in made.state_dict())


def test_an_unknown_view_is_refused():
    with pytest.raises(ParameterError, match="no view named 'front'; use one of both"):
        network(views="front")


def test_rows_are_named_by_their_multiples():
    for row in (0, 11, 40, 79):
        ratio = float(multiples()[row])
        harmonics, _ = pictures(tone(48.0, [ratio]), 48.0)
        assert int(harmonics[:, 12].argmax()) == row


def test_dilated_by_primes_it_has_hardly_more_weights_and_learns_in_them():
    plain, dilated = network(), network(primes=3)
    counts = [sum(p.numel() for p in made.parameters()) for made in (plain, dilated)]
    assert counts[0] < counts[1] < 1.05 * counts[0]
    dilated.loss(torch.randn(4, 4000), torch.rand(4, 7)).backward()
    weights = [p for n, p in dilated.named_parameters() if n.endswith("0.1.weight")]
    assert [w.shape for w in weights] == [(3, 4, 7)]
    assert all(w.grad is not None and w.grad.abs().min() > 0 for w in weights)


def test_never_shown_anything_it_is_the_factorised_classifier():
    made = network(none_shown=1.0)
    assert not made.hide(500).any()
    encoded = made.encode(torch.randn(1, 4000)).detach().expand(200, -1, -1)
    nothing = torch.zeros(200, 7)
    drawn, known = [
        made.complete(encoded, nothing, nothing > 0, torch.Generator().manual_seed(0), **options)
        for options in ({}, {"rounds": 1})
    ]
    assert torch.equal(drawn, known)  # at once
    assert network().rounds > 1


NOTE = Note(60, 100, 0.5, 0.5)
TOY = Recipe(steps=24, batch=16, validate=32, validations=2)


def test_a_toy_is_trained_resumed_saved_and_matched_with(tmp_path):
    options = {**SMALL, "pitch": 60.0, "held": 0.5}
    whole = train("jsyn", "masked", out=tmp_path / "a", recipe=TOY, note=NOTE, options=options)

    def interrupt(progress):
        if progress.step < 20:
            signal.raise_signal(signal.SIGINT)

    given = {"recipe": TOY, "note": NOTE, "options": options}
    stopped = train("jsyn", "masked", out=tmp_path / "b", progress=interrupt, **given)
    assert stopped.stopped == "interrupted"
    parted = train("jsyn", "masked", out=tmp_path / "b", **given)
    weights = parted.estimator.state_dict()
    assert all(torch.equal(v, weights[k]) for k, v in whole.estimator.state_dict().items())
    matcher = Matcher.from_pretrained(tmp_path / "a", starts=False, workers=1)
    synth = load_synth("jsyn")
    target = synth.render(
        synth.space.decode(synth.space.sample(np.random.default_rng(0), 1)[0]), NOTE
    )
    match = matcher.predict(target, synth.sample_rate, note=NOTE, candidates=3)
    assert match.renders == 16 and "16 proposals" in match.method
    answer = matcher.network.predict(match.target, NOTE)
    rng = np.random.default_rng(1)
    vectors = answer.draw(rng, 70)
    assert vectors.shape == (70, 23)
    synth.space.check_vectors(vectors)
    assert np.array_equal(answer.likeliest(), answer.likeliest())
    shown = np.arange(vectors.shape[1]) % 2 == 0
    completed = answer.complete(rng, vectors, np.tile(shown, (len(vectors), 1)))
    changed = completed != vectors
    assert changed.any() and not changed[:, shown].any()
    searched = matcher.predict(target, synth.sample_rate, note=NOTE, renders=300)
    assert searched.renders == 300 and searched.best.distance <= match.best.distance
