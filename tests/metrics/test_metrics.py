"""Metrics against librosa, scikit-learn, scipy, and values worked out by hand."""

import warnings

import librosa
import numpy as np
import pytest
import scipy.fft
import scipy.signal
import scipy.stats
import sklearn.metrics
import soxr

from synthmatch import metrics
from synthmatch.audio import framing
from synthmatch.errors import AudioError, ParameterError
from synthmatch.features import spectra
from synthmatch.metrics import METRICS, audio_metrics

RATE = 22_050


def sound(seed, seconds=0.6, rate=RATE, pitch=220.0):
    """A decaying tone in a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    f = pitch * (1 + 0.1 * seed)
    tone = sum(np.sin(2 * np.pi * f * k * t) / k for k in range(1, 8)) * np.exp(-3 * t)
    return 0.3 * tone + 0.003 * rng.standard_normal(len(t))


A, B = sound(0), sound(1)
PAIR = [
    metrics.stft_correlation,
    metrics.log_stft_frobenius,
    metrics.fft_correlation,
    metrics.waveform_correlation,
    metrics.log_stft_mae,
    metrics.spectral_convergence,
]
RATED = [
    metrics.mfccd,
    metrics.mel_mae,
    metrics.mfcc_mae,
    metrics.mel_distance,
    metrics.log_spectral_distance,
    metrics.envelope_correlation,
    metrics.level_difference,
]
ALL = PAIR + [pytest.param(lambda t, c, f=f: f(t, c, RATE), id=f.__name__) for f in RATED]


def identical(name):
    return 100.0 if "correlation" in name else 0.0


# Spectral building blocks


@pytest.mark.parametrize("padding", ["reflect", "constant"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stft_is_librosas(padding, dtype):
    x = np.stack([A, B]).astype(dtype)
    expected = np.swapaxes(librosa.stft(x, n_fft=512, hop_length=128, pad_mode=padding), -1, -2)
    got = framing.stft(x, 512, 128, padding)
    assert got.dtype == ("complex64" if dtype == "float32" else "complex128")
    np.testing.assert_allclose(got, expected, atol=1e-4 if dtype == "float32" else 1e-11)


def test_frames_without_padding():
    got = framing.frames(np.arange(10), 4, 3, "none")
    np.testing.assert_array_equal(got, [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])
    np.testing.assert_array_equal(framing.frames([1.0, 2.0], 4, 3, "none"), [[1, 2, 0, 0]])


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize(("low", "high"), [(0.0, None), (30.0, 8000.0)])
def test_mel_filters_are_librosas(scale, normalise, low, high):
    expected = librosa.filters.mel(
        sr=RATE,
        n_fft=1024,
        n_mels=64,
        fmin=low,
        fmax=high,
        htk=scale == "htk",
        norm="slaney" if normalise else None,
        dtype=np.float64,
    )
    got = spectra.mel_filterbank(
        RATE, 1024, 64, low=low, high=high, scale=scale, normalise=normalise
    )
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_mel_scales_are_librosas_and_invert(scale):
    f = np.array([0.0, 100.0, 999.0, 1000.0, 1001.0, 5000.0, 20000.0])
    mel = spectra.hz_to_mel(f, scale)
    np.testing.assert_allclose(mel, librosa.hz_to_mel(f, htk=scale == "htk"))
    np.testing.assert_allclose(spectra.mel_to_hz(mel, scale), f, atol=1e-9)


@pytest.mark.parametrize("at_once", [1, 700, 5000])
def test_metrics_are_the_same_some_frames_at_a_time(monkeypatch, at_once):
    pair = A.astype(np.float64), B.astype(np.float64)

    def measured():
        mel = spectra.mel_spectrogram(np.stack(pair), RATE, 512, 128, 40)
        return [m(*pair, RATE) for m in (metrics.log_spectral_distance, metrics.mel_distance)], mel

    whole = measured()
    monkeypatch.setattr(framing, "_AT_ONCE", at_once)
    monkeypatch.setattr("synthmatch.metrics.perceptual._FRAMES", max(1, at_once // 100))
    parts = measured()
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)


# Metrics of the papers, by librosa and scipy


@pytest.mark.parametrize("coefficients", [13, 30, 40])
@pytest.mark.parametrize("rate", [48_000, 44_100, 16_384])
def test_mfccd(coefficients, rate):
    pair = [sound(seed, rate=rate) for seed in (0, 1)]

    def mfcc(x):
        x = soxr.resample(x, rate, 48_000) if rate != 48_000 else x
        power = librosa.feature.melspectrogram(
            y=x, sr=48_000, n_fft=2048, hop_length=512, n_mels=128, htk=True, pad_mode="reflect"
        )
        level = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=80.0)
        return librosa.feature.mfcc(S=level, n_mfcc=coefficients, dct_type=2, norm="ortho")

    one, other = map(mfcc, pair)
    expected = np.mean(np.sqrt(np.mean((one - other) ** 2, axis=1)))
    assert metrics.mfccd(*pair, rate, coefficients) == pytest.approx(expected, rel=1e-6)


def test_mfccd_of_a_gain_is_in_the_first_coefficient_only():
    # A factor g moves all 128 bands by 20 log10 g, so c0 by sqrt(128) of that, if nothing is
    # near the floor; the mean over 13 coefficients follows.
    x = np.random.default_rng(0).standard_normal(48_000)
    expected = np.sqrt(128) * 20 * np.log10(2) / 13
    assert metrics.mfccd(x, 0.5 * x, 48_000) == pytest.approx(expected)


def librosa_log_stft(x):
    return librosa.amplitude_to_db(
        np.abs(librosa.stft(x, n_fft=512, hop_length=256, pad_mode="reflect")), ref=1.0, top_db=80
    )


def test_stft_correlation_and_frobenius_norm():
    one, other = librosa_log_stft(A), librosa_log_stft(B)
    r = scipy.stats.pearsonr(one.ravel(), other.ravel()).statistic
    assert metrics.stft_correlation(A, B) == pytest.approx(100 * r, rel=1e-9)
    u = one - other
    expected = np.sqrt(np.trace(u @ u.T))  # the formula of the paper
    assert metrics.log_stft_frobenius(A, B) == pytest.approx(expected, rel=1e-9)


def test_fft_and_waveform_correlation():
    fft = [np.abs(np.fft.fft(x))[: len(x) // 2 + 1] for x in (A, B)]
    r = scipy.stats.pearsonr(*fft).statistic
    assert metrics.fft_correlation(A, B) == pytest.approx(100 * r, rel=1e-9)
    assert metrics.waveform_correlation(A, B) == pytest.approx(100 * np.corrcoef(A, B)[0, 1])
    assert metrics.waveform_correlation(A, -A) == pytest.approx(-100)


@pytest.mark.parametrize(("size", "hop"), [(512, 128), (1024, 256)])
def test_log_stft_mae(size, hop):
    one, other = (
        np.log10(
            np.maximum(
                np.abs(librosa.stft(x, n_fft=size, hop_length=hop, pad_mode="reflect")), 1e-4
            )
        )
        for x in (A, B)
    )
    expected = sklearn.metrics.mean_absolute_error(one, other)
    assert metrics.log_stft_mae(A, B, size, hop) == pytest.approx(expected, rel=1e-9)


def librosa_mel(x):
    return librosa.feature.melspectrogram(y=x, sr=RATE, n_mels=257, pad_mode="reflect")


def test_mel_mae_and_bands():
    one, other = librosa_mel(A), librosa_mel(B)
    expected = sklearn.metrics.mean_absolute_error(one, other)
    assert metrics.mel_mae(A, B, RATE) == pytest.approx(expected, rel=1e-6)
    got = metrics.mel_band_errors(A, B, RATE)
    assert list(got) == ["low", "mid", "high", "all"]
    thirds = np.array_split((one - other) ** 2, 3)  # 86, 86 and 85 bands
    for name, part in zip(got, [*thirds, (one - other) ** 2], strict=True):
        assert got[name] == pytest.approx(part.mean(), rel=1e-5)
    batch = metrics.mel_band_errors(A, np.stack([A, B]), RATE)
    assert batch["mid"].shape == (2,)
    np.testing.assert_allclose(batch["mid"], [0.0, got["mid"]])


def test_mfcc_mae():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        one, other = (
            librosa.feature.mfcc(y=x, sr=RATE, n_mfcc=40, pad_mode="reflect") for x in (A, B)
        )
    expected = sklearn.metrics.mean_absolute_error(one, other)
    assert metrics.mfcc_mae(A, B, RATE) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("size", "hop"), [(1024, 256), (512, 128)])
def test_spectral_convergence(size, hop):
    one, other = (
        np.abs(librosa.stft(x, n_fft=size, hop_length=hop, pad_mode="reflect")) for x in (A, B)
    )
    expected = np.linalg.norm(one - other, "fro") / np.linalg.norm(one, "fro")
    assert metrics.spectral_convergence(A, B, size, hop) == pytest.approx(expected, rel=1e-9)
    assert metrics.spectral_convergence(A, 0.25 * A) == pytest.approx(0.75)
    assert metrics.spectral_convergence(A, 0 * A) == 1.0


# Metrics beyond the papers


def test_mel_distance():
    expected = []
    for size in (2048, 1024, 512, 256, 128):
        one, other = (
            librosa.feature.melspectrogram(
                y=x,
                sr=RATE,
                n_fft=size,
                hop_length=size // 4,
                n_mels=size // 16,
                pad_mode="reflect",
            )
            for x in (A, B)
        )
        floor = one.max() * 1e-8
        one, other = (10 * np.log10(np.maximum(x, floor)) for x in (one, other))
        expected.append(np.abs(one - other).mean())
    assert metrics.mel_distance(A, B, RATE) == pytest.approx(np.mean(expected), rel=1e-6)


def test_log_spectral_distance():
    # levels differ by a known gain and nothing else but noise far under: what is left is 0
    assert metrics.log_spectral_distance(A, 0.1 * A, RATE) == pytest.approx(0.0, abs=1e-9)
    # two loud sounds of equal loudness, by scipy
    one, other = np.random.default_rng(0).standard_normal((2, RATE))
    other *= 10 ** ((metrics_loudness(one) - metrics_loudness(other)) / 20)
    level = []
    for x in (one, other):
        padded = np.pad(x, 512, mode="reflect")
        _, _, z = scipy.signal.stft(
            padded, window="hann", nperseg=1024, noverlap=768, boundary=None, padded=False
        )
        level.append(10 * np.log10(np.abs(z) ** 2 * 512**2))
    floor = level[0].max() - 80
    one_db, other_db = (np.maximum(x, floor) for x in level)
    expected = np.sqrt(((one_db - other_db) ** 2).mean(axis=0)).mean()
    got = metrics.log_spectral_distance(one, other, RATE)
    assert got == pytest.approx(expected, rel=1e-6)


def metrics_loudness(x):
    import pyloudnorm

    return pyloudnorm.Meter(RATE, filter_class="DeMan").integrated_loudness(x)


def test_level_difference_in_db():
    assert metrics.level_difference(A, 0.5 * A, RATE) == pytest.approx(20 * np.log10(2))
    assert metrics.level_difference(0.5 * A, A, RATE) == pytest.approx(20 * np.log10(2))
    long = np.tile(A, 4), np.tile(B, 4)
    expected = abs(metrics_loudness(long[0]) - metrics_loudness(long[1]))
    assert metrics.level_difference(*long, RATE) == pytest.approx(expected, abs=0.01)


def test_envelope_correlation_follows_the_course_of_loudness():
    t = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    sine = np.sin(2 * np.pi * 440 * t)
    got = [
        float(metrics.envelope_correlation(sine * np.exp(-3 * t), noise * np.exp(-r * t), RATE))
        for r in (0.0, 1.0, 3.0, 6.0, 12.0)
    ]
    assert got[2] > 99
    assert got[0] < got[1] < got[2] > got[3] > got[4]
    assert got[4] < 90
    steady = metrics.envelope_correlation(sine, 0.1 * noise, RATE)
    assert steady > 99


def test_envelope_correlation_by_hand():
    t = np.arange(RATE) / RATE
    one, other = np.exp(-3 * t), np.exp(-5 * t) * (t < 0.7)
    size, hop = round(0.05 * RATE), round(0.01 * RATE)

    def envelope(x):
        padded = np.pad(x**2, 2 * (size // 2))
        sums = np.convolve(padded, np.ones(size) / size, "valid")[::hop]
        return np.maximum(sums[: (len(x) + 2 * (size // 2)) // hop + 1], 0.0) ** 0.3

    expected = 100 * scipy.stats.pearsonr(envelope(one), envelope(other)).statistic
    assert metrics.envelope_correlation(one, other, RATE) == pytest.approx(expected, rel=1e-6)


# Edge cases of all of them


@pytest.mark.parametrize("metric", ALL)
def test_shapes_batches_and_lengths(metric):
    c = sound(2)
    single = metric(A, B)
    assert single.shape == ()
    assert single.dtype == np.float64
    one_to_many = metric(A, np.stack([A, B, c]))
    pairs = metric(np.stack([A, B, c]), np.stack([B, B, A]))
    assert one_to_many.shape == pairs.shape == (3,)
    np.testing.assert_allclose(one_to_many[1], single, rtol=1e-9)
    np.testing.assert_allclose(one_to_many[2], metric(A, c), rtol=1e-9)
    np.testing.assert_allclose(pairs, [metric(A, B), metric(B, B), metric(c, A)], atol=1e-6)
    longer = np.r_[B, np.zeros(3000)]
    np.testing.assert_allclose(metric(np.r_[A, np.zeros(3000)], B), metric(A, longer))
    np.testing.assert_allclose(
        metric(A.astype(np.float32), B.astype(np.float32)), single, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("metric", ALL)
def test_nan_gives_nan(metric):
    broken = B.copy()
    broken[5000] = np.nan
    got = metric(A, np.stack([broken, B]))
    assert np.isnan(got[0])
    assert np.isfinite(got[1])


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    ("target", "candidate"),
    [
        (np.zeros((2, 2, 100)), A),
        (np.zeros((2, 100)), np.zeros((3, 100))),
        (np.zeros((2, 100)), np.zeros(100)),
        (np.zeros(0), A),
        (A, np.zeros((0, 100))),
    ],
)
def test_wrong_shapes_are_refused(metric, target, candidate):
    with pytest.raises(AudioError, match=r"compare sounds|need 2 candidates"):
        metric(target, candidate)


SILENCE = np.zeros_like(A)


@pytest.mark.parametrize("info", METRICS, ids=lambda info: info.name)
def test_plain_metrics_of_identical_and_silent_sounds(info):
    best = identical(info.name)
    for x in (A, SILENCE, np.full_like(A, 0.1), A[:200]):
        assert info.measure(x, x, RATE) == pytest.approx(best, abs=1e-9)
    silent = info.measure(A, SILENCE, RATE)
    assert np.isfinite(silent)
    assert (silent < 50) if info.higher_is_better else (silent > 0.9)
    reverse = info.measure(SILENCE, A, RATE)
    assert np.isinf(reverse) if info.name == "spectral_convergence" else np.isfinite(reverse)


@pytest.mark.parametrize(
    "metric", [metrics.fft_correlation, metrics.waveform_correlation, metrics.stft_correlation]
)
def test_correlation_with_a_constant(metric):
    assert metric(A, SILENCE) == metric(SILENCE, A) == 0.0
    assert metric(SILENCE, SILENCE) == 100.0


@pytest.mark.parametrize("rate", [8_000, 16_384, 22_050, 44_100, 48_000])
def test_plain_metrics_order_a_growing_difference(rate):
    target = sound(0, rate=rate)
    t = np.arange(len(target)) / rate
    duller = [scipy.signal.lfilter([1 - a], [1, -a], target) for a in (0.0, 0.3, 0.6, 0.9)]
    steps = np.stack([x * np.exp(-i * t) for i, x in enumerate(duller)])
    for info in METRICS:
        values = info.measure(target, steps, rate) * (-1 if info.higher_is_better else 1)
        assert (np.diff(values) > 0).all(), info.name


def test_audio_metrics_is_the_table():
    got = audio_metrics(A, np.stack([A, B]), RATE)
    assert list(got) == [info.name for info in METRICS]
    for info in METRICS:
        np.testing.assert_array_equal(got[info.name], info.measure(A, np.stack([A, B]), RATE))
        assert info.meaning
        assert "\n" not in info.meaning
    np.testing.assert_allclose(got["mfccd"], [0.0, metrics.mfccd(A, B, RATE)])
    np.testing.assert_allclose(got["stft_correlation"], [100.0, metrics.stft_correlation(A, B)])


# Parameters


def random_scores(n=200, sizes=(16, 3, 7)):
    rng = np.random.default_rng(5)
    scores = [rng.random((n, k)) for k in sizes]
    return scores, np.stack([rng.integers(0, k, n) for k in sizes], 1)


def test_percentile_rank_by_hand():
    scores = [np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])]
    # ranks from 0: class 3 is first (0), class 1 second (1); 100 (1 - mean(0, 1) / 3)
    got = metrics.percentile_rank(scores, [[3], [1]])
    np.testing.assert_allclose(got, [100 * (1 - 0.5 / 3)])
    np.testing.assert_allclose(metrics.percentile_rank(scores, [[0], [3]]), [0.0])
    np.testing.assert_allclose(metrics.percentile_rank([np.ones((5, 16))], [[3]] * 5), [50.0])


def test_percentile_rank_by_scipy_and_at_random():
    scores, classes = random_scores(4000)
    got = metrics.percentile_rank(scores, classes)
    for i, s in enumerate(scores):
        ranks = scipy.stats.rankdata(-s, axis=1)[np.arange(len(s)), classes[:, i]] - 1
        assert got[i] == pytest.approx(100 * (1 - ranks.mean() / (s.shape[1] - 1)))
    np.testing.assert_allclose(got, 50, atol=3)


def test_top_k_accuracy_is_scikit_learns():
    scores, classes = random_scores()
    got = metrics.top_k_accuracy(scores, classes)
    assert got.shape == (5, 3)
    for i, s in enumerate(scores):
        for k in range(1, min(6, s.shape[1])):
            expected = sklearn.metrics.top_k_accuracy_score(
                classes[:, i], s, k=k, labels=range(s.shape[1])
            )
            assert got[k - 1, i] == pytest.approx(100 * expected)
    np.testing.assert_array_equal(got[2:, 1], 100.0)  # three classes
    np.testing.assert_array_equal(metrics.top_k_accuracy(scores, classes, 3), got[2])
    ties = metrics.top_k_accuracy([np.zeros((10, 4))], np.zeros((10, 1), int), [1, 2, 4])
    np.testing.assert_allclose(ties[:, 0], [25, 50, 100])


def test_errors_of_classes_and_values_are_scikit_learns():
    rng = np.random.default_rng(6)
    p, t = rng.integers(0, 5, (2, 100, 4))
    np.testing.assert_allclose(
        metrics.class_mae(p, t),
        sklearn.metrics.mean_absolute_error(t, p, multioutput="raw_values"),
    )
    expected = [100 * sklearn.metrics.accuracy_score(t[:, i], p[:, i]) for i in range(4)]
    np.testing.assert_allclose(metrics.accuracy(p, t), expected)
    u, v = rng.random((2, 50, 3))
    np.testing.assert_allclose(
        metrics.parameter_mae(u, v),
        sklearn.metrics.mean_absolute_error(v, u, multioutput="raw_values"),
    )
    np.testing.assert_allclose(
        metrics.parameter_mse(u, v),
        sklearn.metrics.mean_squared_error(v, u, multioutput="raw_values"),
    )


def test_group_means():
    values = np.array([[1.0, 2.0, 3.0, 6.0], [0.0, 0.0, 4.0, 4.0]])
    got = metrics.group_means(values, ["Filter", "Notes", "Filter", "Notes"])
    assert list(got) == ["Filter", "Notes", "All"]
    np.testing.assert_allclose(got["Filter"], [2.0, 2.0])
    np.testing.assert_allclose(got["Notes"], [4.0, 2.0])
    np.testing.assert_allclose(got["All"], [3.0, 2.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.percentile_rank([np.ones((2, 3))], [[0], [3]]),
        lambda: metrics.percentile_rank([np.ones((2, 3))], [[0], [-1]]),
        lambda: metrics.percentile_rank([np.ones((2, 3))], [[0.5], [1.0]]),
        lambda: metrics.percentile_rank([np.ones((2, 3))] * 2, [[0], [1]]),
        lambda: metrics.top_k_accuracy([np.ones((3, 3))], [[0], [1]]),
        lambda: metrics.class_mae([[1, 2]], [[1]]),
        lambda: metrics.accuracy([1, 2], [1, 2]),
        lambda: metrics.parameter_mse(np.zeros((0, 3)), np.zeros((0, 3))),
        lambda: metrics.group_means([1.0, 2.0], ["a"]),
    ],
)
def test_parameters_that_do_not_fit_are_refused(call):
    with pytest.raises(ParameterError):
        call()
