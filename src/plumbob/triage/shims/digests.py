"""What is told of a reference: its kind, and a digest of the object's shape.

**What is digested.** Of a structure the values of its fields, of an array its length and
first elements, references in them likewise, `DEPTH` steps from the first object and `NODES`
objects in all, so that cycles end and large graphs are cheap. The fields are those of the
object's own type: of the declared types of which it is an instance, the one furthest from the
root. The tests run from a root to its subtypes, so an object costs its path in the forest of
types, with the siblings on it.

**What is not.** Type indices, names, mutability, whether two fields hold the same object, and
object identity at all: two types with the same fields are the same here. That makes a digest
hold across an optimiser that renumbers or merges types; one that removes fields changes it. A
NaN counts as one value, since the specification leaves its bits open; a vector's 64-bit and
32-bit lanes that would be NaNs as well. Of functions and exceptions only null is told.

**Invariant.** Nothing here traps: casts stand behind their tests, elements within the length.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from plumbob.triage.shims.observed import KIND_BITS, KINDS
from plumbob.wasm.edit.append import FunctionWriter
from plumbob.wasm.type_space import TypeSpace
from plumbob.wasm.types import (
    ANY,
    ARRAY,
    EXN,
    EXTERN,
    F32,
    F64,
    FUNC,
    HEAP_BOTTOM,
    HEAP_CLOSURE,
    I31,
    I32,
    I64,
    STRUCT,
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
    from collections.abc import Callable

    from plumbob.triage.shims.uses import Uses
    from plumbob.wasm.edit.append import Editor
    from plumbob.wasm.types import HeapType

DEPTH: Final = 4
"""How many objects deep a digest looks."""
NODES: Final = 200
"""How many objects one digest looks at."""
FIELDS: Final = 200
"""How many fields of a structure count."""
ELEMENTS: Final = 64
"""How many elements of an array count."""
TYPES: Final = 10_000
"""Of how many types the fields are told. Objects of further types tell their kind alone, and so
do references of abstract types where the module has more."""

MULTIPLIER: Final = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio, odd: multiplication by it is a bijection."""
ROTATION: Final = 29

_ANYREF = ref(ANY, nullable=True)
_CANONICAL_NAN: Final = {F32: 0x7FC00000, F64: 0x7FF8000000000000}


def kind_of(name: str) -> int:
    """Return the number of a kind of reference."""
    return KINDS.index(name)


def mix(writer: FunctionWriter, digest: int) -> None:
    """Append: the i64 on the stack goes into the digest, a local.

    One step is a bijection of either, so a single difference never vanishes.
    """
    writer.get(digest).op("i64.xor").i64(ROTATION).op("i64.rotl")
    writer.i64(MULTIPLIER).op("i64.mul").set(digest)


class Digests:
    """Writes the functions that look at references into a module, each when first needed."""

    def __init__(self, editor: Editor, uses: Uses) -> None:
        self._editor = editor
        self._uses = uses
        self._walkers: dict[int, int] = {}
        self._pending: list[int] = []

    def top_of(self, type_: ValType) -> HeapType:
        """Return the top of a reference type's hierarchy."""
        heap = type_.heap
        if heap.is_concrete:
            composite = self._space.types[heap.index].composite
            return FUNC if isinstance(composite, FuncType) else ANY
        return next(top for top in (FUNC, EXTERN, EXN, ANY) if top in HEAP_CLOSURE[heap])

    def see(self, writer: FunctionWriter, type_: ValType) -> None:
        """Append: the reference on the stack becomes a word, with a fresh budget."""
        if self.is_walked(type_):
            writer.i32(NODES).op("global.set", self.budget)
        self.look(writer, type_)

    def is_walked(self, type_: ValType) -> bool:
        """Return whether more than null is told of references of this type.

        The types below all others have null alone; JavaScriptCore takes `nullexternref` for
        no `externref`.
        """
        heap = type_.heap
        if heap in HEAP_BOTTOM.values():
            return False
        top = self.top_of(type_)
        return top == ANY or (top == EXTERN and self._uses.gc)

    def look(self, writer: FunctionWriter, type_: ValType, depth: int | None = None) -> None:
        """Append: the reference on the stack becomes a word, from the budget that is left.

        `depth` is the local that holds how deep to look, None for `DEPTH`.
        """
        top = self.top_of(type_)
        if not self.is_walked(type_):
            kind = {FUNC: "func", EXN: "exn"}.get(top, "extern")
            writer.ops("ref.is_null", "i32.eqz", "i64.extend_i32_u")
            writer.i64(kind_of(kind)).op("i64.mul")
            return
        if top == EXTERN:
            writer.op("any.convert_extern")
        if depth is None:
            writer.i32(DEPTH)
        else:
            writer.get(depth)
        heap = type_.heap
        walker = self._of_type(heap.index) if heap.is_concrete else self._of_any
        writer.op("call", walker)

    def value(
        self,
        writer: FunctionWriter,
        type_: ValType,
        digest: int,
        read: Callable[[], FunctionWriter],
        depth: int | None = None,
    ) -> None:
        """Append: a value goes into a digest, NaNs as one value. `read` appends its reading.

        A vector is read once for each half rather than kept in a local: what a release of
        wasmtime reads from a structure, it cannot put into one.
        """
        if type_ == V128:
            for lane in (0, 1):
                read().op("i64x2.extract_lane", lane).op("call", self._calm_lane)
                mix(writer, digest)
            return
        read()
        if type_.is_ref:
            self.look(writer, type_, depth)
        elif type_ in _CANONICAL_NAN:
            self._calm_float(writer, type_)
        elif type_ != I64:
            writer.op("i64.extend_i32_u")
        mix(writer, digest)

    def finish(self) -> None:
        """Write the functions that others called; they may ask for more."""
        while self._pending:
            index = self._pending.pop()
            self._editor.define(self._walkers[index], self._walk_object(index))

    # What the functions share

    @cached_property
    def budget(self) -> int:
        """The global that counts objects down. Nothing of the module's knows it."""
        return self._editor.add_global(I32, FunctionWriter().i32(0).body()[1:], mutable=True)

    @cached_property
    def _space(self) -> TypeSpace:
        return TypeSpace(self._editor.original.rec_groups, allow_unreachable=True)

    @cached_property
    def _first(self) -> dict[int, int]:
        """Canonical type to the first type index that has it."""
        first: dict[int, int] = {}
        for index, canonical in enumerate(self._space.canonical):
            first.setdefault(canonical, index)
        return first

    @cached_property
    def _children(self) -> dict[int | None, list[int]]:
        """Type index to the subtypes one step below; None to the roots. No functions."""
        children: dict[int | None, list[int]] = {None: []}
        for canonical, index in self._first.items():
            subtype = self._space.types[index]
            if isinstance(subtype.composite, FuncType):
                continue
            above = None
            if subtype.supertypes:
                above = self._first[self._space.canonical[subtype.supertypes[0]]]
            children.setdefault(above, []).append(self._first[canonical])
        return children

    @cached_property
    def _walker_type(self) -> int:
        return self._editor.func_type((_ANYREF, I32), (I64,))

    def _of_type(self, index: int) -> int:
        """Return the function that looks at references to a structure or array type."""
        index = self._first[self._space.canonical[index]]
        walker = self._walkers.get(index)
        if walker is None and len(self._walkers) >= TYPES:
            return self._of_kind
        if walker is None:
            walker = self._walkers[index] = self._editor.declare_function(self._walker_type)
            self._pending.append(index)
        return walker

    @cached_property
    def _of_any(self) -> int:
        """The function that looks at references of abstract types."""
        writer = FunctionWriter((_ANYREF, I32))
        _return_null(writer)
        writer.get(0).op("ref.test", I31).block("if")
        writer.get(0).op("ref.cast", I31).ops("i31.get_u", "i64.extend_i32_u")
        writer.i64(KIND_BITS).op("i64.shl").i64(kind_of("i31")).ops("i64.or", "return", "end")
        if sum(map(len, self._children.values())) <= TYPES:
            for root in self._children[None]:
                self._try_type(writer, root)
        writer.get(0).get(1).op("call", self._of_kind)
        return self._editor.add_function(self._walker_type, writer.body())

    @cached_property
    def _of_kind(self) -> int:
        """The function that tells an object's kind and no more."""
        writer = FunctionWriter((_ANYREF, I32))
        _return_null(writer)
        for heap, kind in ((STRUCT, "struct"), (ARRAY, "array")):
            writer.get(0).op("ref.test", heap).block("if")
            writer.i64(kind_of(kind)).ops("return", "end")
        writer.i64(kind_of("extern"))
        return self._editor.add_function(self._walker_type, writer.body())

    def _try_type(self, writer: FunctionWriter, index: int) -> None:
        """Append: an instance of a type is left to the function of that type."""
        writer.get(0).op("ref.test", concrete(index)).block("if")
        writer.get(0).get(1).op("call", self._of_type(index)).ops("return", "end")

    def _walk_object(self, index: int) -> bytes:
        """Return the body of the function that looks at instances of a type."""
        writer = FunctionWriter((_ANYREF, I32))
        composite = self._space.types[index].composite
        kind = kind_of("struct" if isinstance(composite, StructType) else "array")
        _return_null(writer)
        writer.get(1).op("i32.eqz").op("global.get", self.budget).ops("i32.eqz", "i32.or")
        writer.block("if").i64(kind).ops("return", "end")
        for child in self._children.get(index, ()):
            self._try_type(writer, child)
        writer.op("global.get", self.budget).i32(1).op("i32.sub").op("global.set", self.budget)
        writer.get(1).i32(1).op("i32.sub").set(1)
        it = writer.local(ref(concrete(index), nullable=True))
        writer.get(0).op("ref.cast", concrete(index)).set(it)
        digest = writer.local(I64)
        if isinstance(composite, StructType):
            self._fields(writer, index, composite, it, digest)
        else:
            assert isinstance(composite, ArrayType)  # noqa: S101  # functions have no walkers
            self._elements(writer, index, composite.field, it, digest)
        finish_word(writer, digest, kind)
        return writer.body()

    def _fields(
        self, writer: FunctionWriter, index: int, composite: StructType, it: int, digest: int
    ) -> None:
        writer.i64(len(composite.fields))
        mix(writer, digest)
        for place, field in enumerate(composite.fields[:FIELDS]):
            name = f"struct.get{'_u' if field.storage.is_packed else ''}"

            def read(name: str = name, place: int = place) -> FunctionWriter:
                return writer.get(it).op(name, index, place)

            self.value(writer, field.storage.unpacked, digest, read, 1)

    def _elements(
        self, writer: FunctionWriter, index: int, field: FieldType, it: int, digest: int
    ) -> None:
        place, count = writer.local(I32), writer.local(I32)
        writer.get(it).op("array.len").op("local.tee", count).op("i64.extend_i32_u")
        mix(writer, digest)
        writer.get(count).i32(ELEMENTS).get(count).i32(ELEMENTS).ops("i32.lt_u", "select")
        writer.set(count).block("block").block("loop")
        writer.get(place).get(count).op("i32.ge_u").op("br_if", 1)
        name = f"array.get{'_u' if field.storage.is_packed else ''}"

        def read() -> FunctionWriter:
            return writer.get(it).get(place).op(name, index)

        self.value(writer, field.storage.unpacked, digest, read, 1)
        writer.get(place).i32(1).op("i32.add").set(place).op("br", 0).ops("end", "end")

    # NaNs

    def _calm_float(self, writer: FunctionWriter, type_: ValType) -> None:
        """Append: the float on the stack becomes its bits as an i64, a NaN the canonical one."""
        local = writer.local(type_)
        bits = 32 if type_ == F32 else 64
        writer.op("local.tee", local).op(f"i{bits}.reinterpret_f{bits}")
        (writer.i32 if type_ == F32 else writer.i64)(_CANONICAL_NAN[type_])
        writer.get(local).get(local).op(f"f{bits}.eq").op("select")
        if type_ == F32:
            writer.op("i64.extend_i32_u")

    @cached_property
    def _calm_lane(self) -> int:
        """The function that takes half a vector and gives it back with NaNs as one value."""
        writer = FunctionWriter((I64,))
        writer.get(0).op("f64.reinterpret_i64")
        self._calm_float(writer, F64)
        writer.op("local.tee", 0).ops("i32.wrap_i64", "f32.reinterpret_i32")
        self._calm_float(writer, F32)
        writer.get(0).i64(32).ops("i64.shr_u", "i32.wrap_i64", "f32.reinterpret_i32")
        self._calm_float(writer, F32)
        writer.i64(32).ops("i64.shl", "i64.or")
        return self._editor.add_function(self._editor.func_type((I64,), (I64,)), writer.body())


def _return_null(writer: FunctionWriter) -> None:
    writer.get(0).op("ref.is_null").block("if").i64(kind_of("null")).ops("return", "end")


def finish(writer: FunctionWriter, digest: int) -> None:
    """Append: the digest, its high half mixed into the low one."""
    writer.get(digest).get(digest).i64(32).ops("i64.shr_u", "i64.xor")


def finish_word(writer: FunctionWriter, digest: int, kind: int) -> None:
    """Append: a digest becomes a word of this kind."""
    finish(writer, digest)
    writer.i64(KIND_BITS).op("i64.shl").i64(kind).op("i64.or")
