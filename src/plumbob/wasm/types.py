"""Value, heap and composite types (WebAssembly 3.0, Structure / Types).

A value type is an int, so that vectors of types are compact and the validation kernel
reads them as they are. Layout, 32 bits::

    numbers, vectors, packed   0 < type < 16
    references                 REF | (NULL) | heap
    heap, abstract             a code below 32
    heap, concrete             CONCRETE | type index

The kernel uses the same layout with the *canonical* id of a type in place of its index.
"""

from __future__ import annotations

from typing import NamedTuple

from plumbob.wasm import features

REF = 1 << 31
NULL = 1 << 30
CONCRETE = 1 << 28
INDEX_MASK = CONCRETE - 1
HEAP_MASK = CONCRETE | INDEX_MASK


class HeapType(int):
    """What a reference points to: an abstract heap type or `CONCRETE | type index`."""

    __slots__ = ()

    @property
    def is_concrete(self) -> bool:
        """Whether this names a defined type."""
        return bool(self & CONCRETE)

    @property
    def index(self) -> int:
        """The type index of a concrete heap type."""
        return self & INDEX_MASK

    def __str__(self) -> str:
        if self & CONCRETE:
            return str(self.index)
        return HEAP_NAMES.get(self) or f"<no heap type {int(self)}>"

    def __repr__(self) -> str:
        return f"HeapType({self})"


class ValType(int):
    """A value or storage type; see the module's docstring for the layout."""

    __slots__ = ()

    @property
    def is_ref(self) -> bool:
        """Whether this is a reference type."""
        return bool(self & REF)

    @property
    def nullable(self) -> bool:
        """Whether this is a reference type that includes null."""
        return bool(self & NULL)

    @property
    def heap(self) -> HeapType:
        """The heap type of a reference type."""
        return HeapType(self & HEAP_MASK)

    @property
    def is_packed(self) -> bool:
        """Whether this is a storage type that values do not have (i8, i16)."""
        return self in (I8, I16)

    @property
    def unpacked(self) -> ValType:
        """The type of the value that a field of this storage type yields."""
        return I32 if self in (I8, I16) else self

    @property
    def defaultable(self) -> bool:
        """Whether the type has a default value: all but non-nullable references."""
        return not self & REF or bool(self & NULL)

    def __str__(self) -> str:
        if not self & REF:
            return NUM_NAMES.get(self) or f"<no type {int(self)}>"
        if self & NULL and not self & CONCRETE and (short := SHORT_NAMES.get(self)):
            return short
        return f"(ref {'null ' if self & NULL else ''}{self.heap})"

    def __repr__(self) -> str:
        return f"ValType({self})"


def ref(heap: int, *, nullable: bool = False) -> ValType:
    """Return `(ref heap)`, or `(ref null heap)`."""
    return ValType(REF | (NULL if nullable else 0) | heap)


def concrete(index: int) -> HeapType:
    """Return the heap type of the type with this index."""
    return HeapType(CONCRETE | index)


BOT = ValType(0)
"""⊥, the type of a value popped from a polymorphic stack (Appendix, Validation Algorithm)."""
I32, I64, F32, F64, V128, I8, I16 = map(ValType, range(1, 8))
UNREACHABLE = ValType(8)
"""The declared result type `unreachable` of the `typed` dead-code policy."""

NUM_NAMES = {
    BOT: "bot",
    I32: "i32",
    I64: "i64",
    F32: "f32",
    F64: "f64",
    V128: "v128",
    I8: "i8",
    I16: "i16",
    UNREACHABLE: "unreachable",
}

VALUE_CODES = {0x7F: I32, 0x7E: I64, 0x7D: F32, 0x7C: F64, 0x7B: V128}
"""Byte of the binary format: number or vector type (Binary / Types)."""

PACKED_CODES = {0x78: I8, 0x77: I16}
"""Byte of the binary format: packed type, of fields alone."""

UNREACHABLE_CODE = 0x41
"""Byte of the result type `unreachable`, accepted under the `typed` dead-code policy alone.

Plumbob's own: a one-byte negative s33 that neither the specification nor any proposal uses.
"""

EMPTY_BLOCK_CODE = 0x40
"""Byte of the block type without parameters and results."""

HEAP_BOT = HeapType(0)
"""The heap type below all others, of `(ref bot)`: arises in dead code only."""
(FUNC, NOFUNC, EXTERN, NOEXTERN, ANY, EQ, I31, STRUCT, ARRAY, NONE, EXN, NOEXN) = map(
    HeapType, range(1, 13)
)

HEAP_NAMES = {
    HEAP_BOT: "bot",
    FUNC: "func",
    NOFUNC: "nofunc",
    EXTERN: "extern",
    NOEXTERN: "noextern",
    ANY: "any",
    EQ: "eq",
    I31: "i31",
    STRUCT: "struct",
    ARRAY: "array",
    NONE: "none",
    EXN: "exn",
    NOEXN: "noexn",
}

HEAP_CODES = {
    0x74: NOEXN,
    0x73: NOFUNC,
    0x72: NOEXTERN,
    0x71: NONE,
    0x70: FUNC,
    0x6F: EXTERN,
    0x6E: ANY,
    0x6D: EQ,
    0x6C: I31,
    0x6B: STRUCT,
    0x6A: ARRAY,
    0x69: EXN,
}
"""Byte of the binary format: abstract heap type; alone it abbreviates `(ref null heap)`."""

REF_CODE, REF_NULL_CODE = 0x64, 0x63

HEAP_SUPERTYPES = {
    NOFUNC: (FUNC,),
    NOEXTERN: (EXTERN,),
    NOEXN: (EXN,),
    NONE: (I31, STRUCT, ARRAY),
    I31: (EQ,),
    STRUCT: (EQ,),
    ARRAY: (EQ,),
    EQ: (ANY,),
}
"""One step up the hierarchies of abstract heap types."""


def _closure() -> dict[HeapType, tuple[HeapType, ...]]:
    """Return each abstract heap type with everything above it, itself included."""
    closed: dict[HeapType, tuple[HeapType, ...]] = {}
    for heap in HEAP_NAMES:
        above = [heap] if heap else list(HEAP_NAMES)
        for item in above:
            above.extend(sup for sup in HEAP_SUPERTYPES.get(item, ()) if sup not in above)
        closed[heap] = tuple(above)
    return closed


HEAP_CLOSURE = _closure()
"""Abstract heap type to its supertypes, itself included; HEAP_BOT is below all."""

FEATURE_OF_VALUE = {V128: features.SIMD}
"""The feature that brings a number or vector type."""

FEATURE_OF_HEAP = {
    heap: features.REFERENCE_TYPES
    if heap in (FUNC, EXTERN)
    else features.EXCEPTIONS
    if heap in (EXN, NOEXN)
    else features.GC
    for heap in HEAP_NAMES
}
"""The feature that brings an abstract heap type. A table of `funcref` needs none."""

HEAP_BOTTOM = {FUNC: NOFUNC, EXTERN: NOEXTERN, ANY: NONE, EXN: NOEXN}
"""The top of each hierarchy, and its bottom."""

FUNCREF = ref(FUNC, nullable=True)
EXTERNREF = ref(EXTERN, nullable=True)
EXNREF = ref(EXN, nullable=True)

SHORT_NAMES = {
    ref(heap, nullable=True): name
    for heap, name in {
        FUNC: "funcref",
        NOFUNC: "nullfuncref",
        EXTERN: "externref",
        NOEXTERN: "nullexternref",
        ANY: "anyref",
        EQ: "eqref",
        I31: "i31ref",
        STRUCT: "structref",
        ARRAY: "arrayref",
        NONE: "nullref",
        EXN: "exnref",
        NOEXN: "nullexnref",
    }.items()
}
"""The text format's abbreviations of nullable references."""


class FieldType(NamedTuple):
    """A field of a structure or the elements of an array."""

    storage: ValType
    mutable: bool

    def __str__(self) -> str:
        return f"(mut {self.storage})" if self.mutable else str(self.storage)


class FuncType(NamedTuple):
    """A function type."""

    params: tuple[ValType, ...]
    results: tuple[ValType, ...]

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self.params))}] -> [{' '.join(map(str, self.results))}]"


class StructType(NamedTuple):
    """A structure type."""

    fields: tuple[FieldType, ...]

    def __str__(self) -> str:
        return f"(struct{''.join(f' (field {field})' for field in self.fields)})"


class ArrayType(NamedTuple):
    """An array type."""

    field: FieldType

    def __str__(self) -> str:
        return f"(array {self.field})"


CompositeType = FuncType | StructType | ArrayType


class SubType(NamedTuple):
    """A composite type with its declared supertypes (type indices; at most one is valid)."""

    composite: CompositeType
    supertypes: tuple[int, ...] = ()
    final: bool = True


class Limits(NamedTuple):
    """The size range of a memory (pages) or table (elements), and its address type."""

    minimum: int
    maximum: int | None = None
    is64: bool = False

    @property
    def address_type(self) -> ValType:
        """The type of addresses: i64 where the memory or table is 64-bit, else i32."""
        return I64 if self.is64 else I32


DEFAULT_PAGE_SIZE_LOG2 = 16


class MemoryType(NamedTuple):
    """A memory type; the page size is a power of two in bytes."""

    limits: Limits
    shared: bool = False
    page_size_log2: int = DEFAULT_PAGE_SIZE_LOG2


class TableType(NamedTuple):
    """A table type."""

    element: ValType
    limits: Limits


class GlobalType(NamedTuple):
    """A global type."""

    type: ValType
    mutable: bool


class TagType(NamedTuple):
    """A tag type: the index of its function type."""

    type_index: int
