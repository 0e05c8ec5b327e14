"""Linking: what an import is given must match what it asks for.

Source: Validation / Matching / Import Subtyping; Execution / Modules / Instantiation.
Messages begin as the specification's test suite expects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from plumbob.errors import InputError
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import FuncRef, Tag
from plumbob.runtime.table import Global, Table
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, MEMORY, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.runtime.store import Store
    from plumbob.wasm.module import Import
    from plumbob.wasm.types import GlobalType, Limits, MemoryType, TableType, ValType

Extern: TypeAlias = FuncRef | Table | LinearMemory | Global | Tag
"""What an instance imports and exports."""

KIND_CLASSES: tuple[type, ...] = (FuncRef, Table, LinearMemory, Global, Tag)
"""The class of an external kind, by its number."""


class LinkError(InputError):
    """A module's imports are not all there, or not as it asks for them."""


def unknown_import(item: Import) -> LinkError:
    """Return the error of an import that nobody provides."""
    return LinkError(
        "unknown import", expected=f"a {KIND_NAMES[item.kind]} `{item.module}` `{item.name}`"
    )


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
        found = _kind_of(given)
        if found is None or not isinstance(given, KIND_CLASSES[item.kind]):
            raise self._mismatch(item, "something else" if found is None else f"a {found}")
        reason = self._reason(item, given)
        if reason:
            raise self._mismatch(item, reason)
        return given  # type: ignore[return-value]  # one of KIND_CLASSES

    def _mismatch(self, item: Import, found: str) -> LinkError:
        asked = item.type
        if isinstance(asked, int):
            asked = self.store.registry.types[self.types[asked]].composite  # type: ignore[assignment]
        return LinkError(
            "incompatible import type",
            expected=f"`{item.module}` `{item.name}` to be a {KIND_NAMES[item.kind]} {asked}",
            found=found,
        )

    def _reason(self, item: Import, given: object) -> str:
        """Return what was given instead, empty if it matches."""
        wanted = item.type
        if isinstance(given, FuncRef):
            assert isinstance(wanted, int)  # noqa: S101  # the kind says so
            fine = self.store.registry.is_subtype(given.type, self.types[wanted])
            return "" if fine else f"a func {given.signature}"
        if isinstance(given, Tag):
            assert not isinstance(wanted, int)  # noqa: S101  # the kind says so
            fine = given.type == self.types[wanted.type_index]  # type: ignore[union-attr]
            return "" if fine else f"a tag {given.signature}"
        if item.kind == GLOBAL:
            fine = self._global_matches(given.type, wanted)  # type: ignore[attr-defined, arg-type]
        elif item.kind == TABLE:
            fine = self._table_matches(given.type, wanted)  # type: ignore[attr-defined, arg-type]
        else:
            assert item.kind == MEMORY  # noqa: S101  # the last one
            fine = memory_matches(given.type, wanted)  # type: ignore[attr-defined, arg-type]
        return "" if fine else f"a {KIND_NAMES[item.kind]} {given.type}"  # type: ignore[attr-defined]

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


def _kind_of(given: object) -> str | None:
    for name, kind in zip(KIND_NAMES, KIND_CLASSES, strict=True):
        if isinstance(given, kind):
            return name
    return None


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


__all__ = ["FUNC", "KIND_CLASSES", "Extern", "LinkError", "Matcher", "unknown_import"]
