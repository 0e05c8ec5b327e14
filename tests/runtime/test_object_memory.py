"""Objects against a store's limit on memory: how near it holds, whose they are, what comes back."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, LimitError, LinkError, Module, Store, StoreLimits, Trap
from plumbob.runtime.object_memory import OBJECT_BYTES, PIECE, excess, value_bytes, values_bytes
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode

LIMIT = 4 << 20
FIELDS = 80
REACHED = "memory limit reached"

TEXT = f"""(module
  (type $pair (struct (field (ref null $pair)) (field (mut i64))))
  (type $wide (struct {"(field i64) " * FIELDS} (field (ref null $wide))))
  (type $cells (array (mut i32)))
  (type $row (array (mut (ref null $cells))))
  (tag $e (param i64))
  (data $bytes "{"0" * 4000}")
  (global $pairs (export "pairs") (mut (ref null $pair)) (ref.null $pair))
  (global $wides (mut (ref null $wide)) (ref.null $wide))
  (global $rows (ref $row) (array.new_default $row (i32.const 2000)))
  (global $cell (mut (ref null $cells)) (ref.null $cells))
  (table $thrown 100000 exnref)
  (memory 0)
  (func (export "pair") (param $n i32)
    (loop $more
      (global.set $pairs (struct.new $pair (global.get $pairs) (i64.const -1)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "wide") (param $n i32)
    (loop $more
      (global.set $wides (struct.new $wide {"(i64.const 0x123456789) " * FIELDS}
        (global.get $wides)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "dense") (local $i i32)
    (loop $more
      {"(global.set $pairs (struct.new $pair (global.get $pairs) (i64.const -1)))" * 200}
      (br $more)))
  (func (export "fixed") (param $n i32)
    (loop $more
      (array.set $row (global.get $rows) (local.get $n)
        (array.new_fixed $cells 100 {"(i32.const 0x12345678) " * 100}))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "segment") (param $n i32)
    (loop $more
      (array.set $row (global.get $rows) (local.get $n)
        (array.new_data $cells $bytes (i32.const 0) (i32.const 100)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "small") (param $n i32)
    (loop $more
      (array.set $row (global.get $rows) (local.get $n)
        (array.new $cells (i32.const 1) (i32.const 63)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func $throws (throw $e (i64.const 5)))
  (func (export "throw") (param $n i32)
    (loop $more
      (table.set $thrown (local.get $n)
        (block $caught (result exnref)
          (try_table (catch_all_ref $caught) (call $throws)) (unreachable)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "garbage") (param $n i32) (local $x (ref null $pair))
    (loop $more
      (local.set $x (struct.new $pair (ref.null $pair) (i64.const -1)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "cycles") (param $n i32) (local $x (ref null $row))
    (loop $more
      (local.set $x (array.new_default $row (i32.const 1)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "spin") (param $n i32)
    (loop $more (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"""

MODULE = Module.from_text(TEXT)
MODES = ["source", "walk"]


def guest(mode: Mode, memory: int = LIMIT) -> tuple[Any, Store]:
    store = Store(StoreLimits(memory=memory), mode=mode)
    return Instance(MODULE, None, store).exports, store


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("pair", 60_000),
        ("wide", 2_000),
        ("fixed", 1_900),
        ("segment", 1_900),
        ("small", 1_999),
        ("throw", 60_000),
    ],
)
def test_every_way_to_make_objects_is_counted(mode: Mode, name: str, count: int) -> None:
    limit = LIMIT if name != "small" else 2 << 20
    exports, store = guest(mode, limit)
    with pytest.raises(Trap, match=REACHED):
        exports[name](count)
    live = store.runtime.objects.live_bytes()
    assert limit * 3 // 4 < live <= limit + excess(limit)


@pytest.mark.parametrize("mode", MODES)
def test_dense_code_overshoots_no_more_than_stated(mode: Mode) -> None:
    exports, _ = guest(mode)
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(Trap, match=REACHED):
            exports["dense"]()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Beside the objects there is the code of 200 operators in a row.
    assert peak < LIMIT + excess(LIMIT) + (4 << 20)


@pytest.mark.parametrize("mode", MODES)
def test_a_store_does_not_pay_for_another(mode: Mode) -> None:
    full, _ = guest(mode)
    with pytest.raises(Trap, match=REACHED):
        full["pair"](100_000)
    other, store = guest(mode)
    other["pair"](10_000)
    assert store.runtime.objects.live_bytes() < LIMIT // 2 + values_bytes([t.I64]) * 10_000
    with pytest.raises(Trap, match=REACHED):
        full["pair"](100_000)


@pytest.mark.parametrize("mode", MODES)
def test_what_died_costs_nothing(mode: Mode) -> None:
    exports, _ = guest(mode, 2 << 20)
    exports["garbage"](60_000)
    exports["cycles"](30_000)
    exports["pair"](5_000)


@pytest.mark.parametrize("mode", MODES)
def test_only_calls_that_make_objects_trap_at_the_limit(mode: Mode) -> None:
    exports, _ = guest(mode)
    for _ in range(2):
        for _ in range(2):
            with pytest.raises(Trap, match=REACHED):
                exports["pair"](100_000)
        exports["spin"](1000)
        exports["pairs"].value = None
        exports["pair"](5_000)
        exports["pairs"].value = None


@pytest.mark.parametrize("mode", MODES)
def test_memories_and_objects_share_the_limit(mode: Mode) -> None:
    exports, _ = guest(mode)
    pages = LIMIT >> 16
    exports["pair"](10_000)
    assert exports["grow"](pages) == -1
    exports["pairs"].value = None
    # The initialiser's own array takes one page's worth at most.
    assert exports["grow"](pages - 2) == 0
    with pytest.raises(Trap, match=REACHED):
        exports["pair"](20_000)
    assert exports["grow"](2) == -1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("limit", [65536, 1 << 20])
def test_a_full_store_runs_what_makes_no_objects(mode: Mode, limit: int) -> None:
    text = """(module (memory 1) (type $s (struct))
      (func (export "make") (drop (struct.new $s)))
      (func (export "neg") (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0))))"""
    store = Store(StoreLimits(memory=limit), mode=mode)
    exports: Any = Instance(Module.from_text(text), None, store).exports
    assert exports["neg"](1) == -1
    if limit == 65536:
        with pytest.raises(Trap, match=f"about 0 bytes of objects, and {OBJECT_BYTES} more"):
            exports["make"]()
    else:
        exports["make"]()
    assert exports["neg"](1) == -1


@pytest.mark.parametrize(
    "init",
    [
        "(array.new $a (i64.const 1) (i32.const 100000))",
        "(array.new_default $a (i32.const 100000))",
        f"(array.new_fixed $a 3000 {'(i64.const 1)' * 3000})",
    ],
)
def test_constant_expressions_are_counted(init: str) -> None:
    text = f"(module (type $a (array i64)) (global (ref $a) {init}))"
    store = Store(StoreLimits(memory=1 << 16))
    with pytest.raises(Trap, match=REACHED):
        Instance(Module.from_text(text), None, store)
    Instance(Module.from_text(text), None, Store(StoreLimits(memory=8 << 20)))


def test_structures_of_constant_expressions_are_counted() -> None:
    field = "(global (ref $s) (struct.new_default $s))"
    text = f"(module (type $s (struct {'(field i64)' * 100})) {field * 20})"
    with pytest.raises(Trap, match=REACHED):
        Instance(Module.from_text(text), None, Store(StoreLimits(memory=1 << 16)))


def test_a_failed_instantiation_gives_everything_back() -> None:
    store = Store(StoreLimits(memory=4 << 16, table_elements=10))
    budget = store.runtime.budget
    gc.disable()
    try:
        for text, error in (
            ("(module (memory 3) (memory 2))", LimitError),
            ("(module (memory 3) (table 8 funcref) (table 3 funcref))", LimitError),
            ('(module (import "" "" (func)) (memory 3))', LinkError),
            (
                """(module (type $a (array i8)) (memory 3) (table 5 funcref)
                (global (ref $a) (array.new_default $a (i32.const -1))))""",
                Trap,
            ),
        ):
            for _ in range(3):
                with pytest.raises(error):
                    Instance(Module.from_text(text), None, store)
                assert (budget.memory, budget.table_elements) == (4 << 16, 10)
    finally:
        gc.enable()
    Instance(Module.from_text("(module (memory 4) (table 10 funcref))"), None, store)


def test_what_instances_had_that_are_gone_can_be_made_again() -> None:
    store = Store(StoreLimits(memory=4 << 16, table_elements=10))
    for _ in range(5):
        Instance(Module.from_text("(module (memory 3) (table 6 funcref) (func))"), None, store)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("operation", ["fill", "decode", "array"])
def test_a_host_without_memory_is_a_trap(
    mode: Mode, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """(module (memory 1) (type $a (array (mut i16))) (data $d "12345678")
      (func (export "fill") (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)))
      (func (export "decode") (drop (array.new_data $a $d (i32.const 0) (i32.const 4))))
      (func (export "array")
        (array.fill $a (array.new_default $a (i32.const 3)) (i32.const 0) (i32.const 1)
          (i32.const 2)))
      (func (export "fine") (result i32) (i32.const 7)))"""

    def none_left(*_: object) -> None:
        raise MemoryError

    places = {
        "fill": "plumbob.runtime.memory.LinearMemory.fill",
        "decode": "plumbob.runtime.heap.decode_items",
        "array": "plumbob.runtime.heap.fill",
    }
    monkeypatch.setattr(places[operation], none_left)
    exports: Any = Instance(Module.from_text(text), None, Store(mode=mode)).exports
    with pytest.raises(Trap, match=f"{REACHED}: the host has no more memory") as error:
        exports[operation]()
    assert len(error.value.frames) == 1
    assert exports["fine"]() == 7


def test_sizes_are_at_least_what_the_objects_take() -> None:
    store = Store()
    objects = store.runtime.objects
    for storage, value in (
        (t.I8, 255),
        (t.I16, 65535),
        (t.I32, (1 << 32) - 1),
        (t.I64, (1 << 64) - 1),
        (t.V128, (1 << 128) - 1),
        (t.ref(t.ANY, nullable=True), (1 << 31) - 1),
        (t.ref(t.concrete(0), nullable=True), None),
    ):
        count = 200
        kept: list[Any] = []
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            # Numbers of their own, as a guest computes them.
            kept += [
                objects.structure(0, [value and value - (n & 1) for n in range(6)])
                for _ in range(count)
            ]
            taken = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert taken <= count * (values_bytes([storage] * 6) + 16), storage
        assert value_bytes(storage) >= 8
    assert excess(0) >= PIECE
