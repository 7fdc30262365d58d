"""``jsyn``: four FM oscillators, an envelope, a resonant low-pass and a gater.

The synth of "InverSynth: Deep Estimation of Synthesizer Parameter Configurations from
Audio Signals", sections III and IV, and of its forerunner "Deep Synthesizer Parameter
Estimation", sections 3 and 4, which built it in the Java library JSyn. With t in seconds
from the key stroke, the sound is gate(t) * lowpass(envelope(t) * oscillators(t)).

Oscillators
    A quarter of the sum of A x(phase) over a sine, a sawtooth, a square and a triangle.
    In "frequency" modulation phase / 2 pi is the integral of f + B sin(2 pi v t): the
    papers' general family at order 1, and what JSyn does. In "phase" modulation
    phase = 2 pi f t + B sin(2 pi v t), equation (1) to the letter. The papers print the
    sawtooth as 1/2 + a / 2 pi on (-pi, pi); here it is a / pi, from -1 to 1, without the
    offset. The sum they print for the triangle is no triangle (it has sines of all
    orders over n^2 where odd ones belong); here it is 2 / pi arcsin(sin a). All four rise
    through 0 at phase 0 and none is band-limited. The square is 1 in the first half of a
    cycle and -1 in the second.
Envelope
    That of JSyn's ``EnvelopeDAHDSR``: a linear attack of ``attack`` seconds, then an
    exponential fall at 90 dB in ``decay`` seconds until the level ``sustain``. The papers
    say that the decay lasts until the sustain level is reached, which JSyn's does not;
    they also find it nearly inaudible, which JSyn's is. The release falls exponentially
    too, by 90 dB from wherever the level was; a term of that size is taken off so that
    the sound ends exactly ``release`` seconds after the key, without a step.
Low-pass
    JSyn's ``FilterLowPass``: the biquad of Bristow-Johnson's Audio EQ Cookbook with
    Q = ``resonance`` and a cutoff of at most 0.499 times the sample rate.
Gater
    (1 + square(2 pi f t)) / 2 as printed in the forerunner: full in the first half of
    each cycle, silent in the second. The later paper's text says sine: (1 + sin) / 2.

Another note than 69 multiplies carrier frequencies and, in frequency modulation, B, so
that vibrato keeps its width in cents; rates and cutoff stay. Velocity is not used. A high
resonance can take peaks beyond 1; nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthmatch.errors import ParameterError
from synthmatch.parameters import FloatArray, Parameter, ParameterSpace, Value
from synthmatch.synth import AudioArray, Note

STARTS = Path(__file__).with_name("starts.safetensors")
_WAVES = {"sine": 0.5, "saw": 0.3, "square": 0.2, "triangle": 0.3}  # and default amplitudes
_CLASSES = 16


def _knob(
    name: str, low: float, high: float, default: float, group: str, unit: str = ""
) -> Parameter:
    return Parameter.continuous(
        name, low, high, default=default, classes=_CLASSES, group=group, unit=unit
    )


def _oscillator(wave: str, amplitude: float, depth_unit: str) -> list[Parameter]:
    notes = [440.0 * 2.0 ** (n / 12.0) for n in range(_CLASSES)]
    group = f"oscillator {wave}"
    return [
        Parameter.ordinal(f"{wave}_frequency", notes, group=group, unit="Hz"),
        _knob(f"{wave}_modulation_frequency", 1.0, 30.0, 5.0, group, "Hz"),
        _knob(f"{wave}_amplitude", 0.001, 1.0, amplitude, group),
        _knob(f"{wave}_modulation_amplitude", 0.0, 1500.0, 0.0, group, depth_unit),
    ]


def _space(depth_unit: str) -> ParameterSpace:
    parameters: list[Parameter] = []
    for wave, amplitude in _WAVES.items():
        parameters += _oscillator(wave, amplitude, depth_unit)
    parameters += [
        _knob("attack", 0.001, 1.0, 0.01, "envelope", "s"),
        _knob("decay", 0.001, 1.0, 0.5, "envelope", "s"),
        _knob("sustain", 0.001, 1.0, 0.7, "envelope"),
        _knob("release", 0.001, 1.0, 0.3, "envelope", "s"),
        _knob("cutoff", 200.0, 4000.0, 4000.0, "filter", "Hz"),
        _knob("resonance", 0.01, 10.0, 0.7, "filter"),
        _knob("gate_frequency", 0.5, 30.0, 0.5, "gater", "Hz"),
    ]
    return ParameterSpace("jsyn", parameters)


class JSyn:
    """The 23-parameter synth of InverSynth.

    Parameters
    ----------
    modulation : {"frequency", "phase"}
        What the modulation amplitude moves: the carrier's frequency, in Hz, or its
        phase, in radians.
    gater : {"square", "sine"}
        Shape of the gate.

    Raises
    ------
    ParameterError
        For any other option.
    """

    name = "jsyn"
    sample_rate = 16_384
    note = Note(69, 100, 0.5, 1.0)  # its pitch is a parameter

    def __init__(
        self,
        modulation: Literal["frequency", "phase"] = "frequency",
        gater: Literal["square", "sine"] = "square",
    ) -> None:
        if modulation not in ("frequency", "phase"):
            raise ParameterError(
                f"modulation of jsyn is 'frequency' or 'phase', not {modulation!r}"
            )
        if gater not in ("square", "sine"):
            raise ParameterError(f"gater of jsyn is 'square' or 'sine', not {gater!r}")
        self.modulation = modulation
        self.gater = gater
        self.space = _space("Hz" if modulation == "frequency" else "rad")

    @property
    def starts(self) -> Path | None:
        """The index of random patches that comes with this package, of the default options."""
        default = self.modulation == "frequency" and self.gater == "square"
        return STARTS if default else None

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
        """Return ``float32 [n, samples]`` for ``vectors [n, 23]`` of the unit cube.

        The rate is the synth's own unless another is given.
        """
        # numba is loaded, and on a new machine compiles, at the first sound
        from ._jsyn_engine import render

        rate = self.sample_rate if sample_rate is None else sample_rate
        return render(
            np.ascontiguousarray(self.space.to_native(vectors)),
            ratio=note.frequency / 440.0,
            held=note.held,
            samples=note.samples(rate),
            sample_rate=rate,
            phase_modulation=self.modulation == "phase",
            sine_gater=self.gater == "sine",
        )

    def audible(self, vectors: FloatArray) -> npt.NDArray[np.bool_]:
        """Return ``bool [n, 23]``: which coordinates of ``vectors [n, 23]`` can be heard.

        Those that cannot may all move at once, and the sound stays exactly the same: the
        rate of a modulation of amplitude 0, and the time of a decay to full sustain.
        """
        native = self.space.to_native(vectors)
        names = self.space.names
        audible = np.ones(native.shape, dtype=np.bool_)
        for wave in _WAVES:
            depth = native[:, names.index(f"{wave}_modulation_amplitude")]
            audible[:, names.index(f"{wave}_modulation_frequency")] = depth > 0.0
        audible[:, names.index("decay")] = native[:, names.index("sustain")] < 1.0
        return audible

    def canonical(self, vectors: FloatArray) -> FloatArray:
        """Return ``vectors [n, 23]`` with what cannot be heard at its default."""
        x = self.space.check_vectors(vectors)
        return np.where(self.audible(x), x, self.space.encode({}))
