"""Python values for WebAssembly's, both ways.

| type | in | out |
|---|---|---|
| i32, i64 | int, signed or unsigned | int, signed |
| f32, f64 | float or int | float |
| v128 | 16 bytes, of any buffer | 16 bytes |
| funcref | `Func` or None | `Func` or None |
| externref | any object, None is null | the same object |
| anyref and below | `Struct`, `Array`, int for i31, None; any object for `any` | the same |
| exnref | `ExnRef` or None | the same |

Where a reference may be an i31 or an object of the host's, which is so for `externref` and
`anyref`, an `int` from -2^30 to 2^30 - 1 is the i31 (an externref is one that went through
`extern.convert_any`) and every other object is the host's, `True` and larger numbers
included. So what goes in comes out equal, and a guest that converts sees the numbers; that is
the JavaScript interface's way (ToWebAssemblyValue, ToJSValue). Where only an i31 can be meant
(`eqref`, `i31ref`), an unsigned one of 31 bits is taken, too.

Objects of another store are refused; those of the host's belong to none.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

from plumbob.api.checks import buffer_bytes, counted, integer, require, wrong
from plumbob.api.views import View, view
from plumbob.errors import UsageError
from plumbob.runtime.linking import definitions
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
from plumbob.semantics.concrete import signed
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plumbob.api.store import Store
    from plumbob.wasm.types import ValType

_BITS: Final = {t.I32: 32, t.I64: 64, t.I8: 8, t.I16: 16}
_FLOATS: Final = {t.F32: ("<f", "<I"), t.F64: ("<d", "<Q")}
_MAX_F32: Final = 3.4028235677973366e38
"""Numbers from here on round to infinity as an f32: halfway from the largest to 2^128."""
VECTOR_BYTES: Final = 16
_I31: Final = 1 << 30
"""An i31 is from -2^30 to 2^30 - 1."""

NAMES: Final = {str(kind): kind for kind in (t.I32, t.I64, t.F32, t.F64, t.V128)} | {
    name: kind for kind, name in t.SHORT_NAMES.items()
}
"""Value types by the names of the text format."""

_OBJECTS: Final = (StructRef, ArrayRef)


# Types


def value_type(given: str | ValType) -> ValType:
    """Return a value type by its name (`i32`, `externref`) or itself; UsageError if it is none."""
    if isinstance(given, t.ValType) and _is_value_type(given):
        return given
    found = NAMES.get(given) if isinstance(given, str) else None
    if found is None:
        raise wrong("a value type", ", ".join(NAMES), given)
    return found


def _is_value_type(given: ValType) -> bool:
    if not given.is_ref:
        return str(given) in NAMES
    heap = given.heap
    return heap.is_concrete or (heap != t.HEAP_BOT and heap in t.HEAP_NAMES)


def value_types(given: Iterable[str | ValType], what: object) -> tuple[ValType, ...]:
    """Return value types by their names or themselves; UsageError if one is none."""
    # A string is a sequence of strings, and never what was meant.
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise wrong(what, "a sequence of value types", given)
    return tuple(map(value_type, given))


def require_known(types: Iterable[ValType], store: Store, what: object) -> None:
    """Raise UsageError for a defined type whose id is none of the store's."""
    known = len(store.registry.types)
    for type_ in types:
        if type_.is_ref and type_.heap.is_concrete and type_.heap.index >= known:
            raise UsageError(
                str(what), expected="types of the store", found=f"{type_}, of {known} types"
            )


# In


def to_guest(value: Any, type_: ValType, store: Store, what: object) -> Any:
    """Return a Python value as the guest's; `what` names it in a UsageError."""
    if type_ in _BITS:
        return _integer(value, _BITS[type_], what)
    if type_ in _FLOATS:
        return _float(value, type_, what)
    if type_ == t.V128:
        raw = buffer_bytes(value, what, "16 bytes (v128)")
        if len(raw) != VECTOR_BYTES:
            raise wrong(what, "16 bytes (v128)", value)
        return int.from_bytes(raw, "little")
    reference = _reference(value, type_, store, what)
    if not has_type(reference, type_, store.registry):
        raise wrong(what, _type_text(type_, store), value)
    return reference


def _type_text(type_: ValType, store: Store) -> str:
    return f"{type_}{definitions((type_,), store.registry)}"


def _integer(value: Any, bits: int, what: object) -> int:
    number = integer(value)
    if number is None or not -(1 << (bits - 1)) <= number < 1 << bits:
        raise wrong(what, f"an int of {bits} bits", value)
    return number & ((1 << bits) - 1)


def _float(value: Any, type_: ValType, what: object) -> int:
    given = float.__float__(value) if isinstance(value, float) else integer(value)
    if given is None or isinstance(value, bool):
        raise wrong(what, f"a float ({type_})", value)
    pack, unpack = _FLOATS[type_]
    try:
        number = float(given)
    except OverflowError:
        raise wrong(what, f"a number that {type_} holds", value) from None
    if type_ == t.F32 and abs(number) >= _MAX_F32:
        number = math.copysign(math.inf, number)
    bits: int = struct.unpack(unpack, struct.pack(pack, number))[0]
    return bits


def _reference(value: Any, type_: ValType, store: Store, what: object) -> Any:
    """Return a reference of the right hierarchy, though perhaps of a wrong type."""
    if value is None:
        return None
    top = _top(type_, store)
    # Not `isinstance`, which asks an object of the host's for its class.
    inner = value.runtime if issubclass(type(value), View) else None
    if top in (t.FUNC, t.EXN):
        if not isinstance(inner, FuncRef if top == t.FUNC else ExnRef):
            raise wrong(what, _type_text(type_, store), value)
        value.require_store(store, what)
        return inner
    if isinstance(inner, _OBJECTS):
        value.require_store(store, what)
        return Externalized(inner) if top == t.EXTERN else inner
    if type(value) is int and -_I31 <= value < _I31:
        number = value & I31_MASK
        return Externalized(number) if top == t.EXTERN else number
    if type_.heap in (t.EQ, t.I31) and isinstance(value, int) and not isinstance(value, bool):
        number = int.__index__(value)
        if not -_I31 <= number <= I31_MASK:
            raise wrong(what, "an int of 31 bits (i31ref)", value)
        return number & I31_MASK
    return HostRef(value)


def _top(type_: ValType, store: Store) -> t.HeapType:
    """Return the top of a reference type's hierarchy."""
    heap = type_.heap
    if not heap.is_concrete:
        return next(top for top in t.HEAP_BOTTOM if top in t.HEAP_CLOSURE[heap])
    composite = store.registry.types[heap.index].composite
    return t.FUNC if isinstance(composite, t.FuncType) else t.ANY


def to_guest_all(values: Any, types: Sequence[ValType], store: Store, what: object) -> list[Any]:
    """Return Python values as the guest's, one for each type."""
    require(values, (tuple, list), what, "a tuple or list of values")
    if len(values) != len(types):
        kinds = f" ({', '.join(map(str, types))})" if types else ""
        raise UsageError(
            str(what),
            expected=f"{counted(len(types), 'value')}{kinds}",
            found=counted(len(values), "value"),
        )
    return [
        to_guest(value, type_, store, _Place(what, place))
        for place, (value, type_) in enumerate(zip(values, types, strict=True), 1)
    ]


class _Place:
    """Names one of several values, should it be asked for."""

    __slots__ = ("number", "what")

    def __init__(self, what: object, number: int) -> None:
        self.what = what
        self.number = number

    def __str__(self) -> str:
        return f"{self.what}, value {self.number}"


# Out


def from_guest(value: Any, type_: ValType, store: Store) -> Any:
    """Return a guest's value as Python's."""
    if type_ in _BITS:
        return signed(_BITS[type_], int(value))
    if type_ in _FLOATS:
        pack, unpack = _FLOATS[type_]
        return struct.unpack(pack, struct.pack(unpack, value))[0]
    if type_ == t.V128:
        return int(value).to_bytes(VECTOR_BYTES, "little")
    return _object(value, store)


def _object(value: Any, store: Store) -> Any:
    match value:
        case None:
            return None
        case HostRef():
            return value.value
        case Externalized(inner):
            return _object(inner, store)
        case int():
            return value - (value >> 30 << 31)
    return view(store, value)


def from_guest_all(values: Sequence[Any], types: Sequence[ValType], store: Store) -> list[Any]:
    """Return a guest's values as Python's."""
    return [from_guest(value, type_, store) for value, type_ in zip(values, types, strict=True)]
