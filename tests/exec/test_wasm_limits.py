"""Guests that run away end in their own trap, and the next call on the instance works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, LimitError, Module, Store, StoreLimits, Trap

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

TEXT = """(module
  (import "env" "back" (func $back (param i32)))
  (type $f (func))
  (type $bytes (array i8))
  (memory (export "memory") 1)
  (table $t (export "table") 4 funcref)
  (elem (table $t) (i32.const 0) func $direct $even $odd)
  (func (export "fine") (result i32) (i32.const 7))
  (func $spin (export "spin") (loop $again (br $again)))
  (func $direct (export "direct") (call $direct))
  (func $even (export "mutual") (call $odd))
  (func $odd (call $even))
  (func $indirect (export "indirect") (call_indirect $t (type $f) (i32.const 3)))
  (func $ref (export "ref") (call_ref $f (ref.func $ref)))
  (func $host (export "host") (call $back (i32.const 0)))
  (func (export "tails") (param i32) (result i32) (return_call $count (local.get 0)))
  (func $count (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 9))))
    (return_call $count (i32.sub (local.get 0) (i32.const 1))))
  (func (export "install") (table.set $t (i32.const 3) (ref.func $indirect)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32)
    (table.grow $t (ref.null func) (local.get 0)))
  (func (export "allocate") (param i32) (result i32)
    (array.len (array.new_default $bytes (local.get 0))))
  (type $list (struct (field (ref null $list)) (field i64)))
  (func (export "pile") (local $l (ref null $list))
    (loop $more
      (local.set $l (struct.new $list (local.get $l) (i64.const 0x123456789)))
      (br $more)))
  (table $kept 64 (ref null $bytes))
  (func (export "keep") (param i32 i32)
    (table.set $kept (local.get 0) (array.new_default $bytes (local.get 1))))
  (func (export "forget") (table.fill $kept (i32.const 0) (ref.null $bytes) (i32.const 64)))
  (func (export "wide") (result i32)
    (array.len (array.new $bytes (i32.const 1) (i32.const -1)))))"""


class Guest:
    """An instance whose host function calls back."""

    def __init__(self, mode: Mode, limits: StoreLimits) -> None:
        self.store = Store(limits, mode=mode)
        imports = {"env": {"back": lambda _: self.exports["host"]()}}
        self.exports: Any = Instance(Module.from_text(TEXT), imports, self.store).exports
        self.exports["install"]()


@pytest.fixture(params=["source", "walk"])
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


def guest(mode: Mode, **limits: Any) -> Guest:
    return Guest(mode, StoreLimits(**limits))


@pytest.mark.parametrize("name", ["direct", "mutual", "indirect", "ref"])
def test_endless_recursion_exhausts_the_stack(mode: Mode, name: str) -> None:
    running = guest(mode, call_depth=5000)
    for _ in range(2):
        with pytest.raises(Trap, match="call stack exhausted") as error:
            running.exports[name]()
        assert len(error.value.frames) == 5001
        assert running.exports["fine"]() == 7


def test_recursion_through_the_host_exhausts_the_stack(mode: Mode) -> None:
    running = guest(mode)
    for _ in range(2):
        with pytest.raises(Trap, match="call stack exhausted") as error:
            running.exports["host"]()
        assert {frame.name for frame in error.value.frames} == {"host"}
        assert running.exports["fine"]() == 7


def test_the_default_depth_is_reached_on_every_mode(mode: Mode) -> None:
    with pytest.raises(Trap, match="the limit is 10000 calls"):
        guest(mode).exports["mutual"]()


def test_tail_calls_do_not_grow_the_stack(mode: Mode) -> None:
    assert guest(mode, call_depth=10).exports["tails"](3000) == 9


def test_an_endless_loop_uses_up_its_fuel(mode: Mode) -> None:
    running = guest(mode, fuel=50_000)
    with pytest.raises(Trap, match="all fuel consumed"):
        running.exports["spin"]()
    running.store.add_fuel(1000)
    assert running.exports["fine"]() == 7


def test_an_endless_loop_meets_its_deadline(mode: Mode) -> None:
    running = guest(mode, deadline=0.2)
    for _ in range(2):
        with pytest.raises(Trap, match="deadline reached"):
            running.exports["spin"]()
        assert running.exports["fine"]() == 7


def test_memory_grows_to_the_stores_limit(mode: Mode) -> None:
    running = guest(mode, memory=4 << 16)
    assert running.exports["grow"](4) == -1
    assert running.exports["grow"](2) == 1
    assert running.exports["grow"](1) == 3
    assert running.exports["grow"](1) == -1
    assert len(running.exports["memory"]) == 4 << 16


def test_a_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(LimitError, match="at most 0 bytes more"):
        Instance(Module.from_text("(module (memory 1))"), None, Store(StoreLimits(memory=0)))


def test_tables_grow_to_the_stores_limit(mode: Mode) -> None:
    running = guest(mode, table_elements=64 + 6)
    assert running.exports["grow_table"](3) == -1
    assert running.exports["grow_table"](2) == 4
    assert running.exports["grow_table"](1) == -1


def test_growth_that_fails_traps_where_the_limits_say_so(mode: Mode) -> None:
    running = guest(mode, memory=4 << 16, table_elements=64 + 6, trap_on_grow_failure=True)
    for export, least, message in (
        ("grow", 1, "growth failed: a memory of 1 pages cannot grow by 4"),
        ("grow_table", 4, "growth failed: a table of 4 elements cannot grow by 4"),
    ):
        with pytest.raises(Trap) as caught:
            running.exports[export](4)
        assert caught.value.message == message
        assert len(caught.value.frames) == 1
        assert running.exports["fine"]() == 7
        assert running.exports[export](2) == least
    with pytest.raises(Trap, match="cannot grow by 16384"):  # 1 GiB
        running.exports["grow"](16384)
    assert running.exports["fine"]() == 7


@pytest.mark.parametrize("size", [1 << 28, 1 << 30, -1])
def test_a_request_for_a_huge_array_traps(mode: Mode, size: int) -> None:
    running = guest(mode, memory=1 << 30)
    with pytest.raises(Trap, match="memory limit reached"):
        running.exports["allocate"](size)
    with pytest.raises(Trap, match="memory limit reached"):
        running.exports["wide"]()
    assert running.exports["allocate"](1000) == 1000


def test_large_arrays_are_counted_while_they_live(mode: Mode) -> None:
    running = guest(mode, memory=8 << 20)
    for _ in range(3):
        for place in range(7):
            running.exports["keep"](place, 1 << 17)
        with pytest.raises(Trap, match="memory limit reached"):
            running.exports["keep"](7, 1 << 17)
        running.exports["forget"]()
    assert running.exports["fine"]() == 7


def test_many_small_objects_reach_the_limit(mode: Mode) -> None:
    running = guest(mode, memory=48 << 20)
    with pytest.raises(Trap, match="memory limit reached: about"):
        running.exports["pile"]()
    assert running.exports["fine"]() == 7


def test_an_interrupted_guest_traps(mode: Mode) -> None:
    running = guest(mode)

    def interrupt(_: int) -> None:
        running.store.interrupt()
        running.exports["spin"]()

    exports = Instance(Module.from_text(TEXT), {"env": {"back": interrupt}}, running.store).exports
    with pytest.raises(Trap, match="interrupted"):
        exports["host"]()
    assert running.exports["fine"]() == 7
