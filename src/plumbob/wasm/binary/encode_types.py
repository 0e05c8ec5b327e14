"""Write types in the binary format (WebAssembly 3.0, Binary Format / Types).

The encoding is the canonical one: the shortest, a nullable reference to an abstract heap
type in its one-byte form, a final type without supertypes without `sub`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InternalError
from plumbob.wasm.binary.leb import write_s33, write_u32, write_u64
from plumbob.wasm.types import (
    CONCRETE,
    DEFAULT_PAGE_SIZE_LOG2,
    HEAP_CODES,
    HEAP_MASK,
    INDEX_MASK,
    NULL,
    PACKED_CODES,
    REF,
    REF_CODE,
    REF_NULL_CODE,
    UNREACHABLE,
    UNREACHABLE_CODE,
    VALUE_CODES,
    ArrayType,
    FieldType,
    FuncType,
    Limits,
    StructType,
    ref,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.module import RecGroup
    from plumbob.wasm.types import (
        CompositeType,
        GlobalType,
        MemoryType,
        SubType,
        TableType,
        TagType,
        ValType,
    )

REC_CODE, SUB_CODE, SUB_FINAL_CODE = 0x4E, 0x50, 0x4F
FUNC_CODE, STRUCT_CODE, ARRAY_CODE = 0x60, 0x5F, 0x5E

HAS_MAXIMUM, SHARED, INDEX64, PAGE_SIZE = 1, 2, 4, 8
"""Flags of limits."""

CODE_OF_HEAP = {heap: code for code, heap in HEAP_CODES.items()}
CODE_OF_TYPE: dict[int, int] = {
    **{type_: code for code, type_ in (VALUE_CODES | PACKED_CODES).items()},
    **{ref(heap, nullable=True): code for code, heap in HEAP_CODES.items()},
    UNREACHABLE: UNREACHABLE_CODE,
}
"""Types of one byte."""


def write_heap_type(out: bytearray, heap: int) -> None:
    """Append a heap type."""
    if heap & CONCRETE:
        write_s33(out, heap & INDEX_MASK)
        return
    code = CODE_OF_HEAP.get(heap)  # type: ignore[call-overload]  # keys are ints
    if code is None:
        raise InternalError(f"heap type {heap} has no binary encoding")
    out.append(code)


def write_value_type(out: bytearray, type_: int) -> None:
    """Append a value or storage type."""
    code = CODE_OF_TYPE.get(type_)
    if code is not None:
        out.append(code)
    elif type_ & REF:
        out.append(REF_NULL_CODE if type_ & NULL else REF_CODE)
        write_heap_type(out, type_ & HEAP_MASK)
    else:
        raise InternalError(f"value type {type_} has no binary encoding")


def write_value_types(out: bytearray, types: Sequence[ValType]) -> None:
    """Append a vector of value types."""
    write_u32(out, len(types))
    for type_ in types:
        write_value_type(out, type_)


def _write_field(out: bytearray, field: FieldType) -> None:
    write_value_type(out, field.storage)
    out.append(field.mutable)


def write_composite_type(out: bytearray, composite: CompositeType) -> None:
    """Append a function, structure or array type."""
    match composite:
        case FuncType(params, results):
            out.append(FUNC_CODE)
            write_value_types(out, params)
            write_value_types(out, results)
        case StructType(fields):
            out.append(STRUCT_CODE)
            write_u32(out, len(fields))
            for field in fields:
                _write_field(out, field)
        case ArrayType(field):
            out.append(ARRAY_CODE)
            _write_field(out, field)


def write_subtype(out: bytearray, subtype: SubType) -> None:
    """Append a type with its supertypes."""
    if subtype.supertypes or not subtype.final:
        out.append(SUB_FINAL_CODE if subtype.final else SUB_CODE)
        write_u32(out, len(subtype.supertypes))
        for index in subtype.supertypes:
            write_u32(out, index)
    write_composite_type(out, subtype.composite)


def write_rec_head(out: bytearray, group: RecGroup) -> None:
    """Append what precedes the types of a rec group: nothing where one type stands alone."""
    if group.explicit or len(group.types) != 1:
        out.append(REC_CODE)
        write_u32(out, len(group.types))


def write_limits(out: bytearray, limits: Limits, flags: int = 0) -> None:
    """Append limits; `flags` are those that the limits themselves do not carry."""
    if limits.maximum is not None:
        flags |= HAS_MAXIMUM
    if limits.is64:
        flags |= INDEX64
    out.append(flags)
    write_u64(out, limits.minimum)
    if limits.maximum is not None:
        write_u64(out, limits.maximum)


def write_memory_type(out: bytearray, memory: MemoryType) -> None:
    """Append a memory type."""
    flags = SHARED if memory.shared else 0
    if memory.page_size_log2 == DEFAULT_PAGE_SIZE_LOG2:
        write_limits(out, memory.limits, flags)
    else:
        write_limits(out, memory.limits, flags | PAGE_SIZE)
        write_u32(out, memory.page_size_log2)


def write_table_type(out: bytearray, table: TableType) -> None:
    """Append a table type."""
    write_value_type(out, table.element)
    write_limits(out, table.limits)


def write_global_type(out: bytearray, global_: GlobalType) -> None:
    """Append a global type."""
    write_value_type(out, global_.type)
    out.append(global_.mutable)


def write_tag_type(out: bytearray, tag: TagType) -> None:
    """Append a tag type; its attribute, 0, says that it is an exception."""
    out.append(0)
    write_u32(out, tag.type_index)
