"""Makes references for parameters, inside the module: what a word asks for.

A word is `observed.py`'s: null, an i31 with its number, a function, or "some" object. What is
made rests on the parameter's type alone, so that a module before and after an optimiser is
given the same. An object is as simple as its type allows: fields are zero or null, where they
may not be null such an object again; arrays have `LENGTH` elements, or none. A function
returns zeros and nulls, or traps as unreachable where it may not return null. An abstract
type gets a structure or array of a type that no program is likely to have.

**Invariant.** Nothing here traps or throws, and nothing is deeper or larger than `COST`
objects, however the types are nested: a type whose simplest object needs itself, or more, has
none, and `shapes` says so before anything is written.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final

from plumbob.triage.shims.observed import KIND_BITS, KINDS, SOME
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.types import (
    ANY,
    ARRAY,
    EQ,
    EXTERN,
    FUNC,
    I8,
    I16,
    I31,
    I32,
    I64,
    STRUCT,
    UNREACHABLE,
    V128,
    ArrayType,
    FieldType,
    FuncType,
    StructType,
    ValType,
    concrete,
    ref,
)

if TYPE_CHECKING:
    from plumbob.triage.shims.uses import Uses
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.types import SubType

COST: Final = 1000
"""How many objects one argument may be made of."""
NESTING: Final = 100
"""How deep they may hold one another."""
LENGTH: Final = 2
"""Elements of an array."""
PARAMETER_TYPES: Final = 20_000
"""For how many types of parameters references are made."""

_OWN_STRUCT = StructType(
    (FieldType(I8, mutable=False), FieldType(I16, mutable=True), FieldType(I8, mutable=False))
)


class Builders:
    """Writes the functions that make references, each when first needed."""

    def __init__(self, editor: Editor, uses: Uses) -> None:
        self._editor = editor
        self._uses = uses
        self._types: list[SubType] = editor.original.types
        self._costs: dict[int, float] = {}
        self._makers: dict[int, int] = {}
        self._stubs: dict[int, int] = {}
        self._pickers: dict[ValType, int] = {}

    # What can be made

    def shapes(self, type_: ValType) -> tuple[str, ...]:
        """Return what a parameter of a reference type can be given; may be nothing."""
        if len(self._pickers) >= PARAMETER_TYPES and type_ not in self._pickers:
            return ()
        null = ("null",) if type_.nullable else ()
        return null + self._objects(type_)

    def _objects(self, type_: ValType) -> tuple[str, ...]:
        heap = type_.heap
        if heap.is_concrete:
            if isinstance(self._types[heap.index].composite, FuncType):
                return ("func",)
            return ("some",) if self._cost(heap.index, 0) <= COST else ()
        if heap in (ANY, EQ) or (heap == EXTERN and self._uses.gc):
            return ("i31", "some")
        return {FUNC: ("func",), I31: ("i31",), STRUCT: ("some",), ARRAY: ("some",)}.get(heap, ())

    def _cost(self, index: int, depth: int) -> float:
        """Return how many objects the simplest object of a type is made of."""
        known = self._costs.get(index)
        if known is not None:
            return known
        if depth > NESTING:
            return math.inf
        self._costs[index] = math.inf  # met again below, it needs itself
        composite = self._types[index].composite
        cost = 1.0
        if isinstance(composite, StructType):
            for field in composite.fields:
                cost += self._field_cost(field.storage, depth + 1)
                if cost > COST:
                    break
        self._costs[index] = cost
        return cost

    def _field_cost(self, type_: ValType, depth: int) -> float:
        if type_.defaultable:
            return 0
        heap = type_.heap
        if heap.is_concrete and not isinstance(self._types[heap.index].composite, FuncType):
            return self._cost(heap.index, depth)
        return 1 if self._objects(type_) else math.inf

    # Making it

    def build(self, writer: FunctionWriter, type_: ValType) -> None:
        """Append: the word on the stack becomes the reference that it asks for.

        The word must be one of `shapes(type_)`.
        """
        picker = self._pickers.get(type_)
        if picker is None:
            picker = self._pickers[type_] = self._picker(type_)
        writer.op("call", picker)

    def _picker(self, type_: ValType) -> int:
        writer = FunctionWriter((I64,))
        *others, last = self.shapes(type_)
        for shape in others:
            kind = SOME if shape == "some" else KINDS.index(shape)
            writer.get(0).i64((1 << KIND_BITS) - 1).op("i64.and").i64(kind).op("i64.eq")
            writer.block("if")
            self._make(writer, type_, shape)
            writer.ops("return", "end")
        self._make(writer, type_, last)
        return self._editor.add_function(self._editor.func_type((I64,), (type_,)), writer.body())

    def _make(self, writer: FunctionWriter, type_: ValType, shape: str) -> None:
        """Append: a reference of a type with this shape; local 0 is the word."""
        heap = type_.heap
        if shape == "null":
            writer.op("ref.null", heap)
            return
        if shape == "i31":
            writer.get(0).i64(KIND_BITS).ops("i64.shr_u", "i32.wrap_i64", "ref.i31")
        elif shape == "func":
            self._make_function(writer, type_)
        else:
            writer.op("call", self._maker(self._type_to_make(type_)))
        if heap == EXTERN:
            writer.op("extern.convert_any")

    def _make_function(self, writer: FunctionWriter, type_: ValType) -> None:
        heap = type_.heap
        index = heap.index if heap.is_concrete else self._editor.func_type((), ())
        stub = self._stubs.get(index)
        if stub is None:
            stub = self._stubs[index] = self._editor.add_function(index, self._stub(index))
            self._editor.reference(stub)
        writer.op("ref.func", stub)

    def _stub(self, index: int) -> bytes:
        """Return the body of a function of this type."""
        composite = self._types[index].composite if index < len(self._types) else FuncType((), ())
        assert isinstance(composite, FuncType)  # noqa: S101  # `_objects` has seen to it
        writer = FunctionWriter(composite.params)
        if all(result.defaultable and result != UNREACHABLE for result in composite.results):
            for result in composite.results:
                self._default(writer, result)
        else:
            writer.op("unreachable")
        return writer.body()

    def _type_to_make(self, type_: ValType) -> int:
        heap = type_.heap
        if heap.is_concrete:
            return heap.index
        return self._own_array if heap == ARRAY else self._own_struct

    @cached_property
    def _own_struct(self) -> int:
        return self._editor.add_type(_OWN_STRUCT)

    @cached_property
    def _own_array(self) -> int:
        element = ref(concrete(self._own_struct), nullable=True)
        return self._editor.add_type(ArrayType(FieldType(element, mutable=True)))

    def _maker(self, index: int) -> int:
        """Return the function that makes an object of a type.

        A recursion over types as deep as `NESTING`: `_cost` has refused anything else.
        """
        maker = self._makers.get(index)
        if maker is None:
            writer = FunctionWriter()
            if index < len(self._types):
                self._new(writer, index, self._types[index].composite)
            elif index == self._own_struct:
                writer.op("struct.new_default", index)
            else:
                writer.i32(LENGTH).op("array.new_default", index)
            made = self._editor.func_type((), (ref(concrete(index)),))
            maker = self._makers[index] = self._editor.add_function(made, writer.body())
        return maker

    def _new(self, writer: FunctionWriter, index: int, composite: object) -> None:
        if isinstance(composite, ArrayType):
            if composite.field.storage.defaultable:
                writer.i32(LENGTH).op("array.new_default", index)
            else:
                writer.op("array.new_fixed", index, 0)
            return
        assert isinstance(composite, StructType)  # noqa: S101  # functions have stubs
        if all(field.storage.defaultable for field in composite.fields):
            writer.op("struct.new_default", index)
            return
        for field in composite.fields:
            if field.storage.defaultable:
                self._default(writer, field.storage.unpacked)
            else:
                self._make_field(writer, field.storage)
        writer.op("struct.new", index)

    def _make_field(self, writer: FunctionWriter, type_: ValType) -> None:
        """Append: a reference that is not null, without a word that says which."""
        shape = self._objects(type_)[0]
        if shape != "i31":
            self._make(writer, type_, shape)
            return
        writer.i32(0).op("ref.i31")
        if type_.heap == EXTERN:
            writer.op("extern.convert_any")

    def _default(self, writer: FunctionWriter, type_: ValType) -> None:
        if type_.is_ref:
            writer.op("ref.null", type_.heap)
        elif type_ == V128:
            writer.op("v128.const", bytes(16))
        elif type_ == I32:
            writer.i32(0)
        elif type_ == I64:
            writer.i64(0)
        else:
            writer.op(f"{type_}.const", 0)
