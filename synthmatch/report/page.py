"""The HTML of a report: every piece of text escaped, every sound and picture inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .._version import __version__
from ..parameters import ParameterSpace
from ..synth import AudioArray, Note
from . import pictures
from .formatting import describe_note
from .parameter_tables import difference_rows, parameter_groups
from .players import make_players
from .scores import score_rows

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from ..metrics import Metric
    from ..objective import Candidate

_WIDE, _NARROW = 11.0, 4.4  # inches, of pictures for screens and phones
_OPEN_UP_TO = 30  # differences that are shown unfolded
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "media-src data:; img-src data:"
)


def render_page(
    *,
    title: str,
    target: AudioArray,
    sample_rate: int,
    candidates: Sequence[Candidate],
    hidden: int,
    spaces: Mapping[str, ParameterSpace],
    note: Note,
    provenance: Mapping[str, str],
    warnings: Sequence[str],
    metrics: Sequence[Metric],
    history: Sequence[tuple[int, float, float]],
) -> str:
    """Return the page; :func:`synthmatch.report.write_report` explains the arguments.

    ``hidden`` is the number of candidates that are left out.
    """
    synths = list(dict.fromkeys(candidate.patch.synth for candidate in candidates))
    labels = [f"Candidate {rank}" for rank in range(1, len(candidates) + 1)]
    if len(synths) > 1:
        labels = [f"{x}, {c.patch.synth}" for x, c in zip(labels, candidates, strict=True)]
    space = spaces[candidates[0].patch.synth]
    alike = [rank for rank, c in enumerate(candidates) if c.patch.synth == space.synth]
    sounds = [target, *(candidate.audio for candidate in candidates)]
    details = ["the recording", *(f"distance {c.distance:.4f}" for c in candidates)]
    players, gain_db = make_players(sounds, sample_rate, ["Target", *labels], details)
    styles = pictures.line_styles(len(candidates))
    widths = (_WIDE, _NARROW)
    several = len(candidates) > 1
    return (
        _environment()
        .get_template("page.html")
        .render(
            policy=_POLICY,
            version=__version__,
            title=title,
            synths=synths,
            note=describe_note(note),
            best=candidates[0].distance,
            labels=labels,
            warnings=warnings,
            players=players,
            gain_db=gain_db,
            hidden=hidden,
            seconds=max(map(len, sounds)) / sample_rate,
            axes=(pictures.LEFT, pictures.RIGHT),
            scale=pictures.colour_scale(),
            range_db=pictures.RANGE_DB,
            styles=styles,
            envelopes=[pictures.envelopes(target, sounds[1:], sample_rate, w) for w in widths],
            scores=score_rows(candidates, metrics),
            groups=parameter_groups(space, candidates[0].patch),
            frozen=bool(space.frozen),
            several=several,
            compared=[(labels[rank], styles[rank + 1]) for rank in alike],
            differences=difference_rows(space, [candidates[rank].patch for rank in alike]),
            parameters=len(space.parameters),
            open_up_to=_OPEN_UP_TO,
            provenance=provenance,
            progress=[pictures.progress(history, w) for w in widths] if len(history) > 1 else [],
        )
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(name: str) -> Markup:
    """Return a name that may be broken after underscores."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))
