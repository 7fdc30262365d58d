"""Hold the embedded TAL engine against recordings of the real TAL-NoiseMaker, sample by sample.

The folder holds clips of the plug-in and an ``index.json`` with the presets, as changes to a
base, and the note of each; a few are in ``tests/tal/data``. Prints a table by kind: the
signal-to-error ratio after the best alignment by whole samples (dB, higher is closer), the
log-spectral distance after matching loudness, and the difference of level (dB, lower is
closer). A filter that oscillates by itself keeps the phase it has had since the plug-in was
loaded, and the LFOs' sample and hold draws from the system's dice: such clips count as
"random", and their ratio is left out of the shares. The figures of each clip go to a JSON file.

Some hosts play a note in silence when they load a plug-in, whose traces are in what
follows; for clips made so (all but those that say they were not) the engine plays it too.

    python examples/compare_tal_engine.py tests/tal/data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from compare_dexed_engine import signal_to_error

from synthmatch.metrics import log_spectral_distance
from synthmatch_tal.backends.embedded.engine import Before, render_presets
from synthmatch_tal.backends.embedded.programme import NAMES

FEW = Path(__file__).parents[1] / "tests" / "tal" / "data"
GOALS = "goals: 20 dB on 90 % of the clips that are not random, LSD < 1 dB on 95 %, level < 0.3 dB"
WARMING_UP = Before(pitch=60, velocity=127, held=2048, total=4096)
SILENT = 1e-5  # peak under which a clip has no ratio


def render_clip(clip: dict[str, Any], base: dict[str, float]) -> np.ndarray:
    """Return what the engine plays for a clip, ``float32 [samples]``."""
    values = {**base, **clip["changed"]}
    return (
        clip["stored_scale"]
        * render_presets(
            [[values[name] for name in NAMES]],
            clip["note"],
            clip["velocity"],
            held=clip["note_off_s"] - clip["note_on_s"],
            total=clip["duration_s"],
            sample_rate=clip["sample_rate"],
            before=WARMING_UP if clip.get("warmed_up", True) else None,
        )[0]
    )


def is_random(clip: dict[str, Any], base: dict[str, float]) -> bool:
    """Return whether the sound depends on more than preset and note."""
    values = {**base, **clip["changed"]}
    drawing = any(0.8 <= values[f"lfo{k}waveform"] < 1 for k in (1, 2))
    return drawing or values["resonance"] == 1


def compare(clip: dict[str, Any], base: dict[str, float], folder: Path) -> dict[str, Any]:
    """Return the figures of a clip."""
    target, _ = soundfile.read(folder / clip["file"], dtype="float32")
    ours = render_clip(clip, base)
    rms = [np.sqrt(np.mean(x.astype(np.float64) ** 2)) for x in (target, ours)]
    level = 20 * np.log10(max(rms[0], 1e-9) / max(rms[1], 1e-9))
    matched = ours * np.float32(10 ** (level / 20))
    return {
        "file": clip["file"],
        "kind": clip["kind"],
        "random": is_random(clip, base),
        "silent": bool(np.abs(target).max() < SILENT),
        "ratio": signal_to_error(target, ours),
        "distance": float(log_spectral_distance(target, matched, clip["sample_rate"])),
        "level": float(abs(level)),
    }


def row(name: str, figures: list[dict[str, Any]]) -> str:
    """Return a row of the table."""
    heard = [each for each in figures if not each["silent"]]
    exact = np.array([each["ratio"] for each in heard if not each["random"]] or [np.nan])
    distance = np.array([each["distance"] for each in heard])
    level = np.array([each["level"] for each in heard])
    return (
        f"| {name} | {len(figures)} | {sum(each['random'] for each in figures)} "
        f"| {np.median(exact):.1f} | {exact.min():.1f} | {np.mean(exact >= 20):.1%} "
        f"| {distance.mean():.3f} | {np.median(distance):.3f} | {np.mean(distance < 1):.1%} "
        f"| {level.max():.3f} | {np.mean(level < 0.3):.1%} |"
    )


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FEW, help="clips and index.json")
    parser.add_argument("--output", type=Path, default=Path("runs/compare_tal_engine"))
    parser.add_argument("--quick", action="store_true", help="only four of the clips")
    arguments = parser.parse_args()
    index = json.loads((arguments.folder / "index.json").read_text(encoding="utf-8"))
    clips = index["renders"]
    if arguments.quick:
        clips = clips[:: max(1, len(clips) // 4)][:4]
    figures = [compare(clip, index["base"], arguments.folder) for clip in clips]
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(figures, indent=1)
    (arguments.output / "tal_engine.json").write_text(text, encoding="utf-8")
    print("| kind | clips | random | S/E median | worst | >= 20 dB ", end="")
    print("| LSD mean | median | < 1 dB | level, worst | < 0.3 dB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(each["kind"] for each in figures):
        print(row(kind, [each for each in figures if each["kind"] == kind]))
    print(row("all", figures))
    print(GOALS)


if __name__ == "__main__":
    main()
