"""Memory as objects: an address is an object's id and an offset, and never anything else.

Every stack slot of every frame is an object of its own, as are heaps, tables, global data
and functions. An address is one integer with the id in its high bits and the offset in its
low ones, so the identity of its object survives arithmetic, casts, byte copies, and being
stored and loaded back. There is no flat memory behind it in which a slot could have a
neighbour.

Why an access cannot reach an object it was not meant for:

- An access is resolved once, from the sum of the address and the instruction's offset, as
  an unbounded integer: nothing wraps. The whole of it must lie within the one object.
- Ids are even numbers. A sum that leaves its object's offsets in either direction by less
  than `2**offset_bits` carries into, or borrows from, an odd id, which no object has.
- The id 0 is nobody's, so null and small integers are no addresses.
- An id is used again only if no address of its object can have survived (`escape.py`
  proves that for slots); all others count up until they are used up, which is a trap.

Executors resolve accesses in one place each: `Memory.access` for the tree-walking mode, and
its text in `source_memory.py` for generated source, which ends in `Memory.fault` whenever
the plain dictionary look-up or the bounds check of `bytearray` says no.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plumbob.errors import UsageError
from plumbob.exec.interp.outcome import (
    MEMORY_LIMIT,
    MISALIGNED,
    NOTRAP_FAULT,
    USE_AFTER_RETURN,
    GuestTrap,
)

REMEMBERED: Final = 1 << 16
"""How many of the objects released last keep their description, for messages alone."""


class Layout(NamedTuple):
    """How an address of `bits` bits is divided."""

    bits: int
    id_bits: int
    offset_bits: int

    @property
    def offset_mask(self) -> int:
        """The bits of the offset."""
        return (1 << self.offset_bits) - 1

    @property
    def max_size(self) -> int:
        """The greatest size of an object in bytes."""
        return 1 << self.offset_bits


LAYOUTS: Final = {64: Layout(64, 31, 32), 32: Layout(32, 12, 20)}
"""By the width of pointers."""


class ObjectInfo(NamedTuple):
    """What messages say about an object: a kind ("slot", "data", "function", …) and its name."""

    kind: str
    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class FrameSpec(NamedTuple):
    """The slots of a function, in their order: what a frame of it allocates.

    `reusable[i]` says that no address of slot i outlives its frame.
    """

    infos: tuple[ObjectInfo, ...]
    reusable: tuple[bool, ...]
    size: int
    """Bytes of all slots together."""


class Memory:
    """The objects of one machine.

    `live` maps ids to contents; generated source reads it directly. `limit` bounds the
    bytes of all objects together. `seed` permutes the order in which a frame's slots get
    their ids, and moves the first id: no result of a valid program depends on it.
    """

    def __init__(self, layout: Layout, limit: int, seed: int = 0) -> None:
        self.layout = layout
        self.limit = limit
        self.seed = seed
        self.live: dict[int, bytearray] = {}
        self.infos: dict[int, ObjectInfo] = {}
        self.used = 0
        self._next = 2 + 2 * (seed % 61)
        self._first = self._next
        self._free: list[int] = []
        self._released: dict[int, ObjectInfo] = {}

    # Objects

    def allocate(self, info: ObjectInfo, contents: bytes | bytearray | None = None) -> int:
        """Create an object and return its address; zeros unless `contents` are given.

        A `bytearray` is used itself, so that the host can share it with the guest; it must
        not change its size. Traps with MEMORY_LIMIT.
        """
        data = contents if isinstance(contents, bytearray) else None
        if contents is not None and len(contents) != info.size:
            raise UsageError(f"contents of {info}", expected=f"{info.size} bytes")
        self._reserve(info.size, info)
        if data is None:
            data = bytearray(info.size) if contents is None else bytearray(contents)
        number = self._new_id(info)
        self.live[number] = data
        self.infos[number] = info
        return number << self.layout.offset_bits

    def _reserve(self, size: int, subject: object) -> None:
        if size > self.layout.max_size:
            message = f"{subject} of {size} bytes; the largest object has {self.layout.max_size}"
            raise GuestTrap(MEMORY_LIMIT, message)
        if self.used + size > self.limit:
            message = f"{subject} of {size} bytes; {self.used} of {self.limit} are in use"
            raise GuestTrap(MEMORY_LIMIT, message)
        self.used += size

    def _new_id(self, subject: object) -> int:
        if self._free:
            return self._free.pop()
        number = self._next
        if number >> self.layout.id_bits:
            raise GuestTrap(MEMORY_LIMIT, f"{subject}: no object id is left")
        self._next = number + 2
        return number

    def release(self, address: int, *, reusable: bool = False) -> None:
        """End an object's life. `reusable`: no address of it is left anywhere."""
        number = address >> self.layout.offset_bits
        self.used -= len(self.live.pop(number))
        info = self.infos.pop(number)
        if reusable:
            self._free.append(number)
            return
        self._released[number] = info
        if len(self._released) > REMEMBERED:
            del self._released[next(iter(self._released))]

    # Frames

    def push(self, spec: FrameSpec) -> list[int]:
        """Allocate a frame's slots; returns their addresses in the order of `spec`."""
        count = len(spec.infos)
        order = range(count)
        addresses = [0] * count
        try:
            for index in self._permuted(order) if self.seed else order:
                addresses[index] = self.allocate(spec.infos[index])
        except GuestTrap:
            self.pop([a for a in addresses if a], None)
            raise
        return addresses

    def _permuted(self, order: range) -> list[int]:
        """Return the indices in an order that depends on the seed alone."""
        state, left, permuted = self.seed, list(order), []
        while left:
            state = (state * 6364136223846793005 + 1442695040888963407) & ((1 << 64) - 1)
            permuted.append(left.pop((state >> 33) % len(left)))
        return permuted

    def pop(self, addresses: list[int], spec: FrameSpec | None) -> None:
        """Release a frame's slots."""
        for index, address in enumerate(addresses):
            self.release(address, reusable=spec is not None and spec.reusable[index])

    # Accesses

    def access(
        self, address: int, offset: int, size: int, trap: str | None, *, aligned: bool = False
    ) -> tuple[bytearray, int]:
        """Resolve an access of `size` bytes at `address + offset`: contents and position.

        The one check for scalars, vectors and atomics, loads and stores. `trap` is the code
        of a fault, None for `notrap`. Raises GuestTrap unless the access lies whole within
        one live object, or if `aligned` is asked for and does not hold.
        """
        effective = address + offset
        if aligned and effective % size:
            raise self.misaligned(effective, size)
        data = self.live.get(effective >> self.layout.offset_bits)
        position = effective & self.layout.offset_mask
        if data is None or position + size > len(data):
            raise self.fault(address, offset, size, trap)
        return data, position

    def misaligned(self, effective: int, size: int) -> GuestTrap:
        """Return the trap of an access that must be aligned to its size and is not."""
        where = self._describe(effective)
        return GuestTrap(MISALIGNED, f"access of {size} bytes at {where} is not aligned")

    def fault(self, address: int, offset: int, size: int, trap: str | None) -> GuestTrap:
        """Return the trap of an access that does not lie within one live object."""
        kind = NOTRAP_FAULT if trap is None else trap
        effective = address + offset
        for number, position in self._candidates(address, offset):
            data = self.live.get(number)
            if data is not None:
                bounds = f"bounds 0 to {len(data)}"
                place = f"{self.infos[number]} at offset {position}"
                return GuestTrap(kind, f"access of {size} bytes in {place}: {bounds}")
        number = effective >> self.layout.offset_bits
        if self._was_alive(number):
            info = self._released.get(number)
            subject = str(info) if info is not None else "an object"
            message = f"access of {size} bytes in {subject}, whose frame has returned"
            return GuestTrap(USE_AFTER_RETURN, message)
        message = f"access of {size} bytes at {effective:#x}, which is in no object"
        return GuestTrap(kind, message)

    def _candidates(self, address: int, offset: int) -> list[tuple[int, int]]:
        """Return (id, signed offset) that an address may have been meant as, best first.

        Its own object; else the one that a negative offset borrowed from, the one that a
        carry left, or the object of the address before the instruction's offset.
        """
        bits, mask = self.layout.offset_bits, self.layout.offset_mask
        effective = address + offset
        number, position = effective >> bits, effective & mask
        if self._was_alive(number) and number not in self.live:
            return []
        return [
            (number, position),
            (address >> bits, (address & mask) + offset),
            (number + 1, position - mask - 1),
            (number - 1, position + mask + 1),
        ]

    def _was_alive(self, number: int) -> bool:
        """Whether an object had that id and is gone."""
        return number % 2 == 0 and self._first <= number < self._next and number not in self.live

    def _describe(self, address: int) -> str:
        for number, position in self._candidates(address, 0):
            info = self.infos.get(number)
            if info is not None:
                return f"{info} offset {position}"
        return f"{address:#x}"
