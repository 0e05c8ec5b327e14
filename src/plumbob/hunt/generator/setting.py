"""What functions of a generated module find: imports, globals, memories, tables, segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator.body import OPCODES, Body
from plumbob.hunt.generator.program import COLLECT, Function, Memory, Segment, Table
from plumbob.hunt.generator.universe import NUMBERS, scalars
from plumbob.wasm import module as m
from plumbob.wasm import types as t
from plumbob.wasm.types import Limits, MemoryType

if TYPE_CHECKING:
    from plumbob.hunt.generator.program import Program
    from plumbob.wasm.types import ValType

HOST: Final = ("env", "host")
"""A function of the host, from i32 to i32."""

SEGMENT_BYTES: Final = 40
ELEMENTS: Final = 4


def imports(program: Program) -> None:
    """Choose imports: a way to collect, a function of the host, a memory."""
    choices = program.choices
    if program.universe.structs and choices.below(10) < 5:
        type_index = program.universe.function((), ())
        program.module.imports.append(m.Import(*COLLECT, m.FUNC, type_index))
        program.collect = program.imported(m.FUNC) - 1
    if choices.chance(30):
        type_index = program.universe.function((t.I32,), (t.I32,))
        program.module.imports.append(m.Import(*HOST, m.FUNC, type_index))
        index = program.imported(m.FUNC) - 1
        program.functions.append(Function(index, type_index, (t.I32,), (t.I32,), 4))
    if choices.chance(10):
        program.module.imports.append(m.Import("env", "memory", m.MEMORY, MemoryType(Limits(1, 4))))
        program.memories.append(Memory(0, 1, t.I32))


def storage(program: Program) -> None:
    """Choose globals, memories, tables, tags and segments."""
    choices = program.choices
    program.add_global(t.I64, _constant(program, t.I64))
    for _ in range(choices.between(0, 2)):
        if not program.memories or choices.chance(30):
            pages = choices.pick((1, 1, 2, 0))
            program.add_memory(pages, pages + 4, is64=choices.chance(15))
    for _ in range(choices.between(0, 3)):
        type_ = _global_type(program)
        mutable = not choices.chance(25)
        variable = program.add_global(type_, _constant(program, type_), mutable=mutable)
        program.variables.append(variable)
    if program.universe.structs:
        for _ in range(choices.between(0, 2)):
            element = _element(program)
            program.add_table(element, choices.between(1, 6), is64=choices.chance(10))
    if choices.chance(40):
        for _ in range(choices.between(1, 2)):
            program.add_tag(tuple(choices.pick(NUMBERS) for _ in range(choices.between(0, 2))))
    _segments(program)


def _global_type(program: Program) -> ValType:
    choices, universe = program.choices, program.universe
    if universe.structs and choices.chance(50):
        heap = t.concrete(choices.pick((*universe.structs, *universe.arrays)))
        return t.ref(heap if choices.chance(60) else t.ANY, nullable=True)
    return choices.pick(scalars(vectors=program.vectors))


def _element(program: Program) -> ValType:
    choices, universe = program.choices, program.universe
    heap = choices.pick((t.ANY, t.EQ, t.EXTERN, t.FUNC))
    if choices.chance(50):
        heap = t.concrete(choices.pick((*universe.structs, *universe.arrays)))
    return t.ref(heap, nullable=True)


def _constant(program: Program, type_: ValType) -> bytes:
    """Return a constant expression of a type, its `end` included."""
    choices, universe = program.choices, program.universe
    body = Body(program, (), (), 100, 100)
    if type_ in (t.I32, t.I64):
        body.integer(type_, choices.pick((0, 1, 0xFFFF_FFFF, 77)))
    elif type_ in (t.F32, t.F64):
        body.floating(type_, choices.pick((0, 1, 2)))
    elif type_ == t.V128:
        body.vector(bytes(choices.pick((0, 0x80, 7)) for _ in range(16)))
    else:
        below = universe.below(type_.heap) if type_.heap not in (t.EXTERN, t.FUNC) else []
        structs = [each for each in below if universe.kind(each) == t.STRUCT]
        if structs and choices.chance(60):
            body.op("struct.new_default", choices.pick(structs))
        elif type_.heap in (t.ANY, t.EQ) and choices.chance(50):
            body.i32(choices.pick((5, -1)))
            body.op("ref.i31")
        else:
            body.heap("ref.null", type_.heap)
    return bytes(body.out + OPCODES["end"])


def _segments(program: Program) -> None:
    choices = program.choices
    for _ in range(choices.between(0, 2)):
        data = bytes(choices.below(256) for _ in range(choices.pick((16, SEGMENT_BYTES))))
        memories = [each for each in program.memories if each.pages]
        index = len(program.module.datas)
        if memories and choices.chance(50):
            memory = choices.pick(memories)
            offset = Body(program, (), (), 100, 100)
            offset.integer(memory.address, choices.below(64))
            end = bytes(offset.out + OPCODES["end"])
            program.module.datas.append(m.DataSegment(m.ACTIVE, data, memory.index, end))
            program.segments.append(Segment(index, 0, passive=False))
        else:
            program.module.datas.append(m.DataSegment(m.PASSIVE, data))
            program.segments.append(Segment(index, len(data), passive=True))
    tables = [each for each in program.tables if each.element.heap != t.FUNC]
    if not tables or not choices.chance(60):
        return
    table = choices.pick(tables)
    items = tuple(_constant(program, table.element) for _ in range(choices.between(1, ELEMENTS)))
    program.module.elements.append(m.ElementSegment(m.PASSIVE, table.element, None, items))
    program.segments.append(Segment(0, len(items), passive=True, type=table.element))


def function_table(program: Program) -> None:
    """Add a table that holds the functions that are finished, and never changes."""
    choices = program.choices
    held = [choices.pick(program.functions) for _ in range(choices.between(1, 4))]
    held = [each for each in held if not each.throws]
    if not held or not choices.chance(70):
        return
    # Its elements stand in an active segment.
    made = program.add_table(t.FUNCREF, len(held), is64=choices.chance(10))
    program.tables[-1] = Table(made.index, made.element, made.size, made.address, tuple(held))
    offset = Body(program, (), (), 100, 100)
    offset.integer(made.address, 0)
    end = bytes(offset.out + OPCODES["end"])
    indices = tuple(each.index for each in held)
    program.module.elements.append(
        m.ElementSegment(m.ACTIVE, t.FUNCREF, indices, (), made.index, end)
    )
    program.segments.append(
        Segment(len(program.module.elements) - 1, 0, passive=False, type=t.FUNCREF)
    )
