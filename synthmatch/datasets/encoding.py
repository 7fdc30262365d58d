"""Rows of a data set: vectors, patches and sounds as Parquet columns, and back."""

from __future__ import annotations

import io
from typing import Any, Literal

import numpy as np

from ..errors import DatasetError, ParameterError
from ..parameters import Parameter, ParameterSpace
from ..settings import Setting
from ..synth import AudioArray
from .batches import Batch

Encoding = Literal["flac", "float16"]


def arrow() -> Any:
    """Return pyarrow, with its Parquet module loaded.

    Raises
    ------
    DatasetError
        If it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DatasetError(
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


def from_table(table: Any, rows: range, columns: int, setting: Setting) -> Batch:
    """Return the vectors and sounds of rows that :func:`to_table` made.

    Parameters
    ----------
    table : pyarrow.Table
        With the columns ``index``, ``vector``, ``gain`` and ``audio``.
    rows : range
        The indices that it must have, in order.
    columns : int
        Of the vectors.
    setting : Setting
        What was rendered: how long the sounds are, and at which rate.

    Raises
    ------
    DatasetError
        If rows are missing or there twice, or values are missing, of the wrong length or
        out of range.
    """
    if len(table) != len(rows) or any(table[name].null_count for name in table.column_names):
        raise DatasetError(f"it has {len(table)} rows for {len(rows)}, or empty values")
    if not np.array_equal(_numbers(table["index"]), np.asarray(rows)):
        raise DatasetError("its rows are out of order, doubled or missing")
    vectors = _numbers(table["vector"]).astype(np.float64)
    gains = _numbers(table["gain"]).astype(np.float32)
    if vectors.size != len(rows) * columns or not ((vectors >= 0) & (vectors <= 1)).all():
        raise DatasetError(f"its vectors are not {columns} numbers from 0 to 1 each")
    if not (np.isfinite(gains) & (gains > 0)).all():
        raise DatasetError("its gains are not all positive numbers")
    column = table["audio"]
    if str(column.type).startswith("struct"):
        sounds = np.stack([_from_flac(row["bytes"], setting) for row in column.to_pylist()])
    else:
        flat = _numbers(column).astype(np.float32)
        if flat.size != len(rows) * setting.samples:
            raise DatasetError(f"its sounds are not all {setting.samples:,} samples long")
        sounds = flat.reshape(len(rows), -1)
    audio = sounds * gains[:, None]
    if not np.isfinite(audio).all():
        raise DatasetError("it has sounds that are not finite")
    return Batch(vectors.reshape(len(rows), columns), audio)


def _numbers(column: Any) -> Any:
    """Return the numbers of a column, lists joined, as one array."""
    whole = column.combine_chunks()
    values = whole.flatten() if hasattr(whole.type, "list_size") else whole
    if values.null_count:
        raise DatasetError("it has empty values")
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
    try:
        soundfile.write(file, sound, rate, format="FLAC", subtype="PCM_24")
    except RuntimeError as error:
        raise DatasetError(f"FLAC does not hold these sounds ({error}); use float16") from None
    return file.getvalue()


def _from_flac(content: object, setting: Setting) -> AudioArray:
    import soundfile

    if not isinstance(content, bytes):
        raise DatasetError("it has empty sounds")
    sound: AudioArray
    sound, rate = soundfile.read(io.BytesIO(content), dtype="float32", frames=setting.samples + 1)
    if sound.shape != (setting.samples,) or rate != setting.sample_rate:
        raise DatasetError(
            f"it has a sound of {len(sound):,} samples at {rate} Hz, not of "
            f"{setting.samples:,} at {setting.sample_rate}"
        )
    return sound
