"""Reading and writing safetensors files: whole or not at all, one clear error for a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import atomic
from ..errors import WeightsError

if TYPE_CHECKING:
    import torch


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> str:
    """Write tensors and text ``metadata`` to ``path``; return the SHA-256 of the file.

    Raises
    ------
    WeightsError
        If the file cannot be written.
    """
    from safetensors.torch import save

    plain = {k: t.detach().to("cpu", copy=True).contiguous() for k, t in tensors.items()}
    content = save(plain, dict(metadata or {}))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror or error}") from error
    return hashlib.sha256(content).hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return the tensors and the text metadata of a safetensors file.

    Raises
    ------
    WeightsError
        If the file is missing, truncated, or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"no such file: {path}")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {k: file.get_tensor(k) for k in names}, dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file ({error})") from None
