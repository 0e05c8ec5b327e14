"""Shapes that optimisers and register allocators have got wrong, each a strategy.

They say what lives across what: references across calls and across loops, values that are
redefined while earlier ones are still needed, more values than there are registers,
identities kept by casts. The rest of each shape is chosen, so that neighbours of a known
fault are found as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator import calls, control, numeric, references, storage
from plumbob.hunt.generator.universe import FLOAT2, FLOAT4
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.statements import Statements

    Maker = Callable[[Statements], bool | None]


def _across_loop(statements: Statements) -> bool:
    """Use references that no round changes in every round across calls and allocations.

    Others are made anew in each round, and the last of them is used behind the loop.
    """
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    objects = [*universe.structs, *universe.arrays]
    rounds = choices.between(2, 6)
    if not objects or body.rounds * rounds > control.MOST_ROUNDS:
        return False
    kept = []
    for _ in range(choices.between(1, 4)):
        index = choices.pick(objects)
        place = body.new_local(t.ref(t.concrete(index), nullable=True))
        references.new_object(statements.expressions, index)
        body.set(place)
        kept.append((place, index))
    made = [
        (body.new_local(t.ref(t.concrete(index), nullable=True)), index)
        for index in (choices.pick(objects) for _ in range(choices.between(1, 2)))
    ]
    counter = body.new_local(t.I32, reserved=True)
    body.i32(rounds)
    body.set(counter)
    body.rounds *= rounds
    body.open("loop")
    for _ in range(choices.between(2, 5)):
        kind = choices.below(5)
        if kind < 2:
            _use(statements, *choices.pick(kept))
        elif kind == 2:
            place, index = choices.pick(made)
            references.new_object(statements.expressions, index)
            body.set(place)
        elif kind == 3:
            statements.call()
        else:
            statements.few(1)
    if choices.chance(30) and body.rounds * 3 <= control.MOST_ROUNDS:
        _inner_loop(statements, kept)
    body.get(counter)
    body.i32(1)
    body.op("i32.sub")
    body.tee(counter)
    body.op("br_if", 0)
    body.end()
    body.rounds //= rounds
    for place, index in (*made, *kept):
        if choices.chance(70):
            if choices.chance(50):
                statements.call()
            _use(statements, place, index)
    return True


def _inner_loop(statements: Statements, kept: list[tuple[int, int]]) -> None:
    body, choices = statements.body, statements.choices
    counter = body.new_local(t.I32, reserved=True)
    body.i32(3)
    body.set(counter)
    body.rounds *= 3
    body.open("loop")
    statements.call()
    _use(statements, *choices.pick(kept))
    body.get(counter)
    body.i32(1)
    body.op("i32.sub")
    body.tee(counter)
    body.op("br_if", 0)
    body.end()
    body.rounds //= 3


def _use(statements: Statements, place: int, index: int) -> None:
    """Add what an object holds to the checksum, or pass it to a function that looks at it."""
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    type_ = t.ref(t.concrete(index), nullable=True)
    takers = [
        each for each in calls.callable_here(body)
        if any(universe.matches(type_, param) for param in each.params)
    ]  # fmt: skip
    if takers and choices.chance(50):
        function = choices.pick(takers)
        if body.spend(function.cost):
            for param in function.params:
                if universe.matches(type_, param):
                    body.get(place)
                else:
                    statements.expressions.leaf(param)
            body.op("call", function.index)
            for result in reversed(function.results):
                statements.observe(result)
            return
    look(statements, place, index)


def look(statements: Statements, place: int, index: int) -> None:
    """Add what the object in a local holds to the checksum; a null adds nothing."""
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    body.get(place)
    body.op("ref.is_null")
    body.op("i32.eqz")
    body.open("if")
    if universe.kind(index) == t.STRUCT:
        fields = universe.fields(index)
        for field in sorted({choices.below(len(fields)), len(fields) - 1}):
            body.get(place)
            storage.get_field(body, index, field)
            statements.observe(fields[field].storage.unpacked)
    else:
        body.get(place)
        body.op("array.len")
        body.open("if")
        body.get(place)
        storage.index_in(statements.expressions, place, index)
        storage.get_item(body, index)
        statements.observe(universe.item(index).storage.unpacked)
        body.end()
    body.end()


def _redefined(statements: Statements) -> bool:
    """Redefine a variable, in one block or over several, between calls that it crosses."""
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    objects = [*universe.structs, *universe.arrays]
    if not objects:
        return False
    index = choices.pick(objects)
    place = body.new_local(t.ref(t.concrete(index), nullable=True))
    references.new_object(statements.expressions, index)
    body.set(place)
    for _ in range(choices.between(1, 3)):
        body.get(place)  # the earlier value waits
        if choices.chance(50):
            statements.expressions.condition()
            body.open("if")
            references.new_object(statements.expressions, index)
            body.set(place)
            body.end()
        else:
            references.new_object(statements.expressions, index)
            body.set(place)
        statements.call()
        earlier = body.new_local(t.ref(t.concrete(index), nullable=True))
        body.set(earlier)
        look(statements, earlier, index)
        look(statements, place, index)
    return True


def _pressure(statements: Statements) -> bool:
    """More values at once than there are registers, across calls, of mixed types."""
    body, choices = statements.body, statements.choices
    count = choices.between(8, 20)
    places = []
    for _ in range(count):
        type_ = statements.any_type()
        depth, statements.expressions.depth = statements.expressions.depth, 3
        statements.expressions.value(type_)
        statements.expressions.depth = depth
        place = body.new_local(type_)
        body.set(place)
        places.append((place, type_))
    statements.call()
    statements.few(2)
    statements.call()
    for place, type_ in places:
        body.get(place)
        statements.observe(type_)
    return True


def _selected(statements: Statements) -> bool:
    """Write a select of references that lives across a call; of one, the other may be null."""
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    objects = [*universe.structs, *universe.arrays]
    if not objects:
        return False
    index = choices.pick(objects)
    type_ = t.ref(t.concrete(index), nullable=True)
    references.new_object(statements.expressions, index)
    if choices.chance(50):
        body.heap("ref.null", t.concrete(index))
    else:
        references.new_object(statements.expressions, index)
    statements.expressions.condition()
    body.select(type_)
    waits = choices.chance(50)
    place = body.new_local(type_)
    if not waits:
        body.set(place)
    statements.call()
    calls.any_call(statements)
    if waits:
        body.set(place)
    look(statements, place, index)
    return True


def _identities(statements: Statements) -> bool:
    """Take an object through casts and conversions that keep its identity, changed on the way."""
    body, choices, universe = statements.body, statements.choices, statements.body.universe
    if not universe.structs:
        return False
    index = choices.pick(universe.structs)
    solid, loose = t.ref(t.concrete(index)), t.ref(t.concrete(index), nullable=True)
    first, second = body.new_local(loose), body.new_local(loose)
    references.new_object(statements.expressions, index)
    body.tee(first)
    if choices.chance(50):
        body.op("extern.convert_any")
        if choices.chance(50):
            body.op("any.convert_extern")
            body.op("extern.convert_any")
        body.op("any.convert_extern")
    kind = choices.below(3)
    if kind == 0:
        body.heap("ref.cast", t.concrete(index))
    elif kind == 1:
        kept = body.new_local(t.ref(t.ANY, nullable=True))
        body.set(kept)
        body.open("block", (), (solid,))
        body.get(kept)
        body.cast("br_on_cast", 0, t.ref(t.ANY, nullable=True), solid)
        body.op("drop")
        body.op("struct.new_default", index)
        body.end()
    else:
        body.heap("ref.cast null", t.concrete(index))
    body.set(second)
    fields = universe.fields(index)
    mutable = [place for place, field in enumerate(fields) if field.mutable]
    for _ in range(choices.between(1, 2)):
        if mutable:
            place = choices.pick(mutable)
            body.get(choices.pick((first, second)))
            statements.expressions.value(fields[place].storage.unpacked)
            body.op("struct.set", index, place)
        if choices.chance(40):
            statements.call()
        look(statements, choices.pick((second, first)), index)
    body.get(first)
    body.get(second)
    body.op("ref.eq")
    statements.observe(t.I32)
    return True


def _arithmetic_edges(statements: Statements) -> None:
    """Shifts by the width, products and sums at the edges, chains of extension and wrapping."""
    body, choices = statements.body, statements.choices
    type_ = choices.pick((t.I32, t.I64))
    statements.expressions.leaf(type_)
    for _ in range(choices.between(1, 4)):
        numeric.constant(body, type_)
        body.op(f"{type_}.{choices.pick(CHAIN)}")
    if choices.chance(30):
        signs = ("extend8_s", "extend16_s", *(("extend32_s",) if type_ == t.I64 else ()))
        body.op(f"{type_}.{choices.pick(signs)}")
    statements.observe(type_)


def _lanes(statements: Statements) -> bool:
    """Write a few vector operators, each on simple operands; the last result is observed."""
    body, choices, expressions = statements.body, statements.choices, statements.expressions
    if not body.program.vectors:
        return False
    depth, expressions.depth = expressions.depth, DEEPEST
    for _ in range(choices.between(1, 4)):
        result = choices.pick((t.V128, t.V128, FLOAT4, FLOAT2))
        numeric.apply(expressions, choices.pick(numeric.operators(result, vectors=True)))
        place = body.new_local(result)
        body.set(place)
    expressions.depth = depth
    body.get(place)
    statements.observe(result)
    return True


DEEPEST: Final = 99
"""A depth at which every operand is a leaf."""

CHAIN: Final = "add sub mul and or xor shl shr_s shr_u rotl rotr".split()


def _relaxed(statements: Statements) -> bool:
    """Write a relaxed vector operator, whose result nobody looks at."""
    body, choices = statements.body, statements.choices
    if not (body.program.vectors and body.program.relaxed):
        return False
    row = choices.pick(numeric.RELAXED)
    numeric.apply(statements.expressions, row)
    body.op("drop")
    return True


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("across-loop", 10, _across_loop),
    ("redefined", 2, _redefined),
    ("pressure", 1, _pressure),
    ("selected", 2, _selected),
    ("identities", 2, _identities),
    ("arithmetic-edges", 3, _arithmetic_edges),
    ("lanes", 8, _lanes),
    ("relaxed", 3, _relaxed),
]
