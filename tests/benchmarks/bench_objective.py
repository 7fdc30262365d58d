"""How many candidates a second the objective compares on one core.

Run ``python tests/benchmarks/bench_objective.py``. All three lines compare the same
white-noise candidates, one second at 22,050 Hz, with one target whose features are
computed before. The plain versions take the same three mel spectrograms (windows of
2048, 512 and 256 samples, half overlapping; 128, 64 and 32 bands), the mean difference
of their logarithms, and nothing else. Processor time of one thread, best of several runs.
"""

import time

import click
import librosa
import numpy as np
import torch

from synthmatch.objective import Objective

RATE = 22_050
SCALES = ((2048, 128), (512, 64), (256, 32))


def per_second(function, audio, runs=5) -> float:
    """Candidates a second of processor time, best of ``runs`` calls."""
    function(audio[:8])
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        function(audio)
        seconds.append(time.process_time() - start)
    return len(audio) / min(seconds)


def plain_librosa(audio) -> list:
    """Log-mel spectrograms as a script would take them."""
    return [
        np.log(
            librosa.feature.melspectrogram(
                y=audio, sr=RATE, n_fft=size, hop_length=size // 2, n_mels=bands
            )
            + 1e-7
        )
        for size, bands in SCALES
    ]


def torch_features():
    """Return the same as a batched function in torch, its windows and filters made once."""
    parts = [
        (
            size,
            torch.hann_window(size),
            torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=size, n_mels=bands)),
        )
        for size, bands in SCALES
    ]

    def features(audio):
        sound = torch.from_numpy(audio)
        return [
            torch.log(
                bank
                @ torch.stft(sound, size, size // 2, window=window, return_complex=True)
                .abs()
                .square()
                + 1e-7
            ).numpy()
            for size, window, bank in parts
        ]

    return features


def compare(features, target):
    """Return a plain distance from ``target`` with ``features``."""
    wanted = features(target[None])

    def distance(audio):
        pairs = zip(features(audio), wanted, strict=True)
        return np.mean([np.abs(a - b).mean(axis=(1, 2)) for a, b in pairs], axis=0)

    return distance


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.standard_normal((256, RATE))).astype(np.float32)
    rows = {
        "synthmatch objective": Objective(audio[0], RATE),
        "plain torch": compare(torch_features(), audio[0]),
        "plain librosa": compare(plain_librosa, audio[0]),
    }
    for name, function in rows.items():
        click.echo(f"{name:22} {per_second(function, audio):8,.0f} candidates / s")
    for seconds in (0.1, 4.0, 30.0):
        samples = int(seconds * RATE)
        long = (0.1 * rng.standard_normal((16, samples))).astype(np.float32)
        speed = per_second(Objective(long[0], RATE), long, runs=3)
        click.echo(f"{'  of ' + str(seconds) + ' s':22} {speed:8,.0f} candidates / s")


if __name__ == "__main__":
    main()
