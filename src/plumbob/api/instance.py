"""Instances: a module with what it imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from plumbob.api.externs import Func, Global, _Extern, view
from plumbob.api.store import Store
from plumbob.errors import UsageError
from plumbob.runtime import instance as runtime
from plumbob.wasm.module import FUNC, GLOBAL
from plumbob.wasm.types import GlobalType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.api.module import Module
    from plumbob.wasm.module import Import


class Exports(Mapping[str, Any]):
    """Exports by name: `exports["add"]`, or `exports.add`.

    A name that mappings have as a method (`get`, `items`) is reached by the former alone.
    """

    def __init__(self, store: Store, instance: runtime.Instance) -> None:
        self._store = store
        self._instance = instance

    def __getitem__(self, name: str) -> Any:
        return view(self._store, self._instance.exports[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._instance.exports)

    def __len__(self) -> int:
        return len(self._instance.exports)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._instance.exports:
            known = ", ".join(self._instance.exports) or "none"
            raise AttributeError(f"no export {name!r}; there are: {known}")
        return self[name]


class Instance:
    """A module instance, started.

    `imports` maps module names to mappings (or `Exports`) from names to what is given:
    objects of the API; for a function also a Python callable, for an immutable global also a
    value. Without a store it gets one of its own. `before_start` is called with the instance
    when all is linked and nothing has run.

    Raises `LinkError` where imports are missing or do not match, `Trap` and `ThrownError`
    where a segment does not fit or the start function ends so.
    """

    def __init__(
        self,
        module: Module,
        imports: Mapping[str, Mapping[str, Any]] | None = None,
        store: Store | None = None,
        *,
        before_start: Callable[[Instance], None] | None = None,
    ) -> None:
        self.module = module
        self.store = Store() if store is None else store
        self._given = imports or {}
        self.store.require_open()
        # An initialiser may trap, too: an array beyond the limit on memory.
        self._instance = self.store.guarded(
            lambda: runtime.Instance(self.store.runtime, module.environment, self._provide)
        )
        self.exports = Exports(self.store, self._instance)
        if before_start is not None:
            before_start(self)
        self.store.guarded(self._instance.start)

    def _provide(self, item: Import, instance: runtime.Instance) -> object | None:
        given = self._given.get(item.module, {}).get(item.name)
        what = f"the import `{item.module}` `{item.name}`"
        if isinstance(given, _Extern):
            given.require_store(self.store, what)
            return given.runtime  # type: ignore[no-any-return]
        if given is None:
            return None
        if item.kind == FUNC and callable(given):
            assert isinstance(item.type, int)  # noqa: S101  # the kind says so
            _, signature = instance.function_type(item.type)
            return Func.from_callable(self.store, signature, given, item.name).runtime
        if item.kind == GLOBAL and not callable(given):
            assert isinstance(item.type, GlobalType)  # noqa: S101  # the kind says so
            kind = instance.canonical(item.type.type)
            return Global.new(self.store, kind, given).runtime
        raise UsageError(
            what,
            expected="a Func, Memory, Table, Global or Tag, a callable for a function, "
            "a value for an immutable global",
            found=repr(given),
        )

    def __repr__(self) -> str:
        return f"Instance({self.module.name!r})"
