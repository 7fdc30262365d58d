"""The papers' settings of ``jsyn`` and ``fm``, with what the papers report on them."""

from __future__ import annotations

from synthmatch.settings import Published, Setting
from synthmatch.synth import Note

_INVERSYNTH = "InverSynth (2019), tables 3 and 4"
_INVERSYNTH2 = "InverSynth II (2023), tables 1 and 2"


def _inversynth(model: str, rank: float, **reconstruction: tuple[float, float]) -> Published:
    return Published(model, _INVERSYNTH, {"percentile_rank": (rank, None), **reconstruction})


def _inversynth2(
    model: str,
    spec: float,
    mel: float,
    mfcc: float,
    convergence: float,
    accuracy: float,
    low: float,
    mid: float,
    high: float,
) -> Published:
    figures = {
        "accuracy": accuracy,
        "log_stft_mae_x100": spec,
        "mel_mae_x100": mel,
        "mfcc_mae_x100": mfcc,
        "stft_convergence": convergence,
        "mel_low_x100": low,
        "mel_mid_x100": mid,
        "mel_high_x100": high,
    }
    return Published(model, _INVERSYNTH2, {k: (v, None) for k, v in figures.items()})


JSYN_23 = Setting(
    name="jsyn-23",
    synth="jsyn",
    note=Note(pitch=69, velocity=100, held=0.5, total=1.0),
    sample_rate=16_384,
    sampler="classes",
    tables=("inversynth",),
    published=(
        _inversynth(
            "Conv6XL",
            77.9,
            stft_correlation=(92.04, 95.61),
            fft_correlation=(76.13, 90.22),
            log_stft_frobenius=(708.94, 679.36),
        ),
        _inversynth(
            "Conv6",
            77.81,
            stft_correlation=(91.38, 95.39),
            fft_correlation=(74.28, 88.0),
            log_stft_frobenius=(740.32, 704.99),
        ),
        _inversynth(
            "Conv5",
            77.66,
            stft_correlation=(91.09, 95.1),
            fft_correlation=(73.46, 87.4),
            log_stft_frobenius=(757.69, 726.87),
        ),
        _inversynth(
            "Conv4",
            77.35,
            stft_correlation=(90.97, 94.99),
            fft_correlation=(73.29, 86.29),
            log_stft_frobenius=(765.55, 743.97),
        ),
        _inversynth("Conv3", 76.51),
        _inversynth("Conv2", 75.78),
        _inversynth("Conv1", 70.69),
        _inversynth(
            "ConvE2E",
            76.17,
            stft_correlation=(88.33, 93.41),
            fft_correlation=(71.36, 80.61),
            log_stft_frobenius=(904.12, 884.96),
        ),
        _inversynth(
            "HC3",
            75.8,
            stft_correlation=(88.04, 92.59),
            fft_correlation=(64.39, 68.07),
            log_stft_frobenius=(918.78, 916.52),
        ),
        _inversynth(
            "HC",
            72.8,
            stft_correlation=(84.62, 88.53),
            fft_correlation=(59.68, 59.73),
            log_stft_frobenius=(1117.53, 1084.59),
        ),
        _inversynth(
            "FC2",
            67.05,
            stft_correlation=(77.22, 82.32),
            fft_correlation=(58.18, 57.19),
            log_stft_frobenius=(1336.7, 1267.87),
        ),
        _inversynth(
            "FC Linear",
            65.59,
            stft_correlation=(75.24, 80.83),
            fft_correlation=(54.74, 51.15),
            log_stft_frobenius=(1427.03, 1328.79),
        ),
    ),
    remark=(
        "The paper's sounds are not drawn as ours: its ranks of the modulation's amplitudes and "
        "two of its four examples fit sounds of which about half have no modulation, which "
        "classes drawn alike hardly ever give, and its ranks of the gate fit a sine. So its "
        "figures of reconstruction are no measure for these. It does not say when the key is "
        "released; here after 0.5 of 1 s."
    ),
)

FM_9 = Setting(
    name="fm-9",
    synth="fm",
    note=Note(pitch=69, velocity=100, held=1.0, total=1.0),
    sample_rate=16_384,
    sampler="prior",
    tables=("inversynth2",),
    published=(
        _inversynth2("InverSynth II", 1.51, 53.84, 27.29, 0.0361, 94.04, 0.62, 0.18, 0.0036),
        _inversynth2("without finetuning", 1.54, 54.65, 27.74, 0.0367, 93.97, 0.63, 0.19, 0.0037),
        _inversynth2("InverSynth", 1.61, 56.77, 28.83, 0.0383, 93.89, 0.79, 0.24, 0.0098),
        _inversynth2("Flow", 4.89, 193.93, 73.49, 0.0941, 93.01, 1.88, 0.51, 0.0224),
    ),
    remark=(
        "The paper's figures are on its own renders of the same definition; it does not state "
        "the scales of its spectrograms, so of the errors only convergence and accuracy compare "
        "directly."
    ),
)
