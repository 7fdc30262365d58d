"""Messages between a host and its workers: a line of JSON, then as many bytes as it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any


def send(stream: IO[bytes], message: Mapping[str, object], body: bytes = b"") -> None:
    """Write one message; ``body`` follows it."""
    stream.write(json.dumps({**message, "bytes": len(body)}).encode() + b"\n" + body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return the next message and its body.

    Raises
    ------
    EOFError
        If the other side has closed the stream, or not all of the message has come.
    ValueError
        If what came is no message.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    message = json.loads(line)
    size = message.get("bytes") if isinstance(message, dict) else None
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"not a message: {line[:80]!r}")
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return message, body
