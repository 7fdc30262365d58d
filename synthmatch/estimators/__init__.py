"""The published networks that hear a sound and say its parameters; one file for each.

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

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..errors import ParameterError
from ..parameters import ParameterSpace

if TYPE_CHECKING:
    from .estimator import Estimator

__all__ = ["ARCHITECTURES", "Estimator", "build", "from_config"]

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
        Rate in Hz and length of the audio it will hear.
    **options
        ``head``, ``smoothing``, and those of the architecture's class.

    Raises
    ------
    ParameterError
        If the name or an option is unknown, or a value makes no sense.
    """
    from .head import Head

    made = _load(architecture)
    if sample_rate < 1 or samples < 1:
        raise ParameterError(
            f"sample rate and samples are positive, not {sample_rate} and {samples}"
        )
    heading = {**made.HEAD, **{name: options.pop(name) for name in made.HEAD if name in options}}
    signature = inspect.signature(made)
    known = [p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ParameterError(
            f"{architecture} takes no option {', '.join(map(repr, unknown))}; "
            f"it takes {', '.join([*made.HEAD, *known])}"
        )
    head = Head(space, heading["head"], heading["smoothing"])
    bound = signature.bind(architecture, head, sample_rate, samples, **options)
    bound.apply_defaults()
    estimator = made(*bound.args, **bound.kwargs)
    estimator.config = {
        "architecture": architecture,
        "space": space.to_dict(),
        "sample_rate": sample_rate,
        "samples": samples,
        **heading,
        **{name: bound.arguments[name] for name in known},
    }
    return estimator


def from_config(config: Mapping[str, Any]) -> Estimator:
    """Return an untrained network like the one whose ``config`` this is.

    Raises
    ------
    ParameterError
        If a field is missing, unknown or of the wrong kind.
    """
    missing = [k for k in ("architecture", "space", "sample_rate", "samples") if k not in config]
    if missing:
        raise ParameterError(f"an estimator's configuration lacks {', '.join(missing)}")
    options = dict(config)
    space = ParameterSpace.from_dict(options.pop("space"))
    try:
        return build(options.pop("architecture"), space, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(f"not an estimator's configuration: {error}") from None


def __getattr__(name: str) -> Any:
    if name != "Estimator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .estimator import Estimator

    return Estimator
