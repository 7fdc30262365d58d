"""Banks of TAL-NoiseMaker: several programs to a file, of its old versions too."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from synthmatch.errors import PresetWarning
from synthmatch.synth import load_bank, load_patch
from synthmatch_tal import Tal
from synthmatch_tal.files import write_presets
from synthmatch_tal.space import whole

from ..campaign import Kind

SYNTH = Tal()


def write(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    vectors = rng.random((4, len(whole().names)))
    still = {"envelopeeditoramount": 0.0}  # a drawn one is read with a warning
    patches = [whole().patch({**whole().decode(vector), **still}) for vector in vectors]
    presets = [(f"a & <b> {k}", patch) for k, patch in enumerate(patches)]
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
    with warnings.catch_warnings():  # effects and numbers of other versions are left out
        warnings.simplefilter("ignore", PresetWarning)
        load_bank(SYNTH, path)
        load_patch(SYNTH, path)


KINDS = [Kind("banks of tal", write, read)]
