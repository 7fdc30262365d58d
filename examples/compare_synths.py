"""Compare synths by how near each comes to any sound: the cross-synth table.

Every sound is matched on every installed synth with the same budget on one core: sampled
instruments and drums of a General MIDI sound font (where FluidSynth and one are installed), a
spoken vowel (where eSpeak NG is), and sounds of the synths' own priors, a bell of one on
another. A synth that comes near to sounds that are not its own is expressive: the last column
ranks them by that, the expressiveness test of Sound2Synth (2022, section 1). Prints a Markdown
table of the mean distance and log-spectral distance in dB, and writes the figures of every
sound to a JSON file. An interrupted run goes on.

    python examples/compare_synths.py --seconds 4 --processes 2
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from _results import Results
from compare_ways import INSTRUMENTS
from match_instruments import SOUND_FONT, record

from synthmatch import Matcher, Note, list_synths, load_synth
from synthmatch.audio import loudness, read_recording, resample, write_wav
from synthmatch.metrics import audio_metrics
from synthmatch.objective import Objective
from synthmatch.search import Budget
from synthmatch.synth import own_note, render_batch, sample_prior

RATE = 44_100  # Hz that all sounds are compared at
DRUMS = {
    "kick": (0, 36, 9),
    "snare": (0, 38, 9),
    "closed_hat": (0, 42, 9),
    "tom": (0, 45, 9),
    "crash": (0, 49, 9),
    "cowbell": (0, 56, 9),
}
AUDIBLE = -50.0  # LUFS
NOTE = Note(60, 100, held=1.0, total=2.0)


def sounds(
    folder: Path, synths: list[str], count: int, sound_font: Path, sampled: bool
) -> dict[str, Path]:
    """Make the sounds and return their files by ``kind/name``."""
    files: dict[str, Path] = {}
    if sampled and shutil.which("fluidsynth") and sound_font.is_file():
        for kind, notes in (("instruments", INSTRUMENTS), ("drums", DRUMS)):
            made = record(folder, sound_font, notes)
            files |= {f"{kind}/{name}": file for name, file in made.items()}
    if sampled and shutil.which("espeak-ng"):
        file = folder / "vowel.wav"
        command = ["espeak-ng", "-s", "80", "-p", "40", "-w", str(file), "[[a::]]"]
        subprocess.run(command, check=True, capture_output=True)
        files["voice/vowel"] = file
    for name in synths:
        synth = load_synth(name)
        vectors = sample_prior(synth, np.random.default_rng(2026), 3 * count)
        audio = render_batch(synth, vectors, own_note(synth) or NOTE, synth.sample_rate)
        audible = [sound for sound in audio if loudness(sound, synth.sample_rate) > AUDIBLE]
        for number, sound in enumerate(audible[:count]):
            file = folder / f"{name}-{number}.wav"
            write_wav(file, sound, synth.sample_rate)
            files[f"{name}/{number}"] = file
    return files


def measure(name: str, file: str, budget: Budget) -> dict[str, float]:
    """Match a sound on a synth, on one core; return how near it came."""
    matcher = Matcher(name, workers=1)
    match = matcher.predict(file, candidates=1, budget=budget)
    target = read_recording(file).at(RATE)
    audio = np.zeros(len(target), np.float32)
    found = resample(match.best.audio, match.sample_rate, RATE)[: len(target)]
    audio[: len(found)] = found
    measured = audio_metrics(target, audio[None], RATE)
    return {
        "distance": float(Objective(target, RATE)(audio[None])[0]),
        "log_spectral_distance": float(measured["log_spectral_distance"][0]),
    }


def table(rows: dict[str, dict[str, float]], kinds: list[str], synths: list[str]) -> str:
    """Return the Markdown table: a row for a synth, a column for a kind of sound."""
    counts = {
        kind: len({k for k in rows if k.startswith(f"{kind}/")}) // len(synths) for kind in kinds
    }
    heads = [f"{kind} ({count})" for kind, count in counts.items()]
    lines = [
        f"| synth | {' | '.join(heads)} | all but its own |",
        "|---|" + "---:|" * (len(kinds) + 1),
    ]

    def cell(chosen: list[dict[str, float]]) -> str:
        if not chosen:
            return ""
        means = [np.mean([row[m] for row in chosen]) for m in ("distance", "log_spectral_distance")]
        return f"{means[0]:.3f}, {means[1]:.1f} dB"

    def of(synth: str, kind: str) -> list[dict[str, float]]:
        return [r for k, r in rows.items() if k.startswith(f"{kind}/") and k.endswith(f"/{synth}")]

    foreign = {s: [r for kind in kinds if kind != s for r in of(s, kind)] for s in synths}
    for synth in sorted(synths, key=lambda s: np.mean([r["distance"] for r in foreign[s]])):
        cells = [cell(of(synth, kind)) for kind in kinds]
        lines.append(f"| `{synth}` | {' | '.join(cells)} | {cell(foreign[synth])} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--synths", nargs="+", default=list_synths())
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--renders", type=int, help="Budget in sounds instead of seconds.")
    parser.add_argument("--sounds", type=int, default=10, help="Of each synth's prior.")
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/compare_synths"))
    parser.add_argument("--quick", action="store_true", help="fm and jsyn, one sound of each")
    args = parser.parse_args()
    budget = Budget(renders=args.renders, seconds=None if args.renders else args.seconds)
    if args.quick:
        args.synths, args.sounds, budget = ["fm", "jsyn"], 1, Budget(renders=50)
    with tempfile.TemporaryDirectory() as scratch:
        files = sounds(Path(scratch), args.synths, args.sounds, args.sound_font, not args.quick)
        jobs = {
            f"{key}/{synth}": (synth, str(file), budget)
            for key, file in files.items()
            for synth in args.synths
        }
        results = Results(args.output / "synths.json")
        rows = results.measure(measure, jobs, args.processes)
    kinds = list(dict.fromkeys(key.split("/")[0] for key in files))
    print(table(rows, kinds, args.synths))


if __name__ == "__main__":
    main()
