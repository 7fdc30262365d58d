"""Score a network of Dexed on people's voices, beside what it has to beat.

    python examples/evaluate_dexed_t6.py dx7_test.vmem --model dexed-t6 --sounds 200
    python examples/evaluate_dexed_t6.py held_out.npy --seconds 2 10 --ways match
    python examples/evaluate_dexed_t6.py dx7_test.vmem --note C2 --velocity 100 --held 1
    python examples/evaluate_dexed_t6.py --recordings --seconds 10

Every voice plays one note (``--note``, ``--velocity``, ``--held``; C4 at 127, held 2 s, unless
said), two seconds longer than it is held, at 48 kHz, and only the sound and the note are given
to the matcher. The ways: the network's likeliest patch; the best of 16 that it draws; the
nearest of the bank of starts and the best of its 64 nearest; those 64 and the network's 16
together, which is what ``predict`` gives; the nearest voice of a bank of people's
(``--voices``); the best of 16 draws of the prior; and, with ``--seconds``, searches that
start with the network and without. "Best" is by the distance that ranks candidates, which is
not what is printed of voices: a Markdown table of MFCCD (13 and 40 coefficients), log-spectral
distance, spectral convergence, STFT correlation, and the share of the parameters that are right,
of those that can be heard, both patches canonical. With ``--recordings`` the sounds are instruments
of a General MIDI sound font and a sung vowel instead, where FluidSynth, a font and eSpeak NG are
installed, and the table has the distance too. An interrupted run goes on.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from _results import Results
from compare_ways import INSTRUMENTS
from match_instruments import SOUND_FONT, record

from synthmatch import Matcher, Note, load_synth
from synthmatch.audio import read_recording
from synthmatch.banks import Bank, read_bank
from synthmatch.metrics import audio_metrics, mfccd, spectral_convergence
from synthmatch.objective import Objective
from synthmatch.synth import audible, canonical, parse_pitch, render_batch, sample_prior

RATE = 48000
AFTER = 2.0  # s that are heard after the release
SHARED = Path(__file__).parents[2] / "shared"
PRESETS = Path(os.environ.get("SYNTHMATCH_SHARED", SHARED)) / "presets"
PREDICT = ("network, likeliest", "network, best of 16", "network and starts, best of 80")
BASELINES = ("nearest of the starts", "best of the 64 nearest starts", "best of 16 of the prior")
VOICES = "nearest voice of a bank"
VOWEL = '<speak><prosody range="0%" pitch="+60%" rate="25%">ah</prosody></speak>'


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


def measure(
    model: str, voices: str, sound: np.ndarray | Path, note: Note | None, way: str
) -> dict[str, float]:
    """Return the figures of one way on the sound of one vector, or on a recording."""
    synth = _matcher("none", True).synth
    if isinstance(sound, Path):
        recording = read_recording(sound)
        target, note = recording.at(RATE), recording.note
    else:
        target = render_batch(synth, sound[None], note, RATE)[0]
    objective = Objective(target, RATE)

    def best(vectors: np.ndarray) -> np.ndarray:
        made = render_batch(synth, vectors, note, RATE)
        return vectors[int(np.argmin(objective(made)))]

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
    row = {
        "distance": float(objective(audio)[0]),
        "mfccd": float(measured["mfccd"][0]),
        "mfccd_40": float(mfccd(target, audio[0], RATE, 40)),
        "log_spectral_distance": float(measured["log_spectral_distance"][0]),
        "spectral_convergence": float(spectral_convergence(target, audio[0], 512, 128)),
        "stft_correlation": float(measured["stft_correlation"][0]),
    }
    if not isinstance(sound, Path):
        true = canonical(synth, sound[None])
        to_classes = synth.space.to_classes
        right = to_classes(canonical(synth, found[None])) == to_classes(true)
        row["right"] = float(100.0 * right[audible(synth, true)].mean())
    return row


def recordings(folder: Path, sound_font: Path) -> dict[str, Path]:
    """Make the instruments and the vowel, those whose programs are installed, by name."""
    made = {}
    if shutil.which("fluidsynth") and sound_font.is_file():
        made |= record(folder, sound_font, INSTRUMENTS)
    if shutil.which("espeak-ng"):
        made["vowel"] = folder / "vowel.wav"
        command = ["espeak-ng", "-s", "80", "-m", "-w", str(made["vowel"]), VOWEL]
        subprocess.run(command, check=True, capture_output=True)
    return made


COLUMNS = {
    "distance": ("distance: mean", lambda x: f"{x.mean():.3f}"),
    "mfccd": ("MFCCD: mean", lambda x: f"{x.mean():.2f}"),
    "median": ("median", lambda x: f"{np.median(x):.2f}"),
    "p90": ("p90", lambda x: f"{np.percentile(x, 90):.2f}"),
    "under_10": ("under 10", lambda x: f"{100 * (x < 10).mean():.0f} %"),
    "mfccd_40": ("MFCCD of 40", lambda x: f"{x.mean():.2f}"),
    "log_spectral_distance": ("LSD, dB", lambda x: f"{x.mean():.2f}"),
    "spectral_convergence": ("SC", lambda x: f"{x.mean():.3f}"),
    "stft_correlation": ("STFT corr. x100", lambda x: f"{x.mean():.1f}"),
    "right": ("right, %", lambda x: f"{x.mean():.1f}"),
}
OF_MFCCD = ("median", "p90", "under_10")


def table(results: dict[str, list[dict[str, float]]], left_out: str) -> str:
    """Return the Markdown table, without one of the columns."""
    columns = {name: column for name, column in COLUMNS.items() if name != left_out}
    lines = [
        f"| | sounds | {' | '.join(title for title, _ in columns.values())} |",
        "|---|---:|" + "---:|" * len(columns),
    ]
    for name, rows in results.items():
        cells = [f"{len(rows)}"]
        for key, (_, text) in columns.items():
            figure = "mfccd" if key in OF_MFCCD else key
            cells.append(text(np.array([row[figure] for row in rows])))
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
    parser.add_argument("--recordings", action="store_true", help="instruments and a vowel")
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--output", type=Path, default=Path("runs/evaluate_dexed_t6"))
    parser.add_argument("--quick", action="store_true", help="two sounds, no searches")
    args = parser.parse_args()
    if not args.recordings and not args.bank.exists():
        print(f"skipped: there are no voices at {args.bank}")
        return
    ways = [*PREDICT, *BASELINES]
    if args.voices.exists():
        ways.append(VOICES)
    for s in args.seconds:
        ways += [f"match without it, {s:g} s", f"match with it, {s:g} s"]
    if args.quick:
        args.sounds, ways = 2, [*PREDICT, *BASELINES]
    if args.ways:
        ways = [way for way in ways if any(word in way for word in args.ways)]
    with tempfile.TemporaryDirectory() as scratch:
        sounds: dict[str, np.ndarray | Path] = {}
        note, played = None, "as they are"
        if args.recordings:
            sounds |= recordings(Path(scratch), args.sound_font)
            name = "recordings"
        else:
            if args.bank.suffix == ".npy":
                vectors = np.load(args.bank)
            else:
                vectors = read_bank(load_synth("dexed"), [args.bank]).vectors
            sounds |= {str(number): vector for number, vector in enumerate(vectors)}
            name = args.bank.name
            note = Note(parse_pitch(args.note), args.velocity, args.held, args.held + AFTER)
            played = f"{args.note} at {args.velocity}, held {args.held:g} s"
        sounds = dict(itertools.islice(sounds.items(), args.sounds))
        if not sounds:
            print("skipped: neither FluidSynth with a sound font nor eSpeak NG is installed")
            return
        named = {way: way in PREDICT or "with it" in way for way in ways}
        jobs = {
            f"{way}/{key}": (
                args.model if named[way] else "none",
                str(args.voices) if way == VOICES else "",
                sound,
                note,
                way,
            )
            for key, sound in sounds.items()
            for way in ways
        }
        results = Results(args.output / f"{Path(name).stem}.json")
        rows = results.measure(measure, jobs, args.processes)
    wanted = {way: [rows[f"{way}/{key}"] for key in sounds] for way in ways}
    print(f"{len(sounds)} sounds of {name}, {played}, {args.model}:\n")
    print(table(wanted, "right" if args.recordings else "distance"))


if __name__ == "__main__":
    main()
