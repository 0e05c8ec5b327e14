"""Types as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.wasm.types import (
    CONCRETE,
    DEFAULT_PAGE_SIZE_LOG2,
    HEAP_MASK,
    INDEX_MASK,
    NULL,
    REF,
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
    from collections.abc import Sequence

    from plumbob.wasm.text.identifiers import Identifiers, Scope


class TypePrinter:
    """Types as text, with the module's identifiers."""

    def __init__(self, identifiers: Identifiers) -> None:
        self.identifiers = identifiers

    def heap(self, heap: int) -> str:
        """Return a heap type."""
        if heap & CONCRETE:
            return self.identifiers.refer("type", heap & INDEX_MASK)
        return str(HeapType(heap))

    def reference(self, heap: int, *, nullable: bool) -> str:
        """Return a reference type in its long form."""
        return f"(ref {'null ' if nullable else ''}{self.heap(heap)})"

    def value(self, type_: ValType) -> str:
        """Return a value or storage type."""
        if type_ & REF and type_ & CONCRETE:
            return self.reference(type_ & HEAP_MASK, nullable=bool(type_ & NULL))
        return str(type_)

    def values(self, keyword: str, types: Sequence[ValType]) -> str:
        """Return ` (keyword types)`, or nothing where there are none."""
        if not types:
            return ""
        return f" ({keyword} {' '.join(map(self.value, types))})"

    def signature(self, function_type: FuncType) -> str:
        """Return parameters and results, a space before each."""
        params = self.values("param", function_type.params)
        return params + self.values("result", function_type.results)

    def variables(
        self, keyword: str, types: Sequence[ValType], scope: Scope, first: int
    ) -> list[str]:
        """Return `(keyword ...)` for parameters or locals: named ones each on its own."""
        found: list[str] = []
        unnamed: list[str] = []
        for index, type_ in enumerate(types, first):
            if index in scope:
                if unnamed:
                    found.append(f"({keyword} {' '.join(unnamed)})")
                    unnamed = []
                name = self.identifiers.bind_in(scope, index)
                found.append(f"({keyword}{name} {self.value(type_)})")
            else:
                unnamed.append(self.value(type_))
        if unnamed:
            found.append(f"({keyword} {' '.join(unnamed)})")
        return found

    def field(self, field: FieldType) -> str:
        """Return a field type."""
        storage = self.value(field.storage)
        return f"(mut {storage})" if field.mutable else storage

    def subtype(self, subtype: SubType, index: int) -> str:
        """Return the definition of the type with this index."""
        match subtype.composite:
            case FuncType():
                text = f"(func{self.signature(subtype.composite)})"
            case StructType(fields):
                scope = self.identifiers.scope("field", index)
                text = f"(struct{''.join(self._fields(fields, scope))})"
            case ArrayType(field):
                text = f"(array {self.field(field)})"
        if subtype.final and not subtype.supertypes:
            return text
        supertypes = "".join(f" {self.identifiers.refer('type', i)}" for i in subtype.supertypes)
        return f"(sub{' final' if subtype.final else ''}{supertypes} {text})"

    def _fields(self, fields: Sequence[FieldType], scope: Scope) -> list[str]:
        return [
            f" (field{self.identifiers.bind_in(scope, index)} {self.field(field)})"
            for index, field in enumerate(fields)
        ]

    def limits(self, limits: Limits) -> str:
        """Return address type and sizes."""
        address = "i64 " if limits.is64 else ""
        maximum = "" if limits.maximum is None else f" {limits.maximum}"
        return f"{address}{limits.minimum}{maximum}"

    def memory(self, memory: MemoryType) -> str:
        """Return a memory type."""
        shared = " shared" if memory.shared else ""
        page = ""
        if memory.page_size_log2 != DEFAULT_PAGE_SIZE_LOG2:
            page = f" (pagesize {1 << memory.page_size_log2})"
        return f"{self.limits(memory.limits)}{shared}{page}"

    def table(self, table: TableType) -> str:
        """Return a table type."""
        return f"{self.limits(table.limits)} {self.value(table.element)}"

    def global_(self, type_: GlobalType) -> str:
        """Return a global type."""
        value = self.value(type_.type)
        return f"(mut {value})" if type_.mutable else value
