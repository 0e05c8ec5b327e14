"""Memories, tables, constant expressions and linking, without running a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.exec.interp.wasm_engine import Engine
from plumbob.frontend import ModuleEnvironment
from plumbob.ir.entities import HEAP_OOB
from plumbob.ir.trap_codes import TABLE_OOB
from plumbob.runtime.instance import Instance
from plumbob.runtime.limits import Budget, LimitError, StoreLimits
from plumbob.runtime.linking import LinkError
from plumbob.runtime.memory import GROW_FAILED, LinearMemory
from plumbob.runtime.references import ArrayRef, StructRef, has_type
from plumbob.runtime.store import Store
from plumbob.runtime.table import Global, Table
from plumbob.runtime.traps import GuestTrap, describe
from plumbob.wasm import types as t
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 1 << 16


def memory(minimum: int = 1, maximum: int | None = None, **limits: Any) -> LinearMemory:
    declared = t.MemoryType(t.Limits(minimum, maximum))
    return LinearMemory(declared, Budget(StoreLimits(**limits)))


def trapped(run: Callable[[], object]) -> str:
    with pytest.raises(GuestTrap) as error:
        run()
    return error.value.kind


def make(text: str, store: Store | None = None, **given: object) -> Instance:
    environment = ModuleEnvironment(parse_text(text, "module"))
    return Instance(store or Store(Engine), environment, lambda item, _: given.get(item.name))


# Memories and tables


@given(st.integers(0, 2 * PAGE), st.integers(0, 2 * PAGE))
def test_an_access_is_inside_or_traps(address: int, size: int) -> None:
    found = memory()
    if address + size <= PAGE:
        assert found.read(address, size) == bytes(size)
    else:
        assert trapped(lambda: found.read(address, size)) == HEAP_OOB


def test_growing_keeps_to_the_maximum_and_the_budget() -> None:
    bounded = memory(1, 2)
    assert (bounded.grow(2), bounded.grow(1), bounded.grow(1)) == (GROW_FAILED, 1, GROW_FAILED)
    scarce = memory(1, memory=2 * PAGE)
    assert (scarce.grow(2), scarce.grow(1), scarce.grow(0)) == (GROW_FAILED, 1, 2)
    assert scarce.budget.memory == 0


def test_the_address_space_bounds_a_memory() -> None:
    small = LinearMemory(t.MemoryType(t.Limits(1), page_size_log2=0), Budget())
    assert small.grow((1 << 32) - 1) == GROW_FAILED
    assert small.grow(3) == 1
    assert len(small.data) == 4


def test_ranges_are_checked_before_anything_is_written() -> None:
    found = memory()
    found.write(PAGE - 2, b"ab")
    assert trapped(lambda: found.fill(PAGE - 1, 7, 2)) == HEAP_OOB
    assert trapped(lambda: found.copy_from(found, PAGE - 1, 0, 2)) == HEAP_OOB
    assert trapped(lambda: found.init(b"xyz", PAGE - 2, 0, 3)) == HEAP_OOB
    assert trapped(lambda: found.init(b"xyz", 0, 2, 2)) == HEAP_OOB
    assert found.read(PAGE - 2, 2) == b"ab"


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 4))
def test_overlapping_copies_go_by_way_of_a_buffer(to: int, start: int, size: int) -> None:
    found = memory()
    before = bytes(range(1, 17))
    found.write(0, before)
    found.copy_from(found, to, start, size)
    expected = before[:to] + before[start : start + size] + before[to + size :]
    assert found.read(0, 16) == expected


def test_tables_check_ranges() -> None:
    table = Table(t.TableType(t.EXTERNREF, t.Limits(2, 4)), None, Budget())
    assert table.grow(2, "x") == 2
    assert table.grow(1, None) == GROW_FAILED
    table.copy_from(table, 0, 1, 3)
    assert table.items == [None, "x", "x", "x"]
    assert trapped(lambda: table.fill(3, None, 2)) == TABLE_OOB
    assert trapped(lambda: table.get(4)) == TABLE_OOB
    assert trapped(lambda: table.init(["y"], 0, 0, 2)) == TABLE_OOB


# Constant expressions


def test_constant_expressions() -> None:
    instance = make("""(module
      (type $s (struct (field i8) (field i64)))
      (type $a (array i16))
      (func $f)
      (global $base i32 (i32.const 20))
      (global $sum i32 (i32.sub (i32.mul (global.get $base) (i32.const 3)) (i32.const 61)))
      (global $wide i64 (i64.add (i64.const -1) (i64.const 3)))
      (global $float f64 (f64.const 1))
      (global $vector v128 (v128.const i64x2 1 2))
      (global $func funcref (ref.func $f))
      (global $null anyref (ref.null any))
      (global $i31 i31ref (ref.i31 (i32.const -1)))
      (global $struct (ref $s) (struct.new $s (i32.const 0x1ff) (i64.const 4)))
      (global $default (ref $s) (struct.new_default $s))
      (global $array (ref $a) (array.new $a (i32.const -1) (i32.const 2)))
      (global $fixed (ref $a) (array.new_fixed $a 2 (i32.const 1) (i32.const 2)))
      (global $round anyref (any.convert_extern (extern.convert_any (global.get $i31)))))""")
    values = [item.value for item in instance.globals]
    assert values[:5] == [20, 0xFFFF_FFFF, 2, 0x3FF0_0000_0000_0000, 1 | 2 << 64]
    assert values[5] is instance.functions[0]
    assert values[6:8] == [None, (1 << 31) - 1]
    structure, default, array, fixed = values[8:12]
    assert isinstance(structure, StructRef)
    assert (structure.fields, default.fields) == ([0xFF, 4], [0, 0])
    assert isinstance(array, ArrayRef)
    assert (array.items, fixed.items) == ([0xFFFF, 0xFFFF], [1, 2])
    assert values[12] == values[7]


def test_references_have_types_of_the_store() -> None:
    store = Store(Engine)
    text = """(module
      (type $p (sub (struct (field i32)))) (type $q (sub $p (struct (field i32) (field i32))))
      (global (export "q") (ref $q) (struct.new_default $q)))"""
    first, second = make(text, store), make(text, store)
    assert first.types == second.types
    value = first.globals[0].value
    for type_, expected in (
        (t.ref(t.concrete(first.types[0])), True),
        (t.ref(t.STRUCT), True),
        (t.ref(t.ARRAY), False),
        (t.ref(t.NONE, nullable=True), False),
    ):
        assert has_type(value, type_, store.registry) == expected
    assert has_type(None, t.ref(t.NONE, nullable=True), store.registry)
    assert not has_type(None, t.ref(t.ANY), store.registry)


# Instantiation


def test_segments_are_written_in_order_until_one_traps() -> None:
    shared = memory()
    instance = make(
        '(module (memory (import "m" "memory") 1) (data (i32.const 0) "ab")'
        ' (data (i32.const 1) "c") (data (i32.const 65536) "d"))',
        memory=shared,
    )
    with pytest.raises(GuestTrap) as error:
        instance.start()
    assert describe(error.value).startswith("out of bounds memory access")
    assert shared.read(0, 3) == b"ac\0"


@pytest.mark.parametrize(
    ("wanted", "value", "message"),
    [
        ("(global i32)", None, "unknown import"),
        ("(global i32)", Global(t.GlobalType(t.I64, mutable=False), 0), "incompatible import"),
        ("(global i32)", Global(t.GlobalType(t.I32, mutable=True), 0), "incompatible import"),
        ("(global anyref)", Global(t.GlobalType(t.ref(t.I31), mutable=False), 1), None),
        ("(global (mut anyref))", Global(t.GlobalType(t.ref(t.I31), mutable=True), 1), "incomp"),
        ("(memory 1 2)", memory(1), "incompatible import"),
        ("(memory 1 2)", memory(1, 2), None),
        ("(memory 2)", memory(1), "incompatible import"),
        ("(memory i64 1)", memory(1), "incompatible import"),
        ("(table 1 funcref)", memory(1), "found (memory 1)"),
        ("(func)", 3, "something else"),
    ],
)
def test_imports_must_match(wanted: str, value: object, message: str | None) -> None:
    text = f'(module (import "m" "x" {wanted}))'
    if message is None:
        make(text, x=value)
        return
    with pytest.raises(LinkError) as error:
        make(text, x=value)
    assert message in str(error.value)


def test_a_grown_memory_is_matched_by_its_size_of_now() -> None:
    grown = memory(1)
    grown.grow(1)
    make('(module (import "m" "x" (memory 2)))', x=grown)


def test_limits_name_what_is_left() -> None:
    with pytest.raises(LimitError, match="at most 65536 bytes more, found 131072 bytes"):
        memory(2, memory=PAGE)
