"""Compare ways from a sound to a preset at equal seconds: network, search, and both.

The sounds are held-out random sounds of a paper's setting, which the networks and the
search know by their audio and its note, and notes of a General MIDI sound font (where FluidSynth
and one are installed). The ways are

- a random patch, as the floor, and the best of 1,000 of the prior;
- the network alone: its likeliest patch;
- the best of 16 patches that the network proposes, and of the nearest starts if there are any;
- a cold search, without the network;
- a search that the network starts;
- the network finetuned to the sound through its proxy (InverSynth II), if it has one.

The last three get the same number of seconds for each sound. Every sound runs on one
core; with --processes several run side by side. Prints a Markdown table, mean (median),
and writes the figures of every sound to a JSON file. An interrupted run goes on.

    python examples/compare_ways.py --setting fm-9 --model fm-is2 --seconds 1
    python examples/compare_ways.py --setting tal-core --model tal-core --synth tal --seconds 2
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from _results import Results
from match_instruments import SOUND_FONT, record

from synthmatch import Matcher, load_synth
from synthmatch.audio import Recording, loudness, read_recording
from synthmatch.datasets import draw, stream
from synthmatch.errors import ParameterError
from synthmatch.metrics import spectral_convergence, stft_correlation
from synthmatch.objective import Objective
from synthmatch.parameters import Patch
from synthmatch.search import Budget
from synthmatch.settings import Source, load_setting, open_source

SEARCHES = ("cold search", "network-started search", "proxy finetuning")
PRIOR = "best of 1,000 of the prior"
WAYS = ("random patch", PRIOR, "network alone", "best of 16", *SEARCHES)
INSTRUMENTS = {
    "piano": (0, 60),
    "electric_piano": (4, 60),
    "celesta": (8, 72),
    "marimba": (12, 72),
    "organ": (16, 60),
    "accordion": (21, 67),
    "guitar": (24, 55),
    "bass": (33, 40),
    "violin": (40, 69),
    "strings": (48, 60),
    "trumpet": (56, 67),
    "saxophone": (65, 62),
    "clarinet": (71, 67),
    "flute": (73, 76),
    "square_lead": (80, 69),
    "saw_lead": (81, 69),
}


@cache
def _open(setting: str, model: str, synth: str, starts: bool) -> tuple[Source, Matcher, Matcher]:
    """Return a setting, a matcher with the network and one without, on one core."""
    import torch

    torch.set_num_threads(1)
    source = open_source(load_setting(setting))
    given = {"synth": load_synth(synth)} if synth else {}
    trained = Matcher.from_pretrained(model, workers=1, starts=starts, **given)
    return source, trained, Matcher(trained.synth, model="none", starts=starts, workers=1)


def _held_out(source: Source, number: int) -> tuple[Recording, np.ndarray]:
    """Return a held-out sound as it is, nothing trimmed, and the vector that made it."""
    batch = draw(source, stream(number, "test"), 1)
    note, rate = source.setting.note, source.setting.sample_rate
    audio = batch.audio[0]
    level = loudness(audio, rate)
    recording = Recording(audio, rate, f"{number}", None, note.pitch, True, note.held, level)
    return recording, batch.vectors[0]


def _right(source: Source, patch: Patch, truth: np.ndarray) -> float:
    """Return the percentage of a setting's parameters that a patch has right, by class."""
    true = source.synth.space.decode(truth)
    right = 0
    for parameter in source.synth.space:
        with contextlib.suppress(ParameterError):  # a choice that the setting does not have
            found = parameter.unit_value(parameter.canonical(patch[parameter.name]))
            wanted = parameter.unit_value(true[parameter.name])
            right += bool(parameter.class_of(found) == parameter.class_of(wanted))
    return 100.0 * right / len(source.synth.space)


def measure(
    setting: str,
    model: str,
    synth: str,
    sound: int | str,
    way: str,
    seconds: float,
    starts: bool,
) -> dict[str, Any]:
    """Return the figures of one way on one sound: a number, or the path of a recording."""
    source, trained, cold = _open(setting, model, synth, starts)
    if isinstance(sound, int):
        (recording, truth), note = _held_out(source, sound), source.setting.note
    else:
        recording, truth = read_recording(sound), None
        note = recording.note
    budget = Budget(seconds=seconds)
    began = time.perf_counter()
    if way == "random patch":
        key = zlib.crc32(str(sound if isinstance(sound, int) else Path(sound).stem).encode())
        patch = source.synth.space.decode(source.sample(stream(key, "train"), 1)[0])
    elif way == PRIOR:
        random = Matcher(source.synth, model="none", starts=False, method="random", workers=1)
        thousand = Budget(renders=1000)
        patch = random.predict(recording, note=note, candidates=1, budget=thousand).patch
    elif way == "network alone":
        likeliest = trained.network.predict(recording, note).likeliest()[0]
        patch = trained.synth.space.decode(likeliest)
    elif way == "best of 16":
        patch = trained.predict(recording, note=note, candidates=1).patch
    elif way == "cold search":
        patch = cold.predict(recording, note=note, candidates=1, budget=budget).patch
    elif way == "network-started search":
        patch = trained.predict(recording, note=note, candidates=1, budget=budget).patch
    else:
        first = trained.predict(recording, note=note, candidates=5)
        patch = trained.refine(recording, first, budget=budget, method="proxy").patch
    spent = time.perf_counter() - began
    rate = trained.synth.sample_rate
    target = recording.at(rate)
    audio = trained.synth.render(patch, note, rate)
    row = {
        "distance": float(Objective(target, rate)(audio[None])[0]),
        "correlation": float(stft_correlation(target, audio)),
        "convergence": float(spectral_convergence(target, audio, 512, 128)),
        "seconds": spent,
    }
    if truth is not None:
        row["accuracy"] = _right(source, patch, truth)
    return row


COLUMNS = (
    ("distance", "distance", 3),
    ("correlation", "STFT correlation x100", 1),
    ("convergence", "spectral convergence", 3),
    ("accuracy", "parameters right, %", 1),
    ("seconds", "seconds", 2),
)


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the Markdown table of mean (median) figures."""
    lines = [f"| sounds | way | {' | '.join(title for _, title, _ in COLUMNS)} |"]
    lines.append("|---|---|" + "---:|" * len(COLUMNS))
    for kind in ("held out", "instruments"):
        for way in WAYS:
            rows = [r for k, r in results.items() if k.startswith(f"{kind}/{way}/")]
            cells = []
            for name, _, digits in COLUMNS:
                values = [row[name] for row in rows if name in row]
                mean = f"{np.mean(values):.{digits}f}" if values else ""
                cells.append(f"{mean} ({np.median(values):.{digits}f})" if values else "")
            if rows:
                lines.append(f"| {len(rows)} {kind} | {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--setting", default="fm-9")
    parser.add_argument("--model", default="fm-is2", help="Name or folder.")
    parser.add_argument("--synth", default="", help="By default what the network knows of it.")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--sounds", type=int, default=200)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS, metavar="WAY")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--no-starts", action="store_true", help="networks and search alone")
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--output", type=Path, default=Path("runs/compare_ways"))
    parser.add_argument("--quick", action="store_true", help="2 sounds, a tenth of a second")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.seconds = 2, 0.1
    parts = (args.setting, Path(args.model).name, args.synth, f"{args.seconds:g}s")
    name = "_".join(part for part in parts if part) + ".json"
    results = Results(args.output / name)
    _, trained, _ = _open(args.setting, args.model, args.synth, not args.no_starts)
    proxy = "proxy_weight" in trained.network.metadata.get("goal", {})
    ways = [way for way in args.ways if proxy or way != "proxy finetuning"]
    with tempfile.TemporaryDirectory() as scratch:
        sounds: dict[str, int | str] = {f"held out/{{}}/{n}": n for n in range(args.sounds)}
        if shutil.which("fluidsynth") and args.sound_font.is_file() and not args.quick:
            for name, path in record(Path(scratch), args.sound_font, INSTRUMENTS).items():
                sounds[f"instruments/{{}}/{name}"] = str(path)
        asked, starts = (args.setting, args.model, args.synth), not args.no_starts
        jobs = {
            key.format(way): (*asked, sound, way, args.seconds, starts)
            for key, sound in sounds.items()
            for way in ways
        }
        rows = results.measure(measure, jobs, args.processes)
    print(f"{args.setting}, {args.model}, {args.seconds:g} s, mean (median):\n")
    print(table(rows))


if __name__ == "__main__":
    main()
