"""Instances: a module with what it imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from plumbob.api.checks import Unique, brief, require, require_choice, require_integer, shown, wrong
from plumbob.api.defaults import POLICIES, default_import
from plumbob.api.externs import Func, Global
from plumbob.api.module import Module
from plumbob.api.store import Store
from plumbob.api.views import View, view
from plumbob.runtime import instance as runtime
from plumbob.runtime.linking import KIND_CLASSES, LinkError, import_text, type_text
from plumbob.wasm.module import FUNC, GLOBAL, TAG
from plumbob.wasm.text.identifiers import readable_names
from plumbob.wasm.types import GlobalType

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.wasm.module import Import

_ABSENT: Final = object()
"""What an import is given that nobody mentions; None may be meant."""


class Exports(Mapping[str, Any]):
    """Exports by name: `exports["add"]`, or `exports.add`; views of the instance's objects.

    A name that mappings have as a method (`get`, `items`) is reached by the former alone.
    A name that is not exported is a KeyError, as an attribute an AttributeError, that lists
    those that are. Nothing can be set.
    """

    __slots__ = ("_instance", "_store")

    def __init__(self, store: Store, instance: runtime.Instance) -> None:
        self._store = store
        self._instance = instance

    def __getitem__(self, name: str) -> Any:
        self._store.require_open()
        found = self._instance.exports.get(name) if isinstance(name, str) else None  # type: ignore[redundant-expr]  # a caller's
        if found is None:
            raise KeyError(self._unknown(name))
        return view(self._store, found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._instance.exports)

    def __len__(self) -> int:
        return len(self._instance.exports)

    def __getattr__(self, name: str) -> Any:
        if name in Exports.__slots__:
            raise AttributeError(name)  # while it is copied, before they are there
        if name not in self._instance.exports:
            raise AttributeError(self._unknown(name))
        return self[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._instance.exports

    def _unknown(self, name: object) -> str:
        return f"no export {brief(name)}; there are: {', '.join(self._instance.exports) or 'none'}"

    def __repr__(self) -> str:
        return f"Exports({', '.join(self._instance.exports)})"


class Instance(Unique):
    """A module instance, started; `exports` has what it exports, `store` is its store.

    `imports` maps module names to mappings (or `Exports`) from names to what is given:
    objects of the API; for a function also a Python callable, for an immutable global also a
    value, None for null. Without a store it gets one of its own. `before_start` is called
    with the instance when all is linked and nothing has run.

    `unknown_imports` says what becomes of imports that nobody gives: "error" refuses them;
    with "default" functions do nothing and return zeros and nulls, globals hold those,
    memories and tables are of the least size, tags are new; with "trap" functions trap when
    they are called, and the others are as before. What has no such value is refused: a result,
    a global or a table's element that cannot be null.

    Raises `LinkError` where imports are missing or do not match, `LimitError` where memories
    or tables are larger than the store allows, `Trap` and `ThrownError` where a segment does
    not fit or the start function ends so, UsageError for arguments that are something else.
    """

    def __init__(
        self,
        module: Module,
        imports: Mapping[str, Mapping[str, Any]] | None = None,
        store: Store | None = None,
        *,
        before_start: Callable[[Instance], None] | None = None,
        unknown_imports: str = "error",
    ) -> None:
        require(module, Module, "the module of an instance", "a Module")
        require(store, (Store, type(None)), "the store of an instance", "a Store or None")
        if before_start is not None and not callable(before_start):
            raise wrong("before_start", "a callable or None", before_start)
        require_choice(unknown_imports, POLICIES, "unknown_imports")
        self.module = module
        self.store = Store() if store is None else store
        self._given = _checked(imports)
        self._unknown_imports = unknown_imports
        environment = module.verified_environment if self.store.verify else module.environment
        # An initialiser may trap, too: an array beyond the limit on memory.
        self._instance = self.store.guarded(
            lambda: runtime.Instance(self.store.runtime, environment, self._provide)
        )
        _name_tags(self._instance)
        self.exports = Exports(self.store, self._instance)
        if before_start is not None:
            before_start(self)
        self.store.guarded(self._instance.start)

    def function(self, index: int) -> Func:
        """Return the function with this index, imports counted; UsageError if there is none."""
        functions = self._instance.functions
        if not functions:
            raise wrong("a function's index", "none, there are no functions", index)
        number = require_integer(index, 0, len(functions) - 1, "a function's index")
        return Func(self.store, functions[number])

    def index_of(self, function: Func) -> int | None:
        """Return a function's index in this instance, None where it is of none."""
        functions = self._instance.functions
        found = (i for i, item in enumerate(functions) if item is function.runtime)
        return next(found, None)

    def _provide(self, item: Import, instance: runtime.Instance) -> object | None:
        given = self._given.get(item.module, {}).get(item.name, _ABSENT)
        if given is _ABSENT:
            if self._unknown_imports == "error":
                return None
            return default_import(self.store, item, instance, self._unknown_imports)
        what = f"the import {import_text(item)}"
        # Not `isinstance`, which asks an object of the host's for its class.
        if issubclass(type(given), View) and isinstance(given.runtime, KIND_CLASSES):
            given.require_store(self.store, what)
            return given.runtime
        if item.kind == FUNC and callable(given):
            assert isinstance(item.type, int)  # noqa: S101  # the kind says so
            _, signature = instance.function_type(item.type)
            return Func.from_callable(self.store, signature, given, item.name).runtime
        if item.kind == GLOBAL and not issubclass(type(given), type):
            assert isinstance(item.type, GlobalType)  # noqa: S101  # the kind says so
            asked = GlobalType(instance.canonical(item.type.type), item.type.mutable)
            if asked.mutable:
                raise LinkError(
                    "incompatible import type",
                    expected=f"{import_text(item)} to be "
                    f"{type_text(GLOBAL, asked, self.store.registry)}",
                    found=f"the value {shown(given)}",
                    hint="a mutable global is given as a Global",
                )
            return Global.new(self.store, asked.type, given, what=what).runtime
        raise wrong(
            what,
            "a Func, Memory, Table, Global or Tag, a callable for a function, a value for an "
            "immutable global",
            given,
        )

    def __repr__(self) -> str:
        return f"Instance({self.module.name!r})"


def _checked(imports: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the imports; UsageError unless they are a mapping of mappings."""
    if imports is None:
        return {}
    require(
        imports, Mapping, "the imports of an instance", "a mapping from module names to mappings"
    )
    for name, given in imports.items():
        what = f"the imports of the module {name!r}"
        if isinstance(given, Instance):
            raise wrong(what, "a mapping from names, such as an instance's `exports`", given)
        require(given, Mapping, what, "a mapping from names to what is given")
    found: Mapping[str, Mapping[str, Any]] = imports
    return found


def _name_tags(instance: runtime.Instance) -> None:
    """Give the tags that have no name yet those of the module, or of its exports."""
    if not instance.tags:
        return
    names = dict(readable_names(instance.module).direct["tag"])
    for item in instance.module.exports:
        if item.kind == TAG:
            names.setdefault(item.index, item.name)
    for index, tag in enumerate(instance.tags):
        if tag.name is None:
            tag.name = names.get(index)
