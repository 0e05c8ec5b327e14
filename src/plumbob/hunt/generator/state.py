"""The digest of what a program leaves: memories, globals, tables, and the checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.hunt.generator.body import Body
from plumbob.hunt.generator.expressions import Expressions
from plumbob.hunt.generator.program import CHECKSUM, PAGE
from plumbob.hunt.generator.shapes import DEEPEST, look
from plumbob.hunt.generator.statements import Statements
from plumbob.hunt.generator.storage import WINDOW
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from plumbob.hunt.generator.program import Function, Memory, Program

ENDLESS = 1 << 40
"""More than a digest costs: it is bounded by what it reads."""


def digest(program: Program) -> Function:
    """Append the function that returns the digest, an i64."""
    body = Body(program, (), (t.I64,), ENDLESS, ENDLESS)
    statements = Statements(Expressions(body, {}), {})
    statements.expressions.depth = DEEPEST
    for memory in program.memories:
        _memory(statements, memory)
    for variable in program.variables:
        if variable.mutable:
            body.op("global.get", variable.index)
            statements.observe(variable.type)
    for table in program.tables:
        if not table.functions:
            for place in range(table.size):
                body.integer(table.address, place)
                body.op("table.get", table.index)
                _reference(statements, table.element)
    body.op("global.get", CHECKSUM)
    type_index = program.universe.function((), (t.I64,))
    return program.add_function(type_index, (), (t.I64,), body.finish(), body.cost)


def _memory(statements: Statements, memory: Memory) -> None:
    """Add the window at the beginning, eight bytes a round, and the last bytes."""
    body = statements.body
    if not memory.pages:
        return
    at = body.new_local(t.I32, reserved=True)
    body.open("loop")
    _read(statements, memory, at, 0)
    body.get(at)
    body.i32(8)
    body.op("i32.add")
    body.tee(at)
    body.i32(WINDOW + 16)
    body.op("i32.lt_u")
    body.op("br_if", 0)
    body.end()
    body.i32(0)
    body.set(at)
    for back in (16, 8, 24):
        _read(statements, memory, at, memory.pages * PAGE - back)


def _read(statements: Statements, memory: Memory, at: int, offset: int) -> None:
    body = statements.body
    body.get(at)
    if memory.address == t.I64:
        body.op("i64.extend_i32_u")
    body.memarg("i64.load", memory.index, offset)
    statements.observe(t.I64)


def _reference(statements: Statements, type_: t.ValType) -> None:
    body = statements.body
    if type_.heap.is_concrete:
        place = body.temporary(type_)
        body.set(place)
        look(statements, place, type_.heap.index)
    else:
        statements.observe(type_)
