"""LEB128 writers for the encoder (WebAssembly 3.0, Binary Format / Values / Integers).

Each appends the shortest encoding to a bytearray; canonical encoders write no other. That
a value fits its width is the caller's to guarantee; `signed_fits` and `unsigned_fits` ask.
"""

from __future__ import annotations


def write_u32(out: bytearray, value: int) -> None:
    """Append an unsigned integer of any width."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def write_s32(out: bytearray, value: int) -> None:
    """Append a signed integer of any width."""
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)


write_u64 = write_u32
write_s33 = write_s64 = write_s32


def write_sized(out: bytearray, data: bytes | bytearray | memoryview) -> None:
    """Append the length of the data in bytes, and the data."""
    write_u32(out, len(data))
    out += data


def write_name(out: bytearray, name: str) -> None:
    """Append a name: its length in bytes, and its UTF-8 encoding."""
    write_sized(out, name.encode())


def unsigned_fits(value: int, bits: int) -> bool:
    """Whether an unsigned integer of this width holds the value."""
    return 0 <= value < 1 << bits


def signed_fits(value: int, bits: int) -> bool:
    """Whether a two's complement integer of this width holds the value."""
    return -1 << (bits - 1) <= value < 1 << (bits - 1)
