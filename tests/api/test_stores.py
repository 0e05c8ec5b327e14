"""Stores: closed ones, limits out of range, several threads, translations that are verified."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import (
    Func,
    Global,
    Instance,
    Memory,
    Module,
    Store,
    StoreLimits,
    Table,
    Tag,
    Trap,
    function_type,
)
from plumbob.errors import InternalError, UsageError
from plumbob.frontend import translate_function
from plumbob.wasm.features import ALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.function import Function

TEXT = """(module
  (type $pair (struct (field (mut i32))))
  (type $items (array (mut i8)))
  (import "env" "wait" (func $wait))
  (tag (export "tag"))
  (memory (export "memory") 1)
  (table (export "table") 1 funcref)
  (global (export "global") (mut i32) (i32.const 1))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "wait") (call $wait))
  (func (export "caught") (result exnref)
    (block $h (result exnref) (try_table (catch_all_ref $h) (throw 0)) (unreachable)))
  (func (export "pair") (result (ref $pair)) (struct.new_default $pair))
  (func (export "items") (result (ref $items)) (array.new_default $items (i32.const 2))))"""


def make(store: Store | None = None, wait: Callable[[], object] = lambda: None) -> Any:
    return Instance(Module.from_text(TEXT), {"env": {"wait": wait}}, store).exports


def test_a_closed_store_refuses_every_use() -> None:
    store = Store(StoreLimits(fuel=1000))
    exports = make(store)
    memory, table, cell, tag = (exports[name] for name in ("memory", "table", "global", "tag"))
    pair, items, caught = (exports[name]() for name in ("pair", "items", "caught"))
    seven = exports["seven"]
    names = [repr(thing) for thing in (memory, table, cell, tag, pair, items, caught, seven)]
    view = memory.view()
    store.close()
    store.close()
    uses: list[Callable[[], object]] = [
        seven,
        lambda: seven.type,
        lambda: exports["seven"],
        lambda: exports.seven,
        lambda: make(store),
        lambda: Func.from_callable(store, function_type(), print),
        lambda: Memory.new(store, 1),
        lambda: Table.new(store, "funcref", 1),
        lambda: Global.new(store, "i32", 1),
        lambda: Tag.new(store),
        lambda: store.add_fuel(5),
        lambda: memory[0],
        lambda: memory.__setitem__(0, 1),
        lambda: memory.read(0, 1),
        lambda: memory.write(0, b"x"),
        lambda: memory.grow(0),
        memory.view,
        lambda: len(memory),
        lambda: memory.size,
        lambda: memory.type,
        lambda: table[0],
        lambda: table.__setitem__(0, None),
        lambda: list(table),
        lambda: table.grow(0),
        lambda: len(table),
        lambda: table.type,
        lambda: cell.value,
        lambda: setattr(cell, "value", 1),
        lambda: cell.type,
        lambda: tag.type,
        lambda: pair[0],
        lambda: pair.__setitem__(0, 1),
        lambda: list(items),
        lambda: items.__setitem__(0, 1),
        lambda: caught.values,
    ]
    for use in uses:
        with pytest.raises(UsageError, match="the store was closed"):
            use()
    assert names == [repr(t) for t in (memory, table, cell, tag, pair, items, caught, seven)]
    assert memory == memory  # noqa: PLR0124  # comparing still works
    assert view[0] == 0


def test_a_store_may_be_closed_by_a_host_function() -> None:
    store = Store()
    exports = make(store, store.close)
    exports["wait"]()
    with pytest.raises(UsageError, match="the store was closed"):
        exports["wait"]()


@pytest.mark.parametrize(
    "limits",
    [
        {"memory": -1}, {"memory": "x"}, {"memory": None}, {"memory": 1.5}, {"fuel": -1},
        {"fuel": "x"}, {"fuel": 1 << 63}, {"growth": -1}, {"growth": 0.5},
        {"deadline": float("nan")}, {"deadline": -1},
        {"deadline": float("inf")}, {"deadline": "1"}, {"deadline": True}, {"call_depth": 0},
        {"call_depth": 10**7}, {"host_depth": -1}, {"host_depth": 1000}, {"table_elements": -1},
    ],
)  # fmt: skip
def test_limits_that_cannot_be_kept_are_refused(limits: dict[str, Any]) -> None:
    (name,) = limits
    with pytest.raises(UsageError, match=rf"StoreLimits\.{name}: expected .*, found"):
        Store(StoreLimits(**limits))


def test_the_largest_depths_hold() -> None:
    exports: Any = None
    depth = 0

    def again() -> None:
        nonlocal depth
        depth += 1
        if depth < 100:
            exports["wait"]()

    exports = make(Store(StoreLimits(host_depth=100, call_depth=1_000_000)), again)
    exports["wait"]()
    assert depth == 100
    assert exports["seven"]() == 7


def test_only_one_thread_calls_a_store() -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        leave.wait(20)
        assert exports["seven"]() == 7  # on the guest's own thread it may

    exports = make(None, wait)
    caller = threading.Thread(target=exports["wait"])
    caller.start()
    assert inside.wait(20)
    with pytest.raises(UsageError, match="the store is in use: expected calls from one thread"):
        exports["seven"]()
    leave.set()
    caller.join(20)
    assert exports["seven"]() == 7


SHARES = """(module (import "env" "memory" (memory 1 1 shared))
  (func (export "wait") (result i32)
    (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 10_000_000_000)))
  (func (export "wake") (result i32) (memory.atomic.notify (i32.const 0) (i32.const 1)))
  (export "memory" (memory 0)))"""


def test_threads_share_a_memory_by_stores_of_their_own() -> None:
    module = Module.from_text(SHARES, features=ALL)
    memory = Memory.new(Store(), 1, 1, shared=True)
    first, second = (Instance(module, {"env": {"memory": memory}}).exports for _ in range(2))
    assert first["memory"] == second["memory"] == memory
    ended: list[int] = []
    waiter = threading.Thread(target=lambda: ended.append(first["wait"]()))
    waiter.start()
    while not second["wake"]():
        pass
    waiter.join(20)
    assert ended == [0]


def test_a_memory_that_is_not_shared_stays_in_its_store() -> None:
    module = Module.from_text('(module (import "env" "memory" (memory 1)))')
    with pytest.raises(UsageError, match="a Memory of the same store"):
        Instance(module, {"env": {"memory": Memory.new(Store(), 1)}})


# Verified translations


def spoiled(*arguments: Any) -> Function:
    """Translate a function, and lose its last instruction."""
    function = translate_function(*arguments)
    function.remove_inst(function.block_insts[function.layout[-1]][-1])
    return function


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_a_store_may_have_its_translations_verified(
    monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    module = Module.from_text('(module (func (export "f") (result i32) (i32.const 7)))')
    # It is translated before, and not verified; another store may still ask for that.
    assert Instance(module, store=Store(mode=mode)).exports["f"]() == 7
    monkeypatch.setattr("plumbob.exec.interp.wasm_linker.translate_function", spoiled)
    wrong = Instance(module, store=Store(mode=mode, verify=True)).exports
    with pytest.raises(InternalError, match="malformed IR in u0:0"):
        wrong["f"]()
    monkeypatch.undo()
    right = Instance(module, store=Store(mode=mode, verify=True)).exports
    assert right["f"]() == 7


def test_a_host_function_that_waits_asks_whether_to_go_on() -> None:
    store = Store(StoreLimits(deadline=0.2))
    seen: list[Trap] = []

    def wait() -> None:
        while True:
            try:
                store.poll()
            except Trap as trap:
                seen.append(trap)
                raise

    exports = make(store, wait)
    store.poll()
    with pytest.raises(Trap, match="deadline reached") as error:
        exports["wait"]()
    assert [frame.func_index for frame in error.value.frames] == [2]
    assert seen[0].kind == error.value.kind
    assert exports["seven"]() == 7
    store.interrupt()
    store.poll()
    assert exports["seven"]() == 7


def test_exports_are_not_set() -> None:
    exports = make()
    with pytest.raises(AttributeError):
        exports.seven = None
    assert exports.seven() == 7
    assert copy.copy(exports)["seven"] == exports["seven"]


def test_a_memory_is_a_sequence_of_bytes() -> None:
    memory = Memory.new(Store(), 1)
    memory[65535] = 9
    assert bytes(memory) == bytes(65535) + b"\x09"
    assert list(memory)[-2:] == [0, 9]
    assert 9 in memory
    memory[3::-1] = b"abcd"
    assert memory[0:5] == b"dcba\0"
    memory.write(1, memory.view()[0:3])
    assert memory[0:5] == b"ddcb\0"
