"""Linear memories (WebAssembly 3.0, Execution / Runtime Structure / Memory Instances).

The bytes are one bytearray that grows in place: generated code holds on to it, and native
code will. A view of it that the embedder keeps pins it, and then growing fails, as the
specification allows growing to fail for any reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.runtime.traps import GuestTrap, TrapCode
from plumbob.wasm.types import Limits, MemoryType

if TYPE_CHECKING:
    from plumbob.runtime.limits import Budget

GROW_FAILED = -1


class LinearMemory:
    """A memory instance. Sizes are in pages of its own page size, addresses in bytes."""

    __slots__ = ("budget", "data", "declared", "waiters")

    def __init__(self, declared: MemoryType, budget: Budget) -> None:
        """Make a memory of its minimum size. Raises `LimitError` if the budget has no room."""
        self.declared = declared
        self.budget = budget
        size = declared.limits.minimum << declared.page_size_log2
        budget.take_memory(size)
        self.data = bytearray(size)
        self.waiters: dict[int, int] = {}

    @property
    def pages(self) -> int:
        """The size in pages."""
        return len(self.data) >> self.declared.page_size_log2

    @property
    def type(self) -> MemoryType:
        """The type, with the size of now as its minimum: what an importer is matched with."""
        limits = self.declared.limits
        return self.declared._replace(limits=Limits(self.pages, limits.maximum, limits.is64))

    def grow(self, delta: int) -> int:
        """Add `delta` pages. Returns the size before, or GROW_FAILED."""
        pages = self.pages
        declared = self.declared
        bits = (64 if declared.limits.is64 else 32) - declared.page_size_log2
        most = (1 << bits) - (declared.page_size_log2 == 0)
        maximum = most if declared.limits.maximum is None else declared.limits.maximum
        if pages + delta > maximum:
            return GROW_FAILED
        more = delta << declared.page_size_log2
        if not self.budget.try_take_memory(more):
            return GROW_FAILED
        try:
            self.data.extend(bytes(more))
        except (BufferError, MemoryError, OverflowError):
            self.budget.give_memory(more)
            return GROW_FAILED
        return pages

    def require(self, address: int, size: int) -> None:
        """Trap unless `[address, address + size)` lies whole in the memory."""
        if address + size > len(self.data):
            raise out_of_bounds(self, address, size)

    def read(self, address: int, size: int) -> bytes:
        """Return bytes; traps out of bounds."""
        self.require(address, size)
        return bytes(self.data[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """Write bytes; traps out of bounds and writes nothing then."""
        self.require(address, len(data))
        self.data[address : address + len(data)] = data

    def fill(self, address: int, value: int, size: int) -> None:
        """memory.fill: the low byte of `value`, `size` times."""
        self.require(address, size)
        self.data[address : address + size] = bytes((value & 0xFF,)) * size

    def copy_from(self, source: LinearMemory, target: int, start: int, size: int) -> None:
        """memory.copy: from `start` in a source, perhaps this memory, to `target` here."""
        source.require(start, size)
        self.require(target, size)
        self.data[target : target + size] = source.data[start : start + size]

    def init(self, segment: bytes, target: int, start: int, size: int) -> None:
        """memory.init: `size` bytes of a segment from `start` on; b"" once it is dropped."""
        if start + size > len(segment):
            raise GuestTrap(
                TrapCode.MEMORY_OUT_OF_BOUNDS,
                f"a data segment of {len(segment)} bytes has no {size} bytes at {start}",
            )
        self.require(target, size)
        self.data[target : target + size] = segment[start : start + size]


def out_of_bounds(memory: LinearMemory, address: int, size: int) -> GuestTrap:
    """Return the trap of an access that does not lie whole in the memory."""
    return GuestTrap(
        TrapCode.MEMORY_OUT_OF_BOUNDS,
        f"{size} bytes at {address:#x}, in a memory of {len(memory.data):#x} bytes",
    )
