"""Values of scripts as the runtime has them, and whether results are as expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.runtime.references import ABSTRACT, HostRef, has_type
from plumbob.wasm import types as t
from plumbob.wasm.text.immediates import SHAPES
from plumbob.wasm.text.script import Either, Number, Reference, Vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.text.script import Result, Value
    from plumbob.wasm.type_space import TypeRegistry
    from plumbob.wasm.types import ValType

_KINDS = {
    "func": t.FUNC,
    "extern": t.EXTERN,
    "any": t.ANY,
    "eq": t.EQ,
    "i31": t.I31,
    "struct": t.STRUCT,
    "array": t.ARRAY,
    "exn": t.EXN,
    "host": t.ANY,
}
"""What `(ref.KIND)` expects a reference to be."""

_FORMATS = {32: (0x7F80_0000, 0x0040_0000), 64: (0x7FF << 52, 1 << 51)}
"""By width: the exponent's bits, and the bit that makes a NaN quiet."""


class HostObjects:
    """The host's objects of one script: equal numbers are one object."""

    def __init__(self) -> None:
        self._objects: dict[int, HostRef] = {}

    def __getitem__(self, number: int) -> HostRef:
        return self._objects.setdefault(number, HostRef(number))


def argument(value: Value, objects: HostObjects) -> Any:
    """Return an argument as the runtime has it."""
    match value:
        case Number(_, bits):
            return bits
        case Vector():
            return int.from_bytes(value.data, "little")
        case Reference(_, _, number):
            return None if number is None else objects[number]


def fits(value: Value, type_: ValType, given: Any, registry: TypeRegistry) -> bool:
    """Return whether a script's value, `given` to the runtime, is of a type (canonical ids)."""
    match value:
        case Number(number, _):
            return number == type_
        case Vector():
            return type_ == t.V128
        case Reference("null", name):
            # Null has the bottom type of its hierarchy, whatever type it was written with.
            written = _HEAPS.get(name or "")
            return type_.nullable and (written is None or written == _top(type_, registry))
    return type_.is_ref and has_type(given, type_, registry)


def _top(type_: ValType, registry: TypeRegistry) -> int:
    """Return the top of a reference type's hierarchy."""
    heap = type_.heap
    if not heap.is_concrete:
        return _tops(heap)
    function = isinstance(registry.types[heap.index].composite, t.FuncType)
    return t.FUNC if function else t.ANY


def _tops(heap: t.HeapType) -> int:
    return next(top for top in t.HEAP_BOTTOM if top in t.HEAP_CLOSURE[heap])


_HEAPS = {name: _tops(heap) for heap, name in t.HEAP_NAMES.items() if heap != t.HEAP_BOT}
"""The top of the hierarchy of each abstract heap type, by its name."""


def mismatch(
    results: Sequence[Any], types: Sequence[ValType], expected: Sequence[Result]
) -> str | None:
    """Return why results, of these types, are not as expected, None if they are."""
    if len(results) != len(expected):
        return f"expected {len(expected)} results, found {len(results)}"
    for found, type_, wanted in zip(results, types, expected, strict=True):
        if not _is_of(type_, wanted):
            return f"expected {_shown(wanted)}, found a result of type {type_}"
        if not matches(found, wanted):
            return f"expected {_shown(wanted)}, found {_found(found, wanted)}"
    return None


def _is_of(type_: ValType, wanted: Result) -> bool:
    """Return whether a result of a type can be as expected; references show when they come."""
    match wanted:
        case Either(alternatives):
            return any(_is_of(type_, item) for item in alternatives)
        case Number(number, _):
            return number == type_
        case Vector():
            return type_ == t.V128
    return type_.is_ref


def matches(found: Any, wanted: Result) -> bool:
    """Return whether a result is as expected; NaN patterns stand for sets of bits."""
    match wanted:
        case Either(alternatives):
            return any(matches(found, item) for item in alternatives)
        case Number() | Vector():
            return bits_match(int(found), wanted)
        case Reference("null"):
            return found is None
        case Reference(kind, _, None):
            return isinstance(found, ABSTRACT[_KINDS[kind]])
        case Reference(_, _, number):
            return isinstance(found, HostRef) and found.value == number


def bits_match(found: int, wanted: Number | Vector) -> bool:
    """Return whether the bits of a number or vector are as expected."""
    if isinstance(wanted, Number):
        width = 64 if wanted.type in (t.I64, t.F64) else 32
        return lane_matches(found, wanted.bits, width)
    width = SHAPES[wanted.shape][1]
    return all(
        lane_matches(found >> (width * place) & ((1 << width) - 1), lane, width)
        for place, lane in enumerate(wanted.lanes)
    )


def lane_matches(found: int, wanted: int | str, width: int) -> bool:
    """Return whether bits are those wanted, or a NaN of the pattern wanted."""
    if isinstance(wanted, int):
        return found == wanted
    exponent, quiet = _FORMATS[width]
    magnitude = found & ((1 << (width - 1)) - 1)
    if wanted == "nan:canonical":
        return magnitude == exponent | quiet
    return magnitude & (exponent | quiet) == exponent | quiet


def _shown(wanted: Result) -> str:
    match wanted:
        case Either(alternatives):
            return " or ".join(map(_shown, alternatives))
        case Number(type_, bits):
            return f"{type_} {_bits(bits)}"
        case Vector(shape, lanes):
            return f"{shape} {' '.join(map(_bits, lanes))}"
        case Reference(kind, _, number):
            return f"ref.{kind}" + ("" if number is None else f" {number}")


def _bits(value: int | str) -> str:
    return value if isinstance(value, str) else hex(value)


def _found(found: Any, wanted: Result) -> str:
    if isinstance(wanted, Vector) and isinstance(found, int):
        _, width, _ = SHAPES[wanted.shape]
        mask = (1 << width) - 1
        return " ".join(hex(found >> at & mask) for at in range(0, 128, width))
    return hex(found) if isinstance(found, int) else repr(found)
