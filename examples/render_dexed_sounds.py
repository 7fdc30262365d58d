"""Render what the network ``dexed-t6`` learns from: pictures of notes, and what made them.

    python examples/render_dexed_sounds.py dx7_train.vmem -o sounds --shards 80

Three quarters are people's voices, as they are or with operators of two exchanged and some
numbers drawn anew; the rest are draws of the prior. Voices that differ in at most 24 of
their 145 numbers are relatives; a family is those that a chain of relatives connects. One in
twenty families is held out, ``held_out.npy``, and nothing is made of its voices. The labels
are canonical, with a mask of what can be heard. Shards that are there already are kept.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from train_dx7_prior import RELATED, audible, families

from synthmatch import load_synth
from synthmatch.estimators.note_pictures import NotePictures
from synthmatch.synth import Note
from synthmatch_dexed.files import read_voices
from synthmatch_dexed.prior.augment import mix_operators, resample
from synthmatch_dexed.space import to_vectors
from synthmatch_dexed.voices import SOUND

RATE, SECONDS = 16000, 4.0
SHARD, TOGETHER = 4096, 32  # sounds in a file, and of them with one note
HUMAN = 0.75  # share of people's voices
PLAIN = 0.3  # of these, as they are
RESAMPLED, SHARE = 0.5, 0.05  # of these, with that share of their numbers drawn anew
HELD_OUT = 20  # one family in so many
QUIET = 1e-3  # root mean square under which a sound is left out


def split(bank: Path, folder: Path) -> None:
    """Write people's voices as vectors with their weight, and the held-out ones."""
    synth = load_synth("dexed")
    voices = read_voices(bank)
    voices = voices[audible(voices)]
    family = families(np.ascontiguousarray(voices[:, :SOUND]).astype(np.uint8), RELATED)
    names, member, sizes = np.unique(family, return_inverse=True, return_counts=True)
    chosen = np.random.default_rng(14).permutation(len(names)) < len(names) // HELD_OUT
    out = chosen[member]
    vectors = to_vectors(synth.space, voices)
    once = np.unique(family[out], return_index=True)[1]
    np.save(folder / "held_out.npy", vectors[out][once])
    np.save(folder / "voices.npy", vectors[~out])
    np.save(folder / "weights.npy", sizes[member][~out] ** -0.5)
    print(f"{len(voices)} voices of {len(names)} families, {chosen.sum()} families held out")


def note(rng: np.random.Generator) -> Note:
    """Return a note to play: often C4 for 2 s, and else any of five octaves."""
    pitch = 60 if rng.random() < 0.35 else int(rng.integers(36, 85))
    velocity = int(rng.choice([127, 100])) if rng.random() < 0.5 else int(rng.integers(30, 128))
    held = 2.0 if rng.random() < 0.35 else float(np.exp(rng.uniform(np.log(0.2), np.log(2.5))))
    return Note(pitch, velocity, held, held + 1.0)


def draw(rng: np.random.Generator, voices: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    """Return ``n`` vectors to render."""
    synth = load_synth("dexed")
    count = rng.binomial(n, HUMAN)
    human = voices[rng.choice(len(voices), count, p=weights / weights.sum())]
    mixed = mix_operators(synth.space, human, rng)
    pool = voices[rng.integers(0, len(voices), 512)]
    touched = rng.random((count, 1)) < RESAMPLED
    mixed = np.where(touched, resample(mixed, rng, SHARE, pool), mixed)
    human = np.where(rng.random((count, 1)) < PLAIN, human, mixed)
    return rng.permutation(np.concatenate([human, synth.sample(rng, n - count)]))


def describe(pictures: NotePictures, vectors: np.ndarray, played: Note) -> dict[str, np.ndarray]:
    """Render canonical vectors and return what is learned from them; quiet ones are left out."""
    synth = load_synth("dexed")
    audio = synth.render_batch(vectors, played, RATE)
    loud = (audio.astype(np.float64) ** 2).mean(axis=1) ** 0.5 > QUIET
    vectors, audio = vectors[loud], audio[loud]
    notes = np.tile([played.pitch, played.velocity, played.held], (len(vectors), 1))
    notes = notes.astype(np.float32)
    first, second = pictures(
        torch.from_numpy(audio), torch.from_numpy(notes[:, 0]), torch.from_numpy(notes[:, 2])
    )
    return {
        "harmonics": (first * 255).round().byte().numpy(),
        "times": (second * 255).round().byte().numpy(),
        "classes": synth.space.to_classes(vectors).astype(np.uint8),
        "audible": synth.audible(vectors).astype(np.uint8),
        "played": notes,
    }


def held_out(folder: Path) -> dict[str, torch.Tensor]:
    """Return what :func:`describe` says of one voice of each family that is held out."""
    pictures = NotePictures(RATE, round(SECONDS * RATE))
    vectors = load_synth("dexed").canonical(np.load(folder / "held_out.npy"))
    made = describe(pictures, vectors, Note(60, 127, 2.0, 3.0))
    return {name: torch.from_numpy(value) for name, value in made.items()}


def split_nobody(folder: Path) -> None:
    """Write draws of the prior in place of people's voices, a few, to try the scripts with."""
    folder.mkdir(parents=True, exist_ok=True)
    vectors = load_synth("dexed").sample(np.random.default_rng(14), 72)
    np.save(folder / "held_out.npy", vectors[:8])
    np.save(folder / "voices.npy", vectors[8:])
    np.save(folder / "weights.npy", np.ones(64))


def render(folder: Path, number: int, count: int = SHARD) -> int:
    """Write one shard, of ``count`` sounds."""
    import numba

    numba.set_num_threads(1)
    torch.set_num_threads(1)
    path = folder / f"{number:05}.safetensors"
    if path.exists():
        return number
    rng = np.random.default_rng([14, number])
    voices, weights = np.load(folder / "voices.npy"), np.load(folder / "weights.npy")
    synth = load_synth("dexed")
    pictures = NotePictures(RATE, round(SECONDS * RATE))
    vectors = synth.canonical(draw(rng, voices, weights, count))
    rows: dict[str, list[np.ndarray]] = {}
    for start in range(0, count, TOGETHER):
        made = describe(pictures, vectors[start : start + TOGETHER], note(rng))
        for name, value in made.items():
            rows.setdefault(name, []).append(value)
    temporary = path.with_suffix(f".{os.getpid()}.part")
    # safetensors writes memory as it lies: rows have to lie one after another
    whole = {name: np.ascontiguousarray(np.concatenate(parts)) for name, parts in rows.items()}
    save_file(whole, temporary)
    temporary.rename(path)
    return number


def main() -> None:
    """Split the voices and render the shards that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bank", type=Path, nargs="?", help="packed voices (.vmem) or dumps")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("--shards", type=int, default=80, help=f"of {SHARD} sounds")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few sounds of nobody's voices")
    args = parser.parse_args()
    if args.quick:
        split_nobody(args.output)
        render(args.output, 0, 64)
        return
    if args.bank is None:
        parser.error("give a bank of people's voices")
    args.output.mkdir(parents=True, exist_ok=True)
    if not (args.output / "weights.npy").exists():
        split(args.bank, args.output)
    with ProcessPoolExecutor(args.processes) as pool:
        for number in pool.map(render, [args.output] * args.shards, range(args.shards)):
            print(f"shard {number + 1} of {args.shards}", flush=True)


if __name__ == "__main__":
    main()
