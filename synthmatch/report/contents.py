"""What a report shows, checked, and written to a file."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import atomic
from ..errors import AudioError, OutputError, ParameterError, SynthmatchError
from ..parameters import ParameterSpace
from ..synth import AudioArray, Note

if TYPE_CHECKING:
    from ..metrics import Metric
    from ..objective import Candidate

_MOST = 10  # candidates on one page
_NEEDED = ("jinja2", "matplotlib")


class ReportUnavailableError(SynthmatchError):
    """What makes reports is not installed."""


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    target_audio: AudioArray,
    sample_rate: int,
    candidates: Sequence[Candidate],
    spaces: Mapping[str, ParameterSpace],
    note: Note,
    provenance: Mapping[str, str],
    warnings: Sequence[str] = (),
    metrics: Sequence[Metric] = (),
    history: Sequence[tuple[int, float, float]] = (),
) -> None:
    """Write a self-contained HTML page about the candidates for one recording.

    Parameters
    ----------
    path : path
        Written whole or not at all.
    title : str
        Name of the recording.
    target_audio : ndarray
        The recording, mono, ``float32 [samples]``.
    sample_rate : int
        Of all sounds, in Hz. Players run at 32 kHz at most, to keep the page small.
    candidates : sequence of Candidate
        Best first, at least one. The page shows the first ten.
    spaces : mapping
        The parameter space of each synth that candidates are for, by its name.
    note : Note
        What was played for the best candidate.
    provenance : mapping
        How the candidates were found: labels and values, shown in this order.
    warnings : sequence of str
        About the recording.
    metrics : sequence of Metric
        For each row of scores, in this order. Scores that it leaves out come last,
        unexplained.
    history : sequence of (int, float, float)
        Sounds rendered, seconds, and best distance, as the search went on.

    Raises
    ------
    ReportUnavailableError
        If jinja2 or matplotlib is not installed.
    ParameterError
        If there is no candidate, or one of a synth that has no space here.
    AudioError
        If a sound is not ``[samples]``, empty, or not finite.
    OutputError
        If the file cannot be written.
    """
    require_packages()
    if not candidates:
        raise ParameterError("a report needs at least one candidate")
    for what, audio in [("target", target_audio), *(("candidate", c.audio) for c in candidates)]:
        if audio.ndim != 1 or not audio.size or not np.isfinite(audio).all():
            raise AudioError(f"a report needs finite sounds [samples]; the {what} is not")
    for candidate in candidates:
        if candidate.patch.synth not in spaces:
            raise ParameterError(
                f"a candidate is for synth {candidate.patch.synth!r}, whose space is not given"
            )
        spaces[candidate.patch.synth].patch(candidate.patch)
    from .page import render_page

    page = render_page(
        title=title,
        target=target_audio,
        sample_rate=sample_rate,
        candidates=candidates[:_MOST],
        hidden=max(0, len(candidates) - _MOST),
        spaces=spaces,
        note=note,
        provenance=provenance,
        warnings=warnings,
        metrics=metrics,
        history=history,
    )
    target = Path(path)
    try:
        with atomic(target) as temporary:
            # names of files may hold bytes that are no text
            temporary.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def require_packages() -> None:
    """Raise ReportUnavailableError unless what makes reports is installed."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ReportUnavailableError(
                f'reports need {name}; install it by: pip install "synthmatch[report]"'
            )
