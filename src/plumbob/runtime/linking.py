"""Linking: what an import is given must match what it asks for.

Source: Validation / Matching / Import Subtyping; Execution / Modules / Instantiation.
Messages begin as the specification's test suite expects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from plumbob.errors import InputError
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import FuncRef, Tag
from plumbob.runtime.table import Global, Table
from plumbob.wasm.module import FUNC, KIND_NAMES, TAG
from plumbob.wasm.names import Names
from plumbob.wasm.text.identifiers import Identifiers, quote_name
from plumbob.wasm.text.print_types import TypePrinter
from plumbob.wasm.types import (
    CONCRETE,
    INDEX_MASK,
    FuncType,
    GlobalType,
    MemoryType,
    TableType,
    TagType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.runtime.store import Store
    from plumbob.wasm.module import Import
    from plumbob.wasm.type_space import TypeRegistry
    from plumbob.wasm.types import Limits, ValType

Extern: TypeAlias = FuncRef | Table | LinearMemory | Global | Tag
"""What an instance imports and exports."""

AnyType: TypeAlias = FuncType | TableType | MemoryType | GlobalType
"""The type of one of those; a tag's is that of its values, as parameters."""

KIND_CLASSES: Final = (FuncRef, Table, LinearMemory, Global, Tag)
"""The class of an external kind, by its number."""


class LinkError(InputError):
    """A module's imports are not all there, or not as it asks for them."""


def unknown_import(item: Import) -> LinkError:
    """Return the error of an import that nobody provides."""
    return LinkError("unknown import", expected=f"a {KIND_NAMES[item.kind]} {import_text(item)}")


def import_text(item: Import) -> str:
    """Return an import's names as messages have them: one line, nothing that a terminal obeys."""
    return f"`{printable(item.module)}` `{printable(item.name)}`"


def printable(name: str) -> str:
    """Return a name of a module's, with what cannot be seen by its number."""
    return name if name.isprintable() else quote_name(name)[1:-1]


class Matcher:
    """Matches imports of one module; `canonical` turns its value types into canonical ones.

    `types` are the canonical ids of the module's types by index.
    """

    def __init__(
        self, store: Store, types: list[int], canonical: Callable[[ValType], ValType]
    ) -> None:
        self.store = store
        self.types = types
        self.canonical = canonical

    def require(self, item: Import, given: object) -> Extern:
        """Return what was given if it matches; raises `LinkError` otherwise."""
        if isinstance(given, KIND_CLASSES) and self._matches(item, given):
            return given
        raise LinkError(
            "incompatible import type",
            expected=f"{import_text(item)} to be {self._asked(item)}",
            found=self._given(given),
        )

    def _asked(self, item: Import) -> str:
        wanted = item.type
        registry = self.store.registry
        if isinstance(wanted, int):
            return type_text(FUNC, _signature(registry, self.types[wanted]), registry)
        if isinstance(wanted, TagType):
            return type_text(TAG, _signature(registry, self.types[wanted.type_index]), registry)
        if isinstance(wanted, GlobalType):
            wanted = GlobalType(self.canonical(wanted.type), wanted.mutable)
        elif isinstance(wanted, TableType):
            wanted = TableType(self.canonical(wanted.element), wanted.limits)
        return type_text(item.kind, wanted, registry)

    def _given(self, given: object) -> str:
        if not isinstance(given, KIND_CLASSES):
            return "something else"
        return type_text(kind_of(given), type_of(given), self.store.registry)

    def _matches(self, item: Import, given: Extern) -> bool:
        wanted = item.type
        if isinstance(given, FuncRef) and isinstance(wanted, int):
            return self.store.registry.is_subtype(given.type, self.types[wanted])
        if isinstance(given, Tag) and isinstance(wanted, TagType):
            return given.type == self.types[wanted.type_index]
        if isinstance(given, Global) and isinstance(wanted, GlobalType):
            return self._global_matches(given.type, wanted)
        if isinstance(given, Table) and isinstance(wanted, TableType):
            return self._table_matches(given.type, wanted)
        return (
            isinstance(given, LinearMemory)
            and isinstance(wanted, MemoryType)
            and memory_matches(given.type, wanted)
        )

    def _global_matches(self, given: GlobalType, wanted: GlobalType) -> bool:
        if given.mutable != wanted.mutable:
            return False
        asked = self.canonical(wanted.type)
        matches = self.store.matches
        return matches(given.type, asked) and (not given.mutable or matches(asked, given.type))

    def _table_matches(self, given: TableType, wanted: TableType) -> bool:
        asked = self.canonical(wanted.element)
        matches = self.store.matches
        same = matches(given.element, asked) and matches(asked, given.element)
        return same and limits_match(given.limits, wanted.limits)


def kind_of(given: Extern) -> int:
    """Return the external kind of an object."""
    return next(kind for kind, class_ in enumerate(KIND_CLASSES) if isinstance(given, class_))


def type_of(given: Extern) -> AnyType:
    """Return an object's type of now, with canonical ids; a tag's is that of its values."""
    return given.signature if isinstance(given, (FuncRef, Tag)) else given.type


def type_text(kind: int, type_: AnyType, registry: TypeRegistry) -> str:
    """Return a type as the text format writes it, `(memory 2)`; a function's as `[i32] -> []`.

    `type_` has canonical ids; what those stand for is told behind it. A tag's type is that
    of its values, as parameters.
    """
    printer = TypePrinter(Identifiers(Names()))
    mentioned: Sequence[ValType] = ()
    match type_:
        case FuncType(params, results):
            text = f"(tag{printer.signature(type_)})" if kind == TAG else f"a func {type_}"
            mentioned = (*params, *results)
        case MemoryType():
            text = f"(memory {printer.memory(type_)})"
        case TableType():
            text = f"(table {printer.table(type_)})"
            mentioned = (type_.element,)
        case GlobalType():
            text = f"(global {printer.global_(type_)})"
            mentioned = (type_.type,)
    return text + definitions(mentioned, registry)


def definitions(types: Sequence[ValType], registry: TypeRegistry) -> str:
    """Return what the canonical ids in these types stand for, as the end of a sentence."""
    printer = TypePrinter(Identifiers(Names()))
    ids = dict.fromkeys(type_ & INDEX_MASK for type_ in types if type_ & CONCRETE)
    told = [f"type {id_} is {printer.subtype(registry.types[id_], id_)}" for id_ in ids]
    return f", where {' and '.join(told)}" if told else ""


def _signature(registry: TypeRegistry, id_: int) -> FuncType:
    composite = registry.types[id_].composite
    assert isinstance(composite, FuncType)  # noqa: S101  # the module is valid
    return composite


def limits_match(given: Limits, wanted: Limits) -> bool:
    """Return whether the limits of now are within those asked for."""
    if given.is64 != wanted.is64 or given.minimum < wanted.minimum:
        return False
    if wanted.maximum is None:
        return True
    return given.maximum is not None and given.maximum <= wanted.maximum


def memory_matches(given: MemoryType, wanted: MemoryType) -> bool:
    """Return whether a memory type is as asked for."""
    return (
        given.shared == wanted.shared
        and given.page_size_log2 == wanted.page_size_log2
        and limits_match(given.limits, wanted.limits)
    )
