"""What stands in for imports that nobody gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plumbob.api.errors import Trap
from plumbob.api.externs import Func
from plumbob.runtime.linking import LinkError, import_text, type_text
from plumbob.runtime.memory import LinearMemory
from plumbob.runtime.references import Tag
from plumbob.runtime.table import Global, Table
from plumbob.wasm.module import FUNC, GLOBAL, KIND_NAMES, TABLE
from plumbob.wasm.types import V128, GlobalType, MemoryType, TableType, TagType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.api.store import Store
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.linking import AnyType, Extern
    from plumbob.wasm.module import Import
    from plumbob.wasm.types import FuncType, ValType

POLICIES: Final = ("error", "trap", "default")


def default_import(store: Store, item: Import, instance: Instance, policy: str) -> Extern:
    """Return an object of the type that an import asks for, for "trap" or "default".

    Raises `LinkError` where a value has no default, `LimitError` for sizes beyond the
    store's limits.
    """
    wanted = item.type
    if isinstance(wanted, int):
        _, signature = instance.function_type(wanted)
        return _function(store, item, signature, trapping=policy == "trap").runtime
    if isinstance(wanted, TagType):
        return Tag(*instance.function_type(wanted.type_index), item.name)
    budget = store.runtime.budget
    if isinstance(wanted, MemoryType):
        return LinearMemory(wanted, budget)
    if isinstance(wanted, TableType):
        declared = wanted._replace(element=instance.canonical(wanted.element))
        _require_default(store, item, TABLE, declared, [declared.element])
        return Table(declared, None, budget)
    assert isinstance(wanted, GlobalType)  # noqa: S101  # the last one
    asked = GlobalType(instance.canonical(wanted.type), wanted.mutable)
    _require_default(store, item, GLOBAL, asked, [asked.type])
    return Global(asked, None if asked.type.is_ref else 0)


def _function(store: Store, item: Import, signature: FuncType, *, trapping: bool) -> Func:
    def trap(*_: Any) -> Any:
        raise Trap(f"unknown import: {import_text(item)} was called")

    if trapping:
        return Func.from_callable(store, signature, trap, item.name)
    _require_default(store, item, FUNC, signature, signature.results)
    zeros = tuple(map(_zero, signature.results))
    result = zeros[0] if len(zeros) == 1 else zeros
    return Func.from_callable(store, signature, lambda *_: result, item.name)


def _zero(type_: ValType) -> Any:
    return None if type_.is_ref else bytes(16) if type_ == V128 else 0


def _require_default(
    store: Store, item: Import, kind: int, type_: AnyType, values: Sequence[ValType]
) -> None:
    if not all(value.defaultable for value in values):
        raise LinkError(
            "unknown import, and no default for it",
            expected=f"a {KIND_NAMES[item.kind]} {import_text(item)}",
            found=f"{type_text(kind, type_, store.registry)}, which must not be null",
        )
