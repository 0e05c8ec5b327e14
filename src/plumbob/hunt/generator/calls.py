"""Calls: direct, through tables and references, in tail position, of the host.

Only finished functions are called, each with a known cost, so that a program terminates;
recursion has a depth of its own (`generate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.generator import references
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.program import Function
    from plumbob.hunt.generator.statements import Statements
    from plumbob.wasm.types import ValType

    Maker = Callable[[Statements], bool | None]


def callable_here(body: Body) -> list[Function]:
    """Return the functions for which there is room, and whose exceptions are handled."""
    left = (body.budget - body.cost) // body.rounds
    return [
        each
        for each in body.program.functions
        if each.cost <= left and (body.sheltered or not each.throws or body.throws)
    ]


def any_call(statements: Statements) -> bool:
    """Write a call whose results are observed; False, and nothing, where none fits."""
    body = statements.body
    if body.program.collect is not None and statements.choices.chance(25):
        body.op("call", body.program.collect)
        return True
    found = callable_here(body)
    if not found:
        return False
    function = statements.choices.pick(found)
    write_call(statements, function)
    for type_ in reversed(function.results):
        statements.observe(type_)
    return True


def call_for(statements: Statements, results: tuple[ValType, ...]) -> bool:
    """Write a call that leaves values of the types of `results`."""
    body = statements.body
    matches = body.universe.matches
    found = [
        each
        for each in callable_here(body)
        if len(each.results) == len(results)
        and all(matches(*pair) for pair in zip(each.results, results, strict=True))
    ]
    if not found:
        return False
    write_call(statements, statements.choices.pick(found), exact=True)
    return True


def write_call(statements: Statements, function: Function, *, exact: bool = False) -> None:
    """Write the arguments and a call: direct, by reference, or through a table that has it.

    Unless the call is to be `exact`, it may be by a supertype of the function's type.
    """
    body, choices = statements.body, statements.choices
    if not body.spend(function.cost):
        body.cost = body.budget
    for type_ in function.params:
        statements.expressions.value(type_)
    kind = choices.below(8)
    if kind < 4:
        body.op("call", function.index)
        return
    places = [
        (table, place)
        for table in body.program.tables
        for place, each in enumerate(table.functions)
        if each is function
    ]
    if kind < 6 and places:
        table, place = choices.pick(places)
        body.integer(table.address, place)
        body.op("call_indirect", _seen_as(statements, function, exact=exact), table.index)
        return
    body.program.referred.add(function.index)
    body.op("ref.func", function.index)
    if kind == 7:
        wide = t.ref(t.FUNC, nullable=True)
        kept = body.new_local(wide)
        body.set(kept)
        body.get(kept)
        body.heap("ref.cast", t.concrete(function.type_index))
    body.op("call_ref", _seen_as(statements, function, exact=exact))


def _seen_as(statements: Statements, function: Function, *, exact: bool) -> int:
    """Return the index of the function's type, or of a supertype of it."""
    subtype = statements.body.universe.subtypes[function.type_index]
    if subtype.supertypes and not exact and statements.choices.chance(50):
        return subtype.supertypes[0]
    return function.type_index


def tail_call(statements: Statements) -> bool:
    """Write a call in tail position on a condition, or at the end; False where none fits."""
    body, choices = statements.body, statements.choices
    matches = body.universe.matches
    if body.sheltered:
        return False
    found = [
        each
        for each in callable_here(body)
        if len(each.results) == len(body.results)
        and all(matches(*pair) for pair in zip(each.results, body.results, strict=True))
    ]
    if not found:
        return False
    function = choices.pick(found)
    statements.expressions.opaque()
    body.open("if")
    if not body.spend(function.cost):
        body.cost = body.budget
    for type_ in function.params:
        statements.expressions.value(type_)
    places = [
        (table, place)
        for table in body.program.tables
        for place, each in enumerate(table.functions)
        if each is function
    ]
    kind = choices.below(3)
    if kind == 0:
        body.op("return_call", function.index)
    elif kind == 1 and places:
        table, place = choices.pick(places)
        body.integer(table.address, place)
        body.op("return_call_indirect", function.type_index, table.index)
    else:
        body.program.referred.add(function.index)
        body.op("ref.func", function.index)
        body.op("return_call_ref", function.type_index)
    body.end()
    return True


def _call(statements: Statements) -> bool:
    return any_call(statements)


def _collect(statements: Statements) -> bool:
    """Ask for a collection, or make garbage so that one comes."""
    body, choices = statements.body, statements.choices
    if body.program.collect is not None and choices.chance(50):
        body.op("call", body.program.collect)
        return True
    objects = [*body.universe.structs, *body.universe.arrays]
    if not objects:
        return False
    for _ in range(choices.between(1, 4)):
        references.default(body, choices.pick(objects))
        body.op("drop")
    return True


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("call", 6, _call),
    ("tail-call", 2, tail_call),
    ("collect", 2, _collect),
]
