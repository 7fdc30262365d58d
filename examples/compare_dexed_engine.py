"""Hold the embedded DX7 engine against recordings of the real Dexed, sample by sample.

The folder holds clips of the plug-in and an ``index.json`` with voice, note and engine of each;
a few are in ``tests/dexed/data``. Prints a table by kind: the signal-to-error ratio after the best
alignment by whole samples (dB, higher is closer), the log-spectral distance and the difference of
level (dB, lower is closer). Clips whose LFO is a sample and hold, or whose oscillators or LFO run
freely, depend on what the plug-in did before; their ratio is left out of the shares, and counted
under "random". The figures of each clip go to a JSON file.

    python examples/compare_dexed_engine.py tests/dexed/data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from synthmatch.metrics import log_spectral_distance
from synthmatch_dexed.backends.embedded import render_voices
from synthmatch_dexed.voices import RANGES, VOICE

FEW = Path(__file__).parents[1] / "tests" / "dexed" / "data"
GOALS = "goals: 20 dB on 90 % of the clips that are not random, LSD < 1 dB on 95 %, level < 0.2 dB"


def render_clip(clip: dict[str, Any]) -> np.ndarray:
    """Return what the engine plays for a clip, ``float32 [samples]``."""
    voice = [clip["voice"][name] for name in RANGES]
    return render_voices(
        [voice + [0] * (VOICE - len(voice))],
        clip["note"],
        clip["velocity"],
        held=clip["note_off_s"] - clip["note_on_s"],
        total=clip["duration_s"],
        sample_rate=clip["sample_rate"],
        engine=clip["engine"],
    )[0]


def is_random(clip: dict[str, Any]) -> bool:
    """Return whether the sound depends on more than voice and note."""
    voice = clip["voice"]
    by_pitch = voice["lfo_pm_depth"] > 0 and voice["p_mode_sens"] > 0
    by_level = any(voice[f"op{op}_a_mod_sens"] for op in range(1, 7)) and voice["lfo_am_depth"] > 0
    free = voice["lfo_key_sync"] == 0 or voice["lfo_wave"] == 5
    return voice["osc_key_sync"] == 0 or (free and (by_pitch or by_level))


def signal_to_error(target: np.ndarray, other: np.ndarray, furthest: int = 64) -> float:
    """Return the energy of ``target`` over that of the difference, dB, at the best alignment."""
    target = np.pad(target.astype(np.float64), furthest)
    shifted = (np.roll(target, shift) for shift in range(-furthest, furthest + 1))
    other = np.pad(other.astype(np.float64), furthest)
    error = min(np.sum((one - other) ** 2) for one in shifted)
    return float(10 * np.log10(np.sum(target**2) / max(error, 1e-30) + 1e-30))


def compare(clip: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the figures of a clip."""
    target, _ = soundfile.read(folder / clip["file"], dtype="float32")
    ours = render_clip(clip)
    rms = [np.sqrt(np.mean(x.astype(np.float64) ** 2)) for x in (target, ours)]
    return {
        "file": clip["file"],
        "kind": f"{clip['kind']}, {clip['engine']}",
        "random": is_random(clip),
        "ratio": signal_to_error(target, ours),
        "distance": float(log_spectral_distance(target, ours, clip["sample_rate"])),
        "level": float(abs(20 * np.log10(max(rms[0], 1e-9) / max(rms[1], 1e-9)))),
    }


def row(name: str, figures: list[dict[str, Any]]) -> str:
    """Return a row of the table."""
    exact = np.array([each["ratio"] for each in figures if not each["random"]] or [np.nan])
    distance = np.array([each["distance"] for each in figures])
    level = max(each["level"] for each in figures)
    return (
        f"| {name} | {len(figures)} | {sum(each['random'] for each in figures)} "
        f"| {np.median(exact):.1f} | {exact.min():.1f} | {np.mean(exact >= 20):.1%} "
        f"| {distance.mean():.3f} | {np.median(distance):.3f} | {np.mean(distance < 1):.1%} "
        f"| {level:.3f} |"
    )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FEW, help="clips and index.json")
    parser.add_argument("--output", type=Path, default=Path("runs/compare_dexed_engine"))
    parser.add_argument("--quick", action="store_true", help="only four of the clips")
    arguments = parser.parse_args()
    clips = json.loads((arguments.folder / "index.json").read_text(encoding="utf-8"))
    if arguments.quick:
        clips = clips[:: max(1, len(clips) // 4)][:4]
    figures = [compare(clip, arguments.folder) for clip in clips]
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=1)
    (arguments.output / "dexed_engine.json").write_text(text, encoding="utf-8")
    print("| kind | clips | random | S/E median | worst | >= 20 dB ", end="")
    print("| LSD mean | median | < 1 dB | level, worst |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(each["kind"] for each in figures):
        print(row(kind, [each for each in figures if each["kind"] == kind]))
    print(row("all", figures))
    print(GOALS)


if __name__ == "__main__":
    main()
