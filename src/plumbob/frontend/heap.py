"""Operators of garbage collection: structures, arrays, i31 and conversions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.numbers import unary
from plumbob.ir.operations import operation

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Value
    from plumbob.ir.operations import Operation
    from plumbob.ir.types import Type

_STRUCT_GET: Final = operation("struct.get")
_ARRAY_GET: Final = operation("array.get")


def _make(
    f: FunctionTranslator, row: Operation | str, values: tuple[Value, ...], *imms: int
) -> None:
    """Append an operation with one result, and push that."""
    f.stack += f.func.inst_results[f.emit(row, values, imms=imms)]


def _operation(name: str, operands: int) -> Translation:
    """Return the translation to an operation with the same operands and immediates."""
    row = operation(name)

    def translate(f: FunctionTranslator, *immediates: int) -> None:
        inst = f.emit(row, f.pop_many(operands), imms=immediates)
        f.stack += f.func.inst_results[inst]

    return translate


def _struct_new(f: FunctionTranslator, type_index: int) -> None:
    values = f.pop_many(f.environment.field_count(type_index))
    _make(f, "struct.new", values, type_index)


def _struct_get(f: FunctionTranslator, type_index: int, field: int) -> None:
    ty: Type = f.environment.unpacked(f.environment.field(type_index, field))
    f.push(f.ins(_STRUCT_GET, f.pop(), ctrl=ty, imms=(type_index, field)))


def _array_new_fixed(f: FunctionTranslator, type_index: int, count: int) -> None:
    _make(f, "array.new_fixed", f.pop_many(count), type_index)


def _array_get(f: FunctionTranslator, type_index: int) -> None:
    ty = f.environment.unpacked(f.environment.element(type_index))
    f.push(f.ins(_ARRAY_GET, *f.pop_many(2), ctrl=ty, imms=(type_index,)))


ROWS: Final[dict[str, Translation]] = {
    "struct.new": _struct_new,
    "struct.new_default": _operation("struct.new_default", 0),
    "struct.get": _struct_get,
    "struct.get_s": _operation("struct.get_s", 1),
    "struct.get_u": _operation("struct.get_u", 1),
    "struct.set": _operation("struct.set", 2),
    "array.new": _operation("array.new", 2),
    "array.new_default": _operation("array.new_default", 1),
    "array.new_fixed": _array_new_fixed,
    "array.new_data": _operation("array.new_data", 2),
    "array.new_elem": _operation("array.new_elem", 2),
    "array.get": _array_get,
    "array.get_s": _operation("array.get_s", 2),
    "array.get_u": _operation("array.get_u", 2),
    "array.set": _operation("array.set", 3),
    "array.len": unary("array.len"),
    "array.fill": _operation("array.fill", 4),
    "array.copy": _operation("array.copy", 5),
    "array.init_data": _operation("array.init_data", 4),
    "array.init_elem": _operation("array.init_elem", 4),
    "any.convert_extern": unary("any.convert_extern"),
    "extern.convert_any": unary("extern.convert_any"),
    "ref.i31": unary("ref.i31"),
    "i31.get_s": unary("i31.get_s"),
    "i31.get_u": unary("i31.get_u"),
}
