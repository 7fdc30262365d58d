"""What an estimator is built from: typed, bounded, and checked before anything is built."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import ParameterError
from ..parameters import ParameterSpace

Option = bool | int | float | str

_LARGEST: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "n_fft": (0, 1 << 16),
        "hop": (0, 1 << 16),
        "mels": (0, 2048),
        "components": (1, 1 << 14),
        "words": (1, 1 << 16),
        "seed": (0, (1 << 32) - 1),
        "coefficients": (1, 128),
        "hidden": (1, 1 << 13),
        "features": (1, 1 << 14),
        "patch": (1, 1024),
        "stride": (0, 1024),
        "width": (0, 1 << 13),
        "channels": (1, 1 << 11),
        "layers": (0, 64),
        "heads": (0, 64),
        "neck": (0, 64),
        "bins_per_octave": (4, 384),
        "primes": (0, 64),
        "stack": (0, 64),
        "divisor": (1, 512),
    }
)
"""Smallest and largest value of the whole numbers among the options, by name."""

_REAL: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "dropout": (0.0, 1.0),
        "pitch": (0.0, 127.0),
        "velocity": (1.0, 127.0),
        "held": (0.0, 3600.0),
        "none_shown": (0.0, 1.0),
    }
)
"""Smallest and largest value of the other numbers among the options, by name."""

_RATES = (100, 768_000)  # Hz
_SAMPLES = (1, 1 << 24)
_FRAMES = 1 << 16  # of a spectrogram
_CELLS = 1 << 26  # bins by frames
_OUTPUTS = 1 << 20  # parameters by the most classes of any
_LABELS = 1 << 26  # the same by the most classes again: the head's table of targets


@dataclasses.dataclass(frozen=True)
class EstimatorConfig:
    """All that an estimator is built from, its weights left out.

    Attributes
    ----------
    architecture : str
        One of :data:`synthmatch.estimators.ARCHITECTURES`.
    space : ParameterSpace
        Its free parameters are what the network estimates.
    sample_rate, samples : int
        Rate in Hz (100 to 768,000) and length (up to 2**24) of the audio.
    head : str
        Kind of :class:`~synthmatch.estimators.head.Head`.
    smoothing : float
        Of its labels, in classes, 0 to 1,000.
    options : mapping
        Of the architecture, each a bool, a number or a text.

    Raises
    ------
    ParameterError
        If a value is of the wrong type or out of bounds, so that a damaged or foreign
        file cannot ask for more memory than a network can need.
    """

    architecture: str
    space: ParameterSpace
    sample_rate: int
    samples: int
    head: str
    smoothing: float
    options: Mapping[str, Option] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.architecture, str) or not isinstance(self.space, ParameterSpace):
            raise ParameterError("an estimator has the name of an architecture and a space")
        whole_number("sample_rate", self.sample_rate, *_RATES)
        whole_number("samples", self.samples, *_SAMPLES)
        if not isinstance(self.head, str):
            raise ParameterError(f"head is a name, not {_short(self.head)}")
        real_number("smoothing", self.smoothing, 0.0, 1000.0)
        most = max((p.classes for p in self.space), default=1)
        if len(self.space) * most > _OUTPUTS or len(self.space) * most**2 > _LABELS:
            raise ParameterError(
                f"{len(self.space)} parameters of up to {most:,} classes are too many for a head"
            )
        for name, value in self.options.items():
            self._check(name, value)
        n_fft = int(self.options.get("n_fft", 0) or 256)
        hop = int(self.options.get("hop", 0) or max(1, n_fft // 8))
        bins = max(int(self.options.get("mels", 0)), n_fft // 2 + 1)
        if self.samples // hop > _FRAMES or self.samples // hop * bins > _CELLS:
            raise ParameterError(
                f"{self.samples:,} samples at a hop of {hop} make too large a spectrogram; "
                f"use a longer hop"
            )

    def _check(self, name: str, value: object) -> None:
        if not isinstance(name, str):
            raise ParameterError(f"the name of an option is text, not {_short(name)}")
        if name in _LARGEST:
            whole_number(name, value, *_LARGEST[name])
        elif name in _REAL:
            real_number(name, value, *_REAL[name])
        elif name == "batch_norm":
            if not isinstance(value, bool):
                raise ParameterError(f"{name} is true or false, not {_short(value)}")
        elif not isinstance(value, (bool, int, float, str)) or len(str(value)[:101]) > 100:
            raise ParameterError(f"option {name} is a number, true, false or a short text")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EstimatorConfig:
        """Return the configuration that :meth:`to_dict` described.

        Raises
        ------
        ParameterError
            If a field is missing, of the wrong type or out of bounds.
        """
        if not isinstance(data, Mapping):
            raise ParameterError(f"an estimator's configuration is an object, not {_short(data)}")
        names = [field.name for field in dataclasses.fields(cls) if field.name != "options"]
        missing = [name for name in names if name not in data]
        if missing:
            raise ParameterError(f"an estimator's configuration lacks {', '.join(missing)}")
        try:
            space = ParameterSpace.from_dict(data["space"])
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            raise ParameterError("not the description of a parameter space") from None
        fields = {name: data[name] for name in names}
        options = {name: value for name, value in data.items() if name not in names}
        return cls(**{**fields, "space": space}, options=options)

    def to_dict(self) -> dict[str, Any]:
        """Return everything flat and JSON-ready; :meth:`from_dict` reads it."""
        return {
            "architecture": self.architecture,
            "space": self.space.to_dict(),
            "sample_rate": self.sample_rate,
            "samples": self.samples,
            "head": self.head,
            "smoothing": self.smoothing,
            **self.options,
        }


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """Return ``value`` if it is a whole number from ``low`` to ``high``.

    Raises
    ------
    ParameterError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ParameterError(
            f"{name} is a whole number from {low:,} to {high:,}, not {_short(value)}"
        )
    return value


def real_number(name: str, value: object, low: float, high: float) -> float:
    """Return ``value`` if it is a finite number from ``low`` to ``high``.

    Raises
    ------
    ParameterError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ParameterError(f"{name} is a number from {low:g} to {high:g}, not {_short(value)}")
    if not math.isfinite(value):
        raise ParameterError(f"{name} is a finite number, not {_short(value)}")
    return float(value)


def _short(value: object) -> str:
    """Return a value as a message shows it: of a foreign file, it may be of any length."""
    if isinstance(value, int) and abs(value) > 10**18:
        return "one of more than 18 digits"
    shown = repr(value) if isinstance(value, (str, int, float, bool, type(None))) else ""
    shown = shown or f"a {type(value).__name__}"
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
