"""Operators on tables, globals and references, and those that branch on references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.control import branch_if
from plumbob.frontend.memories import bulk, drop
from plumbob.frontend.numbers import unary
from plumbob.ir.high_level import heap_name
from plumbob.ir.operations import operation

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Value
    from plumbob.ir.types import Type
    from plumbob.wasm.types import HeapType

_GLOBAL_GET: Final = operation("global.get")
_GLOBAL_SET: Final = operation("global.set")

TARGET_NULLABLE: Final = 2
"""Bit of the cast flags: the target type includes null."""


def _address_type(f: FunctionTranslator, table: int) -> Type:
    return f.address_type(is64=f.environment.tables[table].limits.is64)


def _table_get(f: FunctionTranslator, table: int) -> None:
    ty = f.environment.type_of(f.environment.tables[table].element)
    f.push(f.ins("table.get", f.pop(), ctrl=ty, imms=(table,)))


def _table_set(f: FunctionTranslator, table: int) -> None:
    f.emit("table.set", f.pop_many(2), imms=(table,))


def _table_size(f: FunctionTranslator, table: int) -> None:
    f.push(f.ins("table.size", ctrl=_address_type(f, table), imms=(table,)))


def _table_grow(f: FunctionTranslator, table: int) -> None:
    f.push(f.ins("table.grow", *f.pop_many(2), imms=(table,)))


def _global_get(f: FunctionTranslator, index: int) -> None:
    ty = f.environment.type_of(f.environment.globals[index].type)
    f.push(f.ins(_GLOBAL_GET, ctrl=ty, imms=(index,)))


def _global_set(f: FunctionTranslator, index: int) -> None:
    f.emit(_GLOBAL_SET, (f.pop_canonical(),), imms=(index,))


# References


def _ref_null(f: FunctionTranslator, heap: HeapType) -> None:
    f.push(f.ins("ref.null", ctrl=f.environment.hierarchy(heap)))


def _ref_func(f: FunctionTranslator, index: int) -> None:
    f.push(f.ins("ref.func", imms=(index,)))


def _ref_is_null(f: FunctionTranslator) -> None:
    f.push_bool(f.ins("ref.is_null", f.pop()))


def _ref_eq(f: FunctionTranslator) -> None:
    f.push_bool(f.ins("ref.eq", *f.pop_many(2)))


def _test(f: FunctionTranslator, value: Value, heap: HeapType, *, nullable: bool) -> Value:
    name = "ref.test_null" if nullable else "ref.test"
    return f.ins(name, value, imms=(heap_name(heap),))


def _ref_test(f: FunctionTranslator, heap: HeapType) -> None:
    f.push_bool(_test(f, f.pop(), heap, nullable=False))


def _ref_test_null(f: FunctionTranslator, heap: HeapType) -> None:
    f.push_bool(_test(f, f.pop(), heap, nullable=True))


def _cast(name: str) -> Translation:
    row = operation(name)

    def translate(f: FunctionTranslator, heap: HeapType) -> None:
        f.push(f.ins(row, f.pop(), imms=(heap_name(heap),)))

    return translate


# Branches


def _br_on_null(f: FunctionTranslator, depth: int) -> None:
    value = f.pop()
    branch_if(f, f.ins("ref.is_null", value), depth)
    f.push(value)


def _br_on_non_null(f: FunctionTranslator, depth: int) -> None:
    branch_if(f, f.ins("ref.is_null", f.stack[-1]), depth, negated=True)
    f.pop()


def _branch_on_cast(
    f: FunctionTranslator, flags: int, depth: int, target: HeapType, *, negated: bool
) -> None:
    """Branch if the topmost reference is of the target type (or is not); it stays in both cases."""
    truth = _test(f, f.stack[-1], target, nullable=bool(flags & TARGET_NULLABLE))
    branch_if(f, truth, depth, negated=negated)


def _br_on_cast(
    f: FunctionTranslator, flags: int, depth: int, _source: HeapType, target: HeapType
) -> None:
    _branch_on_cast(f, flags, depth, target, negated=False)


def _br_on_cast_fail(
    f: FunctionTranslator, flags: int, depth: int, _source: HeapType, target: HeapType
) -> None:
    _branch_on_cast(f, flags, depth, target, negated=True)


ROWS: Final[dict[str, Translation]] = {
    "table.get": _table_get,
    "table.set": _table_set,
    "table.size": _table_size,
    "table.grow": _table_grow,
    **{name: bulk(name) for name in ("table.fill", "table.copy", "table.init")},
    "elem.drop": drop("elem.drop"),
    "global.get": _global_get,
    "global.set": _global_set,
    "ref.null": _ref_null,
    "ref.func": _ref_func,
    "ref.is_null": _ref_is_null,
    "ref.eq": _ref_eq,
    "ref.as_non_null": unary("ref.as_non_null"),
    "ref.test": _ref_test,
    "ref.test null": _ref_test_null,
    "ref.cast": _cast("ref.cast"),
    "ref.cast null": _cast("ref.cast_null"),
    "br_on_null": _br_on_null,
    "br_on_non_null": _br_on_non_null,
    "br_on_cast": _br_on_cast,
    "br_on_cast_fail": _br_on_cast_fail,
}
