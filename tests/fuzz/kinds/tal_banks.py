"""Banks of TAL-NoiseMaker: several programs to a file, of its old versions too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthmatch.synth import load_bank, load_patch
from synthmatch_tal import Tal
from synthmatch_tal.files import write_presets
from synthmatch_tal.space import whole

from ..campaign import Kind

SYNTH = Tal()


def write(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    vectors = rng.random((4, len(whole().names)))
    presets = [(f"a & <b> {k}", whole().decode(vector)) for k, vector in enumerate(vectors)]
    files = []
    for suffix in (".noisemakerpreset", ".vstpreset"):
        files.append(folder / f"bank{suffix}")
        write_presets(files[-1], presets)
    text = files[0].read_text(encoding="utf-8")
    for version in ("0.5", "1.5", "1.6"):
        files.append(folder / f"version {version}.noisemakerpreset")
        files[-1].write_text(text.replace('version="1.7"', f'version="{version}"'), "utf-8")
    return files


def read(path: Path) -> None:
    load_bank(SYNTH, path)
    load_patch(SYNTH, path)


KINDS = [Kind("banks of tal", write, read)]
