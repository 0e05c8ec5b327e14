"""Single writes: to locals, globals, memories, fields, elements, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator import storage
from plumbob.hunt.generator.universe import FLOAT2, FLOAT4
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.statements import Statements
    from plumbob.wasm.types import ValType

    Maker = Callable[[Statements], bool | None]


def _assign(statements: Statements) -> bool:
    body = statements.body
    types = [kind for kind in body.by_type if kind.defaultable]
    if not types or statements.choices.chance(25):
        type_ = statements.any_type()
        statements.expressions.value(type_)
        body.set(body.new_local(type_))
        return True
    type_ = statements.choices.pick(types)
    statements.expressions.value(type_)
    body.set(statements.choices.pick(body.by_type[type_]))
    return True


def _global_set(statements: Statements) -> bool:
    body = statements.body
    found = [each for each in body.program.variables if each.mutable]
    if not found:
        return False
    variable = statements.choices.pick(found)
    statements.expressions.value(variable.type)
    body.op("global.set", variable.index)
    return True


def canonical_value(statements: Statements, type_: ValType) -> None:
    """Write a value whose bits may be seen."""
    statements.expressions.value(type_)
    if type_ in (t.F32, t.F64, FLOAT4, FLOAT2):
        statements.body.canonical(type_)


def _store(statements: Statements) -> bool:
    body, choices = statements.body, statements.choices
    memory = storage.memory_of(body)
    if memory is None:
        return False
    kinds = [each for each in storage.STORES if each != t.V128 or body.program.vectors]
    type_ = choices.pick(kinds)
    if type_ == t.V128 and choices.chance(30):
        name, lanes = choices.pick(storage.LANE_STORES)
        offset = storage.address(statements.expressions, memory)
        statements.expressions.value(type_)
        body.memarg(name, memory.index, offset)
        body.out.append(choices.below(lanes))
        return True
    name = choices.pick(storage.STORES[type_])
    offset = storage.address(statements.expressions, memory)
    canonical_value(statements, type_)
    body.memarg(name, memory.index, offset, storage.alignment(body, name))
    return True


def _overlap(statements: Statements) -> bool:
    """Write a store and a load of other widths that share some bytes."""
    body, choices = statements.body, statements.choices
    memory = storage.memory_of(body)
    if memory is None or not memory.pages:
        return False
    at = choices.between(16, storage.WINDOW - 32)
    kind = choices.pick((t.I32, t.I64))
    body.integer(memory.address, at)
    statements.expressions.value(kind)
    body.memarg(choices.pick(storage.STORES[kind]), memory.index, 0)
    if choices.chance(60):
        statements.few(1)
    if choices.chance(50):
        other = choices.pick((t.I32, t.I64))
        body.integer(memory.address, at + choices.between(0, 4) - 2)
        statements.expressions.value(other)
        body.memarg(choices.pick(storage.STORES[other]), memory.index, choices.below(4))
    kind = choices.pick((t.I32, t.I64))
    body.integer(memory.address, at + choices.between(0, 8) - 4)
    body.memarg(choices.pick(storage.LOADS[kind]), memory.index, choices.below(4))
    statements.observe(kind)
    return True


def mutable_fields(body: Body) -> list[tuple[int, int]]:
    """Return the fields that can be written, as (structure, place)."""
    return [
        (struct, place)
        for struct in body.universe.structs
        for place, field in enumerate(body.universe.fields(struct))
        if field.mutable
    ]


def _struct_set(statements: Statements) -> bool:
    body = statements.body
    found = mutable_fields(body)
    if not found:
        return False
    struct, place = statements.choices.pick(found)
    storage.object_of(statements.expressions, struct)
    statements.expressions.value(body.universe.fields(struct)[place].storage.unpacked)
    body.op("struct.set", struct, place)
    return True


def _fields_meet(statements: Statements) -> bool:
    """Write and read the same field through two references that may be the same object.

    The second one is of a sub- or supertype of the first, or of the same type.
    """
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    found = mutable_fields(body)
    if not found:
        return False
    struct, place = choices.pick(found)
    related = [
        other for other in universe.structs
        if len(universe.fields(other)) > place
        and (universe.heap_matches(t.concrete(other), t.concrete(struct))
             or universe.heap_matches(t.concrete(struct), t.concrete(other)))
    ]  # fmt: skip
    other = choices.pick(related)
    narrow = other if universe.heap_matches(t.concrete(other), t.concrete(struct)) else struct
    first = body.new_local(t.ref(t.concrete(struct), nullable=True))
    second = body.new_local(t.ref(t.concrete(other), nullable=True))
    if choices.chance(70):  # the same object
        statements.expressions.value(t.ref(t.concrete(narrow)))
        if narrow == struct:
            body.tee(first)
        else:
            body.tee(second)
        if choices.chance(40):
            body.heap("ref.cast", t.concrete(narrow))
        body.set(second if narrow == struct else first)
    else:
        storage.object_of(statements.expressions, struct)
        body.set(first)
        storage.object_of(statements.expressions, other)
        body.set(second)
    for holder, index in ((first, struct), (second, other)):
        field = universe.fields(index)[place]
        if field.mutable and (holder == first or choices.chance(50)):
            _write(statements, holder, index, place)
    if choices.chance(60):
        statements.call()
    for holder, index in ((second, other), (first, struct)):
        body.get(holder)
        body.op("ref.as_non_null") if body.may_trap else _or_default(body, index)
        storage.get_field(body, index, place)
        statements.observe(universe.fields(index)[place].storage.unpacked)
    return True


def _write(statements: Statements, holder: int, index: int, place: int) -> None:
    body = statements.body
    body.get(holder)
    _or_default(body, index)
    statements.expressions.value(body.universe.fields(index)[place].storage.unpacked)
    body.op("struct.set", index, place)


def _or_default(body: Body, index: int) -> None:
    """Make a nullable reference one that is not null: a new object in its place."""
    solid = t.ref(t.concrete(index))
    nullable = t.ref(t.concrete(index), nullable=True)
    if body.choices.chance(50):
        body.op("ref.as_non_null")  # whoever wrote the local wrote no null
        return
    kept = body.temporary(nullable)
    body.set(kept)
    body.open("block", (), (solid,))
    body.get(kept)
    body.op("br_on_non_null", 0)
    body.op("struct.new_default", index)
    body.end()


def _array_set(statements: Statements) -> bool:
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    found = [each for each in universe.arrays if universe.item(each).mutable]
    if not found:
        return False
    array = choices.pick(found)
    kept = body.new_local(t.ref(t.concrete(array), nullable=True))
    storage.object_of(statements.expressions, array)
    body.tee(kept)
    body.op("array.len")
    body.open("if")
    body.get(kept)
    storage.index_in(statements.expressions, kept, array)
    statements.expressions.value(universe.item(array).storage.unpacked)
    body.op("array.set", array)
    if choices.chance(60):
        body.get(kept)
        storage.index_in(statements.expressions, kept, array)
        storage.get_item(body, array)
        statements.observe(universe.item(array).storage.unpacked)
    body.end()
    return True


def _table_set(statements: Statements) -> bool:
    body = statements.body
    tables = [each for each in body.program.tables if each.size and not each.functions]
    if not tables:
        return False
    table = statements.choices.pick(tables)
    storage.table_index(statements.expressions, table)
    statements.expressions.value(table.element)
    body.op("table.set", table.index)
    return True


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("assign", 8, _assign),
    ("global.set", 3, _global_set),
    ("store", 5, _store),
    ("overlap", 3, _overlap),
    ("struct.set", 4, _struct_set),
    ("fields-meet", 3, _fields_meet),
    ("array.set", 3, _array_set),
    ("table.set", 2, _table_set),
]
