"""The published networks that estimate parameters from a sound; one file for each.

>>> import torch
>>> from synthmatch import load_synth
>>> estimator = build("conv1", load_synth("jsyn").space, sample_rate=16384, samples=16384)
>>> output = estimator(torch.zeros(2, 16384))   # [b, samples] -> [b, head.size]
>>> vectors = estimator.head.decode(output)     # [b, d] in the unit cube
>>> tuple(vectors.shape)
(2, 23)

Options, their published defaults and where those come from are in the docstring of each
class. All of them also take ``head`` and ``smoothing``, see
:class:`~synthmatch.estimators.head.Head`.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..errors import ParameterError
from ..parameters import ParameterSpace
from .config import EstimatorConfig
from .device import pick_device

if TYPE_CHECKING:
    from .estimator import Estimator
    from .head import HeadKind

__all__ = [
    "ARCHITECTURES",
    "Estimator",
    "EstimatorConfig",
    "build",
    "from_config",
    "pick_device",
]

ARCHITECTURES: Mapping[str, tuple[str, str]] = {
    **{f"conv{n}": ("inversynth", "InverSynth") for n in (1, 2, 3, 4, 5, 6, "6xl")},
    "conve2e": ("conve2e", "ConvE2E"),
    **dict.fromkeys(("fc-linear", "fc1", "fc2", "fc3"), ("bag_of_words", "FullyConnected")),
    **dict.fromkeys(("hc", "hc3"), ("hand_crafted", "HandCraftedNetwork")),
    "vgg11": ("vgg", "VGG11"),
    "pdc-asymmetric": ("prime_dilated", "PrimeDilated"),
    "pdc-symmetric": ("prime_dilated", "PrimeDilated"),
    "lstm-mfcc": ("recurrent", "LSTM"),
    "mlp-statistics": ("statistics", "Statistics"),
    "sound2synth": ("sound2synth", "Sound2Synth"),
    "ast": ("spectrogram_transformer", "SpectrogramTransformer"),
    "ast-small": ("spectrogram_transformer", "SpectrogramTransformer"),
    "ast-mlp": ("mel_baselines", "MelBaseline"),
    "ast-cnn": ("mel_baselines", "MelBaseline"),
    "inversynth2": ("inversynth2", "InverSynth2"),
    "masked": ("masked", "MaskedTransformer"),
}
"""Module and class of every architecture, by name; loaded when built."""


def _load(architecture: str) -> type[Estimator]:
    if architecture not in ARCHITECTURES:
        near = difflib.get_close_matches(architecture, ARCHITECTURES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ParameterError(
            f"no architecture named {architecture!r}; {hint}known: {', '.join(ARCHITECTURES)}"
        )
    module, name = ARCHITECTURES[architecture]
    return cast("type[Estimator]", getattr(importlib.import_module(f".{module}", __name__), name))


def build(
    architecture: str, space: ParameterSpace, *, sample_rate: int, samples: int, **options: Any
) -> Estimator:
    """Return an untrained network for ``space``.

    Parameters
    ----------
    architecture : str
        One of :data:`ARCHITECTURES`.
    space : ParameterSpace
        Its free parameters are what the network estimates.
    sample_rate, samples : int
        Rate in Hz and length of the audio it takes.
    **options
        ``head``, ``smoothing``, and those of the architecture's class.

    Raises
    ------
    ParameterError
        If the name or an option is unknown, or a value makes no sense.
    """
    made = _load(architecture)
    heading = {**made.HEAD, **{name: options.pop(name) for name in made.HEAD if name in options}}
    config = EstimatorConfig(architecture, space, sample_rate, samples, **heading, options=options)
    return from_config(config)


def from_config(
    config: EstimatorConfig | Mapping[str, Any], *, most_weights: int | None = None
) -> Estimator:
    """Return an untrained network like the one whose ``config`` this is.

    Parameters
    ----------
    config : EstimatorConfig or mapping
        Or what its ``to_dict`` returned.
    most_weights : int, optional
        Numbers that the network may hold; none is built that has more.

    Raises
    ------
    ParameterError
        If a field is missing, unknown, of the wrong kind or out of bounds, before
        anything is built.
    """
    checked = config if isinstance(config, EstimatorConfig) else EstimatorConfig.from_dict(config)
    made = _load(checked.architecture)
    signature = inspect.signature(made)
    options = {
        p.name: checked.options.get(p.name, p.default)
        for p in signature.parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    unknown = sorted(set(checked.options) - set(options))
    if unknown:
        raise ParameterError(
            f"{checked.architecture} takes no option {', '.join(map(repr, unknown))}; "
            f"it takes {', '.join([*made.HEAD, *options])}"
        )
    whole = dataclasses.replace(checked, options=options)
    try:
        estimator = _built(made, whole, most_weights)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, IndexError) as error:
        reason = str(error).partition("\n")[0]
        raise ParameterError(f"no {checked.architecture} is made like this: {reason}") from None
    estimator.config = whole.to_dict()
    return estimator


def _built(made: type[Estimator], config: EstimatorConfig, most: int | None) -> Estimator:
    from .allocation import LARGEST, AllocationLimit
    from .head import Head

    with AllocationLimit(LARGEST if most is None else most):
        head = Head(config.space, cast("HeadKind", config.head), config.smoothing)
        return made(config.architecture, head, config.sample_rate, config.samples, **config.options)


def __getattr__(name: str) -> Any:
    if name != "Estimator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .estimator import Estimator

    return Estimator
