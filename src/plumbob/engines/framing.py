"""Frames on a worker's pipes: two lengths, a JSON object, raw bytes.

`u32 length of the object, u32 length of the bytes`, both little-endian, then both parts.
The harnesses in `workers/` speak it too, in their own words: they can import nothing of ours.
Imports nothing of Plumbob.
"""

from __future__ import annotations

import json
import struct
from typing import Any

HEADER = struct.Struct("<II")
MAX_OBJECT = 64 << 20
MAX_BLOB = 1 << 30
"""Lengths beyond these are no frame but garbage."""


_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DECODER = json.JSONDecoder()
# Made once: `json.dumps` with separators makes one for each call.


def encode(data: dict[str, Any], blob: bytes = b"") -> bytes:
    """Return a frame."""
    text = _ENCODER.encode(data).encode()
    return HEADER.pack(len(text), len(blob)) + text + blob


def take(buffer: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """Return the first frame and remove it from the buffer; None while it is incomplete.

    Raises `ValueError` for what is no frame.
    """
    if len(buffer) < HEADER.size:
        return None
    size, blob_size = HEADER.unpack_from(buffer)
    if size > MAX_OBJECT or blob_size > MAX_BLOB:
        raise ValueError(f"lengths {size} and {blob_size}")
    middle = HEADER.size + size
    end = middle + blob_size
    if len(buffer) < end:
        return None
    data = _DECODER.decode(buffer[HEADER.size : middle].decode())
    if not isinstance(data, dict):
        raise ValueError("the object is none")  # noqa: TRY004  # what was sent, not who calls
    blob = bytes(buffer[middle:end])
    del buffer[:end]
    return data, blob
