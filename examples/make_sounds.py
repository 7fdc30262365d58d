"""Make the two recordings that the README and the tests match: a bell and a brass tone.

Both are additive synthesis in plain numpy, so that none of the synths can make them
exactly. The bell has the partials of Risset's (Jean-Claude Risset, "An Introductory
Catalogue of Computer Synthesized Sounds", Bell Laboratories, 1969, number 430); the brass
tone brightens with its level (after the same author's analysis of trumpet tones).

    python examples/make_sounds.py --output examples/sounds
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from synthmatch.audio import write_wav

RATE = 44_100

# Risset's bell: frequency ratio, offset in Hz, relative amplitude, relative duration.
BELL = [
    (0.56, 0.0, 1.0, 1.0),
    (0.56, 1.0, 0.67, 0.9),
    (0.92, 0.0, 1.0, 0.65),
    (0.92, 1.7, 1.8, 0.55),
    (1.19, 0.0, 2.67, 0.325),
    (1.70, 0.0, 1.67, 0.35),
    (2.00, 0.0, 1.46, 0.25),
    (2.74, 0.0, 1.33, 0.2),
    (3.00, 0.0, 1.33, 0.15),
    (3.76, 0.0, 1.0, 0.1),
    (4.07, 0.0, 1.33, 0.075),
]


def bell(pitch_hz: float = 440.0, seconds: float = 2.0) -> np.ndarray:
    """Return a struck bell, ``float32 [samples]``."""
    t = np.arange(round(seconds * RATE)) / RATE
    out = np.zeros_like(t)
    for ratio, offset, amplitude, duration in BELL:
        decay = np.exp(-6.9 * t / (seconds * duration))
        out += amplitude * decay * np.sin(2 * np.pi * (ratio * pitch_hz + offset) * t)
    out *= np.minimum(1.0, t / 0.002)
    return (0.8 * out / np.abs(out).max()).astype(np.float32)


def brass(pitch_hz: float = 233.08, held: float = 1.0, seconds: float = 1.4) -> np.ndarray:
    """Return a brass tone whose upper partials follow its level, ``float32 [samples]``."""
    t = np.arange(round(seconds * RATE)) / RATE
    level = np.minimum(1.0, t / 0.06) * np.where(t < held, 1.0, np.exp(-(t - held) / 0.07))
    level *= 1.0 - 0.15 * np.exp(-(((t - 0.12) / 0.05) ** 2))
    vibrato = 0.004 * np.sin(2 * np.pi * 5.2 * t) * np.clip((t - 0.3) / 0.3, 0.0, 1.0)
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + vibrato)) / RATE
    out = np.zeros_like(t)
    for k in range(1, int(0.45 * RATE / pitch_hz)):
        brightness = np.exp(-((k - 1) / (1.0 + 7.0 * level)))
        out += brightness * level * np.sin(k * phase + 0.7 * k * k)
    return (0.8 * out / np.abs(out).max()).astype(np.float32)


def main() -> None:
    """Write ``bell.wav`` and ``brass.wav``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("sounds"))
    parser.add_argument("--quick", action="store_true", help="no effect; it is quick")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name, samples in (("bell", bell()), ("brass", brass())):
        write_wav(args.output / f"{name}.wav", samples, RATE)
        print(f"{args.output / name}.wav: {len(samples) / RATE:.1f} s")


if __name__ == "__main__":
    main()
