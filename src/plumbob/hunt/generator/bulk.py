"""Operators on whole ranges: of memories, tables, arrays and segments; sizes and growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator import references, storage
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.statements import Statements

    Maker = Callable[[Statements], bool | None]

MOST: Final = 24
"""Bytes of a range in a memory."""


def _memory_range(statements: Statements) -> bool:
    body, choices = statements.body, statements.choices
    memories = [each for each in body.program.memories if each.pages]
    if not memories:
        return False
    memory = choices.pick(memories)
    kind = choices.below(3)
    size = choices.between(0, MOST)
    body.integer(memory.address, choices.below(storage.WINDOW - MOST))
    if kind == 0:
        statements.expressions.value(t.I32)
        body.integer(memory.address, size)
        body.op("memory.fill", memory.index)
    elif kind == 1:
        source = choices.pick(memories)
        body.integer(source.address, choices.below(storage.WINDOW - MOST))
        both = memory.address == source.address == t.I64
        body.integer(t.I64 if both else t.I32, size)
        body.op("memory.copy", memory.index, source.index)
    else:
        found = [each for each in body.program.segments if each.type is None and each.passive]
        if not found:
            body.op("drop")
            return False
        segment = choices.pick(found)
        size = min(size, segment.size)
        body.i32(choices.below(segment.size - size + 1))
        body.i32(size)
        body.op("memory.init", segment.index, memory.index)
    return True


def _table_range(statements: Statements) -> bool:
    body, choices = statements.body, statements.choices
    tables = [each for each in body.program.tables if each.size and not each.functions]
    if not tables:
        return False
    table = choices.pick(tables)
    kind = choices.below(4)
    size = choices.between(0, min(3, table.size))
    if kind == 0:
        storage.table_index(statements.expressions, table, size)
        statements.expressions.value(table.element)
        body.integer(table.address, size)
        body.op("table.fill", table.index)
    elif kind == 1:
        matches = body.universe.matches
        sources = [each for each in body.program.tables if matches(each.element, table.element)]
        source = choices.pick([each for each in sources if each.size >= size])
        storage.table_index(statements.expressions, table, size)
        storage.table_index(statements.expressions, source, size)
        both = table.address == source.address == t.I64
        body.integer(t.I64 if both else t.I32, size)
        body.op("table.copy", table.index, source.index)
    elif kind == 2:
        found = [
            each for each in body.program.segments
            if each.passive and each.type is not None
            and body.universe.matches(each.type, table.element)
        ]  # fmt: skip
        if not found:
            return False
        segment = choices.pick(found)
        size = min(size, segment.size)
        storage.table_index(statements.expressions, table, size)
        body.i32(choices.below(segment.size - size + 1))
        body.i32(size)
        body.op("table.init", segment.index, table.index)
    else:
        statements.expressions.value(table.element)
        body.integer(table.address, choices.below(3))
        body.op("table.grow", table.index)
        statements.observe(table.address)
        body.op("table.size", table.index)
        statements.observe(table.address)
    return True


def _array_range(statements: Statements) -> bool:
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    found = [each for each in universe.arrays if universe.item(each).mutable]
    if not found:
        return False
    array = choices.pick(found)
    item = universe.item(array).storage
    kept = body.new_local(t.ref(t.concrete(array), nullable=True))
    body.i32(choices.between(4, 8))
    body.op("array.new_default", array)
    body.set(kept)
    if choices.chance(50):
        body.get(kept)
        body.i32(choices.below(4))
        statements.expressions.value(item.unpacked)
        body.op("array.set", array)
    kind = choices.below(3)
    size = choices.between(0, 3)
    if kind == 0:
        body.get(kept)
        body.i32(choices.below(2))
        statements.expressions.value(item.unpacked)
        body.i32(size)
        body.op("array.fill", array)
    elif kind == 1:
        sources = [
            each for each in universe.arrays
            if universe.matches(universe.item(each).storage, item)
        ]  # fmt: skip
        source = choices.pick(sources)
        body.get(kept)
        body.i32(choices.below(2))
        if source == array and choices.chance(60):  # onto itself
            body.get(kept)
        else:
            body.i32(4)
            body.op("array.new_default", source)
        body.i32(choices.below(2))
        body.i32(size)
        body.op("array.copy", array, source)
    else:
        segment = references.segment_for(statements.expressions, item)
        if segment is None:
            return True
        size = min(size, segment.size)
        body.get(kept)
        body.i32(choices.below(2))
        body.i32(choices.below(segment.size - size + 1))
        body.i32(size)
        name = "array.init_data" if segment.type is None else "array.init_elem"
        body.op(name, array, segment.index)
    body.get(kept)
    body.i32(choices.below(4))
    storage.get_item(body, array)
    statements.observe(item.unpacked)
    return True


def _sizes(statements: Statements) -> bool:
    body, choices = statements.body, statements.choices
    memory = storage.memory_of(body)
    if memory is None:
        return False
    if choices.chance(30):
        body.integer(memory.address, choices.below(3))
        body.op("memory.grow", memory.index)
        statements.observe(memory.address)
    body.op("memory.size", memory.index)
    statements.observe(memory.address)
    return True


def _drop_segment(statements: Statements) -> bool:
    """Drop a segment that nothing reads: a later read of a dropped one would trap."""
    body = statements.body
    found = [each for each in body.program.segments if not each.passive]
    if not found:
        return False
    segment = statements.choices.pick(found)
    body.op("data.drop" if segment.type is None else "elem.drop", segment.index)
    return True


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("memory-range", 3, _memory_range),
    ("table-range", 3, _table_range),
    ("array-range", 3, _array_range),
    ("sizes", 1, _sizes),
    ("drop-segment", 1, _drop_segment),
]
