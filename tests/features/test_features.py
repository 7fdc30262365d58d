import json

import librosa
import numpy as np
import pytest
import torch

from synthmatch.errors import ParameterError
from synthmatch.features import (
    MFCC,
    ConstantQ,
    Envelopes,
    FrontEnd,
    LogMel,
    LogSTFT,
    RawAudio,
    make_feature,
    window_samples,
)

RATE = 16000
SAMPLES = 8000


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors on a busy machine wait for threads far longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def sounds(n=3, samples=SAMPLES, rate=RATE):
    """A decaying chord, noise, and a quiet square wave that stops halfway."""
    rng = np.random.default_rng(0)
    t = np.arange(samples) / rate
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 440.5, 1234.0)) / 3 * np.exp(-3 * t)
    square = 0.05 * np.sign(np.sin(2 * np.pi * 97.3 * t)) * (t < t[-1] / 2)
    audio = np.stack([chord, 0.3 * rng.standard_normal(samples), square])
    return torch.tensor(np.tile(audio, (n // 3 + 1, 1))[:n], dtype=torch.float32)


def every_feature():
    return [
        RawAudio(),
        LogSTFT(512, 128),
        LogMel(RATE, 1024, 256, 64),
        MFCC(RATE, 1024, 256, 64, coefficients=13),
        ConstantQ(RATE, SAMPLES, 256, 60),
        Envelopes(1024, 256),
    ]


def test_log_stft_against_librosa():
    audio = sounds()
    got = LogSTFT(512, 128)(audio)
    for x, y in zip(audio.numpy(), got[:, 0].numpy(), strict=True):
        magnitude = np.abs(librosa.stft(x, n_fft=512, hop_length=128))
        want = np.maximum(magnitude, 1e-4)
        np.testing.assert_allclose(10 ** (y / 20), want, rtol=1e-4, atol=1e-6 * want.max())


@pytest.mark.parametrize(("htk", "norm"), [(False, "slaney"), (True, "slaney"), (True, None)])
def test_log_mel_against_librosa(htk, norm):
    audio = sounds()
    got = LogMel(RATE, 1024, 256, 64, htk=htk, unit_area=norm is not None)(audio)
    for x, y in zip(audio.numpy(), got[:, 0].numpy(), strict=True):
        mel = librosa.feature.melspectrogram(
            y=x, sr=RATE, n_fft=1024, hop_length=256, n_mels=64, htk=htk, norm=norm
        )
        want = np.maximum(mel, 1e-10)
        np.testing.assert_allclose(10 ** (y / 10), want, rtol=1e-3, atol=1e-8 * want.max())


def test_mfcc_against_librosa():
    audio = sounds()
    got = MFCC(RATE, 2048, 512, 128, htk=True, coefficients=13)(audio)
    for x, y in zip(audio.numpy(), got[:, 0].numpy(), strict=True):
        want = librosa.feature.mfcc(y=x, sr=RATE, n_mfcc=13, n_fft=2048, hop_length=512, htk=True)
        np.testing.assert_allclose(y, want, atol=0.05)


def test_envelopes_against_librosa():
    audio = sounds()
    got = Envelopes(1024, 256)(audio).numpy()
    for x, (peak, rms, crossings, flatness) in zip(audio.numpy(), got, strict=True):
        np.testing.assert_allclose(
            rms, librosa.feature.rms(y=x, frame_length=1024, hop_length=256)[0], atol=1e-5
        )
        want = librosa.feature.zero_crossing_rate(x, frame_length=1024, hop_length=256)[0]
        np.testing.assert_allclose(crossings, want, atol=1e-6)
        want = librosa.feature.spectral_flatness(y=x, n_fft=1024, hop_length=256)[0]
        np.testing.assert_allclose(flatness, want, rtol=2e-3, atol=1e-6)
        padded = np.pad(x, 512)
        frames = librosa.util.frame(padded, frame_length=1024, hop_length=256)
        np.testing.assert_allclose(peak, np.abs(frames).max(0))


def direct_constant_q(x, rate, hop, frame, centre, bins_per_octave):
    """Correlate with one windowed exponential, sample by sample."""
    step = 2.0 ** (2.0 / bins_per_octave)
    length = rate * (step + 1) / (step - 1) / centre
    at = np.arange(-(length // 2), length // 2).astype(int)
    window = np.hanning(len(at) + 1)[:-1]
    inside = (at + frame * hop >= 0) & (at + frame * hop < len(x))
    part = np.where(inside, x[np.clip(at + frame * hop, 0, len(x) - 1)], 0.0)
    sum_ = np.sum(part * window * np.exp(-2j * np.pi * centre / rate * at))
    return np.sqrt(length) * np.abs(sum_) / window.sum()


def test_constant_q_against_its_definition():
    audio = sounds()
    transform = ConstantQ(RATE, SAMPLES, 256, 60, 12).transform
    got = transform(audio).numpy()
    for k in (0, 7, 30, 59):
        for frame in (0, 5, 17, 31):
            centre = 32.70319566257483 * 2 ** (k / 12)
            for x, y in zip(audio.double().numpy(), got, strict=True):
                want = direct_constant_q(x, RATE, 256, frame, centre, 12)
                assert y[k, frame] == pytest.approx(want, abs=2e-3 * float(y.max()))


@pytest.mark.filterwarnings("ignore:n_fft:UserWarning")  # librosa of its own low octaves
@pytest.mark.parametrize("bins_per_octave", [12, 24])
def test_constant_q_against_librosa(bins_per_octave):
    # librosa filters and resamples by octaves: about one percent is what it promises.
    audio = sounds(samples=32000)
    bins = 6 * bins_per_octave
    got = ConstantQ(RATE, 32000, 256, bins, bins_per_octave).transform(audio).numpy()
    for x, y in zip(audio.numpy(), got, strict=True):
        want = np.abs(
            librosa.cqt(
                x,
                sr=RATE,
                hop_length=256,
                n_bins=bins,
                bins_per_octave=bins_per_octave,
                sparsity=0.0,
            )
        )
        assert y.shape == want.shape
        assert np.linalg.norm(y - want) < 0.02 * np.linalg.norm(want)


def test_constant_q_refuses_bins_above_half_the_rate():
    with pytest.raises(ParameterError, match="fewer bins"):
        ConstantQ(8000, 8000, bins=84)


@pytest.mark.parametrize("feature", every_feature(), ids=lambda f: f.NAME)
def test_features_are_batched_and_rebuilt_from_their_config(feature):
    audio = sounds()
    together = feature(audio)
    assert together.dtype == torch.float32
    for i in range(len(audio)):
        torch.testing.assert_close(feature(audio[i : i + 1])[0], together[i], atol=1e-3, rtol=1e-4)
    again = make_feature(json.loads(json.dumps(feature.config)))
    assert again.config == feature.config
    torch.testing.assert_close(again(audio), together, rtol=0, atol=0)


@pytest.mark.parametrize("feature", every_feature(), ids=lambda f: f.NAME)
def test_features_are_finite_on_silence_and_differentiable(feature):
    assert torch.isfinite(feature(torch.zeros(1, SAMPLES))).all()
    audio = sounds().requires_grad_()
    feature(audio).sum().backward()
    assert torch.isfinite(audio.grad).all()
    assert audio.grad.abs().sum() > 0


def test_make_feature_names_what_is_wrong():
    with pytest.raises(ParameterError, match="known: raw-audio"):
        make_feature({"feature": "cepstrum"})
    with pytest.raises(ParameterError, match="log-stft"):
        make_feature({"feature": "log-stft", "size": 3})


@pytest.mark.parametrize("feature", every_feature(), ids=lambda f: f.NAME)
def test_normalisation_by_bin_and_global(feature):
    audio = sounds(9) * torch.linspace(0.1, 1, 9)[:, None]
    x = feature(audio).double()
    for mode, over in (("bin", (0, -1)), ("global", tuple(range(x.ndim)))):
        front = FrontEnd(feature, SAMPLES, mode)
        assert front.shape == x.shape[1:]
        torch.testing.assert_close(front(audio), feature(audio))
        front.fit_normalisation(audio.split(4))
        mean = x.mean(over, keepdim=True)
        std = x.std(over, keepdim=True, correction=0)
        std = torch.where(std > 1e-6, std, 1.0)
        torch.testing.assert_close(front(audio).double(), (x - mean) / std, atol=2e-3, rtol=1e-3)


def test_normalisation_by_range_and_none():
    audio = sounds()
    front = FrontEnd(LogSTFT(512, 128), SAMPLES, "range")
    front.fit_normalisation(audio.split(1))
    assert front(audio).amin() == pytest.approx(-1, abs=1e-5)
    assert front(audio).amax() == pytest.approx(1, abs=1e-5)
    front = FrontEnd(LogSTFT(512, 128), SAMPLES, "none")
    front.fit_normalisation(audio.split(1))
    torch.testing.assert_close(front(audio), front.feature(audio))


def test_normalisation_is_saved_and_survives_autocast():
    audio = sounds()
    front = FrontEnd(LogSTFT(512, 128), SAMPLES)
    front.fit_normalisation([audio])
    assert set(front.state_dict()) == {"mean", "std"}
    other = FrontEnd(LogSTFT(512, 128), SAMPLES)
    other.load_state_dict(front.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(other(audio), front(audio), rtol=0, atol=0)


def test_normalisation_needs_audio_and_a_known_mode():
    with pytest.raises(ParameterError, match="at least one batch"):
        FrontEnd(RawAudio(), SAMPLES).fit_normalisation([])
    with pytest.raises(ParameterError, match="'range'"):
        FrontEnd(RawAudio(), SAMPLES, "median")


def test_window_is_the_papers_at_the_papers_rate():
    assert window_samples(16384) == 512
    assert window_samples(48000) == 2048
    assert window_samples(22050) == 512
