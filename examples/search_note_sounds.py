"""Match sounds that Dexed did not make, and keep what the search found to learn from it.

    python examples/search_note_sounds.py -o runs/dexed-t6/found --searches 20000
    python examples/train_masked.py runs/dexed-t6/sounds --also runs/dexed-t6/found

A network that knows nothing but sounds of its own synth has to guess at others. Here the sounds
are draws of other synths' priors, notes of the instruments of General MIDI sound fonts (where
FluidSynth and a font are installed; none of the programs that ``compare_ways.py`` measures on),
recordings of your own (``--sounds``, files named ``NAME-PITCH.wav`` or as NSynth has them,
``NAME-PITCH-VELOCITY.wav``, MIDI numbers), and a few draws of Dexed's own prior. Each is matched
for half a second, from the nearest starts and without a network. The shards are as those of
``render_note_sounds.py``, but the pictures are of the sound that was matched. A match that
is worse than a distance is left out. Shards that are there already are kept.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from compare_ways import INSTRUMENTS
from match_instruments import SOUND_FONT, midi_file
from render_note_sounds import RATE, SECONDS, learned, prepare, write

from synthmatch import Matcher, load_synth
from synthmatch.audio import Recording, read_recording
from synthmatch.audio.framing import fit_length
from synthmatch.errors import AudioError
from synthmatch.estimators.note_pictures import NotePictures
from synthmatch.synth import Note, canonical, own_note, render_batch, sample_prior

SHARD = 32  # searches for a file
OWN, FONT, FILES = "dexed", "instruments", "recordings"
SHARES = {FONT: 0.5, FILES: 0.5, "tal": 0.2, "massive": 0.1, "jsyn": 0.05, OWN: 0.15}
"""Of the kinds of sounds, relative to those of the others that there are."""
PROGRAMS = sorted(set(range(120)) - {program for program, *_ in INSTRUMENTS.values()})
"""Of General MIDI, without the sound effects and what is measured on."""
PITCH = re.compile(r"-(\d{1,3})(?:-\d{1,3})?$")  # at the end of a file's name
NEAR = 0.35  # distance from which a match teaches nothing
FONT_RATE = 44100


@functools.cache
def matcher() -> Matcher:
    """Return what searches on Dexed, at the rate that the pictures are made at."""
    return Matcher(load_synth(OWN, sample_rate=RATE), model="none", workers=1)


def note(rng: np.random.Generator) -> Note:
    """Return a note to play: short, since a search has little time."""
    held = float(np.exp(rng.uniform(np.log(0.3), np.log(1.5))))
    return Note(int(rng.integers(36, 85)), int(rng.integers(30, 128)), held, held + 0.7)


def of_synth(name: str, rng: np.random.Generator) -> Recording:
    """Return a draw of a synth's prior; its pitch has to be heard where a patch decides it."""
    synth = load_synth(name)
    own = own_note(synth)
    played = own or note(rng)
    audio = render_batch(synth, sample_prior(synth, rng, 1), played, synth.sample_rate)[0]
    pitch = played.pitch if own is None else None
    return read_recording(audio, synth.sample_rate, pitch=pitch)


def of_font(font: Path, rng: np.random.Generator) -> Recording:
    """Return a note of an instrument of a sound font."""
    played, program = note(rng), int(rng.choice(PROGRAMS))
    with tempfile.TemporaryDirectory() as scratch:
        score, file = Path(scratch) / "note.mid", Path(scratch) / "note.wav"
        score.write_bytes(midi_file(program, int(played.pitch), played.held))
        command = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-g", "1", "-r", str(FONT_RATE)]
        command += ["-o", "synth.dynamic-sample-loading=1", "-F", str(file), str(font), str(score)]
        subprocess.run(command, check=True, capture_output=True)
        return read_recording(file, pitch=played.pitch, max_seconds=played.total)


def of_file(file: Path) -> Recording:
    """Return a recording, with the pitch that its name says."""
    named = PITCH.search(file.stem)
    pitch = float(named[1]) if named else None
    return read_recording(file, pitch=pitch, max_seconds=SECONDS)


def target(
    kinds: dict[str, float], fonts: list[Path], files: list[Path], rng: np.random.Generator
) -> tuple[str, Recording]:
    """Return a sound to match, and what kind of sound it is; what is silent is drawn anew."""
    while True:
        kind = str(rng.choice(list(kinds), p=list(kinds.values())))
        if kind == FILES:
            return kind, of_file(files[rng.integers(len(files))])
        try:
            if kind == FONT:
                return kind, of_font(fonts[rng.integers(len(fonts))], rng)
            return kind, of_synth(kind, rng)
        except AudioError:
            continue


def search(
    folder: Path,
    number: int,
    kinds: dict[str, float],
    fonts: list[Path],
    files: list[Path],
    seconds: float,
    near: float,
    count: int = SHARD,
) -> dict[str, list[float]]:
    """Write one shard; return the distance of every match by the kind of sound."""
    import numba

    numba.set_num_threads(1)
    torch.set_num_threads(1)
    log, path = folder / f"{number:05}.json", folder / f"{number:05}.safetensors"
    if log.exists():
        known: dict[str, list[float]] = json.loads(log.read_text())
        return known
    rng = np.random.default_rng([15, number])
    synth = matcher().synth
    pictures = NotePictures(RATE, round(SECONDS * RATE))
    distances: dict[str, list[float]] = {kind: [] for kind in kinds}
    parts = []
    for _ in range(count):
        kind, recording = target(kinds, fonts, files, rng)
        match = matcher().predict(recording, seconds=seconds, candidates=1)
        distances[kind].append(match.best.distance)
        if match.best.distance > near:
            continue
        vectors = canonical(synth, match.best.vector[None])
        audio = fit_length(recording.at(RATE), round(SECONDS * RATE))[None]
        played = np.array([[match.note.pitch, match.note.velocity, match.note.held]])
        parts.append(learned(synth, pictures, vectors, audio, played))
    if parts:
        write(path, parts)
    log.write_text(json.dumps(distances))
    return distances


def table(distances: dict[str, list[float]], near: float) -> str:
    """Return the Markdown table of how near the searches came."""
    lines = ["| sounds | searches | distance: mean | median | kept |", "|---|---:|---:|---:|---:|"]
    for kind, values in distances.items():
        if values:
            kept = 100.0 * np.mean(np.array(values) <= near)
            lines.append(
                f"| {kind} | {len(values)} | {np.mean(values):.3f} | {np.median(values):.3f} "
                f"| {kept:.0f} % |"
            )
    return "\n".join(lines)


def main() -> None:
    """Search what is missing and print how near it came."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/found"))
    parser.add_argument("--searches", type=int, default=20000, help=f"rounded up to {SHARD}")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each")
    parser.add_argument("--distance", type=float, default=NEAR, help="of what is kept, at most")
    parser.add_argument("--sound-fonts", type=Path, nargs="*", default=[SOUND_FONT])
    parser.add_argument("--sounds", type=Path, help="folder of recordings")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="four sounds, a tenth of a second")
    args = parser.parse_args()
    fonts = [font for font in args.sound_fonts if font.is_file() and shutil.which("fluidsynth")]
    files = sorted(args.sounds.rglob("*.wav")) if args.sounds else []
    if args.sounds and not files:
        parser.error(f"there are no WAV files in {args.sounds}")
    absent = {kind for kind, there in ((FONT, fonts), (FILES, files)) if not there}
    shares = {kind: share for kind, share in SHARES.items() if kind not in absent}
    kinds = {kind: share / sum(shares.values()) for kind, share in shares.items()}
    count, shards = SHARD, -(-args.searches // SHARD)
    if args.quick:
        count, shards, args.seconds, args.distance = 4, 1, 0.1, 1.0
    prepare(args.output, OWN, {}, None)
    asked = {"seconds": args.seconds, "distance": args.distance, "searches": count}
    known = args.output / "search.json"
    if known.exists() and json.loads(known.read_text()) != asked:
        parser.error(f"{args.output} holds searches of {known.read_text()}; use another folder")
    known.write_text(json.dumps(asked))
    work = functools.partial(
        search,
        args.output,
        kinds=kinds,
        fonts=fonts,
        files=files,
        seconds=args.seconds,
        near=args.distance,
        count=count,
    )
    every: dict[str, list[float]] = {kind: [] for kind in kinds}
    with ProcessPoolExecutor(args.processes) as pool:
        for number, distances in enumerate(pool.map(work, range(shards))):
            kept = 0
            for kind, values in distances.items():
                every.setdefault(kind, []).extend(values)
                kept += sum(value <= args.distance for value in values)
            print(f"shard {number + 1} of {shards}: {kept} of {count} kept", flush=True)
    print(f"\n{table(every, args.distance)}")


if __name__ == "__main__":
    main()
