"""What modules import and export: functions, memories, tables, globals, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from plumbob.api.values import from_guest, to_guest, to_guest_all, value_type
from plumbob.errors import UsageError
from plumbob.runtime import references, table
from plumbob.runtime.memory import GROW_FAILED, LinearMemory
from plumbob.wasm.types import FuncType, GlobalType, Limits, MemoryType, TableType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plumbob.api.store import Store
    from plumbob.wasm.types import ValType

    TypeName: TypeAlias = str | ValType


def function_type(params: Iterable[TypeName] = (), results: Iterable[TypeName] = ()) -> FuncType:
    """Return a function type: `function_type(["i32"], ["i64"])`."""
    return FuncType(tuple(map(value_type, params)), tuple(map(value_type, results)))


class _Extern:
    """A view of an object of the runtime's; all views of one object are equal."""

    __slots__ = ("runtime", "store")

    runtime: Any

    def __init__(self, store: Store, runtime: Any) -> None:
        self.store = store
        self.runtime = runtime

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Extern) and other.runtime is self.runtime

    def __hash__(self) -> int:
        return id(self.runtime)

    def require_store(self, store: Store, what: str) -> None:
        """Raise UsageError where it is another store's."""
        if store is not self.store:
            raise UsageError(
                what,
                expected=f"a {type(self).__name__} of the same store",
                found="another store's",
            )


class Func(_Extern):
    """A function: call it with Python values (see `values`).

    It returns None, a value, or a tuple of them; it raises `Trap`, `ThrownError`, whatever
    a host function raises, and UsageError for wrong arguments.
    """

    __slots__ = ()

    runtime: references.FuncRef

    @classmethod
    def from_callable(
        cls, store: Store, type_: FuncType, function: Callable[..., Any], name: str | None = None
    ) -> Func:
        """Return a function of the host; `function` takes and returns Python values."""

        def host(*arguments: Any) -> Any:
            values = [
                from_guest(value, kind, store)
                for value, kind in zip(arguments, type_.params, strict=True)
            ]
            return _results(store.hosted(lambda: function(*values)), type_, store, label)

        label = f"the results of the host function {name or function!r}"
        return cls(store, store.runtime.host_function(type_, host, name))

    @property
    def type(self) -> FuncType:
        """The function's type, with canonical ids in place of type indices."""
        return self.runtime.signature

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        store = self.store
        store.require_open()
        values = to_guest_all(arguments, self.type.params, store, f"the function {self._label}")
        results = store.guarded(lambda: store.runtime.executor.invoke(self.runtime, values))
        python = tuple(
            from_guest(value, kind, store)
            for value, kind in zip(results, self.type.results, strict=True)
        )
        return python if len(python) > 1 else python[0] if python else None

    @property
    def _label(self) -> str:
        function = self.runtime
        name = function.name
        if name is None and function.instance is not None:
            name = function.instance.function_name(function.index)
            exports = function.instance.exports.items()
            name = name or next((key for key, item in exports if item is function), None)
        return repr(name) if name is not None else str(function.index)

    def __repr__(self) -> str:
        return f"Func({self._label}: {self.type})"


def _results(given: Any, type_: FuncType, store: Store, what: str) -> Any:
    count = len(type_.results)
    if count == 1:
        return to_guest(given, type_.results[0], store, what)
    values = () if given is None else given
    if not isinstance(values, (tuple, list)):
        raise UsageError(what, expected=f"{count} values", found=repr(given))
    return tuple(to_guest_all(values, type_.results, store, what)) or None


def _require_limits(what: str, minimum: Any, maximum: Any, most: int) -> None:
    """Raise UsageError unless `0 <= minimum <= maximum <= most`, all integers."""
    highest = most if maximum is None else maximum
    numbers = isinstance(minimum, int) and isinstance(highest, int)
    if not numbers or not 0 <= minimum <= highest <= most:
        raise UsageError(
            what,
            expected=f"0 <= minimum <= maximum <= {most}",
            found=f"minimum {minimum!r}, maximum {maximum!r}",
        )


class Memory(_Extern):
    """A linear memory: bytes by address, `memory[0:4]`; sizes are in pages.

    It has the buffer protocol on Python 3.12 and later; `view()` gives a memoryview on
    all. While a view is alive the memory cannot grow.
    """

    __slots__ = ()

    runtime: LinearMemory

    @classmethod
    def new(
        cls, store: Store, minimum: int, maximum: int | None = None, *, is64: bool = False,
        shared: bool = False,
    ) -> Memory:  # fmt: skip
        """Return a new memory of `minimum` pages of 64 KiB. Raises `LimitError`."""
        _require_limits("a memory's pages", minimum, maximum, 1 << (48 if is64 else 16))
        if shared and maximum is None:
            raise UsageError("a shared memory", expected="a maximum", found="none")
        declared = MemoryType(Limits(minimum, maximum, is64), shared)
        return cls(store, LinearMemory(declared, store.runtime.budget))

    @property
    def type(self) -> MemoryType:
        """The memory's type, the size of now as its minimum."""
        return self.runtime.type

    @property
    def size(self) -> int:
        """The size in pages."""
        return self.runtime.pages

    def __len__(self) -> int:
        return len(self.runtime.data)

    def grow(self, pages: int) -> int:
        """Add pages; returns the size before. Raises UsageError where it cannot grow."""
        before = self.runtime.grow(pages) if pages >= 0 else GROW_FAILED
        if before == GROW_FAILED:
            raise UsageError(
                f"the memory cannot grow by {pages} pages",
                expected="a size within its maximum and the store's limit, and no view of it",
                found=f"{self.size} pages of {self.type}",
            )
        return before

    def view(self) -> memoryview:
        """Return the bytes as a memoryview, to read and to write."""
        return memoryview(self.runtime.data)

    def __buffer__(self, flags: int) -> memoryview:
        return self.view()

    def __getitem__(self, place: int | slice) -> Any:
        found = self.runtime.data[place]
        return found if isinstance(found, int) else bytes(found)

    def __setitem__(self, place: int | slice, value: Any) -> None:
        # Through a view: a slice must not change the memory's size.
        with self.view() as view:
            view[place] = value

    def read(self, address: int, size: int) -> bytes:
        """Return bytes; UsageError out of bounds."""
        self._require(address, size)
        return bytes(self.runtime.data[address : address + size])

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes, those of any buffer; UsageError out of bounds."""
        # Items of a buffer may be wider than a byte; the memory must not change its size.
        raw = bytes(memoryview(data))
        self._require(address, len(raw))
        self.runtime.data[address : address + len(raw)] = raw

    def _require(self, address: int, size: int) -> None:
        if address < 0 or size < 0 or address + size > len(self):
            raise UsageError(
                "a range of a memory",
                expected=f"within {len(self)} bytes",
                found=f"{size} bytes at {address}",
            )


class Table(_Extern):
    """A table of references: `table[0]`."""

    __slots__ = ()

    runtime: table.Table

    @classmethod
    def new(
        cls, store: Store, element: TypeName, minimum: int, maximum: int | None = None,
        initial: Any = None,
    ) -> Table:  # fmt: skip
        """Return a new table, full of `initial`. Raises `LimitError`."""
        kind = value_type(element)
        if not kind.is_ref:
            raise UsageError("a table's elements", expected="a reference type", found=str(kind))
        _require_limits("a table's elements", minimum, maximum, (1 << 32) - 1)
        value = to_guest(initial, kind, store, "the table's initial value")
        declared = TableType(kind, Limits(minimum, maximum))
        return cls(store, table.Table(declared, value, store.runtime.budget))

    @property
    def type(self) -> TableType:
        """The table's type, the size of now as its minimum."""
        return self.runtime.type

    def __len__(self) -> int:
        return len(self.runtime.items)

    def __getitem__(self, index: int) -> Any:
        self._require(index)
        return from_guest(self.runtime.items[index], self.type.element, self.store)

    def __setitem__(self, index: int, value: Any) -> None:
        self._require(index)
        what = f"element {index} of the table"
        self.runtime.items[index] = to_guest(value, self.type.element, self.store, what)

    def grow(self, count: int, value: Any = None) -> int:
        """Add elements; returns the size before. Raises UsageError where it cannot grow."""
        given = to_guest(value, self.type.element, self.store, "the new elements")
        before = self.runtime.grow(count, given) if count >= 0 else table.GROW_FAILED
        if before == table.GROW_FAILED:
            raise UsageError(
                f"the table cannot grow by {count} elements",
                expected="a size within its maximum and the store's limit",
                found=f"{len(self)} of {self.type}",
            )
        return before

    def _require(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise UsageError(
                "an index of a table", expected=f"less than {len(self)}", found=str(index)
            )


class Global(_Extern):
    """A global: `g.value`."""

    __slots__ = ()

    runtime: table.Global

    @classmethod
    def new(cls, store: Store, type_: TypeName, value: Any, *, mutable: bool = False) -> Global:
        """Return a new global."""
        kind = value_type(type_)
        given = to_guest(value, kind, store, "the global's value")
        return cls(store, table.Global(GlobalType(kind, mutable), given))

    @property
    def type(self) -> GlobalType:
        """The global's type."""
        return self.runtime.type

    @property
    def value(self) -> Any:
        """The value as Python's; setting it raises UsageError where it is immutable."""
        return from_guest(self.runtime.value, self.type.type, self.store)

    @value.setter
    def value(self, value: Any) -> None:
        if not self.type.mutable:
            raise UsageError(
                "the global cannot be set", expected="a mutable one", found=str(self.type)
            )
        self.runtime.value = to_guest(value, self.type.type, self.store, "the global's value")


class Tag(_Extern):
    """A tag of exceptions."""

    __slots__ = ()

    runtime: references.Tag

    @classmethod
    def new(cls, store: Store, params: Iterable[TypeName] = ()) -> Tag:
        """Return a new tag whose exceptions carry values of these types."""
        signature = function_type(params)
        return cls(store, references.Tag(store.runtime.function_type_id(signature), signature))

    @property
    def type(self) -> FuncType:
        """The types of an exception's values, as parameters."""
        return self.runtime.signature


Extern: TypeAlias = Func | Memory | Table | Global | Tag

_VIEWS: dict[type, type[_Extern]] = {
    references.FuncRef: Func,
    LinearMemory: Memory,
    table.Table: Table,
    table.Global: Global,
    references.Tag: Tag,
}


def view(store: Store, extern: Any) -> Any:
    """Return the API's view of an object of the runtime's."""
    return _VIEWS[type(extern)](store, extern)
