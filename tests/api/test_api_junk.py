"""Every public function of the API given every kind of junk, in every place.

What is refused is refused by an error of Plumbob's that says what was expected and what was
found; nothing else leaves the API, and whatever was made before still works.
"""

from __future__ import annotations

import array
import decimal
import enum
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plumbob.api import (
    Func,
    Global,
    Instance,
    LimitError,
    LinkError,
    Memory,
    Module,
    Store,
    StoreLimits,
    Table,
    Tag,
    ThrownError,
    Trap,
    WasmFrame,
    function_type,
)
from plumbob.errors import InputError, PlumbobError, UsageError
from plumbob.wasm.types import BOT, I8, FuncType, ValType, concrete, ref

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = """(module
  (type $pair (struct (field (mut i32)) (field i8) (field (mut anyref))))
  (type $items (array (mut i16)))
  (tag $tag (param i32))
  (memory (export "memory") 1 2)
  (table (export "table") 2 4 funcref)
  (global (export "global") (mut f32) (f32.const 1))
  (export "tag" (tag $tag))
  (func (export "numbers") (param i32 i64 f32 f64 v128))
  (func (export "references") (param externref anyref funcref exnref (ref null $pair)))
  (func (export "needs") (param (ref extern) (ref i31) (ref eq)))
  (func (export "pair") (result (ref $pair)) (struct.new_default $pair))
  (func (export "items") (result (ref $items)) (array.new_default $items (i32.const 3)))
  (func (export "seven") (result i32) (i32.const 7)))"""


class Unprintable:
    """An object that cannot be shown, compared with, or taken for a number."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


class Number(enum.IntEnum):
    """An int, and not quite."""

    ONE = 1


class World:
    """One of everything, in a store."""

    def __init__(self) -> None:
        self.store = Store(StoreLimits(fuel=1_000_000))
        self.module = Module.from_text(TEXT)
        self.exports = Instance(self.module, None, self.store).exports
        self.pair = self.exports["pair"]()
        self.items = self.exports["items"]()
        self.function = Func.from_callable(self.store, function_type(), lambda: None)

    def check(self) -> None:
        """Everything still works."""
        assert self.exports["seven"]() == 7
        assert len(self.exports["memory"]) % 65536 == 0
        assert len(self.items) == len(list(self.items)) == 3
        assert len(self.pair) == 3


OTHER = World()
WORLD = World()

JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 1, 5, 1 << 31, 1 << 64, -(1 << 63), 10**5000, 1.5, float("nan"),
    float("inf"), 2j, "", "i32", "i31", "\ud800", "x" * 1000, b"", bytes(16), bytearray(3),
    memoryview(b"abcd"), array.array("I", [1, 2, 3, 4]), [], [1], ["i32"], (), (1, 2), {}, {1: 2},
    {"a": None}, {"env": 5}, set(), object(), Unprintable(), Number.ONE, decimal.Decimal(1), int,
    Store, print, lambda: None, lambda *_: 5, slice(None), slice(0, 1), slice("a", None),
    slice(0, 9, 0), range(3), iter([1]), ValType(99), BOT, I8, ref(concrete(10_000)),
    function_type(["i32"]), FuncType((I8,), ()), FuncType(("i32",), 5),  # type: ignore[arg-type]  # junk
    StoreLimits(memory=-1), StoreLimits(call_depth=10**30), StoreLimits(deadline=float("nan")),
    StoreLimits(fuel="x"), (4 << 30, 1, None, None, 1, 1), WasmFrame("m", 0, None, -1),  # type: ignore[arg-type]  # junk
    OTHER.store, OTHER.module, OTHER.exports, OTHER.pair, OTHER.items, OTHER.function,
    OTHER.exports["memory"], OTHER.exports["table"], OTHER.exports["global"],
    OTHER.exports["tag"], WORLD.store, WORLD.module, WORLD.exports, WORLD.pair, WORLD.items,
    WORLD.function, WORLD.exports["memory"], WORLD.exports["table"], WORLD.exports["tag"],
)  # fmt: skip


def _set_item(target: Any, place: Any, value: Any) -> None:
    target[place] = value


def _set_value(value: Any) -> None:
    WORLD.exports["global"].value = value


class Entry(NamedTuple):
    """A way into the API, with arguments of which every one may be replaced."""

    call: Callable[..., Any]
    arguments: tuple[Any, ...]


def _named(call: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """A call whose last arguments go by these names."""

    def named(*arguments: Any) -> Any:
        count = len(arguments) - len(names)
        return call(*arguments[:count], **dict(zip(names, arguments[count:], strict=True)))

    return named


ENTRIES: dict[str, Entry] = {
    "Module": Entry(_named(Module, "name", "features"), (b"(module)", "m", 1)),
    "Module.from_text": Entry(_named(Module.from_text, "name"), ("(module)", "m")),
    "Store": Entry(_named(Store, "mode", "verify"), (StoreLimits(), "walk", True)),
    "Store.add_fuel": Entry(WORLD.store.add_fuel, (5,)),
    "Instance": Entry(
        _named(Instance, "unknown_imports"),
        (WORLD.module, {}, WORLD.store, "trap"),
    ),
    "Instance.function": Entry(Instance(WORLD.module).function, (1,)),
    "imports": Entry(
        lambda *given: Instance(
            Module.from_text(
                """(module (import "e" "f" (func (param i32) (result i32)))
                  (import "e" "g" (global i32)) (import "e" "x" (global externref))
                  (import "e" "n" (global (ref extern)))
                  (import "e" "m" (global (mut i32))) (import "e" "mem" (memory 1))
                  (import "e" "t" (table 1 funcref)) (import "e" "tag" (tag (param i32))))"""
            ),
            {"e": dict(zip(("f", "g", "x", "n", "m", "mem", "t", "tag"), given, strict=True))},
            WORLD.store,
        ),
        (
            print,
            5,
            None,
            1,
            Global.new(WORLD.store, "i32", 1, mutable=True),
            WORLD.exports["memory"],
            WORLD.exports["table"],
            WORLD.exports["tag"],
        ),
    ),
    "function_type": Entry(function_type, (["i32"], ["i64"])),
    "Func.from_callable": Entry(Func.from_callable, (WORLD.store, function_type(), print, "name")),
    "Func numbers": Entry(WORLD.exports["numbers"], (1, 2, 3.0, 4.0, bytes(16))),
    "Func references": Entry(WORLD.exports["references"], (None, None, None, None, WORLD.pair)),
    "Func needs": Entry(WORLD.exports["needs"], (1, 2, WORLD.pair)),
    "Func of none": Entry(lambda given: WORLD.exports["seven"](*[given]), (1,)),
    "Memory.new": Entry(_named(Memory.new, "is64", "shared"), (WORLD.store, 0, 1, False, False)),
    "Memory.grow": Entry(WORLD.exports["memory"].grow, (0,)),
    "Memory.read": Entry(WORLD.exports["memory"].read, (1, 2)),
    "Memory.write": Entry(WORLD.exports["memory"].write, (1, b"ab")),
    "memory[x]": Entry(WORLD.exports["memory"].__getitem__, (1,)),
    "memory[x] = y": Entry(lambda p, v: _set_item(WORLD.exports["memory"], p, v), (1, 2)),
    "memory[:] = y": Entry(
        lambda place, value: _set_item(WORLD.exports["memory"], place, value), (slice(0, 2), b"ab")
    ),
    "Table.new": Entry(Table.new, (WORLD.store, "funcref", 0, 1, None)),
    "Table.grow": Entry(WORLD.exports["table"].grow, (0, None)),
    "table[x]": Entry(WORLD.exports["table"].__getitem__, (1,)),
    "table[x] = y": Entry(
        lambda place, value: _set_item(WORLD.exports["table"], place, value), (1, None)
    ),
    "Global.new": Entry(_named(Global.new, "mutable"), (WORLD.store, "i32", 1, True)),
    "Global.new extern": Entry(Global.new, (WORLD.store, "externref", 1)),
    "global.value": Entry(_set_value, (1.0,)),
    "Tag.new": Entry(Tag.new, (WORLD.store, ["i32"], "name")),
    "Struct[x]": Entry(WORLD.pair.__getitem__, (1,)),
    "Struct[x] = y": Entry(lambda p, v: _set_item(WORLD.pair, p, v), (0, 1)),
    "Struct[2] = y": Entry(lambda v: _set_item(WORLD.pair, 2, v), (1,)),
    "Array[x]": Entry(WORLD.items.__getitem__, (1,)),
    "Array[x] = y": Entry(lambda p, v: _set_item(WORLD.items, p, v), (0, 1)),
    "Array[:] = y": Entry(lambda p, v: _set_item(WORLD.items, p, v), (slice(0, 2), [1, 2])),
    "ThrownError": Entry(ThrownError, (WORLD.exports["tag"], (1,))),
    "Trap": Entry(_named(Trap, "code", "detail", "frames"), ("message", "user1", "more", ())),
    "Func()": Entry(Func, (WORLD.store, WORLD.function)),
    "Memory()": Entry(Memory, (WORLD.store, 5)),
}

ALLOWED = (UsageError, InputError, LimitError, LinkError)


def attempt(entry: Entry, arguments: tuple[Any, ...]) -> PlumbobError | None:
    """Make a call; returns Plumbob's error if it is one that a wrong argument may raise."""
    error: PlumbobError | None = None
    try:
        entry.call(*arguments)
    except ALLOWED as refused:
        error = refused
    return error


@pytest.mark.parametrize("name", ENTRIES)
def test_junk_in_one_place_is_taken_or_named(name: str) -> None:
    entry = ENTRIES[name]
    refusals = 0
    for place in range(len(entry.arguments)):
        for junk in JUNK:
            error = attempt(entry, (*entry.arguments[:place], junk, *entry.arguments[place + 1 :]))
            if error is not None:
                refusals += 1
                assert error.subject, junk
                assert error.expected or isinstance(error, InputError), (str(error), place)
                assert len(error.message) < 1000
    # An `anyref` takes whatever is not another store's.
    assert refusals >= (2 if name == "Struct[2] = y" else len(JUNK) // 3)
    WORLD.check()


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_junk_everywhere(data: st.DataObject) -> None:
    entry = ENTRIES[data.draw(st.sampled_from(sorted(ENTRIES)))]
    wild = st.one_of(
        st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=20),
        st.lists(st.integers(), max_size=3), st.sampled_from(JUNK),
        st.sampled_from(entry.arguments), st.slices(5),
    )  # fmt: skip
    arguments = tuple(data.draw(wild) for _ in entry.arguments)
    attempt(entry, arguments)
    WORLD.check()


@pytest.mark.parametrize("junk", range(len(JUNK)))
def test_a_host_function_may_return_junk(junk: int) -> None:
    given_ = JUNK[junk]
    kinds = ("i32", "i64", "f32", "f64", "v128", "funcref", "externref", "anyref", "exnref")
    for results in (*((kind,) for kind in kinds), (), ("i32", "externref")):
        type_ = function_type([], results)
        function = Func.from_callable(WORLD.store, type_, lambda: given_, "junk")
        error = attempt(Entry(function, ()), ())
        if error is not None:
            assert isinstance(error, UsageError)
            assert error.subject.startswith("the results of the host function 'junk'")
    WORLD.check()


@pytest.mark.parametrize("values", [(), (1, 2), ("x",), (None,), (1 << 40,)])
def test_a_host_function_may_throw_junk(values: tuple[Any, ...]) -> None:
    def throw() -> None:
        raise ThrownError(WORLD.exports["tag"], values)

    function = Func.from_callable(WORLD.store, function_type(), throw)
    with pytest.raises(UsageError, match="the exception that a host function raised"):
        function()
    WORLD.check()


def test_names_that_are_not_exported_are_named() -> None:
    for name in JUNK:
        if not isinstance(name, Unprintable | slice | set | list | dict | bytearray | array.array):
            assert name not in WORLD.exports
    with pytest.raises(KeyError, match="no export 'x'; there are: memory, table"):
        WORLD.exports["x"]
    assert WORLD.exports.get("x") is None
    assert not hasattr(WORLD.exports, "x")


@pytest.mark.parametrize("given_", [5, "x", {}, WORLD.module])
def test_what_is_called_before_the_start_is_callable(given_: Any) -> None:
    with pytest.raises(UsageError, match="before_start: expected a callable or None"):
        Instance(WORLD.module, before_start=given_)
