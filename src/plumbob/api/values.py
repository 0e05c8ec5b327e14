"""Python values for WebAssembly's, both ways.

| type | in | out |
|---|---|---|
| i32, i64 | int, signed or unsigned | int, signed |
| f32, f64 | float or int | float |
| v128 | 16 bytes | 16 bytes |
| funcref | `Func` or None | `Func` or None |
| externref | any object, None is null | the same object |
| anyref and below | `Struct`, `Array`, int for i31, None; any object for `any` | the same |
| exnref | `ExnRef` or None | the same |
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

from plumbob.errors import UsageError
from plumbob.runtime.references import (
    I31_MASK,
    ArrayRef,
    ExnRef,
    Externalized,
    FuncRef,
    HostRef,
    StructRef,
    has_type,
)
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.api.store import Store
    from plumbob.wasm.types import ValType

_BITS: Final = {t.I32: 32, t.I64: 64, t.I8: 8, t.I16: 16}
_FLOATS: Final = {t.F32: ("<f", "<I"), t.F64: ("<d", "<Q")}
_MAX_F32: Final = 3.4028235677973366e38
"""Numbers from here on round to infinity as an f32: halfway from the largest to 2^128."""
VECTOR_BYTES: Final = 16
NAMES: Final = {str(kind): kind for kind in (t.I32, t.I64, t.F32, t.F64, t.V128)} | {
    name: kind for kind, name in t.SHORT_NAMES.items()
}
"""Value types by the names of the text format."""


def value_type(given: str | ValType) -> ValType:
    """Return a value type by its name (`i32`, `externref`) or itself; UsageError if unknown."""
    if isinstance(given, t.ValType):
        return given
    found = NAMES.get(given)
    if found is None:
        raise UsageError("unknown value type", expected=", ".join(NAMES), found=repr(given))
    return found


def to_guest(value: Any, type_: ValType, store: Store, what: str) -> Any:
    """Return a Python value as the guest's; `what` names it in a UsageError."""
    if type_ in _BITS:
        return _integer(value, _BITS[type_], what)
    if type_ in _FLOATS:
        return _float(value, type_, what)
    if type_ == t.V128:
        if not isinstance(value, (bytes, bytearray, memoryview)) or len(value) != VECTOR_BYTES:
            raise _wrong(what, "16 bytes (v128)", value)
        return int.from_bytes(value, "little")
    reference = _reference(value, type_, store, what)
    if not has_type(reference, type_, store.runtime.registry):
        raise _wrong(what, str(type_), value)
    return reference


def _wrong(what: str, expected: str, value: Any) -> UsageError:
    return UsageError(what, expected=expected, found=f"{value!r} ({type(value).__name__})")


def _integer(value: Any, bits: int, what: str) -> int:
    if not isinstance(value, int) or not -(1 << (bits - 1)) <= value < 1 << bits:
        raise _wrong(what, f"an int of {bits} bits", value)
    return int(value) & ((1 << bits) - 1)


def _float(value: Any, type_: ValType, what: str) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _wrong(what, f"a float ({type_})", value)
    pack, unpack = _FLOATS[type_]
    try:
        number = float(value)
    except OverflowError:
        raise _wrong(what, f"a number that {type_} holds", value) from None
    if type_ == t.F32 and abs(number) >= _MAX_F32:
        number = math.copysign(math.inf, number)
    bits: int = struct.unpack(unpack, struct.pack(pack, number))[0]
    return bits


def _reference(value: Any, type_: ValType, store: Store, what: str) -> Any:
    from plumbob.api.externs import Func  # noqa: PLC0415  # a cycle: functions have values

    if value is None or isinstance(value, (HostRef, Externalized, ExnRef)):
        return value
    if isinstance(value, Func):
        value.require_store(store, what)
        if t.FUNC in _tops(type_, store):
            return value.runtime
    top = _tops(type_, store)
    if t.EXTERN in top:
        return Externalized(value.reference) if isinstance(value, _Object) else HostRef(value)
    if t.ANY in top:
        if isinstance(value, _Object):
            value.require_store(store, what)
            return value.reference
        if isinstance(value, int) and not isinstance(value, bool):
            if not -(1 << 30) <= value <= I31_MASK:
                raise _wrong(what, "an int of 31 bits (i31ref)", value)
            return value & I31_MASK
        return HostRef(value)
    raise _wrong(what, str(type_), value)


def _tops(type_: ValType, store: Store) -> tuple[t.HeapType, ...]:
    """Return the heap types above a reference type's, itself included."""
    heap = type_.heap
    if not heap.is_concrete:
        return t.HEAP_CLOSURE[heap]
    composite = store.runtime.registry.types[heap.index].composite
    return (t.FUNC,) if isinstance(composite, t.FuncType) else (t.ANY,)


def from_guest(value: Any, type_: ValType, store: Store) -> Any:
    """Return a guest's value as Python's."""
    if type_ in _BITS:
        bits = _BITS[type_]
        return int(value) - (int(value) >> (bits - 1) << bits)
    if type_ in _FLOATS:
        pack, unpack = _FLOATS[type_]
        return struct.unpack(pack, struct.pack(unpack, value))[0]
    if type_ == t.V128:
        return int(value).to_bytes(VECTOR_BYTES, "little")
    return _object(value, store)


def _object(value: Any, store: Store) -> Any:
    from plumbob.api.externs import Func  # noqa: PLC0415  # as above

    match value:
        case HostRef():
            return value.value
        case FuncRef():
            return Func(store, value)
        case StructRef():
            return Struct(store, value)
        case ArrayRef():
            return Array(store, value)
        case Externalized(StructRef() | ArrayRef() as inner):
            return _object(inner, store)
        case int():
            return value - (value >> 30 << 31)
    return value


def to_guest_all(
    values: Sequence[Any], types: Sequence[ValType], store: Store, what: str
) -> list[Any]:
    """Return Python values as the guest's, one for each type."""
    if len(values) != len(types):
        raise UsageError(
            f"{what} takes {len(types)} values",
            expected=f"({', '.join(map(str, types))})",
            found=f"{len(values)} values",
        )
    return [
        to_guest(value, type_, store, f"{what}, value {place}")
        for place, (value, type_) in enumerate(zip(values, types, strict=True), 1)
    ]


class _Object:
    """A structure or array of a guest's; equal to every other view of the same object."""

    __slots__ = ("reference", "store")

    reference: Any

    def __init__(self, store: Store, reference: Any) -> None:
        self.store = store
        self.reference = reference

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Object) and other.reference is self.reference

    def __hash__(self) -> int:
        return id(self.reference)

    def require_store(self, store: Store, what: str) -> None:
        """Raise UsageError where the object is another store's."""
        if store is not self.store:
            raise UsageError(what, expected="an object of the same store", found="another store's")


class Struct(_Object):
    """A structure: fields by number, `s[0]`, of which mutable ones can be set."""

    __slots__ = ()

    reference: StructRef

    def _fields(self) -> tuple[t.FieldType, ...]:
        composite = self.store.runtime.registry.types[self.reference.type].composite
        assert isinstance(composite, t.StructType)  # noqa: S101  # it is one's type
        return composite.fields

    def __len__(self) -> int:
        return len(self.reference.fields)

    def __getitem__(self, field: int) -> Any:
        return from_guest(self.reference.fields[field], self._fields()[field].storage, self.store)

    def __setitem__(self, field: int, value: Any) -> None:
        declared = self._fields()[field]
        _require_mutable(declared, f"field {field}")
        self.reference.fields[field] = to_guest(
            value, declared.storage, self.store, f"field {field}"
        )

    def __repr__(self) -> str:
        return f"Struct({', '.join(str(field) for field in self._fields())})"


class Array(_Object):
    """An array of a fixed length: elements by number, of which mutable ones can be set."""

    __slots__ = ()

    reference: ArrayRef

    def _field(self) -> t.FieldType:
        composite = self.store.runtime.registry.types[self.reference.type].composite
        assert isinstance(composite, t.ArrayType)  # noqa: S101  # it is one's type
        return composite.field

    def __len__(self) -> int:
        return len(self.reference.items)

    def __getitem__(self, index: int) -> Any:
        return from_guest(self.reference.items[index], self._field().storage, self.store)

    def __setitem__(self, index: int, value: Any) -> None:
        declared = self._field()
        _require_mutable(declared, f"element {index}")
        self.reference.items[index] = to_guest(
            value, declared.storage, self.store, f"element {index}"
        )

    def __repr__(self) -> str:
        return f"Array({self._field()}, {len(self)})"


def _require_mutable(declared: t.FieldType, what: str) -> None:
    if not declared.mutable:
        raise UsageError(f"{what} cannot be set", expected="a mutable field", found=str(declared))
