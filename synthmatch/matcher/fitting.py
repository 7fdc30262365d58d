"""Train a network for a matcher, anew or on from the weights that it has."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..settings import Setting
from ..synth import Note, Synth, as_note, own_note
from .arguments import NoteInput
from .network import Network


def fit(
    synth: Synth,
    begin: Network | str,
    *,
    out: Path,
    note: NoteInput | None,
    options: Mapping[str, Any] | None,
    proxy: bool,
    device: str,
    recipe: Mapping[str, Any],
) -> None:
    """Train into the folder ``out``; :meth:`Matcher.fit` explains the arguments.

    A trained network goes on at its own setting, with the note if one is given; the name of
    an architecture begins anew, on sounds of the synth's prior.

    Raises
    ------
    ParameterError, TrainingError
        As :func:`synthmatch.training.train`.
    """
    from ..training import ProxyGoal, Recipe, train

    what: Synth | Setting
    if isinstance(begin, Network):
        setting = begin.setting
        what, played = dataclasses.replace(setting, note=as_note(note, setting.note)), None
    else:
        what, played = synth, as_note(note, own_note(synth) or Note())
    train(
        what,
        begin.estimator.architecture if isinstance(begin, Network) else begin,
        out=out,
        recipe=Recipe(**recipe),
        options=options,
        note=played,
        start=begin.estimator if isinstance(begin, Network) else None,
        goal=ProxyGoal if proxy else None,
        device=device,
    )


def folder_for(owner: object) -> Path:
    """Return a new folder that is there as long as ``owner`` is."""
    folder = tempfile.mkdtemp(prefix="synthmatch-")
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
