"""What goes wrong in hosts: their own errors under guests, and memory they do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Module, Store, StoreLimits, Trap
from plumbob.runtime import limits, memory, table
from plumbob.wasm import features
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

MODES = ["source", "walk"]
BEYOND = 1 << 62
"""Bytes that no host has: CPython refuses them without trying."""


@pytest.mark.parametrize("mode", MODES)
def test_a_host_function_catches_what_an_inner_one_raised(mode: Mode) -> None:
    caught: list[ValueError] = []
    raised = ValueError("inner")
    raised.__cause__ = KeyError("its own cause")

    def inner() -> None:
        raise raised

    def outer() -> None:
        try:
            exports["in"]()
        except ValueError as error:
            caught.append(error)
        exports["in"]()

    text = """(module (import "" "outer" (func $outer)) (import "" "inner" (func $inner))
      (func (export "out") (call $outer)) (func (export "in") (call $inner)))"""
    imports = {"": {"outer": outer, "inner": inner}}
    exports: Any = Instance(Module.from_text(text), imports, Store(mode=mode)).exports
    with pytest.raises(ValueError, match="inner") as error:
        exports["out"]()
    assert caught == [raised]
    assert error.value is raised
    assert isinstance(raised.__cause__, KeyError)


def test_a_memory_the_host_cannot_hold_is_refused_and_costs_nothing() -> None:
    budget = limits.Budget(limits.StoreLimits(memory=2 * BEYOND))
    wide = t.MemoryType(t.Limits(BEYOND >> 16, None, is64=True))
    with pytest.raises(limits.LimitError, match="does not fit the host's memory"):
        memory.LinearMemory(wide, budget)
    assert budget.memory == 2 * BEYOND
    small = memory.LinearMemory(wide._replace(limits=t.Limits(1, None, is64=True)), budget)
    before = budget.memory
    assert small.grow(BEYOND >> 17) == memory.GROW_FAILED
    assert (small.pages, budget.memory) == (1, before)


def test_a_table_the_host_cannot_hold_is_refused_and_costs_nothing() -> None:
    budget = limits.Budget(limits.StoreLimits(table_elements=2 * BEYOND))
    wide = t.TableType(t.EXTERNREF, t.Limits(BEYOND, None, is64=True))
    with pytest.raises(limits.LimitError, match="does not fit the host's memory"):
        table.Table(wide, None, budget)
    assert budget.table_elements == 2 * BEYOND
    small = table.Table(wide._replace(limits=t.Limits(1, None, is64=True)), None, budget)
    before = budget.table_elements
    for delta in (BEYOND >> 1, BEYOND):
        assert small.grow(delta, None) == table.GROW_FAILED
    assert (len(small.items), budget.table_elements) == (1, before)


LIST = """(module (memory 1)
  (type $list (struct (field (ref null $list)) (field i32)))
  (type $cells (array (mut i32)))
  (type $row (array (mut (ref null $cells))))
  (global $head (export "head") (mut (ref null $list)) (ref.null $list))
  (global $rows (ref $row) (array.new_default $row (i32.const 100000)))
  (func (export "keep") (param $n i32)
    (loop $more
      (global.set $head (struct.new $list (global.get $head) (i32.const 1)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "rows") (param $n i32)
    (loop $more
      (array.set $row (global.get $rows) (local.get $n)
        (array.new_default $cells (i32.const 4000)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "spin") (param $n i32)
    (loop $more (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""


def exports_of(mode: Mode, bytes_: int) -> Any:
    store = Store(StoreLimits(memory=bytes_), mode=mode)
    return Instance(Module.from_text(LIST), None, store).exports


@pytest.mark.parametrize("mode", MODES)
def test_objects_that_live_are_bounded_and_given_back(mode: Mode) -> None:
    exports = exports_of(mode, 20 << 20)
    for _ in range(2):
        with pytest.raises(Trap, match="memory limit reached"):
            exports["keep"](500_000)
        exports["head"].value = None
    exports["keep"](1000)


def test_arrays_that_live_are_bounded() -> None:
    with pytest.raises(Trap, match=r"memory limit reached: about .* and 160120 more"):
        exports_of("source", 20 << 20)["rows"](90_000)


def test_the_hosts_own_objects_are_none_of_the_guests() -> None:
    exports = exports_of("source", 2 << 20)
    mine = [[number] for number in range(200_000)]
    exports["spin"](1_000_000)
    assert len(mine) == 200_000


@pytest.mark.parametrize("mode", MODES)
def test_a_guest_that_waits_meets_its_deadline(mode: Mode) -> None:
    text = """(module (memory 1 1 shared) (func (export "wait") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))"""
    store = Store(StoreLimits(deadline=0.2), mode=mode)
    module = Module.from_text(text, features=features.DEFAULT | features.THREADS)
    exports: Any = Instance(module, None, store).exports
    for _ in range(2):
        with pytest.raises(Trap, match="deadline reached"):
            exports["wait"]()
