"""Reading and writing safetensors files, a tensor at a time, whole or not at all.

The format (https://github.com/huggingface/safetensors): eight bytes, little-endian, with the
length of a header; the header, JSON with the type, shape and place of each tensor; then the
tensors one after another. Written here and not by the library, which holds a copy of all
tensors in memory to write them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .._files import atomic
from ..errors import WeightsError

if TYPE_CHECKING:
    import torch

_TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_tensors(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    half: bool = False,
) -> str:
    """Write tensors and text ``metadata`` to ``path``; return the SHA-256 of the file.

    No more than one tensor is copied at a time, from whatever device.

    Parameters
    ----------
    path : Path
        Its folder is made if needed.
    tensors : mapping
        By name.
    metadata : mapping, optional
        Text by name.
    half : bool
        Write floating-point tensors as float16.

    Raises
    ------
    WeightsError
        If the file cannot be written, or a number is too large for float16.
    """
    # large types first, so that every tensor starts at a multiple of its item's size
    names = sorted(tensors, key=lambda name: (-_stored(tensors[name], half).itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata or {})}
    end = 0
    for name in names:
        dtype, begin = _stored(tensors[name], half), end
        end += tensors[name].numel() * dtype.itemsize
        header[name] = {
            "dtype": _TYPES[str(dtype).removeprefix("torch.")],
            "shape": list(tensors[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary, temporary.open("wb") as file:
            output = _Hashed(file)
            output.write(len(text).to_bytes(8, "little"))
            output.write(text)
            for name in names:
                output.write(_bytes(name, tensors[name], half))
    except OSError as error:
        raise WeightsError(f"cannot write {path}: {error.strerror or error}") from error
    return output.digest.hexdigest()


class _Hashed:
    """Writes to a file and hashes what it writes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, content: Any) -> None:
        """Write bytes, or an array of them."""
        self._file.write(content)
        self.digest.update(content)


def _stored(tensor: torch.Tensor, half: bool) -> torch.dtype:
    import torch

    return torch.float16 if half and tensor.is_floating_point() else tensor.dtype


def _bytes(name: str, tensor: torch.Tensor, half: bool) -> Any:
    """Return the content of a tensor, as an array of bytes."""
    import torch

    stored = tensor.detach().to(_stored(tensor, half))
    if half and stored.is_floating_point() and bool((stored.isinf() & ~tensor.isinf()).any()):
        raise WeightsError(f"{name} is too large for float16; store the model in float32")
    return stored.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()


class TensorFile:
    """An open safetensors file; each tensor is read when it is asked for.

    Attributes
    ----------
    names : list of str
        Of the tensors.
    metadata : dict
        The text in the header.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        self.names: list[str] = list(file.keys())
        self.metadata: dict[str, str] = dict(file.metadata() or {})

    def __getitem__(self, name: str) -> torch.Tensor:
        """Return one tensor, read now."""
        from safetensors import SafetensorError

        try:
            tensor: torch.Tensor = self._file.get_tensor(name)
        except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise WeightsError(f"{self._path}: cannot read {name} ({error})") from None
        return tensor

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, without reading it."""
        return tuple(self._file.get_slice(name).get_shape())

    def under(self, prefix: str) -> dict[str, torch.Tensor]:
        """Return the tensors whose names start with ``prefix``, which is taken off."""
        return {k.removeprefix(prefix): self[k] for k in self.names if k.startswith(prefix)}


@contextlib.contextmanager
def open_tensors(path: Path) -> Iterator[TensorFile]:
    """Open a safetensors file.

    Raises
    ------
    WeightsError
        If the file is missing, truncated, or not safetensors.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"no such file: {path}")
    try:
        opened = safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file ({error})") from None
    with opened as file:
        yield TensorFile(path, file)


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Return all tensors and the text metadata of a safetensors file.

    Raises
    ------
    WeightsError
        If the file is missing, truncated, or not safetensors.
    """
    with open_tensors(path) as file:
        return file.under(""), file.metadata
