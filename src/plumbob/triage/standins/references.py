"""Code that makes a reference of a type, or tells in one word what a reference is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.triage.standins import log
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import CATCH_ALL_REF, BlockType, Catch
from plumbob.wasm.edit.append import FunctionWriter

if TYPE_CHECKING:
    from plumbob.triage.standins.values import Chance
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.types import HeapType, SubType, ValType

MAX_DEPTH = 8
"""How deep a structure may have to hold others before none is built."""

I31_VALUE = 7
"""The number of an i31 that stands for any object."""


class References:
    """Builds references for one module; what it needs for them is appended there."""

    def __init__(self, editor: Editor, types: list[SubType], tags: int) -> None:
        """Take the module's types, and how many tags it has."""
        self.editor = editor
        self.types = types
        self.first_tag = tags
        self.tags: list[t.TagType] = []
        """Tags to be appended."""
        self._functions: dict[int, int] = {}

    def emit(
        self, out: FunctionWriter, type_: ValType, chance: Chance, *, const: bool = False
    ) -> bool:
        """Append code that leaves a value of the type: null where it is nullable.

        `const` asks for a constant expression. Returns whether there is such code; where
        there is none, nothing that matters has been appended.
        """
        return self._value(out, type_, chance, MAX_DEPTH, const=const)

    def _value(
        self, out: FunctionWriter, type_: ValType, chance: Chance, depth: int, *, const: bool
    ) -> bool:
        if type_.is_packed:
            out.i32(chance.small(depth))
        elif not type_.is_ref:
            number(out, type_, chance.bits(type_, depth))
        elif type_.nullable:
            out.op("ref.null", type_.heap)
        elif depth == 0:
            return False
        elif type_.heap.is_concrete:
            return self._concrete(out, type_.heap.index, chance, depth - 1, const=const)
        else:
            return self._abstract(out, type_.heap, const=const)
        return True

    def _abstract(self, out: FunctionWriter, heap: HeapType, *, const: bool) -> bool:
        if heap in (t.ANY, t.EQ, t.I31):
            out.i32(I31_VALUE).op("ref.i31")
        elif heap == t.EXTERN:
            out.i32(I31_VALUE).ops("ref.i31", "extern.convert_any")
        elif heap == t.STRUCT:
            out.op("struct.new_default", self.editor.add_type(t.StructType(())))
        elif heap == t.ARRAY:
            item = t.FieldType(t.I32, mutable=False)
            out.op("array.new_fixed", self.editor.add_type(t.ArrayType(item)), 0)
        elif heap == t.FUNC:
            out.op("ref.func", self._function(self.editor.func_type((), ()), t.FuncType((), ())))
        elif heap == t.EXN and not const:
            self._exception(out)
        else:
            return False  # nothing inhabits the bottom types
        return True

    def _concrete(
        self, out: FunctionWriter, index: int, chance: Chance, depth: int, *, const: bool
    ) -> bool:
        composite = self.types[index].composite
        if isinstance(composite, t.FuncType):
            out.op("ref.func", self._function(index, composite))
            return True
        if isinstance(composite, t.ArrayType):
            out.op("array.new_fixed", index, 0)
            return True
        for place, field in enumerate(composite.fields):
            inner = chance.part(place)
            if not self._value(out, field.storage, inner, depth, const=const):
                return False
        out.op("struct.new", index)
        return True

    def _function(self, type_index: int, type_: t.FuncType) -> int:
        """Return a function of a type that returns zeros and nulls, or traps if it cannot."""
        if type_index not in self._functions:
            out = FunctionWriter(type_.params)
            for result in type_.results:
                if not result.defaultable:
                    out.op("unreachable")
                    break
                default(out, result)
            index = self.editor.add_function(type_index, out.body())
            self.editor.reference(index)
            self._functions[type_index] = index
        return self._functions[type_index]

    def _exception(self, out: FunctionWriter) -> None:
        if not self.tags:
            self.tags.append(t.TagType(self.editor.func_type((), ())))
        out.op("block", BlockType(t.EXNREF))
        out.op("try_table", BlockType(), (Catch(CATCH_ALL_REF, None, 0),))
        out.op("throw", self.first_tag).ops("end", "unreachable", "end", "ref.as_non_null")


def number(out: FunctionWriter, type_: ValType, bits: int) -> None:
    """Append the constant of a number or vector type with these bits."""
    if type_ == t.I32:
        out.i32(bits)
    elif type_ == t.I64:
        out.i64(bits)
    elif type_ == t.V128:
        out.op("v128.const", bits.to_bytes(16, "little"))
    else:
        out.op(f"{type_}.const", bits)


def default(out: FunctionWriter, type_: ValType) -> None:
    """Append the default value of a type, which must have one."""
    if type_.is_ref:
        out.op("ref.null", type_.heap)
    else:
        number(out, type_, 0)


def is_any(heap: HeapType, types: list[SubType]) -> bool:
    """Whether a heap type is one of structures, arrays, i31 and what lies above and below."""
    if heap.is_concrete:
        return not isinstance(types[heap.index].composite, t.FuncType)
    return t.ANY in t.HEAP_CLOSURE[heap]


def _shape_of(heap: HeapType) -> int:
    if heap.is_concrete or t.FUNC in t.HEAP_CLOSURE[heap]:
        return log.FUNC
    return log.EXTERN if t.EXTERN in t.HEAP_CLOSURE[heap] else log.EXN


def tell(out: FunctionWriter, local: int, type_: ValType, types: list[SubType]) -> None:
    """Append code that leaves an i64: what the reference in a local is (`log`)."""
    heap = type_.heap
    if not is_any(heap, types):
        out.i64(log.NULL).i64(_shape_of(heap)).get(local)
        out.ops("ref.is_null", "select")
        return
    result = t.I64
    out.get(local).op("ref.is_null").block("if", result).i64(log.NULL).op("else")
    out.get(local).op("ref.test", t.I31).block("if", result)
    out.get(local).op("ref.cast", t.I31).ops("i31.get_u", "i64.extend_i32_u")
    out.i64(8).op("i64.shl").i64(log.I31).ops("i64.or", "else")
    out.get(local).op("ref.test", t.STRUCT).block("if", result).i64(log.STRUCT).op("else")
    out.get(local).op("ref.test", t.ARRAY).block("if", result)
    out.get(local).op("ref.cast", t.ARRAY).ops("array.len", "i64.extend_i32_u")
    out.i64(8).op("i64.shl").i64(log.ARRAY).ops("i64.or", "else")
    out.i64(log.OTHER).ops("end", "end", "end", "end")
