"""Measure what each choice in the network of any notes and in its training is worth.

    python examples/ablate_masked.py runs/dexed-t6/sounds --effects runs/dexed-t6/effects.npy

Every variant of ``train_masked.py`` has one thing changed and the same number of steps on the
same shards of ``render_note_sounds.py``; one of them has nothing changed but its seed, which
shows how far chance goes. Compared is what compares: on all that is held out, how many of
the parameters that can be heard are right in the first answer (canonical, as the truth), and
the cross-entropy of their classes, without smoothing, where the labels are canonical; and on
the first ``--voices`` of it, played at C4 and 48 kHz, the MFCCD and the distance of the first
answer and of the best of 16, which the distance picks. Prints a Markdown table: mean and
standard error over voices, and in brackets those of the difference from the base, voice by
voice; neither knows of the chance in training. An interrupted run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from _results import Results
from render_note_sounds import KEPT, describe, held_out, render_quickly, synth_of
from safetensors import safe_open

from synthmatch import Matcher, Note, load_synth
from synthmatch.metrics import mfccd
from synthmatch.objective import Objective
from synthmatch.synth import canonical, render_batch

NOTE = Note(pitch=60, velocity=127, held=2.0, total=4.0)
RATE = 48000
CANDIDATES = 16
CERTAIN = 0.5  # temperature of the first answer, as a matcher has it
BASE = "base"
SMOOTH = ["--option", "smoothing=0.7"]  # of all but one, as dexed-t6 was trained at first
PLAIN = "no label smoothing"
VARIANTS: dict[str, list[str]] = {
    BASE: [],
    "factorised: nothing shown, drawn at once": ["--option", "none_shown=1"],
    "prime-dilated convolutions": ["--option", "primes=3"],
    "labels as drawn, not canonical": ["--labels", "raw"],
    "inert parameters count": ["--inert", "1"],
    "no weighting by effect": [],
    "harmonic view alone": ["--option", "views=harmonics"],
    "time view alone": ["--option", "views=times"],
    PLAIN: [],
    "people's voices only": ["--source", "people"],
    "prior only": ["--source", "prior"],
    "base, another seed": ["--seed", "15"],
}
UNWEIGHTED, RAW = "no weighting by effect", "labels as drawn, not canonical"
COLUMNS = {
    "right": 1,
    "entropy": 3,
    "first_mfccd": 1,
    "first_distance": 3,
    "best_mfccd": 1,
    "best_distance": 3,
}
"""Figures of the table and their decimals."""
Figures = dict[str, list[float]]


def train(variant: str, args: argparse.Namespace) -> Path:
    """Train a variant as far as it is not, and return its folder of files."""
    options = [args.sounds, *VARIANTS[variant]]
    options += ["--steps", f"{args.steps}", "--batch", f"{args.batch}"]
    if variant != PLAIN:
        options += SMOOTH
    if args.effects and variant != UNWEIGHTED:
        options += ["--effects", args.effects]
    told = [str(part) for part in options]
    folder: Path = args.output / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    config = folder / "folder" / "config.json"
    if config.exists() and json.loads(config.read_text())["metadata"]["step"] == args.steps:
        return folder
    script = str(Path(__file__).with_name("train_masked.py"))
    print(f"{variant}:", flush=True)
    command = [sys.executable, script, *told, "-o", str(folder)]
    subprocess.run(command, check=True, env={**KEPT, **os.environ})
    return folder


def measure(model: str, synth: str, options: tuple, vectors: np.ndarray, count: int) -> Figures:
    """Return the figures of a model, sound by sound, on held-out vectors and on the first few."""
    import torch

    torch.set_num_threads(1)
    played = load_synth(synth, sample_rate=RATE, **dict(options))
    matcher = Matcher(played, model=model, starts=False, workers=1)
    network = matcher.network.estimator
    found: Figures = {"weights": [sum(p.numel() for p in network.parameters())]}
    found.update(_labels(network, played, vectors))
    for vector in vectors[:count]:
        target = render_batch(played, vector[None], NOTE, RATE)[0]
        answer = matcher.network.predict(matcher.read(target, RATE), NOTE)
        made = answer.propose(np.random.default_rng(0), CANDIDATES)
        audio = render_batch(played, made, NOTE, RATE)
        distances = Objective(target, RATE)(audio)
        for name, chosen in (("first", 0), ("best", int(np.argmin(distances)))):
            near = float(mfccd(target, audio[chosen][None], RATE)[0])
            found.setdefault(f"{name}_mfccd", []).append(near)
            found.setdefault(f"{name}_distance", []).append(float(distances[chosen]))
    return found


def _labels(network, synth, vectors: np.ndarray) -> Figures:
    """Return for each sound the share of audible parameters that are right, and the entropy."""
    import torch

    from synthmatch.estimators.head import Head

    rows = describe(
        synth, network.pictures, vectors, np.zeros(len(vectors)), Note(60, 127, 2.0, 3.0)
    )
    some = {name: torch.from_numpy(value) for name, value in rows.items()}
    with torch.inference_mode():
        encoded = network.encode_pictures(
            some["harmonics"] / 255.0, some["times"] / 255.0, some["played"]
        )
        truth = network.head.units(some["classes"].long())
        plain = Head(network.head.space, smoothing=0.0)
        entropy = plain.losses(network.fill(encoded), truth).numpy()
        generator = torch.Generator().manual_seed(0)
        nothing = torch.zeros_like(truth)
        first = network.complete(encoded, nothing, nothing > 0, generator, temperature=CERTAIN)
    answers = canonical(synth, first.numpy().astype(np.float64))
    right = synth.space.to_classes(answers) == rows["classes"]
    return {"right": _heard(100.0 * right, rows), "entropy": _heard(entropy, rows)}


def frequencies(folder: Path) -> Figures:
    """Return the same for the frequencies of the classes, the likeliest of each as an answer."""
    classes, audible = [], []
    for path in sorted(folder.glob("?????.safetensors")):
        with safe_open(path, framework="np") as file:
            classes.append(file.get_tensor("classes"))
            audible.append(file.get_tensor("audible") > 0)
    seen, heard = np.concatenate(classes), np.concatenate(audible)
    rows = {name: value.numpy() for name, value in held_out(folder).items()}
    truth = rows["classes"].astype(int)
    right, entropy = np.zeros(truth.shape), np.zeros(truth.shape)
    for i, parameter in enumerate(synth_of(folder).space.free):
        counts = 1.0 + np.bincount(seen[heard[:, i], i], minlength=parameter.classes)
        right[:, i] = truth[:, i] == counts.argmax()
        entropy[:, i] = -np.log(counts / counts.sum())[truth[:, i]]
    return {"right": _heard(100.0 * right, rows), "entropy": _heard(entropy, rows)}


def _heard(each: np.ndarray, rows: dict[str, np.ndarray]) -> list[float]:
    """Return the mean over what can be heard of each sound, of figures ``[n, d]``."""
    heard = rows["audible"] > 0
    return list((each * heard).sum(1) / heard.sum(1))


def table(figures: dict[str, Figures], seconds: dict[str, float], known: Figures) -> str:
    """Return the Markdown table; its last row is what the frequencies of the classes know."""
    lines = [
        "| variant | weights, M | right, % | cross-entropy | first: MFCCD | distance "
        "| best of 16: MFCCD | distance | CPU s |",
        f"|---|{'---:|' * 8}",
    ]
    for name, of in figures.items():
        cells = [f"{of['weights'][0] / 1e6:.1f}"]
        for key, digits in COLUMNS.items():
            cell = _mean(of[key], digits)
            if name != BASE:
                cell += f" ({_mean(np.subtract(of[key], figures[BASE][key]), digits, '+')})"
            cells.append("" if (name, key) == (RAW, "entropy") else cell)
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds[name]:.0f} |")
    less = [_mean(known[key], digits) if key in known else "" for key, digits in COLUMNS.items()]
    return "\n".join([*lines, f"| frequencies of the classes | | {' | '.join(less)} | |"])


def _mean(values, digits: int, sign: str = "") -> str:
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):{sign}.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    """Train and measure what is missing, and print the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sounds", type=Path, nargs="?", default=Path("runs/dexed-t6/sounds"))
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/ablate_masked"))
    parser.add_argument("--effects", type=Path, help="weights of the parameters (.npy)")
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--voices", type=int, default=60, help="that are played")
    parser.add_argument("--variants", nargs="*", help="those whose name has one of these words")
    parser.add_argument("--quick", action="store_true", help="three variants, two steps each")
    args = parser.parse_args()
    if args.quick:
        args.sounds, args.steps, args.batch, args.voices = args.output / "sounds", 2, 8, 2
        args.variants = args.variants or ["factorised", "prime"]
        render_quickly(args.sounds)
    names = [BASE]
    for name in VARIANTS:
        if name != BASE and (not args.variants or any(word in name for word in args.variants)):
            names.append(name)
    folders = {name: train(name, args) for name in names}
    known = json.loads((args.sounds / "synth.json").read_text())
    vectors = np.load(args.sounds / "held_out.npy")
    of = (known["synth"], tuple(known["options"].items()), vectors, args.voices)
    jobs = {name: (str(folder / "folder"), *of) for name, folder in folders.items()}
    figures = Results(args.output / "figures.json").measure(measure, jobs, 1)
    logs = {name: (folder / "log.jsonl").read_text() for name, folder in folders.items()}
    seconds = {name: json.loads(log.splitlines()[-1])["cpu"] for name, log in logs.items()}
    made = table(figures, seconds, frequencies(args.sounds))
    print(f"{args.steps} steps of {args.batch}:\n\n{made}")


if __name__ == "__main__":
    main()
