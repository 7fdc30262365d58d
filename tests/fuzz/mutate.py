"""Damage of every sort to the bytes of a file, drawn from a seeded generator."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]

INTEGERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 10**9, 2**31 - 1, -(2**31), 2**32 - 1)
TEXTS = (
    *("", " ", "0", "-1", "-0", "1e9", "1e309", "-1e-320", "NaN", "Infinity", "null", "true"),
    *('"', "{}", "[]", "[[]]", "\\u0000", "\\ud800", "../../x", "%s", "é", "9" * 5000),
    *("utf-7", "rot13", "klingon"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, 1e9, 10**9, 2**63, 10**400, 1e308, float("nan")),
    *(float("inf"), "", "x", "é\ud800", "NaN", "../../x", [], [0], {}, {"x": 1}, [[]] * 3),
)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Return ``data`` with one to four kinds of damage."""
    for _ in range(int(rng.choice((1, 1, 1, 2, 4)))):
        data = MUTATIONS[rng.integers(len(MUTATIONS))](data, rng)
    return data


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Return an offset; headers are where most formats break, so one in two is near the start."""
    end = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return int(rng.integers(end + 1))


def _span(data: bytes, rng: np.random.Generator) -> tuple[int, int]:
    start = _place(data, rng)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 10)))


def _flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    out = bytearray(data)
    for _ in range(int(rng.choice((1, 1, 8, 64)))):
        at = _place(data, rng)
        if at < len(out):
            out[at] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _set_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    start, stop = _span(data, rng)
    fill = rng.integers(256, size=stop - start, dtype=np.uint8).tobytes()
    if rng.random() < 0.5:
        fill = bytes([int(rng.choice((0, 0x20, 0x7F, 0xF7, 0xFF)))]) * (stop - start)
    return data[:start] + fill + data[stop:]


def _set_integer(data: bytes, rng: np.random.Generator) -> bytes:
    size = int(rng.choice((1, 2, 4, 8)))
    value = INTEGERS[rng.integers(len(INTEGERS))] % 256**size
    at = _place(data, rng)
    order = "little" if rng.random() < 0.5 else "big"
    return data[:at] + value.to_bytes(size, order) + data[at + size :]


def _set_float(data: bytes, rng: np.random.Generator) -> bytes:
    value = float(rng.choice((0.0, -1.0, 1e30, np.inf, np.nan)))
    at = _place(data, rng)
    packed = struct.pack(str(rng.choice(("<f", ">f", "<d"))), value)
    return data[:at] + packed + data[at + len(packed) :]


def _truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def _delete(data: bytes, rng: np.random.Generator) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def _insert(data: bytes, rng: np.random.Generator) -> bytes:
    start, stop = _span(data, rng)
    junk = rng.integers(256, size=stop - start, dtype=np.uint8).tobytes()
    return data[:start] + junk + data[start:]


def _repeat(data: bytes, rng: np.random.Generator) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[start:stop] * int(rng.choice((2, 3, 50))) + data[stop:]


def _swap(data: bytes, rng: np.random.Generator) -> bytes:
    (a, b), (c, d) = sorted((_span(data, rng), _span(data, rng)))
    if b > c:
        return data
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _append(data: bytes, rng: np.random.Generator) -> bytes:
    return data + rng.integers(256, size=int(rng.integers(1, 999)), dtype=np.uint8).tobytes()


def _change_text(data: bytes, rng: np.random.Generator) -> bytes:
    """Put another text in the place of a word or number."""
    words = list(re.finditer(rb"[-+.\w]+", data[:100_000]))
    if not words:
        return data
    word = words[rng.integers(len(words))]
    text = TEXTS[rng.integers(len(TEXTS))].encode()
    return data[: word.start()] + text + data[word.end() :]


def _change_json(data: bytes, rng: np.random.Generator) -> bytes:
    """Put another value in the place of one of a JSON document, or leave one out."""
    try:
        document = json.loads(data)
    except ValueError:
        return _change_text(data, rng)
    if not isinstance(document, (dict, list)):
        return _change_text(data, rng)
    places: list[tuple[Any, Any]] = []
    rest = [document]
    while rest:
        here = rest.pop()
        items = here.items() if isinstance(here, dict) else enumerate(here)
        for key, value in items:
            places.append((here, key))
            if isinstance(value, (dict, list)):
                rest.append(value)
    if not places:
        return b"null"
    where, key = places[rng.integers(len(places))]
    if rng.random() < 0.2:
        del where[key]
    else:
        where[key] = VALUES[rng.integers(len(VALUES))]
    return json.dumps(document).encode()


MUTATIONS: tuple[Mutation, ...] = (
    *(_flip_bits, _set_bytes, _set_integer, _set_float, _truncate, _delete, _insert, _repeat),
    *(_swap, _append, _change_text, _change_json),
)
