"""References: making, casting, testing, comparing, and what can be told of one in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator.storage import get_field, get_item, index_in, object_of, table_index
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.expressions import Expressions
    from plumbob.hunt.generator.program import Function, Segment
    from plumbob.wasm.types import HeapType, ValType

    Maker = Callable[[Expressions, ValType], bool | None]

HIERARCHY: Final = {
    heap: top
    for top, members in {
        t.ANY: (t.ANY, t.EQ, t.I31, t.STRUCT, t.ARRAY, t.NONE),
        t.FUNC: (t.FUNC, t.NOFUNC),
        t.EXTERN: (t.EXTERN, t.NOEXTERN),
        t.EXN: (t.EXN, t.NOEXN),
    }.items()
    for heap in members
}

MOST_ITEMS: Final = 6
"""Elements of a new array, so that digests stay short."""


def top_of(body: Body, heap: HeapType) -> HeapType:
    """Return the top of the hierarchy that a heap type is in."""
    return HIERARCHY[body.universe.kind(heap.index) if heap.is_concrete else heap]


def bottom_of(body: Body, heap: HeapType) -> HeapType:
    """Return the bottom of the hierarchy that a heap type is in."""
    return t.HEAP_BOTTOM[top_of(body, heap)]


def functions_of(body: Body, type_: ValType) -> list[Function]:
    """Return the finished functions whose references are of a type."""
    universe = body.universe
    return [
        each
        for each in body.program.functions
        if universe.matches(t.ref(t.concrete(each.type_index)), type_)
    ]


def leaf(expressions: Expressions, type_: ValType) -> None:
    """Write the simplest reference of a type: null, or an object with nothing in it."""
    body = expressions.body
    heap = type_.heap
    if type_.nullable and body.choices.below(2) == 0:
        body.heap("ref.null", bottom_of(body, heap) if body.choices.below(2) else heap)
        return
    top = top_of(body, heap)
    if top == t.ANY:
        _leaf_object(body, heap)
    elif top == t.EXTERN:
        _leaf_object(body, t.ANY)
        body.op("extern.convert_any")
    elif top == t.FUNC and (found := functions_of(body, type_)):
        reference = body.choices.pick(found).index
        body.program.referred.add(reference)
        body.op("ref.func", reference)
    else:
        body.heap("ref.null", heap)
        if not type_.nullable:
            body.op("ref.as_non_null")


def _leaf_object(body: Body, heap: HeapType) -> None:
    """Write a new object of a heap type below `any`; `none` has only null and traps."""
    below = body.universe.below(heap)
    if heap in (t.ANY, t.EQ, t.I31) and (not below or body.choices.below(3) == 0):
        body.i32(body.choices.pick((0, 1, -1, 0x3FFF_FFFF, 0x4000_0000, 77)))
        body.op("ref.i31")
        return
    if not below:
        body.heap("ref.null", heap)
        body.op("ref.as_non_null")
        return
    default(body, body.choices.pick(below))


def default(body: Body, index: int) -> None:
    """Write a new structure of defaults, or an array of a few."""
    if body.universe.kind(index) == t.STRUCT:
        body.op("struct.new_default", index)
    else:
        body.i32(body.choices.pick((1, 2, 4)))
        body.op("array.new_default", index)


def _new(expressions: Expressions, type_: ValType) -> bool:
    """Make a new structure or array with chosen contents."""
    body = expressions.body
    if top_of(body, type_.heap) != t.ANY:
        return False
    below = body.universe.below(type_.heap)
    if not below:
        return False
    new_object(expressions, body.choices.pick(below))
    return True


def new_object(expressions: Expressions, index: int) -> None:
    """Write a new object of a structure or array type."""
    body = expressions.body
    if body.universe.kind(index) == t.STRUCT:
        if body.choices.chance(15):
            body.op("struct.new_default", index)
            return
        for field in body.universe.fields(index):
            expressions.value(field.storage.unpacked)
        body.op("struct.new", index)
        return
    _new_array(expressions, index)


def _new_array(expressions: Expressions, index: int) -> None:
    body, choices = expressions.body, expressions.body.choices
    item = body.universe.item(index).storage
    kind = choices.below(6)
    if kind == 0:
        body.i32(choices.between(1, MOST_ITEMS))
        body.op("array.new_default", index)
    elif kind < 3:
        expressions.value(item.unpacked)
        body.i32(choices.between(1, MOST_ITEMS))
        body.op("array.new", index)
    elif kind == 3 and (segment := segment_for(expressions, item)) is not None:
        count = choices.between(0, segment.size)
        body.i32(choices.below(segment.size - count + 1))
        body.i32(count)
        body.op(
            "array.new_data" if segment.type is None else "array.new_elem", index, segment.index
        )
    else:
        count = choices.between(1, MOST_ITEMS)
        for _ in range(count):
            expressions.value(item.unpacked)
        body.op("array.new_fixed", index, count)


def segment_for(expressions: Expressions, item: ValType) -> Segment | None:
    """Return a passive segment that an array with such elements can be made from, or None.

    Its `size` is in elements of the array.
    """
    body = expressions.body
    found = []
    for each in body.program.segments:
        if not each.passive:
            continue
        if each.type is None and not item.is_ref:
            width = {t.I8: 1, t.I16: 2, t.I32: 4, t.F32: 4, t.V128: 16}.get(item, 8)
            found.append(type(each)(each.index, each.size // width, passive=True))
        elif each.type is not None and body.universe.matches(each.type, item):
            found.append(each)
    return body.choices.pick(found) if found else None


def _i31(expressions: Expressions, type_: ValType) -> bool:
    body = expressions.body
    if type_.heap not in (t.I31, t.EQ, t.ANY):
        return False
    expressions.value(t.I32)
    body.op("ref.i31")
    return True


def _non_null(expressions: Expressions, type_: ValType) -> bool:
    """Take a nullable reference with something else in its place where it is null."""
    body = expressions.body
    nullable = t.ref(type_.heap, nullable=True)
    solid = t.ref(type_.heap)
    kind = body.choices.below(3)
    if kind == 0:
        body.open("block", (), (solid,))
        expressions.value(nullable)
        body.op("br_on_non_null", 0)
        expressions.leaf(solid)
        body.end()
    elif kind == 1:
        kept = body.new_local(nullable)
        body.open("block", (), (solid,))
        body.open("block")
        expressions.value(nullable)
        body.op("br_on_null", 0)
        body.op("br", 1)
        body.end()
        expressions.leaf(nullable)
        body.tee(kept)
        body.op("ref.is_null")
        body.open("if", (), (solid,))
        expressions.leaf(solid)
        body.otherwise()
        body.get(kept)
        body.op("ref.as_non_null")
        body.end()
        body.end()
    else:
        expressions.value(solid)
        body.op("ref.as_non_null")
    return True


def _cast(expressions: Expressions, type_: ValType) -> bool:
    """Out of a wider type: by a test and a cast, or by a branch on a cast."""
    body, choices = expressions.body, expressions.body.choices
    top = top_of(body, type_.heap)
    if top in (t.EXN, type_.heap):
        return False
    wide = t.ref(top, nullable=True)
    nullable = " null" if type_.nullable else ""
    kind = choices.below(4)
    if kind == 0:
        kept = body.new_local(wide)
        expressions.value(wide)
        body.tee(kept)
        body.heap(f"ref.test{nullable}", type_.heap)
        body.open("if", (), (type_,))
        body.get(kept)
        body.heap(f"ref.cast{nullable}", type_.heap)
        body.otherwise()
        expressions.leaf(type_)
        body.end()
    elif kind == 1:
        body.open("block", (), (type_,))
        expressions.value(wide)
        body.cast("br_on_cast", 0, wide, type_)
        body.op("drop")
        expressions.leaf(type_)
        body.end()
    elif kind == 2:
        body.open("block", (), (type_,))
        body.open("block", (), (wide if not type_.nullable else t.ref(top),))
        expressions.value(wide)
        body.cast("br_on_cast_fail", 0, wide, type_)
        body.op("br", 1)
        body.end()
        body.op("drop")
        expressions.leaf(type_)
        body.end()
    else:  # one that cannot fail
        expressions.value(type_)
        body.heap(f"ref.cast{nullable}", type_.heap)
    return True


def _converted(expressions: Expressions, type_: ValType) -> bool:
    """By way of the other side of `extern`; identity is kept."""
    body = expressions.body
    if type_.heap == t.ANY:
        expressions.value(t.ref(t.EXTERN, nullable=type_.nullable))
        body.op("any.convert_extern")
    elif type_.heap == t.EXTERN:
        expressions.value(t.ref(t.ANY, nullable=type_.nullable))
        body.op("extern.convert_any")
    else:
        return False
    return True


def _stored(expressions: Expressions, type_: ValType) -> bool:
    """Out of a field, an element, a table or a global."""
    body, universe, choices = expressions.body, expressions.body.universe, expressions.body.choices
    if not type_.nullable:
        return False
    tables = [each for each in body.program.tables if universe.matches(each.element, type_)]
    tables = [each for each in tables if each.size]
    globals_ = [each for each in body.program.variables if universe.matches(each.type, type_)]
    fields = [
        (struct, place)
        for struct in universe.structs
        for place, each in enumerate(universe.fields(struct))
        if universe.matches(each.storage, type_)
    ]
    arrays = [
        each for each in universe.arrays if universe.matches(universe.item(each).storage, type_)
    ]
    kinds = [kind for kind in (fields, globals_, tables, arrays) if kind]
    if not kinds:
        return False
    kind = choices.pick(kinds)
    if kind is tables:
        table = choices.pick(tables)
        table_index(expressions, table)
        body.op("table.get", table.index)
    elif kind is globals_:
        body.op("global.get", choices.pick(globals_).index)
    elif kind is fields:
        struct, place = choices.pick(fields)
        object_of(expressions, struct)
        get_field(body, struct, place)
    else:
        _from_array(expressions, choices.pick(arrays), type_)
    return True


def _from_array(expressions: Expressions, array: int, type_: ValType) -> None:
    body = expressions.body
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


def _function(expressions: Expressions, type_: ValType) -> bool:
    body = expressions.body
    if top_of(body, type_.heap) != t.FUNC:
        return False
    found = functions_of(body, type_)
    if not found:
        return False
    index = body.choices.pick(found).index
    body.program.referred.add(index)
    body.op("ref.func", index)
    return True


MAKERS: Final[list[tuple[str, int, Maker]]] = [
    ("new", 8, _new),
    ("ref.i31", 2, _i31),
    ("non-null", 3, _non_null),
    ("cast", 4, _cast),
    ("convert", 2, _converted),
    ("stored", 5, _stored),
    ("ref.func", 2, _function),
]


# What numbers tell of references.


def _is_null(expressions: Expressions) -> None:
    body = expressions.body
    expressions.value(t.ref(body.choices.pick((t.ANY, t.EXTERN, t.FUNC)), nullable=True))
    body.op("ref.is_null")


def _equal(expressions: Expressions) -> None:
    """Two references, sometimes the same one."""
    body = expressions.body
    eq = t.ref(t.EQ, nullable=True)
    if body.choices.chance(40):
        kept = body.new_local(eq)
        expressions.value(eq)
        body.tee(kept)
        expressions.statements.few(1)
        body.get(kept)
    else:
        expressions.value(eq)
        expressions.value(eq)
    body.op("ref.eq")


def _test(expressions: Expressions) -> None:
    body, choices = expressions.body, expressions.body.choices
    universe = body.universe
    heap = choices.pick((t.I31, t.STRUCT, t.ARRAY, t.EQ, t.NONE))
    concrete = [*universe.structs, *universe.arrays]
    if concrete and choices.chance(60):
        heap = t.concrete(choices.pick(concrete))
    expressions.value(t.ref(t.ANY, nullable=True))
    body.heap(choices.pick(("ref.test", "ref.test null")), heap)


def _length(expressions: Expressions) -> None:
    body = expressions.body
    arrays = body.universe.arrays
    if not arrays:
        body.i32(0)
        return
    object_of(expressions, body.choices.pick(arrays))
    body.op("array.len")


def _small(expressions: Expressions) -> None:
    body = expressions.body
    expressions.value(t.ref(t.I31, nullable=body.may_trap and body.choices.chance(10)))
    body.op(body.choices.pick(("i31.get_s", "i31.get_u")))


TELLING: Final = (_is_null, _equal, _test, _length, _small)


def integer(expressions: Expressions, type_: ValType) -> bool:
    """Write an integer that says something of references; False where the module has none."""
    body = expressions.body
    if not body.universe.structs:
        return False
    body.choices.pick(TELLING)(expressions)
    if type_ == t.I64:
        body.op(body.choices.pick(("i64.extend_i32_s", "i64.extend_i32_u")))
    return True


def shallow(body: Body, type_: ValType) -> None:
    """Write an i32 that tells of the reference on the stack what can be told without tests."""
    if not body.universe.structs or top_of(body, type_.heap) != t.ANY:
        body.op("ref.is_null")
        return
    body.heap("ref.test", t.I31 if body.choices.chance(30) else t.STRUCT)
