"""What a store's structures, arrays and exceptions take of its limit on memory.

An object counts by its type and length, as much as it can ever take: whoever fills an array
of numbers makes no object, but each number takes room. Sizes are CPython's, rounded up.

Making an object takes its size from `room`, which generated code does in place. When that is
used up the budget gives more, in pieces of `PIECE` bytes. Only when the budget has none left
are the objects measured that still live: every store has classes of its own for them, so the
collector's list tells whose they are. What has died is given back, and if too little has, the
guest traps.

So a store never traps below its limit. Above it, objects take at most `excess(limit)` bytes
more than the limit: after a measurement that leaves less than that, so much is lent, lest the
next object need another one.
"""

from __future__ import annotations

import gc
from types import CellType
from typing import TYPE_CHECKING, Final, TypeVar

from plumbob.runtime.references import ArrayRef, ExnRef, StructRef
from plumbob.runtime.traps import MEMORY_LIMIT, GuestTrap
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.runtime.limits import Budget
    from plumbob.runtime.references import Tag
    from plumbob.wasm.type_space import TypeRegistry
    from plumbob.wasm.types import ValType

_Kind = TypeVar("_Kind")

OBJECT_BYTES: Final = 120
"""An object and its list, without the list's elements."""

REFERENCE_BYTES: Final = 8

_NUMBER_BYTES: Final = {
    t.I8: 0,  # Python keeps the numbers up to 256 for good
    t.I16: 32,
    t.I32: 32,
    t.F32: 32,
    t.I64: 48,
    t.F64: 48,
    t.V128: 48,
}
"""A number's own object, where it has one."""

_I31_BYTES: Final = 32
_WRAPPED_BYTES: Final = 64
"""An `Externalized`; what it wraps may be an i31."""

PIECE: Final = 1 << 20
"""Bytes that are taken from the budget at once."""


def excess(limit: int) -> int:
    """Return how many bytes of objects may live beyond a store's limit: 1 MiB or 1/16 of it."""
    return max(1 << 20, limit >> 4)


def value_bytes(storage: ValType) -> int:
    """Return what a field or element of a storage type takes at most."""
    if not storage.is_ref:
        return REFERENCE_BYTES + _NUMBER_BYTES[storage]
    heap = storage.heap
    if heap == t.EXTERN:
        return REFERENCE_BYTES + _WRAPPED_BYTES + _I31_BYTES
    return REFERENCE_BYTES + (_I31_BYTES if heap in (t.ANY, t.EQ, t.I31) else 0)


def values_bytes(storages: Iterable[ValType]) -> int:
    """Return what a structure or exception with such values takes at most."""
    return OBJECT_BYTES + sum(map(value_bytes, storages))


class ObjectMemory:
    """The account of one store's objects, and the classes that they are made of.

    `structure`, `array` and `exception` make objects that count; their size is to be taken
    before. `room` holds the bytes that may be made before the budget is asked.
    """

    def __init__(self, budget: Budget, registry: TypeRegistry) -> None:
        self.budget = budget
        self.registry = registry
        self.room = CellType(0)
        self.structure = _class_for_store(StructRef)
        self.array = _class_for_store(ArrayRef)
        self.exception = _class_for_store(ExnRef)
        self._taken = 0
        """What the budget has given, `room` included."""
        self._fixed: dict[int, int] = {}
        self._per_element: dict[int, int] = {}
        self._may_have_died = True
        budget.reclaim = self.reclaim

    def take(self, size: int) -> None:
        """Take bytes for an object that is about to be made; traps where there are none."""
        room: int = self.room.cell_contents - size
        self.room.cell_contents = room if room >= 0 else self.refill(room, size)

    def refill(self, room: int, size: int) -> int:
        """Return the room to go on with after `size` was taken from it and it fell below zero.

        Traps where the budget has no more, with no room left.
        """
        budget = self.budget
        more = min(max(PIECE, -room), budget.memory)
        if more < -room:
            self.room.cell_contents = room + size
            self._settle_for(size)
            if size > budget.memory:
                found = f"{self._taken} bytes of objects, and {size} more"
                raise GuestTrap(MEMORY_LIMIT, f"about {found}")
            room = -size
            least = size + excess(budget.limits.memory)
            more = max(min(PIECE + size, budget.memory), least)
        budget.memory -= more
        self._taken += more
        self._may_have_died = True
        return room + more

    def reclaim(self, size: int, *, for_host: bool = False) -> None:
        """Give back what died, if that may leave `size` bytes; called where they are short.

        For a guest nothing is measured twice unless objects were made or a call from outside
        began in between: it may ask in a loop.
        """
        if (self._may_have_died or for_host) and size <= self.budget.limits.memory:
            self._may_have_died = False
            self._settle_for(size)

    def host_was_there(self) -> None:
        """Note that the host may have dropped references."""
        self._may_have_died = True

    def _settle_for(self, size: int) -> None:
        """Give back what died; what only cycles hold too, if `size` bytes are short."""
        self._settle()
        if size > self.budget.memory:
            gc.collect()
            self._settle()

    def _settle(self) -> None:
        live = self.live_bytes()
        self.budget.memory += self._taken - live
        self._taken = live
        self.room.cell_contents = 0

    def live_bytes(self) -> int:
        """Return how many bytes the store's objects take that live now."""
        total = 0
        for item in gc.get_objects():
            # Not `isinstance`, which asks objects of the host for their class.
            kind = type(item)
            try:
                if kind is self.structure:
                    total += self._fixed.get(item.type) or self._size_of_structure(item.type)
                elif kind is self.array:
                    total += OBJECT_BYTES + self.element_bytes(item.type) * len(item.items)
                elif kind is self.exception:
                    total += exception_bytes(item.tag)
            except AttributeError:  # a guest that was abandoned makes it just now
                continue
        return total

    def _size_of_structure(self, type_: int) -> int:
        composite = self.registry.types[type_].composite
        assert isinstance(composite, t.StructType)  # noqa: S101  # a structure's type
        size = values_bytes(field.storage for field in composite.fields)
        self._fixed[type_] = size
        return size

    def element_bytes(self, type_: int) -> int:
        """Return what an element takes, by the array's canonical type."""
        size = self._per_element.get(type_)
        if size is None:
            composite = self.registry.types[type_].composite
            assert isinstance(composite, t.ArrayType)  # noqa: S101  # an array's type
            size = self._per_element[type_] = value_bytes(composite.field.storage)
        return size

    def take_array(self, type_: int, length: int) -> None:
        """Take what an array of a canonical type and a length needs."""
        self.take(OBJECT_BYTES + self.element_bytes(type_) * length)

    def take_structure(self, type_: int) -> None:
        """Take what a structure of a canonical type needs."""
        self.take(self._fixed.get(type_) or self._size_of_structure(type_))


def exception_bytes(tag: Tag) -> int:
    """Return what an exception takes at most."""
    return values_bytes(tag.signature.params)


def _class_for_store(kind: type[_Kind]) -> type[_Kind]:
    """Return a class of its own for the objects of one store."""
    return type(kind.__name__, (kind,), {"__slots__": (), "__module__": kind.__module__})
