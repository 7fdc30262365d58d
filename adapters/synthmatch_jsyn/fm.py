"""``fm``: one FM oscillator, a tremolo and a low-pass.

The synth of "InverSynth II: Sound Matching via Self-Supervised Synthesizer-Proxy and
Inference-Time Finetuning", data set "FM", with the names of its table 5 and the values of
its authors' code. With t over ``linspace(0, total, n)`` and k counting samples:

1. lfo = w1(2 pi f1 t), and the sound is w(2 pi f t + m sum(lfo, up to k));
2. times a (w2(2 pi f2 t) + 1) / 2 + 1 - a, unless w2 is "none";
3. through a low-pass: a sinc that keeps 8 zero crossings on each side, under a Hann
   window, scaled to pass a constant unchanged, with the first and the last sample
   repeated beyond the ends. A cutoff at or above half the sample rate leaves the sound as
   it is.

Square waves are sign(sin), triangles 2 / pi arcsin(sin), and sawtooths rise from -1 to 1
through 0 at phase 0; none is band-limited. The filter overshoots: peaks come near 1.5.

Parameters without effect have one value: with m = 0 the LFO is a 1 Hz sine, a sine is not
filtered (cutoff at its highest), and without tremolo its frequency is 1 Hz and its amount
0. These are the defaults. Any vector renders like its :meth:`FM.canonical` form.

m counts in radians per sample at 16,384 Hz; other rates scale it, so that they give the
same sound. Another note than 69 multiplies f and m, so that vibrato keeps its width in
cents. Velocity is not used. A key released before the end fades the sound out in 5 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synthmatch.parameters import FloatArray, Parameter, ParameterSpace, Value
from synthmatch.synth import AudioArray, Note

_SHAPES = ("sine", "square", "triangle", "sawtooth")


def _steps(low: float, high: float, n: int) -> list[float]:
    """Return ``n`` even steps with four decimals, as the authors' code rounds them."""
    return [round(float(x), 4) for x in np.linspace(low, high, n)]


def _space() -> ParameterSpace:
    notes = [round(440.0 * 2.0 ** (n / 12.0), 4) for n in range(12)]
    oscillator, lfo, tremolo = "oscillator", "LFO", "tremolo"
    return ParameterSpace(
        "fm",
        [
            Parameter.categorical("osc1_wave", ("sine", "square", "sawtooth"), group=oscillator),
            Parameter.ordinal("osc1_freq", notes, group=oscillator, unit="Hz"),
            Parameter.ordinal("osc1_mod_index", _steps(0.0, 0.3, 20), group=oscillator),
            Parameter.ordinal("lfo1_freq", _steps(1.0, 16.0, 31), group=lfo, unit="Hz"),
            Parameter.categorical("lfo1_wave", _SHAPES, group=lfo),
            Parameter.categorical("am_mod_wave", ("none", *_SHAPES), group=tremolo),
            Parameter.ordinal("am_mod_freq", _steps(1.0, 8.0, 8), group=tremolo, unit="Hz"),
            Parameter.ordinal("am_mod_amount", _steps(0.0, 1.0, 5), group=tremolo),
            Parameter.ordinal(
                "filter_freq", _steps(1000.0, 8192.0, 16), default=8192.0, group="filter", unit="Hz"
            ),
        ],
    )


class FM:
    """The 9-parameter FM synth of InverSynth II."""

    name = "fm"
    sample_rate = 16_384
    note = Note(69, 100, 1.0, 1.0)  # its pitch is a parameter

    def __init__(self) -> None:
        self.space = _space()

    def render(
        self, patch: Mapping[str, Value], note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [samples]``: ``patch`` played at any rate from 8,000 Hz up.

        Values that it leaves out are the defaults; the rate is the synth's own unless
        another is given.
        """
        row: AudioArray = self.render_batch(self.space.encode(patch)[None], note, sample_rate)[0]
        return row

    def render_batch(
        self, vectors: FloatArray, note: Note, sample_rate: int | None = None
    ) -> AudioArray:
        """Return ``float32 [n, samples]`` for ``vectors [n, 9]`` of the unit cube.

        The rate is the synth's own unless another is given.
        """
        # numba is loaded, and on a new machine compiles, at the first sound
        from ._fm_engine import SHAPES, render

        rate = self.sample_rate if sample_rate is None else sample_rate
        native = self.space.to_native(vectors)
        for column, parameter in enumerate(self.space.parameters):
            if parameter.kind == "categorical":
                numbers = [SHAPES.index(str(choice)) for choice in parameter.choices]
                native[:, column] = np.array(numbers)[native[:, column].astype(np.int64)]
        return render(
            np.ascontiguousarray(native),
            ratio=note.frequency / 440.0,
            held=note.held,
            total=note.total,
            samples=note.samples(rate),
            sample_rate=rate,
        )

    def audible(self, vectors: FloatArray) -> npt.NDArray[np.bool_]:
        """Return ``bool [n, 9]``: which coordinates of ``vectors [n, 9]`` can be heard.

        Those that cannot may all move at once: the sound stays exactly the same.
        """
        x = self.space.check_vectors(vectors)
        names = self.space.names
        audible = self._used(x)
        column = names.index("am_mod_amount")
        flat = self.space["am_mod_amount"].choice_of(x[:, column]) == 0
        flat &= audible[:, column]  # without a wave, it is that which is heard
        for name in ("am_mod_wave", "am_mod_freq"):
            audible[flat, names.index(name)] = False
        return audible

    def _used(self, x: FloatArray) -> npt.NDArray[np.bool_]:
        """Return ``bool [n, 9]``: what the authors' code does not force to one value."""
        used = np.ones(x.shape, dtype=np.bool_)
        values = {p.name: p.choice_of(x[:, i]) for i, p in enumerate(self.space)}

        def unused(where: npt.NDArray[np.bool_], *names: str) -> None:
            for name in names:
                used[where, self.space.names.index(name)] = False

        none = self.space["am_mod_wave"].choices.index("none")
        sine = self.space["osc1_wave"].choices.index("sine")
        unused(values["osc1_mod_index"] == 0, "lfo1_freq", "lfo1_wave")
        unused(values["osc1_wave"] == sine, "filter_freq")
        unused(values["am_mod_wave"] == none, "am_mod_freq", "am_mod_amount")
        return used

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors [n, 9]`` with what cannot be heard at its default.

        The sounds stay exactly the same, so each keeps only one label of the several
        that make it.
        """
        x = self.space.check_vectors(vectors)
        return np.where(self.audible(x), x, self._defaults())

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return ``n`` vectors ``[n, 9]``: uniform over the classes, then as the authors' code.

        That forces parameters without effect, but for a tremolo of amount 0 it keeps wave
        and frequency.
        """
        drawn = self.space.sample_classes(rng, n)
        return np.where(self._used(drawn), drawn, self._defaults())

    def _defaults(self) -> FloatArray:
        return self.space.encode({})
