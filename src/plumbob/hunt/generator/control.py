"""Control: conditions, loops bounded by counters, branches forward, handlers, dead code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator import numeric, storage
from plumbob.hunt.generator.body import OPCODES, Label
from plumbob.wasm import types as t
from plumbob.wasm.binary.instructions import CATCH, CATCH_ALL, CATCH_ALL_REF, CATCH_REF
from plumbob.wasm.binary.leb import write_u32

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.program import Tag
    from plumbob.hunt.generator.statements import Statements
    from plumbob.wasm.types import ValType

    Maker = Callable[[Statements], bool | None]

MOST_ROUNDS: Final = 300
"""How often code in nested loops runs at most, for one call."""


def _if(statements: Statements) -> None:
    body = statements.body
    statements.expressions.condition()
    body.open("if", free=True)
    statements.few(3)
    if statements.choices.chance(50):
        body.otherwise()
        statements.few(3)
    body.end()


def _block(statements: Statements) -> None:
    body = statements.body
    body.open("block", free=True)
    statements.few(4)
    body.end()


def _loop(statements: Statements) -> bool:
    """Write a loop with a counter of its own; it may be left early, or gone on with early."""
    body, choices = statements.body, statements.choices
    rounds = choices.between(1, 7)
    if body.rounds * rounds > MOST_ROUNDS:
        return False
    counter = body.new_local(t.I32, reserved=True)
    body.i32(rounds)
    body.set(counter)
    carried = statements.any_type() if choices.chance(25) else None
    if carried is not None and not carried.defaultable:
        carried = None
    if carried is not None:
        statements.expressions.value(carried)
    body.open("block", *(((carried,), (carried,)) if carried else ((), ())))
    types = (carried,) if carried else ()
    body.rounds *= rounds
    body.open("loop", types, types)
    if carried is not None:  # it goes through a local, and may be another afterwards
        place = body.new_local(carried)
        body.set(place)
        statements.few(2)
        body.get(place)
        if choices.chance(50):
            statements.expressions.value(carried)
            statements.expressions.condition()
            body.select(carried)
    else:
        for _ in range(choices.between(1, 3)):
            statements.one()
        if choices.chance(25):
            _again(statements, counter)
        statements.few(2)
    body.get(counter)
    body.i32(1)
    body.op("i32.sub")
    body.tee(counter)
    body.i32(0)
    body.op("i32.gt_s")
    body.op("br_if", 0)
    body.end()
    body.rounds //= rounds
    body.end()
    if carried is not None:
        statements.observe(carried)
    return True


def _again(statements: Statements, counter: int) -> None:
    """Go on with the next round, on a condition; or leave the loop."""
    body, choices = statements.body, statements.choices
    statements.expressions.condition()
    if choices.chance(50):
        body.op("br_if", 1)
        return
    body.open("if")
    body.get(counter)
    body.i32(1)
    body.op("i32.sub")
    body.tee(counter)
    body.i32(0)
    body.op("i32.gt_s")
    body.op("br_if", 1)
    body.end()


def _branch(statements: Statements) -> bool:
    """Write a branch forward on a condition, with the values that its label takes."""
    body = statements.body
    labels = body.free_labels()
    if not labels:
        return False
    number, types = statements.choices.pick(labels)
    for type_ in types:
        statements.expressions.value(type_)
    statements.expressions.opaque()
    body.op("br_if", number)
    for _ in types:
        body.op("drop")
    return True


def _switch(statements: Statements) -> None:
    """Write a `br_table` over nested blocks."""
    body, choices = statements.body, statements.choices
    count = choices.between(1, 4)
    for _ in range(count):
        body.open("block")
    statements.expressions.value(t.I32)
    if choices.chance(60):
        body.i32(count)
        body.op("i32.rem_u")
    targets = [choices.below(count) for _ in range(choices.between(0, count + 2))]
    body.out += OPCODES["br_table"]
    write_u32(body.out, len(targets))
    for target in (*targets, choices.below(count)):
        write_u32(body.out, target)
    body.cost += body.rounds
    dead(statements)
    for _ in range(count):
        body.end()
        statements.few(2)


def _leave(statements: Statements) -> None:
    """Return early, or trap, on a condition that mostly is false."""
    body, choices = statements.body, statements.choices
    statements.expressions.opaque()
    body.open("if")
    if body.may_trap and choices.chance(30):
        statements.observe_any()
        body.op("unreachable")
    else:
        statements.few(1)
        for type_ in body.results:
            statements.expressions.value(type_)
        body.op("return")
    dead(statements)
    body.end()


def dead(statements: Statements) -> None:
    """Write code that is never reached: of the usual kind, or on the polymorphic stack."""
    body, choices = statements.body, statements.choices
    if not choices.chance(50):
        return
    kept = body.cost
    kind = choices.below(5)
    if kind == 0:
        row = choices.pick(numeric.operators(choices.pick((t.I32, t.I64, t.F32)), vectors=False))
        if not row.lanes:
            body.op(row.name)
            body.op("drop")
    elif kind == 1:
        body.op("drop")
        body.op("drop")
    elif kind == 2:
        body.op("select")
        body.op("drop")
    elif kind == 3:
        body.op("ref.as_non_null")
        body.op("drop")
    else:
        statements.few(2)
    if choices.chance(20):
        body.op("unreachable")
    body.cost = kept


# Exceptions.


def _throw(statements: Statements) -> bool:
    """Throw on a condition; where no handler is open in the function, seldom."""
    body, choices = statements.body, statements.choices
    tags = body.program.tags
    if not tags or not (body.sheltered or choices.chance(15)):
        return False
    statements.expressions.opaque()
    body.open("if")
    tag = choices.pick(tags)
    for type_ in tag.params:
        statements.expressions.value(type_)
    body.op("throw", tag.index)
    dead(statements)
    body.end()
    body.throws = body.throws or not body.sheltered
    return True


def _handler(statements: Statements) -> bool:
    """Write a `try_table` with one or two clauses; what was caught is observed."""
    body, choices = statements.body, statements.choices
    tags = body.program.tags
    if not tags:
        return False
    tag = choices.pick(tags)
    kind = choices.pick((CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF))
    caught: tuple[ValType, ...] = tag.params if kind in (CATCH, CATCH_REF) else ()
    if kind in (CATCH_REF, CATCH_ALL_REF):
        caught = (*caught, t.ref(t.EXN))
    everything = kind in (CATCH_ALL, CATCH_ALL_REF) or choices.chance(70)
    body.open("block")
    if kind in (CATCH, CATCH_REF) and everything:
        body.open("block")
    body.open("block", (), caught)
    _try(statements, kind, tag, both=kind in (CATCH, CATCH_REF) and everything)
    body.sheltered += everything
    for _ in range(choices.between(1, 3)):
        statements.one()
    body.sheltered -= everything
    body.end()
    body.op("br", 2 if kind in (CATCH, CATCH_REF) and everything else 1)
    body.end()
    _caught(statements, caught)
    if kind in (CATCH, CATCH_REF) and everything:
        body.op("br", 1)
        body.end()
        statements.few(1)
    body.end()
    return True


def _try(statements: Statements, kind: int, tag: Tag, *, both: bool) -> None:
    """Open a `try_table` whose first clause leads to the block around it."""
    body = statements.body
    body.out += OPCODES["try_table"]
    body.block_type((), ())
    body.out.append(2 if both else 1)
    body.out.append(kind)
    if kind in (CATCH, CATCH_REF):
        write_u32(body.out, tag.index)
    body.out.append(0)
    if both:
        body.out.append(CATCH_ALL)
        body.out.append(1)
    body.cost += body.rounds
    body.enter(Label((), body.depth))


def _caught(statements: Statements, types: tuple[ValType, ...]) -> None:
    """Take what a handler was given from the stack, the last value first."""
    body, choices = statements.body, statements.choices
    for type_ in reversed(types):
        if type_ != t.ref(t.EXN):
            statements.observe(type_)
        elif body.sheltered and choices.chance(40):
            kept = body.new_local(t.EXNREF, reserved=True)
            body.set(kept)
            statements.expressions.opaque()
            body.open("if")
            body.get(kept)
            body.op("throw_ref")
            body.end()
        else:
            body.op("drop")


def _nothing(statements: Statements) -> None:
    body = statements.body
    body.op("nop")
    if body.choices.chance(50) and body.universe.structs:
        storage.object_of(statements.expressions, body.choices.pick(body.universe.structs))
        body.op("drop")


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("if-else", 4, _if),
    ("block-of-statements", 2, _block),
    ("loop", 6, _loop),
    ("branch-forward", 3, _branch),
    ("switch", 2, _switch),
    ("leave", 2, _leave),
    ("throw", 3, _throw),
    ("handler", 3, _handler),
    ("nothing", 1, _nothing),
]
