"""Save and load trained models: safetensors and JSON, checked by hash, never pickle.

A model folder holds ``model.safetensors`` (the tensors) and ``config.json`` (format
version, architecture and its options, the parameter space, the SHA-256 of the tensors,
and metadata: setting, recipe, scores).

``models`` loads them, lists them and fits them to a synth, ``folder`` has the layout of
the folder, and ``tensors`` writes and checks the tensors.
"""

from __future__ import annotations

from .folder import read_config, save_model
from .models import (
    check_space,
    describe_model,
    describe_models,
    load_model,
    load_proxy,
)

__all__ = [
    "check_space",
    "describe_model",
    "describe_models",
    "load_model",
    "load_proxy",
    "read_config",
    "save_model",
]
