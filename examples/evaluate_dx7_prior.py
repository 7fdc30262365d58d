"""Compare voices drawn from the prior of Dexed with people's voices and with uniform ones.

    python examples/evaluate_dx7_prior.py dx7_test.vmem --train dx7_train.vmem

Prints a table: for as many voices of each kind, the share one can hear, their loudness, and
how near the nearest of them comes to each test voice, in sound (MFCCD of Sound2Synth, 13
coefficients, on the note of its appendix A) and in numbers of the voice that differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np

from synthmatch.audio import loudness
from synthmatch.errors import SynthmatchError
from synthmatch_dexed import Dexed
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.prior import load_prior, sample_voices
from synthmatch_dexed.settings import DEXED_T6
from synthmatch_dexed.space import to_vectors
from synthmatch_dexed.voices import LARGEST, SOUND

AUDIBLE = -50.0  # LUFS
RATE = DEXED_T6.sample_rate
SYNTH = Dexed(sample_rate=RATE)


def rendered(voices: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the sound of each voice."""
    for start in range(0, len(voices), 32):
        vectors = to_vectors(SYNTH.space, voices[start : start + 32])
        yield from SYNTH.render_batch(vectors, DEXED_T6.note, RATE)


def described(voices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return loudness ``[n]`` in LUFS and MFCCs ``[n, frames, 13]`` of voices ``[n, 155]``."""
    loud, features = [], []
    for audio in rendered(voices):
        loud.append(loudness(audio, RATE))
        mel = librosa.feature.melspectrogram(
            y=audio, sr=RATE, n_fft=2048, hop_length=512, n_mels=128, htk=True
        )
        mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=13)
        features.append(mfcc.T.astype(np.float32))
    return np.array(loud), np.stack(features)


def nearest(targets: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return for each target ``[m, frames, 13]`` the smallest MFCCD to ``pool [n, frames, 13]``."""
    return np.array(
        [np.sqrt(((pool - one) ** 2).mean(axis=1)).mean(axis=1).min() for one in targets]
    )


def fewest(targets: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Return for each target ``[m, 145]`` the fewest numbers that differ in ``pool [n, 145]``."""
    return np.array([(pool != one).sum(axis=1).min() for one in targets])


def row(name: str, *cells: str) -> str:
    """Return a line of the table."""
    return f"| {name:<22} | " + " | ".join(f"{cell:>16}" for cell in cells) + " |"


def main() -> None:
    """Draw, render, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("test", type=Path, help="voices to come near to")
    parser.add_argument("--train", type=Path, help="voices of people to compare with")
    parser.add_argument("--draws", type=int, default=1000, help="voices of each kind")
    parser.add_argument("--tests", type=int, default=200, help="test voices")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    try:
        every = read_voices(options.test)
        targets = every[rng.permutation(len(every))[: options.tests]]
        kinds = {
            "prior": sample_voices(rng, options.draws),
            "uniform": rng.integers(0, LARGEST + 1, size=(options.draws, len(LARGEST))),
        }
        if options.train:
            people = read_voices(options.train)
            kinds["people's (training)"] = people[rng.permutation(len(people))[: options.draws]]
    except SynthmatchError as error:
        raise SystemExit(f"error: {error}") from None

    loud, features = described(targets)
    head = ("audible %", "LUFS 5/50/95 %", "MFCCD mean", "MFCCD median", "numbers differing")
    print(f"{len(targets)} test voices; {options.draws} voices of each kind\n")
    print(row("voices", *head))
    print(row("---", *(["---"] * len(head))))
    print(row("test", *levels(loud), "", "", ""))
    for name, voices in kinds.items():
        loud, pool = described(voices)
        near = nearest(features, pool)
        apart = fewest(targets[:, :SOUND], voices[:, :SOUND])
        print(
            row(
                name,
                *levels(loud),
                f"{near.mean():.1f}",
                f"{np.median(near):.1f}",
                f"{np.median(apart):.0f}",
            ),
            flush=True,
        )
    nats = -load_prior().log_probability(every[:, :SOUND]).mean()
    uniform = np.log(LARGEST[:SOUND] + 1).sum()
    print(
        f"\nprior: {nats:.1f} nats for each of the {len(every)} test voices; uniform {uniform:.1f}"
    )


def levels(loud: np.ndarray) -> tuple[str, str]:
    """Return the share that is audible, and percentiles of loudness."""
    low, middle, high = np.percentile(np.maximum(loud, -120.0), [5, 50, 95])
    return f"{100 * (loud > AUDIBLE).mean():.1f}", f"{low:.0f} / {middle:.0f} / {high:.0f}"


if __name__ == "__main__":
    main()
