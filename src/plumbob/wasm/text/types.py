"""Types in text (Text Format / Types), and the use of function types by reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.wasm import features as f
from plumbob.wasm import types as t
from plumbob.wasm.module import RecGroup
from plumbob.wasm.text.scopes import IndexSpace, TokenError
from plumbob.wasm.types import (
    ArrayType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    StructType,
    SubType,
    TableType,
    ValType,
)

if TYPE_CHECKING:
    from plumbob.wasm.text.context import Context
    from plumbob.wasm.text.cursor import Cursor

HEAP_FEATURES = {
    t.FUNC: f.REFERENCE_TYPES,
    t.EXTERN: f.REFERENCE_TYPES,
    t.EXN: f.EXCEPTIONS,
    t.NOEXN: f.EXCEPTIONS,
}
"""What brings an abstract heap type; garbage collection all others."""

_HEAP_TYPES = {
    name: (heap, HEAP_FEATURES.get(heap, f.GC))
    for heap, name in t.HEAP_NAMES.items()
    if heap != t.HEAP_BOT
}
_NUMBER_TYPES = {str(type_): (type_, f.MVP) for type_ in (t.I32, t.I64, t.F32, t.F64)}
_VALUE_TYPES = {
    **_NUMBER_TYPES,
    "v128": (t.V128, f.SIMD),
    **{name: (type_, HEAP_FEATURES.get(type_.heap, f.GC)) for type_, name in t.SHORT_NAMES.items()},
}
_REFERENCE_TYPES = {name: entry for name, entry in _VALUE_TYPES.items() if entry[0].is_ref}
_STORAGE_TYPES = {**_VALUE_TYPES, "i8": (t.I8, f.GC), "i16": (t.I16, f.GC)}


def _type(
    context: Context, table: dict[str, tuple[ValType, int]], what: str, exempt: ValType | None
) -> ValType:
    cursor = context.cursor
    word = cursor.texts[cursor.i]
    entry = table.get(word)
    if entry is not None:
        type_, feature = entry
        if feature & ~cursor.features and type_ != exempt:
            cursor.require(feature, f"the type {word}")
        cursor.i += 1
        return type_
    if not cursor.at("(", "ref"):
        cursor.unexpected(what)
    cursor.require(f.FUNCTION_REFERENCES, "the form (ref ...)", at=cursor.i + 1)
    cursor.i += 2
    nullable = cursor.accept("null")
    heap = heap_type(context)
    cursor.expect(")")
    return t.ref(heap, nullable=nullable)


def value_type(context: Context) -> ValType:
    """Read a value type."""
    return _type(context, _VALUE_TYPES, "a value type", None)


def reference_type(context: Context) -> ValType:
    """Read a reference type."""
    return _type(context, _REFERENCE_TYPES, "a reference type", None)


def at_reference_type(cursor: Cursor) -> bool:
    """Return whether a reference type comes next."""
    return cursor.texts[cursor.i] in _REFERENCE_TYPES or cursor.at("(", "ref")


def heap_type(context: Context) -> HeapType:
    """Read a heap type."""
    cursor = context.cursor
    word = cursor.texts[cursor.i]
    entry = _HEAP_TYPES.get(word)
    if entry is not None:
        cursor.require(entry[1], f"the heap type {word}")
        cursor.i += 1
        return entry[0]
    if not cursor.at_index():
        cursor.unexpected("a heap type")
    cursor.require(f.FUNCTION_REFERENCES, "a reference to a defined type")
    return t.concrete(context.index("type"))


def _result_type(context: Context) -> ValType:
    cursor = context.cursor
    if cursor.texts[cursor.i] != "unreachable":
        return value_type(context)
    if not context.allow_unreachable_type:
        cursor.fail(
            "the result type `unreachable` is Plumbob's own",
            expected="a value type",
            hint="--dead-code=typed allows it",
        )
    cursor.i += 1
    return t.UNREACHABLE


class Parameter(NamedTuple):
    """A parameter's or local's identifier and name, both None where there is none."""

    identifier: str | None
    name: str | None
    at: int


def parameters(
    context: Context, keyword: str, types: list[ValType], *, named: bool = True
) -> list[Parameter]:
    """Read `(param ...)` or `(local ...)` as often as it comes.

    Adds to `types`; returns where each stands and what it is called.
    """
    cursor = context.cursor
    texts = cursor.texts
    found: list[Parameter] = []
    while texts[cursor.i] == "(" and texts[cursor.i + 1] == keyword:
        cursor.i += 2
        at = cursor.i
        if named:
            identifier = cursor.identifier()
            name = cursor.take_name(identifier, keyword)
            if identifier is not None or name is not None:
                types.append(value_type(context))
                found.append(Parameter(identifier, name, at))
                cursor.expect(")", "`)`: one type behind an identifier")
                continue
        while texts[cursor.i] != ")":
            types.append(value_type(context))
            found.append(Parameter(None, None, at))
        cursor.i += 1
    return found


def results(context: Context) -> tuple[ValType, ...]:
    """Read `(result ...)` as often as it comes."""
    cursor = context.cursor
    texts = cursor.texts
    found: list[ValType] = []
    while texts[cursor.i] == "(" and texts[cursor.i + 1] == "result":
        cursor.i += 2
        while texts[cursor.i] != ")":
            found.append(_result_type(context))
        cursor.i += 1
    return tuple(found)


def inline_type(context: Context, *, named: bool = False) -> tuple[FuncType, list[Parameter], bool]:
    """Read parameters and results; return also whether there were any words of them."""
    start = context.cursor.i
    params: list[ValType] = []
    found = parameters(context, "param", params, named=named)
    function_type = FuncType(tuple(params), results(context))
    return function_type, found, context.cursor.i > start


class TypeUse(NamedTuple):
    """A use of a function type: `type_index` is None where only the type itself is written."""

    type_index: int | None
    function_type: FuncType
    parameters: list[Parameter]


def read_type_use(context: Context, *, named: bool = False) -> TypeUse:
    """Read `(type x)? (param ...)* (result ...)*`; with an index, the type is that type's."""
    cursor = context.cursor
    if not cursor.at("(", "type"):
        function_type, found, _ = inline_type(context, named=named)
        return TypeUse(None, function_type, found)
    at = cursor.i
    cursor.i += 2
    index = context.index("type")
    cursor.expect(")")
    function_type, found, present = inline_type(context, named=named)
    declared = context.types[index].composite if index < len(context.types) else None
    if present and declared != function_type:
        cursor.fail(
            "inline function type does not match the type it names",
            code="E0180",
            expected=str(declared) if declared is not None else f"a type with index {index}",
            found=str(function_type),
            at=at,
        )
    if isinstance(declared, FuncType):
        function_type = declared
    return TypeUse(index, function_type, found)


def type_use(context: Context) -> int:
    """Read a type use and return the index of the function type."""
    use = read_type_use(context)
    return context.type_index(use.function_type) if use.type_index is None else use.type_index


def type_definition(context: Context, index: int) -> SubType:
    """Read what stands behind the identifier of `(type $id ...)`, the last `)` excluded."""
    cursor = context.cursor
    if not cursor.accept("(", "sub"):
        return SubType(_composite(context, index))
    cursor.require(f.GC, "the form (sub ...)", at=cursor.i - 1)
    final = cursor.accept("final")
    supertypes = []
    while cursor.at_index():
        supertypes.append(context.index("type"))
    subtype = SubType(_composite(context, index), tuple(supertypes), final)
    cursor.expect(")")
    return subtype


def _composite(context: Context, index: int) -> t.CompositeType:
    cursor = context.cursor
    cursor.expect("(", "a composite type")
    word = cursor.word("`func`, `struct` or `array`")
    composite: t.CompositeType
    if word == "func":
        composite, _, _ = inline_type(context, named=True)
    elif word == "struct":
        cursor.require(f.GC, "a structure type", at=cursor.i - 1)
        composite = StructType(_fields(context, index))
    elif word == "array":
        cursor.require(f.GC, "an array type", at=cursor.i - 1)
        composite = ArrayType(_field_type(context))
    else:
        cursor.unexpected("`func`, `struct` or `array`", at=cursor.i - 1)
    cursor.expect(")")
    return composite


def _fields(context: Context, index: int) -> tuple[FieldType, ...]:
    cursor = context.cursor
    space = context.fields[index] = IndexSpace("field")
    names: dict[int, str] = {}
    found: list[FieldType] = []
    while cursor.accept("(", "field"):
        at = cursor.i
        identifier = cursor.identifier()
        name = cursor.take_name(identifier, "field")
        if identifier is None and name is None:
            while not cursor.at(")"):
                space.bind(None)
                found.append(_field_type(context))
        else:
            try:
                position = space.bind(identifier)
            except TokenError as error:
                context.report(error, at=at)
            if name is not None:
                names[position] = name
            found.append(_field_type(context))
        cursor.expect(")")
    if names:
        context.names.indirect["field"][index] = names
    return tuple(found)


def _field_type(context: Context) -> FieldType:
    cursor = context.cursor
    mutable = cursor.accept("(", "mut")
    storage = _type(context, _STORAGE_TYPES, "a storage type", None)
    if mutable:
        cursor.expect(")")
    return FieldType(storage, mutable)


def rec_group(context: Context, first: int, definitions: list[int], *, explicit: bool) -> RecGroup:
    """Read the definitions whose content begins at these tokens; `first` is their first index."""
    types = []
    for position, start in enumerate(definitions):
        context.cursor.i = start
        types.append(type_definition(context, first + position))
        context.cursor.expect(")")
    return RecGroup(tuple(types), explicit)


def address_type(context: Context) -> bool:
    """Read the optional address type of a memory or table; return whether it is i64."""
    cursor = context.cursor
    if cursor.at("i64"):
        cursor.require(f.MEMORY64, "the address type i64")
        cursor.i += 1
        return True
    cursor.accept("i32")
    return False


def _limits(context: Context, *, is64: bool) -> Limits:
    cursor = context.cursor
    # Before 64-bit memories the grammar had sizes of 32 bits.
    bits = 64 if cursor.features & f.MEMORY64 else 32
    minimum = cursor.unsigned(bits)
    maximum = cursor.unsigned(bits) if cursor.at_number() else None
    return Limits(minimum, maximum, is64)


def page_size(context: Context) -> int:
    """Read `(pagesize n)` if it comes next; return log2 of the page size."""
    cursor = context.cursor
    if not cursor.at("(", "pagesize"):
        return t.DEFAULT_PAGE_SIZE_LOG2
    cursor.require(f.CUSTOM_PAGE_SIZES, "the form (pagesize ...)", at=cursor.i + 1)
    cursor.i += 2
    size = cursor.unsigned()
    if size.bit_count() != 1:
        cursor.fail("malformed page size", code="E0178", expected="a power of two", at=cursor.i - 1)
    cursor.expect(")")
    return size.bit_length() - 1


def memory_type(context: Context, *, is64: bool | None = None) -> MemoryType:
    """Read a memory type, or what follows its address type where that is known."""
    cursor = context.cursor
    limits = _limits(context, is64=address_type(context) if is64 is None else is64)
    if shared := cursor.at("shared"):
        cursor.require(f.THREADS, "a shared memory")
        cursor.i += 1
    return MemoryType(limits, shared, page_size(context))


def table_type(context: Context, *, is64: bool | None = None) -> TableType:
    """Read a table type, or what follows its address type where that is known."""
    limits = _limits(context, is64=address_type(context) if is64 is None else is64)
    return TableType(table_element(context), limits)


def table_element(context: Context) -> ValType:
    """Read the element type of a table; funcref is older than reference types."""
    return _type(context, _REFERENCE_TYPES, "a reference type", t.FUNCREF)


def global_type(context: Context) -> GlobalType:
    """Read a global type."""
    cursor = context.cursor
    mutable = cursor.accept("(", "mut")
    type_ = value_type(context)
    if mutable:
        cursor.expect(")")
    return GlobalType(type_, mutable)
