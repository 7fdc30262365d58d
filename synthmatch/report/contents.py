"""What a report shows, checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .._files import atomic
from .._version import __version__
from ..errors import AudioError, ParameterError, SynthmatchError
from ..parameters import ParameterSpace, Patch
from ..synth import AudioArray, Note
from .pictures import require_matplotlib

if TYPE_CHECKING:
    from ..matcher import Match

MOST = 10  # candidates on one page


class Candidate(Protocol):
    """What a report shows of a candidate; see :class:`ReportCandidate`."""

    @property
    def patch(self) -> Patch: ...
    @property
    def audio(self) -> AudioArray: ...
    @property
    def distance(self) -> float: ...
    @property
    def metrics(self) -> Mapping[str, float]: ...


class MetricInfo(Protocol):
    """What a report says of a metric; see :class:`ReportMetric`."""

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def higher_is_better(self) -> bool: ...
    @property
    def meaning(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class ReportCandidate:
    """One candidate, best first in a report.

    Attributes
    ----------
    patch : Patch
        Its preset.
    audio : ndarray
        Its sound, ``float32 [samples]``.
    distance : float
        What it was ranked by; 0 is identical, lower is better.
    metrics : mapping
        Further scores by name.
    """

    patch: Patch
    audio: AudioArray
    distance: float
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ReportMetric:
    """What a score means.

    Attributes
    ----------
    name, unit : str
        Key in the ``metrics`` of candidates; unit, empty for a plain number.
    higher_is_better : bool
        Direction.
    meaning : str
        One line for people.
    """

    name: str
    unit: str
    higher_is_better: bool
    meaning: str


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    target_audio: AudioArray,
    sample_rate: int,
    candidates: Sequence[Candidate],
    space: ParameterSpace,
    note: Note,
    facts: Mapping[str, str],
    warnings: Sequence[str] = (),
    metric_info: Sequence[MetricInfo] = (),
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
    candidates : sequence
        Best first, at least one; :class:`ReportCandidate` or what has its attributes. The
        page shows the first ten.
    space : ParameterSpace
        Of the synth, for names, ranges, groups and units.
    note : Note
        What was played.
    facts : mapping
        How the candidates were found: labels and values, shown in this order.
    warnings : sequence of str
        About the recording.
    metric_info : sequence
        :class:`ReportMetric` or what has its attributes, for each row of scores, in this
        order. Scores that it leaves out come last, unexplained.
    history : sequence of (int, float, float)
        Sounds rendered, seconds, and best distance, as the search went on.

    Raises
    ------
    ReportUnavailableError
        If matplotlib is not installed.
    ParameterError
        If there is no candidate, or one of another synth.
    AudioError
        If a sound is not ``[samples]``, empty, or not finite.
    SynthmatchError
        If the file cannot be written.
    """
    require_matplotlib()
    if not candidates:
        raise ParameterError("a report needs at least one candidate")
    for what, audio in [("target", target_audio), *(("candidate", c.audio) for c in candidates)]:
        if audio.ndim != 1 or not audio.size or not np.isfinite(audio).all():
            raise AudioError(f"a report needs finite sounds [samples]; the {what} is not")
    for candidate in candidates:
        space.patch(candidate.patch)
    from .page import render_page

    page = render_page(
        title=title,
        target=target_audio,
        sample_rate=sample_rate,
        candidates=candidates[:MOST],
        hidden=max(0, len(candidates) - MOST),
        space=space,
        note=note,
        facts=facts,
        warnings=warnings,
        metric_info=metric_info,
        history=history,
    )
    target = Path(path)
    try:
        with atomic(target) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SynthmatchError(f"cannot write {target}: {error.strerror or error}") from error


def report_match(path: str | os.PathLike[str], match: Match, space: ParameterSpace) -> None:
    """Write the report of a match; ``space`` is that of its synth.

    Raises
    ------
    SynthmatchError
        As :func:`write_report` does.
    """
    from ..metrics import METRICS
    from .page import describe_note

    facts = {
        "Synth": match.synth,
        **{f"Played by: {name}": text for name, text in match.backend.items()},
        "Note": describe_note(match.note),
        "Method": match.method,
        "Sounds rendered": f"{match.renders:,}",
        "Time": f"{sum(match.timings.values()):.1f} s",
        "Ended by": match.stopped,
        "Seed": str(match.seed),
        "Compared at": f"{match.sample_rate:,} Hz",
        "Version": f"synthmatch {__version__}",
    }
    write_report(
        path,
        title=match.target.name,
        target_audio=match.target.at(match.sample_rate),
        sample_rate=match.sample_rate,
        candidates=match.candidates,
        space=space,
        note=match.note,
        facts=facts,
        warnings=match.target.warnings,
        metric_info=METRICS,
        history=match.history,
    )
