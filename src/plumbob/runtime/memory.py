"""Linear memories (WebAssembly 3.0, Execution / Runtime Structure / Memory Instances).

The bytes are one buffer that grows in place: generated code holds on to it, and native
code will. A view of it that the embedder keeps pins it, and then growing by anything fails,
as the specification allows growing to fail for any reason.

Where the system can grow a mapping (Linux) the buffer is an anonymous one, so pages that a
guest never touches cost neither time nor memory: CPython clears a bytearray by writing it.
Elsewhere, and for memories smaller than a page of the system's, it is a bytearray.

A shared memory may be used from several threads at once. Single accesses are atomic, since
Python runs one of its operations at a time; what reads and writes holds `lock`.
"""

from __future__ import annotations

import mmap
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, TypeAlias

from plumbob.ir.entities import HEAP_OOB
from plumbob.ir.trap_codes import UNALIGNED_ATOMIC, UNSHARED_WAIT
from plumbob.runtime.limits import host_is_short
from plumbob.runtime.traps import DEADLINE, GROWTH, GuestTrap
from plumbob.wasm.types import Limits, MemoryType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.limits import Budget

Bytes: TypeAlias = bytearray | mmap.mmap
"""What holds a memory's bytes."""

GROW_FAILED: Final = -1
WOKEN, NOT_EQUAL, TIMED_OUT = range(3)
"""What memory.atomic.wait gives."""


POLL_SECONDS: Final = 0.05
"""How long a waiting guest does not ask whether it was interrupted."""

FILL_PIECE: Final = 1 << 16
"""Bytes that memory.fill writes at once."""


def zeros(size: int) -> Bytes:
    """Return a buffer of zeros. Raises MemoryError or OverflowError where the host has none."""
    if sys.platform != "linux" or size < mmap.PAGESIZE:
        return bytearray(size)
    try:
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError from error


def extend(data: Bytes, more: int) -> None:
    """Append zeros. Raises MemoryError, OverflowError, or BufferError where a view pins it.

    Appending none always works; a mapping refuses to be resized to its size while it is pinned.
    """
    if not more:
        return
    if isinstance(data, bytearray):
        data.extend(bytes(more))
        return
    try:
        data.resize(len(data) + more)
    except (OSError, ValueError) as error:
        raise MemoryError from error


class LinearMemory:
    """A memory instance. Sizes are in pages of its own page size, addresses in bytes."""

    __slots__ = ("budget", "data", "declared", "lock", "taken", "waiters")

    def __init__(self, declared: MemoryType, budget: Budget) -> None:
        """Make a memory of its minimum size. Raises `LimitError` if budget or host lack room."""
        self.declared = declared
        self.budget = budget
        self.taken = 0
        size = declared.limits.minimum << declared.page_size_log2
        budget.take_memory(size)
        try:
            self.data = zeros(size)
        except (MemoryError, OverflowError):
            budget.give_memory(size)
            raise host_is_short("a memory", f"{size} bytes") from None
        self.taken = size
        self.lock = threading.RLock()
        self.waiters: dict[int, list[threading.Event]] = {}

    def release(self) -> None:
        """Give the budget and the host their bytes back; nobody uses the memory any more."""
        self.budget.give_memory(self.taken)
        self.taken = 0
        if isinstance(self.data, bytearray):
            self.data.clear()
        elif sys.platform == "linux":
            self.data.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        self.budget.give_memory(self.taken)

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
        if pages + delta > maximum or (delta and not self.budget.may_grow(pages + delta)):
            return GROW_FAILED
        more = delta << declared.page_size_log2
        if not self.budget.try_take_memory(more):
            return GROW_FAILED
        try:
            extend(self.data, more)
        except (BufferError, MemoryError, OverflowError):
            self.budget.give_memory(more)
            return GROW_FAILED
        self.taken += more
        return pages

    def guest_grow(self, delta: int) -> int:
        """memory.grow: as `grow`; traps where it fails, if the limits say so."""
        before = self.grow(delta)
        if before == GROW_FAILED and self.budget.limits.trap_on_grow_failure:
            raise GuestTrap(GROWTH, f"a memory of {self.pages} pages cannot grow by {delta}")
        return before

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
        piece = bytes((value & 0xFF,)) * min(size, FILL_PIECE)
        for at in range(address, address + size, FILL_PIECE):
            left = address + size - at
            self.data[at : at + min(left, FILL_PIECE)] = piece[:left]

    def copy_from(self, source: LinearMemory, target: int, start: int, size: int) -> None:
        """memory.copy: from `start` in a source, perhaps this memory, to `target` here."""
        source.require(start, size)
        self.require(target, size)
        if source is self and not isinstance(self.data, bytearray):
            self.data.move(target, start, size)  # without a copy in between
        else:
            self.data[target : target + size] = source.data[start : start + size]

    def init(self, segment: bytes | memoryview, target: int, start: int, size: int) -> None:
        """memory.init: `size` bytes of a segment from `start` on; b"" once it is dropped."""
        if start + size > len(segment):
            raise GuestTrap(
                HEAP_OOB,
                f"a data segment of {len(segment)} bytes has no {size} bytes at {start}",
            )
        self.require(target, size)
        self.data[target : target + size] = segment[start : start + size]

    # Threads

    def require_atomic(self, address: int, size: int) -> None:
        """Trap unless the address is a multiple of the size, and lies in the memory."""
        if address % size:
            raise misaligned(address, size)
        self.require(address, size)

    def wait(
        self, address: int, size: int, expected: int, timeout: int, poll: Callable[[], None]
    ) -> int:
        """memory.atomic.wait: wait while `size` bytes hold `expected`, until notified.

        `timeout` is a signed 64-bit number of nanoseconds in its unsigned form; negative
        means none. `poll` is asked from time to time and may trap. Returns WOKEN, NOT_EQUAL
        or TIMED_OUT.
        """
        self.require_atomic(address, size)
        if not self.declared.shared:
            raise GuestTrap(UNSHARED_WAIT)
        event = threading.Event()
        with self.lock:
            if int.from_bytes(self.data[address : address + size], "little") != expected:
                return NOT_EQUAL
            if self.budget.limits.nobody_wakes:
                return self._pass_time(timeout)
            self.waiters.setdefault(address, []).append(event)
        seconds = None if timeout >> 63 else min(timeout / 1e9, threading.TIMEOUT_MAX)
        deadline = None if seconds is None else time.monotonic() + seconds
        while not event.wait(_remaining(deadline)):
            try:
                poll()
            except GuestTrap:
                with self.lock:
                    if not event.is_set():
                        self._forget(address, event)
                raise
            with self.lock:
                if not event.is_set() and deadline is not None and time.monotonic() >= deadline:
                    self._forget(address, event)
                    return TIMED_OUT
        return WOKEN

    def _pass_time(self, timeout: int) -> int:
        """Wait on the guest's own clock."""
        if timeout >> 63:
            raise GuestTrap(DEADLINE, "it waits without end, and nobody can wake it")
        self.budget.waited += timeout
        return TIMED_OUT

    def notify(self, address: int, count: int) -> int:
        """memory.atomic.notify: wake at most `count` waiters; returns how many."""
        self.require_atomic(address, 4)
        with self.lock:
            waiting = self.waiters.get(address, [])
            woken = waiting[:count]
            for event in woken:
                event.set()
                self._forget(address, event)
        return len(woken)

    def _forget(self, address: int, event: threading.Event) -> None:
        waiting = self.waiters[address]
        waiting.remove(event)
        if not waiting:
            del self.waiters[address]


def _remaining(deadline: float | None) -> float:
    if deadline is None:
        return POLL_SECONDS
    return min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))


def misaligned(address: int, size: int) -> GuestTrap:
    """Return the trap of an atomic access at an address that is not a multiple of its size."""
    return GuestTrap(UNALIGNED_ATOMIC, f"{size} bytes at {address:#x}")


def out_of_bounds(memory: LinearMemory, address: int, size: int) -> GuestTrap:
    """Return the trap of an access that does not lie whole in the memory."""
    return GuestTrap(
        HEAP_OOB,
        f"{size} bytes at {address:#x}, in a memory of {len(memory.data):#x} bytes",
    )
