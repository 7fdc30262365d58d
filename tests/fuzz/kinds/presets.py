"""Preset files of all synths that are installed, single ones and banks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthmatch import SynthmatchError, list_synths, load_synth
from synthmatch.synth import Synth, load_bank, load_patch, preset_suffixes, sample_prior, save_patch

from ..campaign import Kind


def kind(synth: Synth) -> Kind:
    def write(folder: Path) -> list[Path]:
        patches = [synth.space.patch({})]
        vectors = sample_prior(synth, np.random.default_rng(0), 2)
        patches += [synth.space.decode(vector) for vector in vectors]
        files = []
        for suffix in preset_suffixes(synth):
            for number, patch in enumerate(patches):
                path = folder / f"{number}{suffix}"
                try:
                    save_patch(synth, patch, path)
                except SynthmatchError:  # a suffix that is read only
                    continue
                files.append(path)
        return files

    def read(path: Path) -> None:
        load_bank(synth, path)
        load_patch(synth, path)

    return Kind(f"presets of {synth.name}", write, read)


KINDS = [kind(load_synth(name)) for name in list_synths()]
