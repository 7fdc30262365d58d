"""Rules of what a synth is: its attributes, its space, its capabilities."""

from __future__ import annotations

import json

import numpy as np

from ..parameters import ParameterSpace, Patch
from ..synth import Synth, capabilities
from .probes import ensure, same_patch

_REQUIRED = ("name", "space", "sample_rate", "render")


def interface(synth: Synth) -> None:
    """Check that there are a name, a space of that name, a native rate, and ``render``."""
    missing = [name for name in _REQUIRED if not hasattr(synth, name)]
    ensure(not missing, f"it has no {', no '.join(missing)}; a synth needs {', '.join(_REQUIRED)}")
    ensure(callable(synth.render), "render is not a method")
    name, space, rate = synth.name, synth.space, synth.sample_rate
    ensure(
        isinstance(name, str) and bool(name) and not any(c.isspace() for c in name),
        f"name is {name!r}; give a word without spaces",
    )
    ensure(
        isinstance(space, ParameterSpace),
        f"space is of type {type(space).__name__}; give a ParameterSpace",
    )
    ensure(bool(space.parameters), "the space has no parameters")
    ensure(space.synth == name, f"name is {name!r} and space.synth {space.synth!r}; use one name")
    ensure(
        isinstance(rate, int) and rate >= 1000,
        f"sample_rate is {rate!r}; give a whole number of Hz, 1000 or more",
    )


def whole_capabilities(synth: Synth) -> None:
    """Check that each capability the synth has begun is complete; others count as absent."""
    incomplete = {name: fault for name, fault in capabilities(synth).items() if fault}
    ensure(
        not incomplete,
        "; ".join(f"as a {name}, {fault}" for name, fault in incomplete.items())
        + " (synthmatch does without what is incomplete; complete or remove it)",
    )


def encode_decode(synth: Synth) -> None:
    """Check that vectors, patches, classes and JSON stand for the same sound, exactly."""
    space = synth.space
    rng = np.random.default_rng(0)
    centres = space.sample_classes(rng, 16)
    ends = [[0.0] * len(space), [1.0] * len(space)]
    for vector in np.concatenate([ends, space.sample(rng, 16), centres]):
        patch = space.decode(vector)
        same_patch(synth, patch, space.decode(space.encode(patch)), "decode(encode(patch))")
        same_patch(synth, patch, space.patch(Patch.from_json(patch.to_json())), "JSON")
    classes = space.to_classes(centres)
    ensure(
        np.array_equal(space.to_classes(space.from_classes(classes)), classes),
        "to_classes(from_classes(k)) is not k",
    )
    copy = ParameterSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    ensure(copy == space, "ParameterSpace.from_dict(space.to_dict()) is not the space")
