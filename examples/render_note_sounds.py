"""Render what a network of any notes learns from: pictures of them, and what made them.

    python examples/render_note_sounds.py dexed --bank dx7_train.vmem -o sounds --shards 80
    python examples/render_note_sounds.py tal --option view=tal-core -o sounds --shards 80

Patches are drawn from the synth's prior; for Dexed, with a bank, three quarters are people's
voices, as they are or with operators of two or of many and some numbers drawn anew. What is
held out, ``held_out.npy``, is in no shard: one in twenty families of voices, or draws of the
prior from a stream of their own. Some sounds are heard in a room, and some as a codec leaves
them. The labels are canonical, with a mask of what can be heard;
the patches as they were drawn, and which of them are people's, lie beside them. Shards that
are there already are kept.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import torch
from safetensors.numpy import save_file

from synthmatch import load_synth
from synthmatch.audio.framing import fit_length
from synthmatch.estimators.note_pictures import NotePictures
from synthmatch.synth import Note, Synth, audible, canonical, render_batch, sample_prior

RATE, SECONDS = 16000, 4.0
SHARD, TOGETHER = 4096, 32  # sounds in a file, and of them with one note
HUMAN = 0.75  # share of people's voices, where there are any
HELD_OUT = 600  # draws of the prior that are held out
QUIET = 1e-3  # root mean square under which a sound is left out
ROOM, CODEC = 0.1, 0.04  # shares of the sounds that are heard in a room, and through a codec
REVERBERATION = (0.15, 1.5)  # s in which the sound of a room falls by 60 dB
DIRECT = (-5.0, 20.0)  # dB from the power of the room's sound to that which comes straight
CODECS = (("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))
MILDEST = 0.6  # compression, from here to the strongest of a codec, which is 1
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
"""Lets GNU's C library keep the memory of one batch for the next.

It reads them as a process begins.
"""


@functools.cache
def synth_of(folder: Path) -> Synth:
    """Return the synth whose sounds a folder holds."""
    known = json.loads((folder / "synth.json").read_text())
    return load_synth(known["synth"], **known["options"])


def prepare(folder: Path, name: str, options: dict[str, str], bank: Path | None) -> None:
    """Write what synth it is, people's voices if there are any, and what is held out."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"synth": name, "options": options, "bank": bank.name if bank else None}
    known = folder / "synth.json"
    if known.exists() and json.loads(known.read_text()) != asked:
        raise SystemExit(f"{folder} holds sounds of {known.read_text()}; use another folder")
    known.write_text(json.dumps(asked))
    if bank is not None and not (folder / "weights.npy").exists():
        from _dx7_voices import split

        split(bank, folder)
    if not (folder / "held_out.npy").exists():
        rng = np.random.default_rng([14, 1 << 31])  # a number that no shard has
        np.save(folder / "held_out.npy", sample_prior(synth_of(folder), rng, HELD_OUT))


def note(rng: np.random.Generator) -> Note:
    """Return a note to play: often C4 for 2 s, and else any of five octaves."""
    pitch = 60 if rng.random() < 0.35 else int(rng.integers(36, 85))
    velocity = int(rng.choice([127, 100])) if rng.random() < 0.5 else int(rng.integers(30, 128))
    held = 2.0 if rng.random() < 0.35 else float(np.exp(rng.uniform(np.log(0.2), np.log(2.5))))
    return Note(pitch, velocity, held, held + 1.0)


def draw(folder: Path, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` vectors to render, and which of them come of people's voices."""
    synth = synth_of(folder)
    human = np.empty((0, len(synth.space)))
    if (folder / "voices.npy").exists():
        from _dx7_voices import mixed

        voices, weights = np.load(folder / "voices.npy"), np.load(folder / "weights.npy")
        human = mixed(voices, weights, rng, rng.binomial(n, HUMAN))
    drawn = sample_prior(synth, rng, n - len(human))
    order = rng.permutation(n)
    return np.concatenate([human, drawn])[order], order < len(human)


def recorded(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return sounds ``float32 [n, samples]``, some as in a room and some as a codec leaves them.

    A room is noise that decays exponentially after the direct sound.
    """
    made = audio.copy()
    for row in np.flatnonzero(rng.random(len(audio)) < ROOM):
        seconds = np.exp(rng.uniform(*np.log(REVERBERATION)))
        times = np.arange(round(seconds * RATE)) / RATE
        tail = rng.standard_normal(len(times)) * 10.0 ** (-3.0 * times / seconds)
        tail *= 10.0 ** (-rng.uniform(*DIRECT) / 20.0) / np.sqrt((tail**2).sum())
        tail[0] += 1.0
        heard = scipy.signal.oaconvolve(audio[row], tail)[: audio.shape[1]]
        made[row] = heard * (np.abs(audio[row]).max() / max(np.abs(heard).max(), 1e-9))
    for row in np.flatnonzero(rng.random(len(audio)) < CODEC):
        file, (kind, subtype) = io.BytesIO(), CODECS[rng.integers(len(CODECS))]
        strength = rng.uniform(MILDEST, 1.0)
        soundfile.write(
            file, made[row], RATE, format=kind, subtype=subtype, compression_level=strength
        )
        file.seek(0)
        decoded = soundfile.read(file, dtype="float32")[0]
        made[row] = fit_length(decoded, audio.shape[1])
    return made


def learned(
    synth: Synth,
    pictures: NotePictures,
    vectors: np.ndarray,
    audio: np.ndarray,
    notes: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return what is learned from sounds ``[n, samples]``: pictures, and their vectors ``[n, d]``.

    The vectors are canonical, ``notes [n, 3]`` pitch, velocity, and seconds held.
    """
    notes = np.asarray(notes, dtype=np.float32)
    first, second = pictures(
        torch.from_numpy(audio), torch.from_numpy(notes[:, 0]), torch.from_numpy(notes[:, 2])
    )
    return {
        "harmonics": (first * 255).round().byte().numpy(),
        "times": (second * 255).round().byte().numpy(),
        "classes": synth.space.to_classes(vectors).astype(np.int16),
        "audible": audible(synth, vectors).astype(np.uint8),
        "played": notes,
    }


def describe(
    synth: Synth,
    pictures: NotePictures,
    raw: np.ndarray,
    human: np.ndarray,
    played: Note,
    rng: np.random.Generator | None = None,
) -> dict[str, np.ndarray]:
    """Render vectors ``[n, d]`` and return what is learned from them; quiet ones are left out.

    ``human [n]`` says which of them come of people's voices. With ``rng`` the sounds are as
    :func:`recorded`.
    """
    audio = render_batch(synth, canonical(synth, raw), played, RATE)
    loud = (audio.astype(np.float64) ** 2).mean(axis=1) ** 0.5 > QUIET
    raw, audio = raw[loud], audio[loud]
    if rng is not None:
        audio = recorded(audio, rng)
    notes = np.tile([played.pitch, played.velocity, played.held], (len(raw), 1))
    return {
        **learned(synth, pictures, canonical(synth, raw), audio, notes),
        "raw_classes": synth.space.to_classes(raw).astype(np.int16),
        "raw_audible": audible(synth, raw).astype(np.uint8),
        "human": human[loud].astype(np.uint8),
    }


def held_out(folder: Path) -> dict[str, torch.Tensor]:
    """Return what :func:`describe` says of what is held out, C4 for 2 s."""
    pictures = NotePictures(RATE, round(SECONDS * RATE))
    vectors = np.load(folder / "held_out.npy")
    human = np.full(len(vectors), (folder / "voices.npy").exists())
    made = describe(synth_of(folder), pictures, vectors, human, Note(60, 127, 2.0, 3.0))
    return {name: torch.from_numpy(value) for name, value in made.items()}


def write(path: Path, parts: list[dict[str, np.ndarray]]) -> None:
    """Write what :func:`learned` returned as one shard, whole or not at all."""
    temporary = path.with_suffix(f".{os.getpid()}.part")
    # safetensors writes memory as it lies: rows have to lie one after another
    whole = {
        name: np.ascontiguousarray(np.concatenate([part[name] for part in parts]))
        for name in parts[0]
    }
    save_file(whole, temporary)
    temporary.rename(path)


def render(folder: Path, number: int, count: int = SHARD) -> int:
    """Write one shard, of ``count`` sounds."""
    import numba

    numba.set_num_threads(1)
    torch.set_num_threads(1)
    path = folder / f"{number:05}.safetensors"
    if path.exists():
        return number
    rng = np.random.default_rng([14, number])
    pictures = NotePictures(RATE, round(SECONDS * RATE))
    vectors, human = draw(folder, rng, count)
    some = [slice(start, start + TOGETHER) for start in range(0, count, TOGETHER)]
    parts = [
        describe(synth_of(folder), pictures, vectors[rows], human[rows], note(rng), rng)
        for rows in some
    ]
    write(path, parts)
    return number


def render_quickly(folder: Path) -> None:
    """Render a few sounds of Dexed's prior, to try the scripts that go on from here with."""
    prepare(folder, "dexed", {}, None)
    np.save(folder / "held_out.npy", np.load(folder / "held_out.npy")[:8])
    render(folder, 0, 64)


def main() -> None:
    """Prepare the folder and render the shards that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("synth", nargs="?", default="dexed")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--bank", type=Path, help="packed DX7 voices (.vmem) or dumps")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("--shards", type=int, default=80, help=f"of {SHARD} sounds")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few sounds of the prior")
    args = parser.parse_args()
    if args.quick:
        render_quickly(args.output)
        return
    if args.bank is not None and args.synth != "dexed":
        parser.error("a bank of voices goes with dexed alone")
    options = dict(option.split("=", 1) for option in args.option)
    prepare(args.output, args.synth, options, args.bank)
    for name, value in KEPT.items():
        os.environ.setdefault(name, value)
    with ProcessPoolExecutor(args.processes, get_context("spawn")) as pool:
        for number in pool.map(render, [args.output] * args.shards, range(args.shards)):
            print(f"shard {number + 1} of {args.shards}", flush=True)


if __name__ == "__main__":
    main()
