"""Rows of a data set: vectors, patches and sounds as Parquet columns, and back."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np

from ..errors import ParameterError
from ..parameters import Parameter, ParameterSpace
from ..settings import Setting
from ..synth import AudioArray
from .batches import Batch

Encoding = Literal["flac", "float16"]


def arrow() -> Any:
    """Return pyarrow, with its Parquet module loaded.

    Raises
    ------
    ParameterError
        If it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ParameterError(
            'data sets on disk need pyarrow: pip install "synthmatch[data]"'
        ) from None
    return pyarrow


def to_table(
    batch: Batch, start: int, space: ParameterSpace, setting: Setting, encoding: Encoding
) -> Any:
    """Return a ``pyarrow.Table`` with one row for each sound.

    Columns: ``index``; ``vector``, the unit-cube coordinates of the free parameters;
    ``patch``, a struct of all native values; ``note``, a struct; ``sample_rate``; and
    the sound. FLAC is 24 bits in a struct ``audio`` of ``bytes`` and ``path``, as the
    ``datasets`` library reads it, to be multiplied by ``gain`` because FLAC cannot hold
    sounds beyond full scale; float16 is a list ``audio`` with a ``gain`` of 1.
    """
    pa = arrow()
    n = len(batch.vectors)
    indices = range(start, start + n)
    note = setting.note
    played = {
        "pitch": float(note.pitch),
        "velocity": int(note.velocity),
        "held": float(note.held),
        "total": float(note.total),
    }
    patches = [dict(space.decode(row)) for row in batch.vectors]
    if encoding == "flac":
        gains = np.maximum(np.abs(batch.audio).max(axis=1), 1.0)
        sounds = [
            {"bytes": _to_flac(sound / gain, setting.sample_rate), "path": f"{index:09}.flac"}
            for sound, gain, index in zip(batch.audio, gains, indices, strict=True)
        ]
        audio = pa.array(sounds, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    else:
        gains = np.ones(n)
        audio = pa.FixedSizeListArray.from_arrays(
            pa.array(batch.audio.astype(np.float16).ravel()), setting.samples
        )
    return pa.table(
        {
            "index": pa.array(indices, pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(batch.vectors.ravel()), len(space)
            ),
            "patch": pa.array(patches, pa.struct([(p.name, _type(p)) for p in space.parameters])),
            "note": pa.array([played] * n),
            "sample_rate": pa.array([setting.sample_rate] * n, pa.int32()),
            "gain": pa.array(gains, pa.float32()),
            "audio": audio,
        }
    )


def from_table(table: Any) -> Batch:
    """Return the vectors and sounds of rows that :func:`to_table` made."""
    n = len(table)
    vectors = _numbers(table["vector"]).reshape(n, -1)
    gains = _numbers(table["gain"]).astype(np.float32)
    column = table["audio"]
    if str(column.type).startswith("struct"):
        sounds = np.stack([_from_flac(row["bytes"]) for row in column.to_pylist()])
    else:
        sounds = _numbers(column).reshape(n, -1).astype(np.float32)
    return Batch(vectors.astype(np.float64), sounds * gains[:, None])


def _numbers(column: Any) -> Any:
    """Return the numbers of a column, lists joined, as one array."""
    whole = column.combine_chunks()
    values = whole.flatten() if hasattr(whole.type, "list_size") else whole
    return values.to_numpy(zero_copy_only=False)


def _type(parameter: Parameter) -> Any:
    pa = arrow()
    kinds = {type(choice) for choice in parameter.choices}
    if parameter.kind == "continuous" or kinds == {int, float}:
        return pa.float64()
    if len(kinds) > 1:
        raise ParameterError(
            f"choices of parameter {parameter.name!r} are of several types; "
            f"a column of a data set holds one"
        )
    simple = {bool: pa.bool_(), int: pa.int64(), str: pa.string(), float: pa.float64()}
    return simple[kinds.pop()]


def _to_flac(sound: AudioArray, rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def _from_flac(content: bytes) -> AudioArray:
    import soundfile

    sound: AudioArray = soundfile.read(io.BytesIO(content), dtype="float32")[0]
    return sound
