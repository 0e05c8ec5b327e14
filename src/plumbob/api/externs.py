"""What modules import and export: functions, memories, tables, globals, tags.

Everything here raises UsageError for arguments of a wrong type or range, and for objects of
another store or of one that was closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plumbob.api.checks import (
    buffer_bytes,
    counted,
    integer,
    require,
    require_integer,
    require_slice,
    shown,
    wrong,
)
from plumbob.api.items import Items
from plumbob.api.store import Store
from plumbob.api.values import (
    from_guest,
    from_guest_all,
    require_known,
    to_guest,
    to_guest_all,
    value_type,
    value_types,
)
from plumbob.api.views import VIEWS, View
from plumbob.errors import UsageError
from plumbob.runtime import references, table
from plumbob.runtime.linking import kind_of, type_of, type_text
from plumbob.runtime.memory import GROW_FAILED, LinearMemory
from plumbob.wasm.types import (
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    TableType,
    ValType,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    TypeName: TypeAlias = str | ValType

_PAGES: Final = {False: 1 << 16, True: 1 << 48}
"""The most pages of a memory, by whether it has 64-bit addresses."""

_ELEMENTS: Final = (1 << 32) - 1
_GROWTH: Final = (1 << 64) - 1
"""More than any memory or table can grow by."""


def function_type(params: Iterable[TypeName] = (), results: Iterable[TypeName] = ()) -> FuncType:
    """Return a function type: `function_type(["i32"], ["i64"])`.

    A type is a name of the text format (`i32`, `i64`, `f32`, `f64`, `v128`, `funcref`,
    `externref`, `anyref`, …) or a value type of a function that is there already. Raises
    UsageError for anything else.
    """
    return FuncType(
        value_types(params, "the parameters of a function type"),
        value_types(results, "the results of a function type"),
    )


def _require_open(store: object, what: str) -> None:
    """Raise UsageError unless it is a store that is open."""
    if not isinstance(store, Store):
        raise wrong(what, "a Store", store)
    store.require_open()


class Func(View[references.FuncRef]):
    """A function: call it with Python values (`values` says which).

    It returns None, a value, or a tuple of several. It raises `Trap` and `ThrownError` for
    what ends the guest, whatever a host function raises, and UsageError for arguments of a
    wrong number or type, and where another thread runs a guest of the store.
    """

    __slots__ = ()

    KIND = references.FuncRef

    @classmethod
    def from_callable(
        cls, store: Store, type_: FuncType, function: Callable[..., Any], name: str | None = None
    ) -> Func:
        """Return a function of the host; `function` takes and returns Python values.

        Of one result it returns the value, of several a tuple or list, of none None. `name`
        is what messages call it. `type_` comes from `function_type`, or from a function of
        the same store. Raises UsageError for arguments that are not so; a result of a wrong
        type raises it in the call.
        """
        _require_open(store, "the store of a host function")
        require(type_, FuncType, "the type of a host function", "function_type(...)")
        type_ = function_type(*type_)
        require_known((*type_.params, *type_.results), store, "the type of a host function")
        if not callable(function):
            raise wrong("a host function", "a callable", function)
        require(name, (str, type(None)), "the name of a host function", "a string or None")
        label = _HostResults(name, function)

        def host(*arguments: Any) -> Any:
            values = from_guest_all(arguments, type_.params, store)
            return _results(store.hosted(lambda: function(*values)), type_, store, label)

        return cls(store, store.runtime.host_function(type_, host, name))

    @property
    def type(self) -> FuncType:
        """The function's type, with the store's canonical ids in place of type indices."""
        return self.runtime.signature

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        signature = self.runtime.signature
        values = to_guest_all(arguments, signature.params, self.store, _Arguments(self))
        results = from_guest_all(self.invoke(values), signature.results, self.store)
        return tuple(results) if len(results) > 1 else results[0] if results else None

    def invoke(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Call the function with the runtime's own values, which nothing checks.

        Numbers and vectors are unsigned bits, so that no NaN loses any, and references the
        runtime's objects. Raises what a call does.
        """
        store, function = self.store, self.runtime
        return store.guarded(lambda: store.runtime.executor.invoke(function, values))

    @property
    def name(self) -> str:
        """What messages call the function: its own name, or an export's, or its index."""
        function = self._runtime
        name = function.name
        if name is None and function.instance is not None:
            name = function.instance.function_name(function.index)
            exports = function.instance.exports.items()
            name = name or next((key for key, item in exports if item is function), None)
        return repr(name) if name is not None else str(function.index)

    def __repr__(self) -> str:
        return f"<Func {self.name} {self._runtime.signature}>"


class _Arguments:
    """Names the arguments of a call, should there be something to say about them."""

    __slots__ = ("function",)

    def __init__(self, function: Func) -> None:
        self.function = function

    def __str__(self) -> str:
        return f"the arguments of the function {self.function.name}"


class _HostResults:
    """Names the results of a host function."""

    __slots__ = ("function", "name")

    def __init__(self, name: str | None, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function

    def __str__(self) -> str:
        name = self.name or getattr(self.function, "__name__", type(self.function).__name__)
        return f"the results of the host function {name!r}"


def _results(given: Any, type_: FuncType, store: Store, what: object) -> Any:
    """Return a host function's results as the executor has them: None, one, or a tuple."""
    count = len(type_.results)
    if count == 1:
        return to_guest(given, type_.results[0], store, what)
    values = () if given is None else given
    if not isinstance(values, (tuple, list)):
        raise wrong(what, counted(count, "value"), given)
    return tuple(to_guest_all(values, type_.results, store, what)) or None


def _limits(what: str, minimum: Any, maximum: Any, most: int, *, is64: bool = False) -> Limits:
    """Return limits; UsageError unless `0 <= minimum <= maximum <= most`, all integers."""
    least, highest = integer(minimum), most if maximum is None else integer(maximum)
    if least is None or highest is None or not 0 <= least <= highest <= most:
        raise UsageError(
            what,
            expected=f"0 <= minimum <= maximum <= {most}",
            found=f"minimum {shown(minimum)}, maximum {shown(maximum)}",
        )
    return Limits(least, None if maximum is None else highest, is64)


def _plain(indices: range) -> slice:
    """Return the slice that takes these indices, whatever the length."""
    if not indices:
        return slice(0, 0)
    before_first = None if indices.stop < 0 else indices.stop
    return slice(indices.start, before_first, indices.step)


def type_of_now(extern: View[Any]) -> str:
    """Return an object's type of now as the text format writes it: `(memory 2)`."""
    runtime = extern._runtime  # noqa: SLF001  # that of a closed store, too
    return type_text(kind_of(runtime), type_of(runtime), extern.store.registry)


class Memory(View[LinearMemory]):
    """A linear memory: bytes by address, `memory[0]`, `memory[0:4]`; sizes are in pages.

    Addresses are never negative; slices have Python's meaning and keep the size. The buffer
    protocol is there on Python 3.12 and later, everywhere `view()` gives a memoryview on all
    bytes. While a view is alive the memory cannot grow, save by nothing.
    """

    __slots__ = ()

    KIND = LinearMemory

    @classmethod
    def new(
        cls, store: Store, minimum: int, maximum: int | None = None, *, is64: bool = False,
        shared: bool = False,
    ) -> Memory:  # fmt: skip
        """Return a new memory of `minimum` pages of 64 KiB, full of zeros.

        `maximum` is in pages, None for none; `is64` says that its addresses are 64-bit. A
        `shared` memory needs a maximum and may be imported by instances of other stores, which
        other threads run. Raises UsageError for impossible sizes, and `LimitError` beyond the
        store's limits.
        """
        _require_open(store, "the store of a memory")
        require(is64, bool, "is64 of a memory", "True or False")
        require(shared, bool, "shared of a memory", "True or False")
        limits = _limits("a memory's pages", minimum, maximum, _PAGES[is64], is64=is64)
        if shared and maximum is None:
            raise UsageError("a shared memory", expected="a maximum", found="none")
        return cls(store, LinearMemory(MemoryType(limits, shared), store.runtime.budget))

    @property
    def type(self) -> MemoryType:
        """The memory's type, the size of now as its minimum."""
        return self.runtime.type

    @property
    def size(self) -> int:
        """The size in pages, of 64 KiB unless the module says otherwise."""
        return self.runtime.pages

    def __len__(self) -> int:
        """Return the size in bytes."""
        return len(self.runtime.data)

    def require_store(self, store: Store, what: object) -> None:
        """Raise UsageError where it is another store's and not shared."""
        if not self.runtime.declared.shared:
            super().require_store(store, what)

    def grow(self, pages: int) -> int:
        """Add pages; returns how many there were before.

        Raises UsageError where it cannot grow: its maximum, the store's limit or the host's
        memory is reached, or a view is alive.
        """
        memory = self.runtime
        more = require_integer(pages, 0, _GROWTH, "the pages that a memory is to grow by")
        before = memory.grow(more)
        if before == GROW_FAILED:
            raise UsageError(
                f"the memory cannot grow by {counted(more, 'page')}",
                expected="a size within its maximum and the store's limit, and no view of it",
                found=type_of_now(self),
            )
        return before

    def view(self) -> memoryview:
        """Return the bytes as a memoryview, to read and to write."""
        return memoryview(self.runtime.data)

    def __buffer__(self, flags: int) -> memoryview:
        return self.view()

    def __bytes__(self) -> bytes:
        """Return all bytes."""
        return bytes(self.runtime.data)

    def __iter__(self) -> Iterator[int]:
        for address in range(len(self)):
            yield self[address]

    def __getitem__(self, place: int | slice) -> Any:
        data = self.runtime.data
        if isinstance(place, slice):
            return bytes(data[_plain(require_slice(place, len(data), "bytes of a memory"))])
        return data[self._address(place)]

    def __setitem__(self, place: int | slice, value: Any) -> None:
        data = self.runtime.data
        if not isinstance(place, slice):
            address = self._address(place)
            data[address] = require_integer(value, 0, 255, f"byte {address} of a memory")
            return
        indices = require_slice(place, len(data), "bytes of a memory")
        raw = buffer_bytes(value, "bytes of a memory")
        if len(raw) != len(indices):
            raise UsageError(
                "bytes of a memory",
                expected=counted(len(indices), "byte"),
                found=counted(len(raw), "byte"),
            )
        data[_plain(indices)] = raw

    def _address(self, address: object) -> int:
        return require_integer(address, 0, len(self) - 1, "an address of a memory")

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes from an address on; UsageError out of bounds."""
        start, end = self._range(address, size)
        return bytes(self.runtime.data[start:end])

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes, those of any buffer; UsageError out of bounds, and nothing is written."""
        # Items of a buffer may be wider than a byte; the memory must not change its size.
        raw = buffer_bytes(data, "what is written to a memory")
        start, end = self._range(address, len(raw))
        self.runtime.data[start:end] = raw

    def _range(self, address: object, size: object) -> tuple[int, int]:
        """Return where a range begins and ends; UsageError out of bounds."""
        start, count, end = integer(address), integer(size), len(self)
        if start is None or count is None or start < 0 or count < 0 or start + count > end:
            raise UsageError(
                "a range of a memory",
                expected=f"within {end} bytes",
                found=f"size {shown(size)} at {shown(address)}",
            )
        return start, start + count

    def __repr__(self) -> str:
        return f"<Memory {type_of_now(self)}>"


class Table(Items[table.Table]):
    """A table of references: `table[0]`, `table[0:2]`, iteration."""

    __slots__ = ()

    KIND = table.Table
    NOUN = "element"

    @classmethod
    def new(
        cls, store: Store, element: TypeName, minimum: int, maximum: int | None = None,
        initial: Any = None,
    ) -> Table:  # fmt: skip
        """Return a new table of `minimum` elements, all of them `initial`.

        Raises UsageError for impossible sizes, types that are no references, and an initial
        value of another type; `LimitError` beyond the store's limits.
        """
        _require_open(store, "the store of a table")
        kind = value_type(element)
        if not kind.is_ref:
            raise UsageError("a table's elements", expected="a reference type", found=str(kind))
        require_known((kind,), store, "a table's elements")
        limits = _limits("a table's elements", minimum, maximum, _ELEMENTS)
        value = to_guest(initial, kind, store, "the table's initial value")
        return cls(store, table.Table(TableType(kind, limits), value, store.runtime.budget))

    @property
    def type(self) -> TableType:
        """The table's type, the size of now as its minimum."""
        return self.runtime.type

    def _items(self) -> list[Any]:
        return self.runtime.items

    def _field(self, index: int) -> FieldType:  # noqa: ARG002  # all elements have one type
        return FieldType(self.runtime.declared.element, mutable=True)

    def grow(self, count: int, value: Any = None) -> int:
        """Add `count` elements of a value; returns how many there were before.

        Raises UsageError for a wrong value, and where it cannot grow: its maximum, the
        store's limit or the host's memory is reached.
        """
        runtime = self.runtime
        more = require_integer(count, 0, _GROWTH, "the elements that a table is to grow by")
        given = to_guest(value, self.type.element, self.store, "the new elements of the table")
        before = runtime.grow(more, given)
        if before == table.GROW_FAILED:
            raise UsageError(
                f"the table cannot grow by {counted(more, 'element')}",
                expected="a size within its maximum and the store's limit",
                found=type_of_now(self),
            )
        return before

    def __repr__(self) -> str:
        return f"<Table {type_of_now(self)}>"


class Global(View[table.Global]):
    """A global: `g.value`."""

    __slots__ = ()

    KIND = table.Global

    @classmethod
    def new(
        cls, store: Store, type_: TypeName, value: Any, *, mutable: bool = False,
        what: object = "the global's value",
    ) -> Global:  # fmt: skip
        """Return a new global; UsageError, about `what`, for a value of another type."""
        _require_open(store, "the store of a global")
        kind = value_type(type_)
        require_known((kind,), store, "the type of a global")
        require(mutable, bool, "mutable of a global", "True or False")
        return cls(
            store, table.Global(GlobalType(kind, mutable), to_guest(value, kind, store, what))
        )

    @property
    def type(self) -> GlobalType:
        """The global's type."""
        return self.runtime.type

    @property
    def value(self) -> Any:
        """The value as Python's; setting it raises UsageError where it is immutable or wrong."""
        return from_guest(self.runtime.value, self.type.type, self.store)

    @value.setter
    def value(self, value: Any) -> None:
        runtime = self.runtime
        if not runtime.type.mutable:
            raise UsageError(
                "the global cannot be set", expected="a mutable one", found=type_of_now(self)
            )
        runtime.value = to_guest(value, runtime.type.type, self.store, "the global's value")

    def __repr__(self) -> str:
        return f"<Global {type_of_now(self)}>"


class Tag(View[references.Tag]):
    """A tag of exceptions, which tells them apart by its identity."""

    __slots__ = ()

    KIND = references.Tag

    @classmethod
    def new(cls, store: Store, params: Iterable[TypeName] = (), name: str | None = None) -> Tag:
        """Return a new tag whose exceptions carry values of these types.

        `name` is what messages call it.
        """
        _require_open(store, "the store of a tag")
        signature = FuncType(value_types(params, "the types of a tag's values"), ())
        require_known(signature.params, store, "the types of a tag's values")
        require(name, (str, type(None)), "the name of a tag", "a string or None")
        type_ = store.runtime.function_type_id(signature)
        return cls(store, references.Tag(type_, signature, name))

    @property
    def type(self) -> FuncType:
        """The types of an exception's values, as parameters."""
        return self.runtime.signature

    @property
    def name(self) -> str | None:
        """What messages call the tag: a module's name for it, or an export's; None if none."""
        return self._runtime.name

    def __repr__(self) -> str:
        name = "" if self.name is None else f" {self.name!r}"
        return f"<Tag{name} {type_of_now(self)}>"


Extern: TypeAlias = Func | Memory | Table | Global | Tag

VIEWS.update({kind.KIND: kind for kind in (Func, Memory, Table, Global, Tag)})
