"""The guest's memory as WASI functions see it: addresses that are checked before any effect.

Assumed of a `Memory`: `read` and `write` refuse a range that is not whole inside, so that even
a mistake here cannot reach beyond. What this module adds is the check *before* the effect: a
function that fails with a fault has changed nothing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Protocol

from plumbob.errors import ExitCode, PlumbobError
from plumbob.wasi.errno import Errno, WasiError

if TYPE_CHECKING:
    from plumbob.runtime.memory import Bytes

MAX_VECTORS: Final = 1024
"""The most buffers of one scattered read or gathered write (Linux's IOV_MAX)."""


class GuestMemoryFault(PlumbobError):  # noqa: N818 -- a fault of the guest's, which traps
    """The guest passed an address that is not inside its memory, or is not aligned.

    The runtime turns it into a trap, as the interface's conventions ask (WebAssembly/WASI,
    legacy/tools/witx-docs.md, Pointers).
    """

    exit_code = ExitCode.FOUND

    def __init__(self, address: int, length: int, size: int, alignment: int = 1) -> None:
        if address % alignment:
            super().__init__(
                "misaligned guest pointer",
                expected=f"a multiple of {alignment}",
                found=f"{address:#x}",
            )
        else:
            super().__init__(
                "guest pointer out of bounds",
                expected=f"{length} bytes inside a memory of {size} bytes",
                found=f"address {address:#x}",
            )
        self.address = address
        self.length = length
        self.size = size
        self.alignment = alignment


class Memory(Protocol):
    """A linear memory. Addresses and lengths are unsigned, in bytes."""

    @property
    def size(self) -> int:
        """The memory's present size in bytes."""
        ...

    def read(self, address: int, length: int) -> bytes:
        """Return `length` bytes; raise `GuestMemoryFault` unless all are inside."""
        ...

    def write(self, address: int, data: bytes) -> None:
        """Store `data`; raise `GuestMemoryFault`, and store nothing, unless all is inside."""
        ...


class ByteMemory:
    """A memory over bytes: a `bytearray` of its own, or those that `data` is set to."""

    __slots__ = ("data",)

    def __init__(self, size: int) -> None:
        self.data: Bytes = bytearray(size)

    @property
    def size(self) -> int:
        """The memory's size in bytes."""
        return len(self.data)

    def read(self, address: int, length: int) -> bytes:
        """Return `length` bytes from `address`."""
        check(self, address, length)
        return bytes(self.data[address : address + length])

    def write(self, address: int, data: bytes) -> None:
        """Store `data` at `address`."""
        check(self, address, len(data))
        self.data[address : address + len(data)] = data


def check(memory: Memory, address: int, length: int, alignment: int = 1) -> None:
    """Raise `GuestMemoryFault` unless the range is aligned and whole inside the memory.

    Python's integers do not wrap, so `address + length` is the true end.
    """
    if address < 0 or address + length > memory.size or address % alignment:
        raise GuestMemoryFault(address, length, memory.size, alignment)


class Pointer:
    """An address whose extent the function itself knows; `span` checks it."""

    __slots__ = ("address", "alignment", "memory")

    def __init__(self, memory: Memory, address: int, alignment: int = 1) -> None:
        self.memory = memory
        self.address = address
        self.alignment = alignment

    def span(self, length: int) -> Buffer:
        """Return the `length` bytes from here as a buffer, checked."""
        check(self.memory, self.address, length, self.alignment)
        return Buffer(self.memory, self.address, length)


class Buffer:
    """A range that is known to be inside the memory."""

    __slots__ = ("address", "length", "memory")

    def __init__(self, memory: Memory, address: int, length: int) -> None:
        self.memory = memory
        self.address = address
        self.length = length

    def write(self, data: bytes, offset: int = 0) -> None:
        """Store `data` from `offset` on."""
        self.memory.write(self.address + offset, data)

    def read(self) -> bytes:
        """Return all its bytes."""
        return self.memory.read(self.address, self.length)


class Vectors:
    """The buffers of a scattered read or a gathered write, all known to be inside."""

    __slots__ = ("buffers", "memory", "total")

    def __init__(self, memory: Memory, address: int, count: int) -> None:
        """Check the array and each buffer; raise `INVAL` where there are too many."""
        check(memory, address, count * 8, 4)
        if count > MAX_VECTORS:
            raise WasiError(Errno.INVAL)
        self.memory = memory
        self.buffers = list(struct.iter_unpack("<II", memory.read(address, count * 8)))
        for start, length in self.buffers:
            check(memory, start, length)
        self.total = sum(length for _, length in self.buffers)

    def gather(self, limit: int) -> bytes:
        """Return the first `limit` bytes of the buffers, joined."""
        parts = []
        for start, length in self.buffers:
            taken = min(length, limit)
            parts.append(self.memory.read(start, taken))
            limit -= taken
            if not limit:
                break
        return b"".join(parts)

    def scatter(self, data: bytes) -> int:
        """Distribute `data`, no longer than `total`, over the buffers; return its length."""
        done = 0
        for start, length in self.buffers:
            if done == len(data):
                break
            piece = data[done : done + length]
            self.memory.write(start, piece)
            done += len(piece)
        return len(data)
