"""The HTML of a report: every piece of text escaped, every sound and picture inside."""

from __future__ import annotations

import base64
import io
import math
import wave
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from .._version import __version__
from ..parameters import Parameter, ParameterSpace, Patch, Value
from ..synth import AudioArray, Note, pitch_name
from . import pictures

if TYPE_CHECKING:
    from .contents import Candidate, MetricInfo

_PLAYED = 32_000  # Hz, the highest rate of players
_WIDE, _NARROW = 11.0, 4.4  # inches, of pictures for screens and phones
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "media-src data:; img-src data:"
)
_DISTANCE = "what the candidates are ranked by; 0 is identical"


def render_page(
    *,
    title: str,
    target: AudioArray,
    sample_rate: int,
    candidates: Sequence[Candidate],
    hidden: int,
    space: ParameterSpace,
    note: Note,
    facts: Mapping[str, str],
    warnings: Sequence[str],
    metric_info: Sequence[MetricInfo],
    history: Sequence[tuple[int, float, float]],
) -> str:
    """Return the page; :func:`synthmatch.report.write_report` explains the arguments."""
    labels = [f"Candidate {rank}" for rank in range(1, len(candidates) + 1)]
    sounds = [target, *(candidate.audio for candidate in candidates)]
    sections = [
        _header(title, candidates, space, note),
        _warnings(warnings),
        _listen(sounds, sample_rate, candidates, labels, hidden),
        _loudness(sounds, sample_rate, labels),
        _scores(candidates, labels, metric_info),
        _parameters(space, candidates[0].patch),
        _differences(space, [candidate.patch for candidate in candidates], labels),
        _origin(facts, history),
    ]
    return _PAGE.format(
        policy=escape(_POLICY),
        title=escape(title),
        style=_resource("page.css"),
        body="\n".join(filter(None, sections)),
        version=escape(__version__),
        script=_resource("page.js"),
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title} · synthmatch</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
<footer>Made by synthmatch {version}. This page holds everything it shows.</footer>
<script>
{script}</script>
</body>
</html>
"""


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _section(heading: str, content: str, lead: str = "") -> str:
    intro = f'<p class="lead">{lead}</p>\n' if lead else ""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{intro}{content}\n</section>"


def _header(title: str, candidates: Sequence[Candidate], space: ParameterSpace, note: Note) -> str:
    one = len(candidates) == 1
    found = "A preset" if one else f"{len(candidates)} presets"
    order = "playing" if one else "best first, each playing"
    which = "It" if one else "The best"
    return f"""<header>
<p class="eyebrow">synthmatch report</p>
<h1>{escape(title)}</h1>
<p class="lead">{found} of <strong>{escape(space.synth)}</strong> for this sound,
{order} {escape(describe_note(note))}. {which} is at distance
<strong>{candidates[0].distance:.4f}</strong>, where 0 would be identical.</p>
</header>"""


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f'<aside class="warning" aria-label="Warnings"><ul>{items}</ul></aside>'


def _listen(
    sounds: Sequence[AudioArray],
    sample_rate: int,
    candidates: Sequence[Candidate],
    labels: Sequence[str],
    hidden: int,
) -> str:
    peak = max(float(np.abs(sound).max()) for sound in sounds)
    gain = min(1.0, 1.0 / peak) if peak > 0 else 1.0
    names = ["Target", *labels]
    details = ["the recording", *(f"distance {c.distance:.4f}" for c in candidates)]
    drawn = pictures.spectrograms(sounds, sample_rate, [name.lower() for name in names])
    longest = max(map(len, sounds)) / sample_rate
    cards = []
    for key, (name, detail, sound, picture) in enumerate(
        zip(names, details, sounds, drawn, strict=True)
    ):
        kind = "target" if key == 0 else "best" if key == 1 else "other"
        cards.append(f"""<article class="card {kind}" data-seconds="{longest:.6f}">
<h3>{escape(name)} <span class="detail">{escape(detail)}</span></h3>
<audio controls preload="metadata" aria-label="{escape(name)}"
 src="{_wav_uri(sound * gain, sample_rate)}"></audio>
<div class="picture">{picture}<div class="playhead" hidden></div></div>
</article>""")
    scale = ", ".join(pictures.colour_scale())
    notes = [f"Keys 0 to {min(9, len(candidates))} play and stop; 0 is the target."]
    if gain < 1.0:
        notes.append(f"All players are {-20 * math.log10(gain):.1f} dB down, so that none clips.")
    if hidden:
        notes.append(f"{hidden} more candidates are not shown.")
    return _section(
        "Listen",
        f"""<div class="cards" style="--left: {pictures.LEFT}; --right: {pictures.RIGHT}">
{"".join(cards)}
</div>
<p class="scale"><span>−{pictures.RANGE_DB:g} dB</span>
<span class="gradient" style="background: linear-gradient(90deg, {scale})"></span>
<span>0 dB, the loudest point of all</span></p>""",
        escape(" ".join(notes)),
    )


def _wav_uri(audio: AudioArray, sample_rate: int) -> str:
    """Return a 16-bit WAV as a data URI, at 32 kHz at most."""
    if sample_rate > _PLAYED:
        import soxr

        audio = soxr.resample(audio, sample_rate, _PLAYED)
        sample_rate = _PLAYED
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate)
        writer.writeframes(np.rint(np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _loudness(sounds: Sequence[AudioArray], sample_rate: int, labels: Sequence[str]) -> str:
    styles = pictures.line_styles(len(labels))
    legend = "".join(
        f"<li>{pictures.legend_line(style)}{escape(label)}</li>"
        for style, label in zip(styles, ("Target", *labels), strict=True)
    )
    drawn = [pictures.envelopes(sounds[0], sounds[1:], sample_rate, w) for w in (_WIDE, _NARROW)]
    return _section(
        "Loudness over time",
        f'<ul class="legend">{legend}</ul>\n{_both_widths(drawn)}',
        "As the ear weighs frequencies (K-weighting of BS.1770), in windows of 40 ms.",
    )


def _both_widths(drawn: Sequence[str]) -> str:
    wide, narrow = drawn
    return f'<div class="picture wide">{wide}</div><div class="picture narrow">{narrow}</div>'


def _scores(
    candidates: Sequence[Candidate], labels: Sequence[str], metric_info: Sequence[MetricInfo]
) -> str:
    rows = [_score_row("distance", "", False, _DISTANCE, [c.distance for c in candidates])]
    explained = {info.name for info in metric_info}
    present = {name: None for c in candidates for name in c.metrics}
    for info in metric_info:
        if info.name in present:
            values = [c.metrics.get(info.name, math.nan) for c in candidates]
            rows.append(
                _score_row(info.name, info.unit, info.higher_is_better, info.meaning, values)
            )
    for name in present:
        if name not in explained:
            values = [c.metrics.get(name, math.nan) for c in candidates]
            rows.append(_score_row(name, "", None, "", values))
    return _section("Scores", _table(["Score", *labels], rows))


def _score_row(
    name: str, unit: str, higher: bool | None, meaning: str, values: Sequence[float]
) -> str:
    direction = {True: "↑ higher is better", False: "↓ lower is better", None: ""}[higher]
    finite = [v for v in values if math.isfinite(v)]
    digits = _decimals(max(map(abs, finite), default=0.0))
    best = (max(finite) if higher else min(finite)) if finite and higher is not None else None
    cells = "".join(
        f'<td class="best">{v:.{digits}f}<span class="unseen"> (best)</span></td>'
        if v == best and len(values) > 1
        else f"<td>{v:.{digits}f}</td>"
        if math.isfinite(v)
        else "<td>–</td>"
        for v in values
    )
    heading = escape(name.replace("_", " ")) + (f", {escape(unit)}" if unit else "")
    about = f'{escape(meaning)} <span class="direction">{direction}</span>' if direction else ""
    return f'<tr><th scope="row">{heading}<small>{about}</small></th>{cells}</tr>'


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f"""<div class="scroll" tabindex="0" role="region" aria-label="Table">
<table><thead><tr>{columns}</tr></thead>
<tbody>
{chr(10).join(rows)}
</tbody></table></div>"""


def _parameters(space: ParameterSpace, patch: Patch) -> str:
    groups: dict[str, list[str]] = {}
    for p in space.parameters:
        groups.setdefault(p.group, []).append(_parameter(p, patch[p.name], p.name in space.frozen))
    cards = "".join(
        f'<div class="group"><h3>{escape(group or "general")}</h3><dl>{"".join(rows)}</dl></div>'
        for group, rows in groups.items()
    )
    held = "; those marked held were fixed beforehand" if space.frozen else ""
    return _section(
        "Parameters of the best candidate",
        f'<div class="groups">{cards}</div>',
        f"Bars run over the range of each parameter{held}.",
    )


def _parameter(p: Parameter, value: Value, frozen: bool) -> str:
    if p.choices and len(p.choices) <= 16:
        chosen = p.choices.index(value)
        marks = "".join(
            f'<i class="{"on" if i == chosen else "off"}"></i>' for i in range(len(p.choices))
        )
        gauge = f'<span class="steps">{marks}</span>'
    else:
        gauge = f'<span class="bar"><i style="width: {100 * p.unit_value(value):.1f}%"></i></span>'
    held = ' <small class="held">held</small>' if frozen else ""
    return (
        f'<div class="row"><dt>{_name(p)}{held}</dt>'
        f'<dd><span aria-hidden="true" class="gauge">{gauge}</span>'
        f'<span class="value">{_value(p, value)}</span></dd></div>'
    )


def _differences(space: ParameterSpace, patches: Sequence[Patch], labels: Sequence[str]) -> str:
    if len(patches) < 2:
        return ""
    rows = []
    for p in space.parameters:
        values = [patch[p.name] for patch in patches]
        if all(value == values[0] for value in values):
            continue
        kinds = ["own", *("same" if value == values[0] else "own" for value in values[1:])]
        cells = "".join(
            f'<td class="{kind}">{_value(p, value)}</td>'
            for kind, value in zip(kinds, values, strict=True)
        )
        strip = _strip([p.unit_value(value) for value in values])
        rows.append(f'<tr><th scope="row">{_name(p)}</th>{cells}<td>{strip}</td></tr>')
    if not rows:
        return _section("Differences between candidates", "<p>All candidates are alike.</p>")
    alike = len(space.parameters) - len(rows)
    same = f"{_count(alike, 'is', 'are')} the same in all. " if alike else ""
    state = " open" if len(rows) <= 30 else ""
    table = _table(["Parameter", *labels, "In its range"], rows)
    summary = _count(len(rows), "differs", "differ")
    return _section(
        "Differences between candidates",
        f"<details{state}><summary>{summary}</summary>{table}</details>",
        f"{same}Values as in candidate 1 are grey; dots have the colours of the lines above.",
    )


def _count(n: int, one: str, many: str) -> str:
    return f"1 parameter {one}" if n == 1 else f"{n} parameters {many}"


def _strip(units: Sequence[float]) -> str:
    """Return a small SVG with a dot for each candidate at its coordinate, the best on top."""
    styles = pictures.line_styles(len(units))[1:]
    dots = "".join(
        f'<circle cx="{4 + 92 * unit:.1f}" cy="6" r="{5 if i == 0 else 4}"'
        f' style="fill: {pictures.page_colour(style)}"/>'
        for i, (unit, style) in reversed(list(enumerate(zip(units, styles, strict=True))))
    )
    line = '<path d="M0 6H100"/>'
    return f'<svg class="strip" viewBox="0 0 100 12" aria-hidden="true">{line}{dots}</svg>'


def _origin(facts: Mapping[str, str], history: Sequence[tuple[int, float, float]]) -> str:
    items = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>"
        for label, text in facts.items()
    )
    content = f'<dl class="facts">{items}</dl>'
    if len(history) > 1:
        content += "\n" + _both_widths([pictures.progress(history, w) for w in (_WIDE, _NARROW)])
    return _section("How it was found", content)


def describe_note(note: Note) -> str:
    """Return a note in words."""
    cents = round(100 * (note.pitch - round(note.pitch)))
    fine = f" {cents:+d} cents" if cents else ""
    return (
        f"{pitch_name(note.pitch)}{fine} (MIDI {note.pitch:g}) at velocity {note.velocity}, "
        f"held {note.held:.2f} s of {note.total:.2f} s"
    )


def _decimals(largest: float) -> int:
    """Return the decimals that show about three digits of numbers up to ``largest``."""
    return 2 - math.floor(math.log10(min(max(largest, 1e-2), 100.0)))


def _number(value: float) -> str:
    """Return a number with about four digits."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"


def _name(p: Parameter) -> str:
    return escape(p.name).replace("_", "_<wbr>")


def _value(p: Parameter, value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return escape(value)
    shown = str(value) if isinstance(value, int) else _number(value)
    return f"{shown} {escape(p.unit)}" if p.unit else shown
