"""Structures and arrays: making them, and what operations on whole ranges mean.

Packed fields hold their low bits. Every check precedes every effect; the order of checks
is that of `ir/high_level.py`.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Final

from plumbob.ir.entities import HEAP_OOB
from plumbob.ir.trap_codes import ARRAY_OOB, NULL_ARRAY, TABLE_OOB
from plumbob.runtime.references import ArrayRef, ExnRef, StructRef
from plumbob.runtime.traps import MEMORY_LIMIT, GuestTrap
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.runtime.limits import Budget
    from plumbob.wasm.types import ValType

BYTES: Final = {t.I8: 1, t.I16: 2, t.I32: 4, t.F32: 4, t.I64: 8, t.F64: 8, t.V128: 16}
"""Size of a number, vector or packed field in memory."""

ELEMENT_BYTES: Final = 8
"""What an element of an array is taken to cost: a reference to its value."""

LARGE_ARRAY: Final = 64
"""Elements from which on an array is counted by itself; smaller objects the executor counts
together, from time to time. Python's allocator of small blocks has none of the others."""

OBJECT_BYTES: Final = 120
"""What an object and its list are taken to cost, without the list's elements."""

NUMBER_BYTES: Final = 32
"""What a number is taken to cost that Python does not keep for good."""

KEPT_NUMBER: Final = 256
"""The largest number that Python keeps for good."""


class LargeArray(ArrayRef):
    """An array that gives back to the budget what it took."""

    __slots__ = ("budget",)

    budget: Budget

    def __del__(self) -> None:
        self.budget.give_memory(len(self.items) * ELEMENT_BYTES)


_CONTENTS: Final = {
    StructRef: "fields",
    ArrayRef: "items",
    LargeArray: "items",
    ExnRef: "values",
}


def live_bytes() -> int:
    """Return about how many bytes the objects take that live now, those of every store.

    A large array's elements are not among them, which a budget has counted, but numbers are
    to which they refer.
    """
    total = 0
    for item in gc.get_objects():
        # Not `isinstance`, which asks objects of the host for their class.
        name = _CONTENTS.get(type(item))
        if name is None:
            continue
        # Another thread may be about to fill it.
        values = getattr(item, name, ())
        total += OBJECT_BYTES
        if type(item) is not LargeArray:
            total += len(values) * ELEMENT_BYTES
        for value in values:
            if type(value) is int and value > KEPT_NUMBER:
                total += NUMBER_BYTES
    return total


def default_of(storage: ValType) -> int | None:
    """Return the default value of a storage type that has one."""
    return None if storage.is_ref else 0


def mask_of(storage: ValType) -> int | None:
    """Return the mask of a packed storage type, None for others."""
    return (1 << 8 * BYTES[storage]) - 1 if storage.is_packed else None


def new_array(type_: int, value: Any, length: int, budget: Budget) -> ArrayRef:
    """Return an array of `length` times the value; traps where the budget has no room."""
    if length < LARGE_ARRAY:
        return ArrayRef(type_, [value] * length)
    size = length * ELEMENT_BYTES
    if not budget.try_take_memory(size) and not _take_freed(size, budget):
        raise GuestTrap(MEMORY_LIMIT, f"an array of {length} elements")
    try:
        array = LargeArray(type_, [value] * length)
    except MemoryError:
        budget.give_memory(size)
        raise GuestTrap(MEMORY_LIMIT, f"an array of {length} elements") from None
    array.budget = budget
    return array


def _take_freed(size: int, budget: Budget) -> bool:
    """Take bytes if they are there once arrays are freed that only cycles of objects hold."""
    if size > budget.limits.memory:
        return False
    gc.collect()
    return budget.try_take_memory(size)


def array_of(type_: int, items: list[Any], budget: Budget) -> ArrayRef:
    """Return an array of the items; traps where the budget has no room."""
    array = new_array(type_, None, len(items), budget)
    array.items[:] = items
    return array


def decode_items(storage: ValType, data: bytes | memoryview, start: int, length: int) -> list[int]:
    """Return elements that a data segment holds from byte `start` on; traps out of bounds."""
    size = BYTES[storage]
    if start + length * size > len(data):
        message = f"a data segment of {len(data)} bytes has no {length} items of {size} at {start}"
        raise GuestTrap(HEAP_OOB, message)
    view = bytes(data[start : start + length * size])
    if size == 1:
        return list(view)
    return [int.from_bytes(view[at : at + size], "little") for at in range(0, len(view), size)]


def segment_items(segment: Sequence[Any], start: int, length: int) -> list[Any]:
    """Return elements of an element segment; traps out of bounds."""
    if start + length > len(segment):
        message = f"an element segment of {len(segment)} has no {length} at {start}"
        raise GuestTrap(TABLE_OOB, message)
    return list(segment[start : start + length])


def require(array: ArrayRef | None, start: int, length: int) -> ArrayRef:
    """Return the array; traps if it is null or has no such range."""
    array = not_null(array)
    if start + length > len(array.items):
        message = f"{length} elements at {start}, in an array of {len(array.items)}"
        raise GuestTrap(ARRAY_OOB, message)
    return array


def not_null(array: ArrayRef | None) -> ArrayRef:
    """Return the array; traps if it is null."""
    if array is None:
        raise GuestTrap(NULL_ARRAY)
    return array


def fill(array: ArrayRef | None, start: int, value: Any, length: int) -> None:
    """array.fill."""
    items = require(array, start, length).items
    items[start : start + length] = [value] * length


def copy(into: ArrayRef | None, to: int, source: ArrayRef | None, start: int, length: int) -> None:
    """array.copy; both may be one array."""
    target = not_null(into)
    origin = not_null(source)
    require(target, to, length)
    require(origin, start, length)
    target.items[to : to + length] = origin.items[start : start + length]


def init_data(
    storage: ValType,
    data: bytes | memoryview,
    array: ArrayRef | None,
    to: int,
    start: int,
    length: int,
) -> None:
    """array.init_data."""
    items = require(array, to, length).items
    items[to : to + length] = decode_items(storage, data, start, length)


def init_elem(
    segment: Sequence[Any], array: ArrayRef | None, to: int, start: int, length: int
) -> None:
    """array.init_elem."""
    items = require(array, to, length).items
    items[to : to + length] = segment_items(segment, start, length)
