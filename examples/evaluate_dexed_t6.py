"""Score a network of Dexed on people's voices, beside what it has to beat.

    python examples/evaluate_dexed_t6.py dx7_test.vmem --model dexed-t6 --sounds 200
    python examples/evaluate_dexed_t6.py held_out.npy --seconds 2 10 --ways match
    python examples/evaluate_dexed_t6.py dx7_test.vmem --note C2 --velocity 100 --held 1

Every voice plays one note (``--note``, ``--velocity``, ``--held``; C4 at 127, held 2 s, unless
said), two seconds longer than it is held, at 48 kHz, and only the sound and the note are given
to the matcher. The ways: the network's likeliest patch; the best of 16 that it draws; the
nearest of the bank of starts and the best of its 64 nearest; those 64 and the network's 16
together, which is what ``predict`` gives; the nearest voice of a bank of people's
(``--voices``); the best of 16 draws of the prior; and, with ``--seconds``, searches that
start with the network and without. "Best" is by the distance that ranks candidates, not by
the figures printed. Prints a Markdown table of MFCCD (13 coefficients), log-spectral
distance, spectral convergence and STFT correlation. An interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from _results import Results

from synthmatch import Matcher, Note, load_synth
from synthmatch.banks import Bank, read_bank
from synthmatch.metrics import audio_metrics, spectral_convergence
from synthmatch.objective import Objective
from synthmatch.synth import parse_pitch, render_batch, sample_prior

RATE = 48000
AFTER = 2.0  # s that are heard after the release
SHARED = Path(__file__).parents[2] / "shared"
PRESETS = Path(os.environ.get("SYNTHMATCH_SHARED", SHARED)) / "presets"
PREDICT = ("network, likeliest", "network, best of 16", "network and starts, best of 80")
BASELINES = ("nearest of the starts", "best of the 64 nearest starts", "best of 16 of the prior")
VOICES = "nearest voice of a bank"


@cache
def _matcher(model: str, starts: bool) -> Matcher:
    """Return a matcher with a model or "none", and with the starts or without, on one core."""
    import torch

    torch.set_num_threads(1)
    synth = load_synth("dexed", sample_rate=RATE)
    return Matcher(synth, model=model, starts=starts, workers=1)


@cache
def _bank(path: str) -> Bank:
    return read_bank(load_synth("dexed"), [path])


def measure(model: str, voices: str, vector: np.ndarray, note: Note, way: str) -> dict[str, float]:
    """Return the figures of one way on the sound of one vector."""
    synth = _matcher("none", True).synth
    target = render_batch(synth, vector[None], note, RATE)[0]

    def best(vectors: np.ndarray) -> np.ndarray:
        made = render_batch(synth, vectors, note, RATE)
        return vectors[int(np.argmin(Objective(target, RATE)(made)))]

    def nearest(count: int) -> np.ndarray:
        return best(_matcher("none", True).starts.nearest(target, RATE, note, count).take(count))

    def predict(starts: bool, seconds: float | None = None) -> np.ndarray:
        matcher = _matcher(model, starts)
        found = matcher.predict(target, RATE, note=note, candidates=1, seconds=seconds)
        return found.best.vector

    def likeliest() -> np.ndarray:
        matcher = _matcher(model, False)
        return matcher.network.predict(matcher.read(target, RATE), note).likeliest()[0]

    rng = np.random.default_rng(0)
    known: dict[str, Callable[[], np.ndarray]] = {
        PREDICT[0]: likeliest,
        PREDICT[1]: partial(predict, False),
        PREDICT[2]: partial(predict, True),
        BASELINES[0]: partial(nearest, 1),
        BASELINES[1]: partial(nearest, 64),
        BASELINES[2]: lambda: best(sample_prior(synth, rng, 16)),
        VOICES: lambda: _bank(voices).nearest(synth, target, RATE, note, 1)[0],
    }
    if way in known:
        found = known[way]()
    else:
        found = predict(True, float(way.removesuffix(" s").rpartition(", ")[2]))
    audio = render_batch(synth, found[None], note, RATE)
    measured = audio_metrics(target, audio, RATE)
    return {
        "mfccd": float(measured["mfccd"][0]),
        "log_spectral_distance": float(measured["log_spectral_distance"][0]),
        "spectral_convergence": float(spectral_convergence(target, audio[0], 512, 128)),
        "stft_correlation": float(measured["stft_correlation"][0]),
    }


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Return the Markdown table."""
    lines = [
        "| | sounds | MFCCD: mean | median | p90 | under 10 | LSD, dB | SC | STFT corr. x100 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, rows in results.items():
        value = {key: np.array([row[key] for row in rows]) for key in rows[0]}
        mfccd = value["mfccd"]
        cells = [
            f"{len(rows)}",
            f"{mfccd.mean():.2f}",
            f"{np.median(mfccd):.2f}",
            f"{np.percentile(mfccd, 90):.2f}",
            f"{100 * (mfccd < 10).mean():.0f} %",
            f"{value['log_spectral_distance'].mean():.2f}",
            f"{value['spectral_convergence'].mean():.3f}",
            f"{value['stft_correlation'].mean():.1f}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bank", type=Path, nargs="?", default=PRESETS / "dx7_test.vmem")
    parser.add_argument("--model", default="dexed-t6", help="name or folder")
    parser.add_argument("--voices", type=Path, default=PRESETS / "dx7_train.vmem")
    parser.add_argument("--note", default="C4", help="name or MIDI number")
    parser.add_argument("--velocity", type=int, default=127)
    parser.add_argument("--held", type=float, default=2.0, help="seconds until the release")
    parser.add_argument("--seconds", type=float, nargs="*", default=[], help="of searches")
    parser.add_argument("--sounds", type=int, default=200, help="the first so many")
    parser.add_argument("--ways", nargs="*", help="those whose name has one of these words")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/evaluate_dexed_t6"))
    parser.add_argument("--quick", action="store_true", help="two sounds, no searches")
    args = parser.parse_args()
    if not args.bank.exists():
        print(f"skipped: there are no voices at {args.bank}")
        return
    if args.bank.suffix == ".npy":
        vectors = np.load(args.bank)
    else:
        vectors = read_bank(load_synth("dexed"), [args.bank]).vectors
    ways = [*PREDICT, *BASELINES]
    if args.voices.exists():
        ways.append(VOICES)
    for s in args.seconds:
        ways += [f"match without it, {s:g} s", f"match with it, {s:g} s"]
    if args.quick:
        args.sounds, ways = 2, [*PREDICT, *BASELINES]
    if args.ways:
        ways = [way for way in ways if any(word in way for word in args.ways)]
    vectors = vectors[: args.sounds]
    note = Note(parse_pitch(args.note), args.velocity, args.held, args.held + AFTER)
    named = {way: way in PREDICT or "with it" in way for way in ways}
    jobs = {
        f"{way}/{number}": (
            args.model if named[way] else "none",
            str(args.voices) if way == VOICES else "",
            vector,
            note,
            way,
        )
        for number, vector in enumerate(vectors)
        for way in ways
    }
    results = Results(args.output / f"{args.bank.stem}.json")
    rows = results.measure(measure, jobs, args.processes)
    wanted = {way: [rows[f"{way}/{n}"] for n in range(len(vectors))] for way in ways}
    played = f"{args.note} at {args.velocity}, held {args.held:g} s"
    print(f"{len(vectors)} voices of {args.bank.name}, {played}, {args.model}:\n\n{table(wanted)}")


if __name__ == "__main__":
    main()
