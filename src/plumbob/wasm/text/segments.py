"""Element and data segments in text, inline ones included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import Instruction, encode_expression
from plumbob.wasm.module import (
    ACTIVE,
    DECLARATIVE,
    PASSIVE,
    DataSegment,
    ElementSegment,
)
from plumbob.wasm.opcodes import BY_NAME
from plumbob.wasm.text.types import at_reference_type, reference_type

if TYPE_CHECKING:
    from plumbob.wasm.text.assembler import Assembler
    from plumbob.wasm.text.context import Context

FUNC_REFERENCE = t.ref(t.FUNC)
"""The type of a segment written as function indices."""


class Segments:
    """Reads segments; expressions go through the module's assembler."""

    def __init__(self, context: Context, assembler: Assembler) -> None:
        self.context = context
        self.cursor = context.cursor
        self.assembler = assembler

    def element(self, index: int, end: int) -> ElementSegment:
        """Read the segment with this index, up to its closing parenthesis `end`."""
        cursor = self.cursor
        start = cursor.i
        mode, table, offset = PASSIVE, 0, None
        abbreviated = False
        if cursor.at("declare"):
            cursor.i += 1
            mode = DECLARATIVE
        else:
            keyword = cursor.at("(", "table")
            used, table = self._use("table")
            if used or self._at_offset():
                mode = ACTIVE
                offset = self._offset("elem", index)
                abbreviated = not keyword
        if mode != ACTIVE or table:
            cursor.require(f.BULK_MEMORY, "this form of element segment", at=start)
        if abbreviated and cursor.at_index():
            return ElementSegment(mode, FUNC_REFERENCE, self._functions(end), (), table, offset)
        if abbreviated and cursor.i == end:
            return ElementSegment(mode, FUNC_REFERENCE, [], (), table, offset)
        type_, functions, expressions = self._list(index, end)
        return ElementSegment(mode, type_, functions, expressions, table, offset)

    def _use(self, kind: str) -> tuple[bool, int]:
        """Read `(table x)` or `(memory x)`, or the old bare index; say whether it was there."""
        cursor = self.cursor
        if cursor.accept("(", kind):
            index = self.context.index(kind)
            cursor.expect(")")
            return True, index
        if cursor.at_index() and cursor.texts[cursor.i + 1] == "(":
            return True, self.context.index(kind)
        return False, 0

    def _at_offset(self) -> bool:
        """Return whether an offset comes next, not an element list or a string."""
        cursor = self.cursor
        return cursor.at("(") and not at_reference_type(cursor) and not cursor.at("(", "item")

    def _offset(self, kind: str, index: int) -> bytes:
        cursor = self.cursor
        if cursor.accept("(", "offset"):
            expression = self.assembler.expression((kind, index))
            cursor.expect(")")
            return expression
        return self.assembler.folded_expression((kind, index))

    def _functions(self, end: int) -> list[int]:
        functions = []
        while self.cursor.i < end:
            functions.append(self.context.index("func"))
        return functions

    def _list(self, index: int, end: int) -> tuple[t.ValType, list[int] | None, tuple[bytes, ...]]:
        """Read the keyword `func` with indices, or a reference type with expressions."""
        if self.cursor.accept("func"):
            return FUNC_REFERENCE, self._functions(end), ()
        if not at_reference_type(self.cursor):
            self.cursor.unexpected("`func` or a reference type")
        type_ = reference_type(self.context)
        return type_, None, self._expressions(index, end)

    def _expressions(self, index: int, end: int) -> tuple[bytes, ...]:
        cursor = self.cursor
        expressions: list[bytes] = []
        while cursor.i < end:
            key = ("elem", index, len(expressions))
            if cursor.accept("(", "item"):
                expressions.append(self.assembler.expression(key))
                cursor.expect(")")
            else:
                expressions.append(self.assembler.folded_expression(key))
        return tuple(expressions)

    def inline_elements(
        self, index: int, table: int, element: t.ValType, *, is64: bool
    ) -> ElementSegment:
        """Read `(elem ...)` of a table."""
        cursor = self.cursor
        opening = cursor.i
        if not cursor.accept("(", "elem"):
            cursor.unexpected("`(elem ...)`, or sizes before the type")
        end = cursor.close_of(opening)
        functions: list[int] | None = None
        expressions: tuple[bytes, ...] = ()
        type_ = element
        if cursor.at_index() or (cursor.i == end and element == t.FUNCREF):
            functions = self._functions(end)
            if element == t.FUNCREF:
                type_ = FUNC_REFERENCE
            else:
                # Function indices have the type (ref func), which may not be the table's.
                expressions = tuple(map(_reference, functions))
                functions = None
        else:
            expressions = self._expressions(index, end)
        cursor.expect(")")
        return ElementSegment(ACTIVE, type_, functions, expressions, table, _zero(is64=is64))

    def data(self, index: int) -> DataSegment:
        """Read the data segment with this index."""
        cursor = self.cursor
        start = cursor.i
        used, memory = self._use("memory")
        offset = None
        if used or cursor.at("("):
            offset = self._offset("data", index)
        if offset is None or memory:
            cursor.require(f.BULK_MEMORY, "this form of data segment", at=start)
        mode = PASSIVE if offset is None else ACTIVE
        return DataSegment(mode, cursor.strings(), memory, offset)

    def inline_data(self, memory: int, *, is64: bool) -> DataSegment:
        """Read `(data ...)` of a memory."""
        cursor = self.cursor
        cursor.expect("(")
        cursor.expect("data")
        segment = DataSegment(ACTIVE, cursor.strings(), memory, _zero(is64=is64))
        cursor.expect(")")
        return segment


def _reference(function: int) -> bytes:
    """Return the constant expression `ref.func`."""
    return encode_expression(
        [Instruction(BY_NAME["ref.func"], (function,)), Instruction(BY_NAME["end"])]
    )


def _zero(*, is64: bool) -> bytes:
    """Return the constant expression 0 of an address type."""
    const = BY_NAME["i64.const" if is64 else "i32.const"]
    return encode_expression([Instruction(const, (0,)), Instruction(BY_NAME["end"])])
