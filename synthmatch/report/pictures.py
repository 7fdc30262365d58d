"""The pictures of a report, drawn by matplotlib as SVG that follows the colours of the page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ..audio.framing import frames, magnitudes
from ..audio.loudness import k_weighted
from ..synth import AudioArray
from .svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANGE_DB = 80.0  # of the colour scale
LEFT, RIGHT = 0.13, 0.97  # of the width of a spectrogram: where its axes begin and end

_COLOURS = "magma"
LOWEST = 40.0  # Hz, of spectrograms
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


def spectrograms(
    sounds: Sequence[AudioArray], sample_rate: int, labels: Sequence[str]
) -> list[str]:
    """Return an SVG for each sound, all with the same axes and colour scale."""
    seconds = max(map(len, sounds)) / sample_rate
    hertz = np.geomspace(LOWEST, sample_rate / 2, _ROWS)
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
        time, level = loudness_over_time(sound, sample_rate)
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

    @property
    def page_colour(self) -> str:
        """Its colour as CSS of the page."""
        return _PAGE_COLOURS[self.colour]

    @property
    def dash_array(self) -> str:
        """Its dashes as SVG has them."""
        return " ".join(f"{dash * self.width:g}" for dash in self.dashes) or "none"


def line_styles(count: int) -> list[LineStyle]:
    """Return the styles of the target's line and of the first ``count`` candidates'."""
    candidates = [
        LineStyle(_LINES[i % len(_LINES)], 1.4 if i else 2.4, _DASHES[i % len(_DASHES)])
        for i in range(count)
    ]
    return [LineStyle(_INK, 3.5, ()), *candidates]


def loudness_over_time(audio: AudioArray, sample_rate: int) -> tuple[FloatArray, FloatArray]:
    """Return times and K-weighted levels (BS.1770) in dB of windows of 40 ms."""
    size = max(2, round(0.04 * sample_rate))
    hop = max(1, size // 4, len(audio) // 600)
    power = np.mean(
        frames(k_weighted(audio.astype(np.float64), sample_rate), size, hop, "constant") ** 2,
        axis=-1,
    )
    level = 10 * np.log10(np.maximum(power, 1e-12)) - 0.691
    return np.arange(len(level)) * hop / sample_rate, np.maximum(level, _QUIET)


def progress(history: Sequence[tuple[int, float, float]], width: float) -> str:
    """Return an SVG, ``width`` inches wide, of the best distance over the sounds rendered.

    A best distance can only rise where a search goes on to compare in another way, so a line
    ends there and another begins.
    """
    renders, _, distances = zip(*history, strict=True)
    figure, axes = _figure(width, 2.2)
    rises = [i for i in range(1, len(renders)) if distances[i] > distances[i - 1]]
    for first, last in itertools.pairwise([0, *rises, len(renders)]):
        until = renders[min(last, len(renders) - 1)]
        axes.step(
            [*renders[first:last], until],
            [*distances[first:last], distances[last - 1]],
            where="post",
            color=_LINES[0],
            lw=2,
        )
    for row in rises:
        axes.axvline(renders[row], color=_INK, alpha=0.4, lw=0.8, ls=":")
    axes.set(xlabel="sounds rendered", ylabel="best distance", xlim=(0, max(renders)))
    axes.set_ylim(0, 1.08 * max(distances) or 1.0)
    axes.grid(True, color=_INK, alpha=0.12, lw=0.7)
    figure.subplots_adjust(left=0.55 / width, right=0.975, top=0.96, bottom=0.22)
    return _svg(figure, "Best distance over the sounds rendered in the search", f"w{width:g}")


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
    return inline_svg(figure, description, _PAGE_COLOURS, variant)
