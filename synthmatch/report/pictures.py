"""The pictures of a report, drawn by matplotlib as SVG that follows the colours of the page."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import SynthmatchError
from ..synth import AudioArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE_DB = 80.0  # of the colour scale
LEFT, RIGHT = 0.13, 0.97  # of the width of a spectrogram: where its axes begin and end

_COLOURS = "magma"
_LOWEST = 40.0  # Hz, of spectrograms
_ROWS = 144
_COLUMNS = 360  # at most
_STEPS = 64  # of the colour scale; fewer make smaller pictures
_QUIET = -70.0  # dB, the lowest loudness shown
# Colours that stand for those of the page, which differ in light and dark.
_INK = "#010203"
_LINES = tuple(f"#0102f{i}" for i in range(6))
_PAGE_COLOURS = {_INK: "currentColor", **{c: f"var(--line-{i})" for i, c in enumerate(_LINES)}}
_DASHES = ((), (6, 2), (2, 1.5), (6, 2, 1.5, 2))

FloatArray = npt.NDArray[np.float64]


class ReportUnavailableError(SynthmatchError):
    """What draws the pictures of a report is not installed."""


def require_matplotlib() -> None:
    """Raise ReportUnavailableError unless matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ReportUnavailableError(
            'reports need matplotlib; install it by: pip install "synthmatch[report]"'
        ) from error


def spectrograms(
    sounds: Sequence[AudioArray], sample_rate: int, labels: Sequence[str]
) -> list[str]:
    """Return an SVG for each sound, all with the same axes and colour scale."""
    seconds = max(map(len, sounds)) / sample_rate
    hertz = np.geomspace(_LOWEST, sample_rate / 2, _ROWS)
    powers = [_log_frequency_power(sound, sample_rate, hertz) for sound in sounds]
    loudest = max(float(power.max()) for power in powers) or 1.0
    drawn = []
    for sound, power, label in zip(sounds, powers, labels, strict=True):
        level = 10 * np.log10(np.maximum(power / loudest, 10 ** (-RANGE_DB / 10)))
        figure, axes = _figure(4.2, 2.5)
        axes.imshow(
            np.rint(level * _STEPS / RANGE_DB),
            aspect="auto",
            origin="lower",
            interpolation="none",
            cmap=_COLOURS,
            vmin=-_STEPS,
            vmax=0,
            extent=(0, len(sound) / sample_rate, math.log10(hertz[0]), math.log10(hertz[-1])),
        )
        axes.set(xlim=(0, seconds), ylim=(math.log10(hertz[0]), math.log10(hertz[-1])))
        ticks = [f for f in (50, 100, 200, 500, 1000, 2000, 5000, 10000) if f < hertz[-1] / 1.1]
        axes.set_yticks(np.log10(ticks), [f"{f / 1000:g}k" if f >= 1000 else f"{f}" for f in ticks])
        axes.set(xlabel="seconds", ylabel="Hz")
        figure.subplots_adjust(left=LEFT, right=RIGHT, top=0.97, bottom=0.19)
        drawn.append(_svg(figure, f"Spectrogram of {label}"))
    return drawn


def _log_frequency_power(audio: AudioArray, sample_rate: int, hertz: FloatArray) -> FloatArray:
    """Return the power ``[frequencies, frames]`` at frequencies ``hertz``, by 46 ms windows."""
    from ..audio.framing import magnitudes

    size = 2 ** round(math.log2(0.0464 * sample_rate))
    hop = max(size // 8, math.ceil(len(audio) / _COLUMNS))
    power = magnitudes(audio.astype(np.float64), size, hop, "constant") ** 2
    position = np.clip(hertz * size / sample_rate, 0, size // 2)
    below = np.minimum(position.astype(np.int64), size // 2 - 1)
    share = position - below
    return np.asarray((power[:, below] * (1 - share) + power[:, below + 1] * share).T)


def envelopes(
    target: AudioArray, candidates: Sequence[AudioArray], sample_rate: int, width: float
) -> str:
    """Return an SVG, ``width`` inches wide, of the loudness over time of all sounds."""
    figure, axes = _figure(width, 2.8)
    top = _QUIET + 10
    styles = line_styles(len(candidates))
    for sound, style in zip((target, *candidates), styles, strict=True):
        time, level = _loudness_over_time(sound, sample_rate)
        top = max(top, float(level.max()))
        axes.plot(time, level, color=style.colour, lw=style.width, dashes=style.dashes)
    seconds = max(map(len, (target, *candidates))) / sample_rate
    axes.set(xlim=(0, seconds), ylim=(_QUIET, top + 4), xlabel="seconds", ylabel="loudness, dB")
    axes.grid(True, color=_INK, alpha=0.12, lw=0.7)
    figure.subplots_adjust(left=0.55 / width, right=0.975, top=0.97, bottom=0.17)
    return _svg(figure, "Loudness over time of the target and of each candidate", f"w{width:g}")


class LineStyle(NamedTuple):
    """How the line of one sound is drawn; the colour is a stand-in."""

    colour: str
    width: float
    dashes: tuple[float, ...]


def line_styles(count: int) -> list[LineStyle]:
    """Return the styles of the target's line and of the first ``count`` candidates'."""
    candidates = [
        LineStyle(_LINES[i % len(_LINES)], 1.4 if i else 2.4, _DASHES[i % len(_DASHES)])
        for i in range(count)
    ]
    return [LineStyle(_INK, 3.5, ()), *candidates]


def _loudness_over_time(audio: AudioArray, sample_rate: int) -> tuple[FloatArray, FloatArray]:
    """Return times and K-weighted levels (BS.1770) in dB of windows of 40 ms."""
    from ..audio.framing import frames
    from ..audio.loudness import k_weighted

    size = max(2, round(0.04 * sample_rate))
    hop = max(1, size // 4, len(audio) // 600)
    power = np.mean(
        frames(k_weighted(audio.astype(np.float64), sample_rate), size, hop, "constant") ** 2,
        axis=-1,
    )
    level = 10 * np.log10(np.maximum(power, 1e-12)) - 0.691
    return np.arange(len(level)) * hop / sample_rate, np.maximum(level, _QUIET)


def progress(history: Sequence[tuple[int, float, float]], width: float) -> str:
    """Return an SVG, ``width`` inches wide, of the best distance over the sounds rendered."""
    renders, _, distances = zip(*history, strict=True)
    figure, axes = _figure(width, 2.2)
    axes.step(renders, distances, where="post", color=_LINES[0], lw=2)
    axes.set(xlabel="sounds rendered", ylabel="best distance", xlim=(0, max(renders)))
    axes.set_ylim(0, 1.08 * max(distances) or 1.0)
    axes.grid(True, color=_INK, alpha=0.12, lw=0.7)
    figure.subplots_adjust(left=0.55 / width, right=0.975, top=0.96, bottom=0.22)
    return _svg(figure, "Best distance over the sounds rendered in the search", f"w{width:g}")


def page_colour(style: LineStyle) -> str:
    """Return the colour of a line as CSS of the page."""
    return _PAGE_COLOURS[style.colour]


def legend_line(style: LineStyle) -> str:
    """Return a small SVG of a line in this style."""
    dashes = " ".join(f"{d * style.width:g}" for d in style.dashes) or "none"
    return (
        '<svg viewBox="0 0 32 8" width="32" height="8" aria-hidden="true"><path d="M0 4H32" '
        f'style="stroke: {page_colour(style)}; stroke-width: {style.width}; '
        f'stroke-dasharray: {dashes}"/></svg>'
    )


def colour_scale(stops: int = 12) -> list[str]:
    """Return colours of the spectrograms from the quietest to the loudest, as ``#rrggbb``."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps[_COLOURS](i / (stops - 1))) for i in range(stops)]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
    axes.tick_params(colors=_INK, labelsize=9, length=3)
    axes.xaxis.label.set(color=_INK, size=9.5)
    axes.yaxis.label.set(color=_INK, size=9.5)
    for name, spine in axes.spines.items():
        spine.set_color(_INK)
        spine.set_alpha(0.4)
        spine.set_visible(name in ("left", "bottom"))
    return figure, axes


def _svg(figure: Figure, description: str, variant: str = "") -> str:
    """Return the figure as an inline SVG element: no links, text as text, the page's ink."""
    from matplotlib import rc_context

    file = io.StringIO()
    nothing: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(file, format="svg", metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s+xmlns(:\w+)?=\"[^\"]*\"", "", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family:[^;\"]*;", "", text)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\s+(width|height)="[^"]*pt"', "", text, count=2)
    tag = re.sub(r"\W", "", description.lower()) + variant
    text = re.sub(r'\bid="', f'id="{tag}-', text)
    text = re.sub(r'(url\(|xlink:href=")#', rf"\1#{tag}-", text)
    for stand_in, colour in _PAGE_COLOURS.items():
        text = text.replace(stand_in, colour)
    return text.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)
