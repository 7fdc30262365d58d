"""Compare presets drawn from the prior of TAL-NoiseMaker with uniform ones and with people's.

    python examples/evaluate_tal_prior.py [FILE.noisemakerpreset]

Prints a table: for as many presets of each kind, the share one can hear, the share whose
loudness is within that of people's presets, percentiles of loudness, and how far apart two of
them are in sound (MFCCD of Sound2Synth, 13 coefficients, median over pairs). Without a file
the range is that of the plug-in's own 256 presets, as measured with this script.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from synthmatch.audio import loudness
from synthmatch.errors import PresetWarning, SynthmatchError
from synthmatch.metrics import mfccd
from synthmatch.parameters import FloatArray
from synthmatch.synth import load_bank
from synthmatch_tal import Tal
from synthmatch_tal.settings import TAL_CORE

AUDIBLE = -50.0  # LUFS
PEOPLE = (-58.0, -16.0)  # LUFS, 5th and 95th percentile of the plug-in's own presets
RATE = TAL_CORE.sample_rate


def rendered(synth: Tal, vectors: FloatArray) -> np.ndarray:
    """Return the sounds ``[n, samples]``."""
    parts = [
        synth.render_batch(vectors[k : k + 64], TAL_CORE.note, RATE)
        for k in range(0, len(vectors), 64)
    ]
    return np.concatenate(parts)


def row(name: str, synth: Tal, vectors: FloatArray, range_: tuple[float, float]) -> tuple[str, ...]:
    """Return the cells of a line of the table."""
    audio = rendered(synth, vectors)
    loud = np.array([loudness(sound, RATE) for sound in audio])
    half = len(audio) // 2
    pairs = zip(audio[:half][:100], audio[half:][:100], strict=False)
    apart = np.median([mfccd(a, b, RATE) for a, b in pairs])
    low, middle, high = np.percentile(np.maximum(loud, -120.0), [5, 50, 95])
    within = (loud >= range_[0]) & (loud <= range_[1])
    return (
        name,
        str(len(audio)),
        f"{100 * (loud > AUDIBLE).mean():.1f}",
        f"{100 * within.mean():.1f}",
        f"{low:.0f} / {middle:.0f} / {high:.0f}",
        f"{apart:.1f}",
    )


def main() -> None:
    """Draw, render, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", type=Path, nargs="?", help="presets of people")
    parser.add_argument("--draws", type=int, default=1000, help="presets of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="only 40 of each kind")
    parser.add_argument("--output", type=Path, help="for the table as a file too")
    options = parser.parse_args()
    draws = 40 if options.quick else options.draws
    rng = np.random.default_rng(options.seed)
    range_, table = PEOPLE, []
    if options.presets:
        synth = Tal()
        try:
            with warnings.catch_warnings():  # of effects, which the engine leaves out
                warnings.simplefilter("ignore", PresetWarning)
                bank = load_bank(synth, options.presets)
        except SynthmatchError as error:
            raise SystemExit(f"error: {error}") from None
        vectors = np.array([synth.space.encode(patch) for _, patch in bank])
        loud = [loudness(sound, RATE) for sound in rendered(synth, vectors)]
        range_ = tuple(np.percentile(np.maximum(loud, -120.0), [5, 95]))
        table.append(row(f"{options.presets.name}", synth, vectors, range_))
    for view in ("dry", "tal-core"):
        synth = Tal(view)
        table.append(row(f"{view}: prior", synth, synth.sample(rng, draws), range_))
        table.append(row(f"{view}: uniform", synth, synth.space.sample(rng, draws), range_))
    head = ("presets", "n", "audible %", "in range %", "LUFS 5/50/95 %", "MFCCD of pairs")
    rows = [head, ("---",) * len(head), *table]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
    print(f"range: {range_[0]:.0f} to {range_[1]:.0f} LUFS\n\n{text}")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "tal_prior.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
