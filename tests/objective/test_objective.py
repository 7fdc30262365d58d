import numpy as np
import pytest
import scipy.fft
import scipy.signal

from synthmatch.errors import SynthmatchError
from synthmatch.objective import WEIGHTS, Objective

RATE = 22_050
T = np.arange(RATE) / RATE


def tone(frequency, *, partials=10, rate=RATE, seconds=1.0, attack=0.01, decay=0.5):
    """A harmonic tone with partials 1 / k, a linear attack and an exponential decay."""
    t = np.arange(int(seconds * rate)) / rate
    waves = [
        np.sin(2 * np.pi * k * frequency * t) / k
        for k in range(1, partials + 1)
        if k * frequency < 0.45 * rate
    ]
    envelope = np.minimum(1, t / attack) * np.exp(-np.maximum(0, t - attack) / decay)
    return (0.2 * np.sum(waves, axis=0) * envelope).astype(np.float32)


def steady(frequency=220.0):
    return tone(frequency, decay=1e9)


def lowpass(samples, cutoff):
    sos = scipy.signal.butter(2, cutoff, fs=RATE, output="sos")
    return scipy.signal.sosfilt(sos, samples).astype(np.float32)


def noise(seed=0, samples=RATE):
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def assert_ordered(candidates, rate=RATE, least=0.0):
    """The first candidate is the target; each of the others is further away than the last."""
    distances = Objective(candidates[0], rate)(np.stack(candidates))
    assert distances[0] == 0.0
    assert (np.diff(distances) > least).all(), distances
    assert distances[-1] <= 1.0


@pytest.mark.parametrize("rate", [8_000, 16_384, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("frequency", [55.0, 110.0, 220.0, 1760.0])
@pytest.mark.parametrize("partials", [1, 10])
@pytest.mark.parametrize("direction", [1, -1])
def test_orders_detunings(rate, frequency, partials, direction):
    cents = np.array([0, 5, 20, 50, 100, 300]) * direction
    factors = 2.0 ** (cents / 1200)
    # at the highest rate a partial that comes into another band may bring a sound nearer
    least = -0.02 if rate == 96_000 else 0.0
    sounds = [tone(frequency * f, partials=partials, rate=rate) for f in factors]
    assert_ordered(sounds, rate, least)
    assert_ordered([*sounds[:2], *sounds[4:]], rate)


SAW = tone(110.0, partials=80)
GRADED = {
    "cutoff up": [lowpass(SAW, c) for c in (500, 600, 800, 1200, 2000, 4000)],
    "cutoff down": [lowpass(SAW, c) for c in (4000, 3500, 3000, 2000, 1000, 500)],
    "longer decay": [tone(220, decay=d) for d in (0.3, 0.33, 0.4, 0.5, 0.8, 1.5)],
    "shorter decay": [tone(220, decay=d) for d in (0.3, 0.27, 0.2, 0.15, 0.08)],
    "attack": [tone(220, attack=a, decay=0.3) for a in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)],
    "late": [np.roll(tone(220, decay=0.1), int(s * RATE)) for s in (0, 0.005, 0.02, 0.1, 0.3)],
    "cut off": [np.where(end > T, steady(), 0) for end in (1.1, 0.95, 0.8, 0.5, 0.2)],
    "noise": [steady() + a * noise() for a in (0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)],
    "gain": [steady() * 10 ** (-g / 20) for g in (0, 1, 3, 6, 12, 24)],
    "tremolo depth": [
        steady() * (1 + depth * np.sin(2 * np.pi * 5 * T)) for depth in (0.8, 0.7, 0.6, 0.4, 0)
    ],
    "tremolo rate": [
        steady() * (1 + 0.8 * np.sin(2 * np.pi * f * T)) for f in (5, 5.05, 5.1, 5.25, 5.5)
    ],
    "modulation index": [
        np.sin(2 * np.pi * 220 * T + i * np.sin(2 * np.pi * 220 * T)) for i in (1, 1.1, 1.3, 1.6)
    ],
}


@pytest.mark.parametrize("name", GRADED)
def test_orders_graded_changes(name):
    assert_ordered(GRADED[name])


@pytest.mark.parametrize("name", GRADED)
def test_windows_that_only_follow_each_other_order_sounds_alike(name):
    sounds = np.stack(GRADED[name])
    quick = Objective(sounds[0], RATE, overlap=False)
    distances = quick(np.vstack([sounds, np.zeros_like(sounds[:1])]))
    assert distances[0] == 0.0 and (np.diff(distances) > 0).all()
    assert (
        quick.features(sounds).values.shape[1]
        < 0.52 * (Objective(sounds[0], RATE).features(sounds).values.shape[1])
    )


def test_any_likeness_beats_silence():
    target = steady()
    others = np.stack([noise(), steady(311.0), tone(60.0, decay=0.05)])
    objective = Objective(target, RATE)
    assert (objective(others) < objective(np.zeros((1, RATE)))).all()


def test_weights_sum_to_one_and_terms_make_the_distance():
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    objective = Objective(steady(), RATE)
    others = np.stack([noise(), tone(100), np.zeros(RATE, np.float32)])
    terms = objective.terms(others)
    assert list(terms) == list(WEIGHTS)
    assert all(((t >= 0) & (t <= 1)).all() for t in terms.values())
    total = sum(weight * terms[name] for name, weight in WEIGHTS.items())
    np.testing.assert_allclose(objective(others), total)


def test_the_cepstral_term_is_a_distance_of_mfccs_above_a_floor():
    target, other = tone(220), tone(330, decay=0.2)
    objective = Objective(target, RATE)
    powers, totals, _ = objective._mel(np.stack([target, other]))
    power = powers[1].astype(np.float64) * (totals[0] / totals)[:, None, None]
    decibels = 10 * np.log10(1 + power / (3e-6 * power[0].max()))
    cepstra = scipy.fft.dct(decibels, norm="ortho")[..., :13] * np.sqrt(128 / power.shape[-1])
    distance = np.sqrt(np.square(cepstra[0] - cepstra[1]).mean(axis=0)).mean()
    found = objective.terms(other[None])["cepstrum"]
    np.testing.assert_allclose(found, 1 - np.exp(-distance / 12), rtol=1e-5)


def test_silence_is_finite_and_worst():
    sound, silence = tone(220), np.zeros(RATE, np.float32)
    np.testing.assert_allclose(Objective(sound, RATE)(np.stack([silence, sound])), [1, 0])
    np.testing.assert_array_equal(Objective(silence, RATE)(np.stack([silence, sound])), [0, 1])


def test_extremes_are_finite():
    objective = Objective(tone(220), RATE)
    rows = np.stack([noise()] * 6)
    rows[0, 5], rows[1, 5] = np.nan, np.inf
    rows[2] *= 1e30
    rows[3] *= 1e-30
    rows[4] = 0.5
    rows[5, 1:] = 0
    distances = objective(rows)
    assert np.isfinite(distances).all()
    np.testing.assert_array_equal(distances[:2], 1.0)
    np.testing.assert_allclose(distances[3], 1.0)


def test_shape_terms_do_not_depend_on_level():
    target, other = tone(220), tone(330)
    gains = np.float32([1, 0.5, 4, 0.001, 100])  # powers of two scale without rounding
    terms = Objective(target, RATE).terms(gains[:, None] * other)
    for name in ("log", "magnitude", "envelope", "cepstrum"):
        np.testing.assert_array_equal(terms[name][:3], terms[name][0])
        np.testing.assert_allclose(terms[name], terms[name][0], rtol=1e-3)
    assert (np.diff(terms["level"][[0, 1, 3]]) > 0).all()


def test_gain_is_a_small_part():
    target = tone(220)
    objective = Objective(target, RATE)
    louder, detuned = objective(np.stack([target * np.float32(10), tone(233)]))
    assert 0 < louder < detuned / 2


def test_roughly_symmetric():
    sounds = [tone(220), tone(330, decay=0.1), lowpass(SAW, 800), noise(), steady()]
    table = np.stack([Objective(a, RATE)(np.stack(sounds)) for a in sounds])
    np.testing.assert_allclose(table, table.T, rtol=0.1, atol=0.01)


def test_phase_matters_little():
    def partials(seed):
        phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 11)
        return sum(np.sin(2 * np.pi * 220 * k * T + phases[k]) / k for k in range(1, 11))

    same, other = Objective(partials(0), RATE)(np.stack([partials(1), steady(233.0)]))
    assert same < 0.15 * other


def test_a_late_envelope_beats_a_later_one_even_without_overlap():
    def blip(start):
        return steady() * np.exp(-0.5 * ((T - start) / 0.01) ** 2)

    envelope = Objective(blip(0.1), RATE).terms(np.stack([blip(s) for s in (0.1, 0.2, 0.3, 0.6)]))
    assert (np.diff(envelope["envelope"]) > 0).all()


@pytest.mark.parametrize("samples", [1, 200, 5_000, 22_050])
def test_batches_workers_and_order_change_nothing(samples):
    rng = np.random.default_rng(1)
    audio = rng.standard_normal((13, samples)).astype(np.float32)
    objective = Objective(audio[3], RATE)
    single = np.concatenate([objective(row[None]) for row in audio])
    assert single[3] == 0.0
    np.testing.assert_array_equal(objective(audio), single)
    np.testing.assert_array_equal(objective(audio[::-1]), single[::-1])
    np.testing.assert_array_equal(Objective(audio[3], RATE, workers=3)(audio), single)


def test_lengths_are_fitted_to_the_target():
    target = tone(220)
    objective = Objective(target, RATE)
    longer = np.concatenate([target, noise()])[None]
    half = target[None, : RATE // 2]
    padded = np.pad(half, ((0, 0), (0, RATE - RATE // 2)))
    assert objective(longer) == 0.0
    np.testing.assert_array_equal(objective(half), objective(padded))
    np.testing.assert_allclose(objective(np.empty((2, 0), np.float32)), 1.0)
    assert objective(np.empty((0, RATE), np.float32)).shape == (0,)


def test_does_not_change_its_input():
    audio = np.stack([noise(1), noise(2)])
    before = audio.copy()
    Objective(audio[0], RATE)(audio)
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize("target", [np.zeros((2, 9)), np.zeros(0), np.array([0.0, np.nan])])
def test_refuses_other_targets(target):
    with pytest.raises(SynthmatchError, match="target"):
        Objective(target, RATE)


def test_refuses_other_batches_rates_and_workers():
    with pytest.raises(SynthmatchError, match=r"\[n, samples\]"):
        Objective(noise(), RATE)(noise())
    with pytest.raises(SynthmatchError, match="sample rate"):
        Objective(noise(), 0)
    with pytest.raises(SynthmatchError, match="workers"):
        Objective(noise(), RATE, workers=0)


def test_the_share_above_a_frequency_falls_from_one_to_nothing():
    objective = Objective(noise(samples=44_100), 44_100)
    shares = [objective.share_above(f) for f in (10, 100, 1000, 4000, 8000, 15_000, 20_000)]
    assert shares[0] == 1 and shares[-1] == 0
    assert (np.diff(shares) < 0).all()
    # Noise has power in proportion to the width of a mel band, and is compared by its root.
    edges = 700 * (10 ** (np.linspace(*np.log10(1 + np.array([30, 16_000]) / 700), 130)) - 1)
    loud = (edges[2:] - edges[:-2]) ** 0.25
    expected = loud[edges[1:-1] > 4000].sum() / loud.sum()
    assert objective.share_above(4000) == pytest.approx(expected, abs=0.02)
