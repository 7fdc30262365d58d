"""Match sampled instruments: three notes of a General MIDI sound font, on each synth.

The recordings are made here by FluidSynth from a sound font (Debian: `apt install
fluidsynth timgm6mb-soundfont`); without them the script says so and ends. Each synth is
matched with its best model, if it has one. Prints a Markdown table of the best candidate's
distance, MFCCD and STFT correlation beside those of a random patch, and writes presets,
sounds and reports to the output folder.

    python examples/match_instruments.py --output runs/instruments
"""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
from pathlib import Path

from synthmatch import Matcher

INSTRUMENTS = {"electric_piano": (4, 60), "trumpet": (56, 67), "marimba": (12, 72)}
SOUND_FONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")


def midi_file(program: int, pitch: int, held: float, channel: int = 0) -> bytes:
    """Return a standard MIDI file that plays one note, 480 ticks to half a second.

    Channel 9 is that of the drums, whose pitch says which drum.
    """
    release = round(held * 960)
    wait = bytes([0x80 | release >> 7, release & 0x7F])
    events = b"\x00" + bytes([0xC0 | channel, program])
    events += b"\x00" + bytes([0x90 | channel, pitch, 100]) + wait
    events += bytes([0x80 | channel, pitch, 0])
    events += b"\x8f\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)
    return header + b"MTrk" + struct.pack(">I", len(events)) + events


def record(
    folder: Path, sound_font: Path, instruments: dict[str, tuple[int, ...]]
) -> dict[str, Path]:
    """Play instruments (program, MIDI note, maybe channel) to WAV files; return these by name."""
    files = {}
    for name, (program, pitch, *channel) in instruments.items():
        score, files[name] = folder / f"{name}.mid", folder / f"{name}.wav"
        score.write_bytes(midi_file(program, pitch, 1.0, *channel))
        command = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-r", "44100", "-g", "1"]
        subprocess.run(
            [*command, "-F", str(files[name]), str(sound_font), str(score)],
            check=True,
            capture_output=True,
        )
    return files


def main() -> None:
    """Record, match, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("runs/instruments"))
    parser.add_argument("--synths", nargs="+", default=["jsyn", "dexed"])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--sound-font", type=Path, default=SOUND_FONT)
    parser.add_argument("--quick", action="store_true", help="one synth, half a second each")
    args = parser.parse_args()
    if args.quick:
        args.synths, args.seconds = ["jsyn"], 0.5
    if shutil.which("fluidsynth") is None or not args.sound_font.is_file():
        print("skipped: this needs fluidsynth and a sound font (--sound-font FILE)")
        return
    args.output.mkdir(parents=True, exist_ok=True)
    print(
        "| recording | synth | distance | MFCCD | STFT correlation x100 | random patch: distance |"
    )
    print("|---|---|---:|---:|---:|---:|")
    for name, file in record(args.output, args.sound_font, INSTRUMENTS).items():
        for synth in args.synths:
            matcher = Matcher(synth)
            match = matcher.predict(file, seconds=args.seconds)
            blind = Matcher(synth, model="none", starts=False, method="random", seed=1)
            chance = blind.predict(file, renders=1, candidates=1)
            match.save(args.output, f"{name}-{synth}", report=True, overwrite=True)
            best = match.best
            print(
                f"| {name} | {synth} | {best.distance:.3f} | {best.metrics['mfccd']:.1f} "
                f"| {best.metrics['stft_correlation']:.1f} | {chance.best.distance:.3f} |"
            )


if __name__ == "__main__":
    main()
