"""Memories as mappings: pages cost nothing until they are touched, and grow where they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plumbob.api import Instance, Module, Store, StoreLimits, Trap
from plumbob.runtime import memory as memories
from plumbob.runtime.limits import Budget
from plumbob.runtime.memory import FILL_PIECE, GROW_FAILED, LinearMemory
from plumbob.wasm.types import Limits, MemoryType

if TYPE_CHECKING:
    from plumbob.exec.interp import Mode
    from plumbob.runtime.memory import Bytes

PAGE = 1 << 16
GIB = 1 << 30
BUFFERS = ("mapping", "bytearray")


def resident() -> int:
    """Bytes of this process that are in memory now."""
    words = Path("/proc/self/statm").read_text("ascii").split()
    return int(words[1]) << 12


@pytest.fixture(params=BUFFERS)
def buffer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make memories of one kind of buffer."""
    kind: str = request.param
    if kind == "bytearray":

        def zeros(size: int) -> Bytes:
            return bytearray(size)

        monkeypatch.setattr(memories, "zeros", zeros)
    elif sys.platform != "linux":
        pytest.skip("mappings grow on Linux alone")
    return kind


def memory_of(minimum: int, maximum: int | None = None, log2: int = 16) -> LinearMemory:
    type_ = MemoryType(Limits(minimum, maximum, is64=False), shared=False, page_size_log2=log2)
    return LinearMemory(type_, Budget(StoreLimits()))


@pytest.mark.skipif(sys.platform != "linux", reason="mappings grow on Linux alone")
def test_a_gibibyte_is_not_resident_until_it_is_touched() -> None:
    before = resident()
    large = memory_of(GIB >> 16)
    grown = memory_of(1)
    assert grown.grow((GIB >> 16) - 1) == 1
    for memory in (large, grown):
        memory.write(GIB - 4, b"last")
        assert memory.read(GIB - 4, 4) == b"last"
        assert memory.read(GIB // 2, 4) == bytes(4)
    assert resident() - before < 16 << 20


@pytest.mark.parametrize("mode", ["source", "walk"])
def test_guests_reach_all_of_a_large_memory(mode: Mode) -> None:
    text = """(module (memory (export "memory") 16384)
      (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
      (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))"""
    exports: Any = Instance(Module.from_text(text), None, Store(mode=mode)).exports
    exports["put"](GIB - 4, 77)
    assert exports["get"](GIB - 4) == 77
    assert exports["memory"].view()[GIB - 4] == 77
    with pytest.raises(Trap, match="out of bounds"):
        exports["get"](GIB - 3)


def test_it_grows_in_place_and_new_bytes_are_zero(buffer: str) -> None:
    memory = memory_of(1, 4)
    data = memory.data
    memory.write(PAGE - 1, b"\xff")
    assert isinstance(data, bytearray) == (buffer == "bytearray")
    assert memory.grow(0) == 1
    assert memory.grow(2) == 1
    assert memory.grow(2) == GROW_FAILED
    assert memory.data is data
    assert len(data) == 3 * PAGE
    assert memory.read(PAGE - 1, 3) == b"\xff\0\0"
    assert not any(memory.read(PAGE, 2 * PAGE))


def test_a_view_pins_it(buffer: str) -> None:
    assert buffer in BUFFERS
    memory = memory_of(1)
    before = memory.budget.memory
    with memoryview(memory.data) as view:
        assert memory.grow(1) == GROW_FAILED
        assert memory.grow(0) == 1  # and growing by nothing is none
        assert (len(view), view.readonly, memory.budget.memory) == (PAGE, False, before)
        view[5:7] = b"ab"
    assert memory.read(4, 4) == b"\0ab\0"
    assert memory.grow(1) == 1


@pytest.mark.parametrize("size", [0, 1, FILL_PIECE - 1, FILL_PIECE, 2 * FILL_PIECE + 3])
def test_fill_writes_what_it_is_to_and_no_more(buffer: str, size: int) -> None:
    assert buffer in BUFFERS
    memory = memory_of(4)
    memory.fill(7, 0x1AB, size)
    assert bytes(memory.data) == bytes(7) + b"\xab" * size + bytes(4 * PAGE - 7 - size)
    assert len(memory.data) == 4 * PAGE


@pytest.mark.parametrize(("to", "start"), [(3, 0), (0, 3), (5, 5), (100_000, 1)])
def test_copies_within_a_memory_may_overlap(buffer: str, to: int, start: int) -> None:
    assert buffer in BUFFERS
    memory = memory_of(2)
    content = bytes(number % 251 for number in range(2 * PAGE))
    memory.write(0, content)
    size = 30_000
    memory.copy_from(memory, to, start, size)
    expected = bytearray(content)
    expected[to : to + size] = content[start : start + size]
    assert bytes(memory.data) == bytes(expected)
    memory.copy_from(memory, 2 * PAGE, 2 * PAGE, 0)


def test_memories_without_pages_and_with_small_ones_grow_too() -> None:
    empty = memory_of(0)
    assert empty.grow(1) == 0
    empty.write(PAGE - 2, b"ok")
    assert empty.read(PAGE - 2, 2) == b"ok"
    small = memory_of(5, log2=0)
    assert small.grow(10_000) == 5
    assert len(small.data) == 10_005


def test_release_gives_bytes_back_once(buffer: str) -> None:
    assert buffer in BUFFERS
    budget = Budget(StoreLimits(memory=8 * PAGE))
    memory = LinearMemory(MemoryType(Limits(2, None, is64=False)), budget)
    memory.grow(3)
    memory.write(9, b"x")
    assert budget.memory == 3 * PAGE
    memory.release()
    memory.release()
    assert budget.memory == 8 * PAGE
    assert b"x" not in bytes(memory.data)
    del memory
    assert budget.memory == 8 * PAGE


def test_a_memory_that_dies_gives_its_bytes_back() -> None:
    budget = Budget(StoreLimits(memory=8 * PAGE))
    memory = LinearMemory(MemoryType(Limits(2, None, is64=False)), budget)
    view = memoryview(memory.data)
    del memory
    assert budget.memory == 8 * PAGE
    assert len(view) == 2 * PAGE
