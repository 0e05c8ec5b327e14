"""Values out of globals, memories, structures, arrays and tables, and into them.

Addresses and indices are mostly kept in bounds, in a small window at the beginning and one
at the end of what is accessed, so that accesses meet: the same bytes by different widths,
the same field through sub- and supertypes, equal and unequal indices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator.body import ALIGN
from plumbob.hunt.generator.program import CHECKSUM, PAGE
from plumbob.wasm import types as t
from plumbob.wasm.opcodes import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.expressions import Expressions
    from plumbob.hunt.generator.program import Memory, Table
    from plumbob.wasm.types import FieldType, ValType

    Maker = Callable[[Expressions, ValType], bool | None]

WINDOW: Final = 128
"""Bytes at the beginning of a memory that accesses keep to, a power of two."""

_NAMES: Final = {"i32": t.I32, "i64": t.I64, "f32": t.F32, "f64": t.F64, "v128": t.V128}

LOADS: Final[dict[ValType, list[str]]] = {}
STORES: Final[dict[ValType, list[str]]] = {}
LANE_LOADS: Final[list[tuple[str, int]]] = []
LANE_STORES: Final[list[tuple[str, int]]] = []
for _row in TABLE:
    if _row.immediates == ("memarg",) and _row.code >> 16 != 0xFE:
        if _row.pushes:
            LOADS.setdefault(_NAMES[_row.pushes[0]], []).append(_row.name)
        else:
            STORES.setdefault(_NAMES[_row.pops[1]], []).append(_row.name)
    elif _row.immediates == ("memarg", "lane"):
        (LANE_LOADS if _row.pushes else LANE_STORES).append((_row.name, _row.lanes))

WIDEST: Final = 16
"""Bytes of the widest access."""


def address(expressions: Expressions, memory: Memory, room: int = WIDEST) -> int:
    """Write an address with `room` bytes behind it, and return the offset to go with it."""
    body, choices = expressions.body, expressions.body.choices
    end = memory.pages * PAGE
    kind = choices.below(16)
    if kind < 6:  # a constant in the window
        at, offset = choices.below(WINDOW - room), choices.pick((0, 0, 1, 4, 8))
        body.integer(memory.address, at)
        return offset
    if kind < 13 or memory.pages == 0:  # computed, in the window
        expressions.value(memory.address)
        body.integer(memory.address, WINDOW // 2 - 1)
        body.op(f"{memory.address}.and")
        return choices.pick((0, 0, 3, WINDOW // 2 - room))
    if kind < 15:  # the last bytes
        back = choices.between(0, 8)
        offset = choices.pick((0, 1, 0xFFF0))
        body.integer(memory.address, end - room - back - min(offset, end - room - back))
        return min(offset, end - room - back)
    if not choices.chance(12) or not body.may_trap:
        body.integer(memory.address, choices.below(WINDOW - room))
        return 0
    # Out of bounds: near the end of the address space, with offsets that would wrap.
    top = (1 << (64 if memory.address == t.I64 else 32)) - choices.between(1, 32)
    body.integer(memory.address, choices.pick((end - 1, end, top)))
    return choices.pick((0, 1, 0xFFFF_FFFF))


def memory_of(body: Body) -> Memory | None:
    """Return one of the module's memories, or None."""
    memories = body.program.memories
    return body.choices.pick(memories) if memories else None


def _load(expressions: Expressions, type_: ValType) -> bool:
    body = expressions.body
    memory = memory_of(body)
    if memory is None:
        return False
    if type_ == t.V128 and body.choices.chance(30):
        name, lanes = body.choices.pick(LANE_LOADS)
        offset = address(expressions, memory)
        expressions.value(t.V128)
        body.memarg(name, memory.index, offset)
        body.out.append(body.choices.below(lanes))
        return True
    name = body.choices.pick(LOADS[type_])
    offset = address(expressions, memory)
    body.memarg(name, memory.index, offset, alignment(body, name))
    return True


def alignment(body: Body, name: str) -> int | None:
    """Return an alignment for an access: mostly the natural one."""
    return body.choices.below(ALIGN[name] + 1) if body.choices.chance(20) else None


def _global(expressions: Expressions, type_: ValType) -> bool:
    body = expressions.body
    if type_ == t.I64 and body.choices.chance(20):
        body.op("global.get", CHECKSUM)
        return True
    found = [each for each in body.program.variables if body.universe.matches(each.type, type_)]
    if not found:
        return False
    body.op("global.get", body.choices.pick(found).index)
    return True


def packed(field: FieldType) -> bool:
    """Return whether a field is narrower than the values that it gives."""
    return field.storage in (t.I8, t.I16)


def gives(body: Body, field: FieldType, type_: ValType) -> bool:
    """Return whether a field's value is of a type."""
    return body.universe.matches(field.storage.unpacked, type_)


def _struct_get(expressions: Expressions, type_: ValType) -> bool:
    body, universe = expressions.body, expressions.body.universe
    found = [
        (struct, place)
        for struct in universe.structs
        for place, each in enumerate(universe.fields(struct))
        if gives(body, each, type_)
    ]
    if not found:
        return False
    struct, place = body.choices.pick(found)
    object_of(expressions, struct)
    get_field(body, struct, place)
    return True


def get_field(body: Body, struct: int, place: int) -> None:
    """Write the read of a field of the structure on the stack."""
    suffix = ""
    if packed(body.universe.fields(struct)[place]):
        suffix = body.choices.pick(("_u", "_s"))
    body.op(f"struct.get{suffix}", struct, place)


def get_item(body: Body, array: int) -> None:
    """Write the read of an element of the array on the stack, its index above it."""
    suffix = body.choices.pick(("_u", "_s")) if packed(body.universe.item(array)) else ""
    body.op(f"array.get{suffix}", array)


def object_of(expressions: Expressions, index: int) -> None:
    """Write a structure or array of a type: mostly one that cannot be null."""
    body = expressions.body
    nullable = body.may_trap and body.choices.chance(10)
    expressions.value(t.ref(t.concrete(index), nullable=nullable))


def _array_get(expressions: Expressions, type_: ValType) -> bool:
    body, universe = expressions.body, expressions.body.universe
    found = [each for each in universe.arrays if gives(body, universe.item(each), type_)]
    if not found:
        return False
    array = body.choices.pick(found)
    kept = body.new_local(t.ref(t.concrete(array), nullable=True))
    object_of(expressions, array)
    body.tee(kept)
    body.op("array.len")
    body.open("if", (), (type_,))
    body.get(kept)
    index_in(expressions, kept, array)
    get_item(body, array)
    body.otherwise()
    expressions.leaf(type_)
    body.end()
    return True


def index_in(expressions: Expressions, kept: int, array: int) -> None:
    """Write an index into the array that a local holds, which is not empty: below its length."""
    body = expressions.body
    del array
    if body.choices.chance(50):
        body.i32(0)
        return
    expressions.value(t.I32)
    body.get(kept)
    body.op("array.len")
    body.op("i32.rem_u")


def table_index(expressions: Expressions, table: Table, room: int = 1) -> None:
    """Write an index with `room` elements behind it: mostly one in bounds."""
    body, choices = expressions.body, expressions.body.choices
    if table.size < room:
        body.integer(table.address, 0)
        return
    if choices.below(3):
        body.integer(table.address, choices.below(table.size - room + 1))
        return
    expressions.value(table.address)
    body.integer(table.address, table.size - room + 1)
    body.op(f"{table.address}.rem_u")


MAKERS: Final[list[tuple[str, int, Maker]]] = [
    ("load", 4, _load),
    ("global.get", 2, _global),
    ("struct.get", 5, _struct_get),
    ("array.get", 4, _array_get),
]
