"""Structures and arrays: making them, and what operations on whole ranges mean.

Packed fields hold their low bits. Every check precedes every effect; the order of checks
is that of `ir/high_level.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plumbob.ir.entities import HEAP_OOB
from plumbob.ir.trap_codes import ARRAY_OOB, NULL_ARRAY, TABLE_OOB
from plumbob.runtime.object_memory import exception_bytes
from plumbob.runtime.traps import GuestTrap
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.runtime.object_memory import ObjectMemory
    from plumbob.runtime.references import ArrayRef, ExnRef, StructRef, Tag
    from plumbob.wasm.types import ValType

BYTES: Final = {t.I8: 1, t.I16: 2, t.I32: 4, t.F32: 4, t.I64: 8, t.F64: 8, t.V128: 16}
"""Size of a number, vector or packed field in memory."""


def default_of(storage: ValType) -> int | None:
    """Return the default value of a storage type that has one."""
    return None if storage.is_ref else 0


def mask_of(storage: ValType) -> int | None:
    """Return the mask of a packed storage type, None for others."""
    return (1 << 8 * BYTES[storage]) - 1 if storage.is_packed else None


def new_array(type_: int, value: Any, length: int, objects: ObjectMemory) -> ArrayRef:
    """Return an array of `length` times the value; traps where the budget has no room."""
    objects.take_array(type_, length)
    return objects.array(type_, [value] * length)


def array_of(type_: int, items: list[Any], objects: ObjectMemory) -> ArrayRef:
    """Return an array of the items, which become its own; traps where there is no room."""
    objects.take_array(type_, len(items))
    return objects.array(type_, items)


def new_structure(type_: int, values: list[Any], objects: ObjectMemory) -> StructRef:
    """Return a structure of the values, which become its own; traps where there is no room."""
    objects.take_structure(type_)
    return objects.structure(type_, values)


def new_exception(tag: Tag, values: tuple[Any, ...], objects: ObjectMemory) -> ExnRef:
    """Return an exception; traps where there is no room."""
    objects.take(exception_bytes(tag))
    return objects.exception(tag, values)


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
