"""Expressions: code that leaves one value of a wanted type.

Each way of making a value is a strategy with a name and a weight, chosen among those that
apply to the type; where the depth or the room is used up, a leaf is written instead. Every
value that a branch carries, that waits on the stack, or that a block yields is an
expression too, so that values wait while others are redefined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.choices import Weighted
from plumbob.hunt.generator import numeric, references
from plumbob.hunt.generator import storage as stored
from plumbob.hunt.generator.universe import FLOAT2, FLOAT4
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plumbob.hunt.generator.body import Body
    from plumbob.hunt.generator.statements import Statements
    from plumbob.wasm.types import ValType

    Maker = Callable[["Expressions", ValType], bool | None]

DEPTH: Final = 4
"""How deep expressions nest where nothing else bounds them."""


class Expressions:
    """Writes expressions into one body."""

    def __init__(self, body: Body, weights: Mapping[str, int]) -> None:
        self.body = body
        self.weights = weights
        self.depth = 0
        self.statements: Statements
        self._makers: dict[ValType, Weighted[tuple[str, Maker]]] = {}

    def value(self, type_: ValType) -> None:
        """Write code that leaves a value of a type."""
        body = self.body
        if self.depth >= DEPTH or not body.room:
            self.leaf(type_)
            return
        makers = self._makers.get(type_)
        if makers is None:
            makers = self._makers[type_] = self._choose(type_)
        self.depth += 1
        name, make = body.choices.weighted(makers)
        if make(self, type_) is False:
            self.leaf(type_)
        else:
            body.program.used.add(name)
        self.depth -= 1

    def _choose(self, type_: ValType) -> Weighted[tuple[str, Maker]]:
        offered = [*COMMON]
        if type_.is_ref:
            offered += references.MAKERS
        else:
            offered += NUMERIC
            if type_ in (t.V128, FLOAT4, FLOAT2):
                offered += VECTOR
            elif type_ in (t.I32, t.I64):
                offered += INTEGER
            if type_ not in (FLOAT4, FLOAT2):
                offered += stored.MAKERS
        return Weighted(
            [(self.weights.get(name, weight), (name, make)) for name, weight, make in offered]
        )

    def leaf(self, type_: ValType) -> None:
        """Write the simplest code that leaves a value: a local, or a constant."""
        body = self.body
        places = body.readable(type_)
        if places and body.choices.below(4):
            body.get(body.choices.pick(places))
        elif type_.is_ref:
            references.leaf(self, type_)
        else:
            numeric.constant(body, type_)

    def condition(self) -> None:
        """Write an i32 that is zero or not."""
        self.value(t.I32)

    def opaque(self) -> None:
        """Write a condition that no compiler knows and that mostly is false."""
        body = self.body
        self.leaf(t.I32)
        body.i32(body.choices.pick((7, 15, 3)))
        body.op("i32.and")
        body.i32(body.choices.below(4))
        body.op("i32.eq")


def _leaf(expressions: Expressions, type_: ValType) -> None:
    expressions.leaf(type_)


def _fresh(expressions: Expressions, type_: ValType) -> bool:
    if type_.is_ref and not type_.nullable:
        return False
    body = expressions.body
    expressions.value(type_)
    places = [place for place in body.by_type.get(type_, []) if place >= len(body.params)]
    place = body.choices.pick(places) if places and body.choices.chance(60) else None
    body.tee(body.new_local(type_) if place is None else place)
    return True


def _block(expressions: Expressions, type_: ValType) -> None:
    body = expressions.body
    body.open("block", (), (type_,), free=True)
    expressions.statements.few(2)
    expressions.value(type_)
    body.end()


def _branch_out(expressions: Expressions, type_: ValType) -> None:
    """Write a block that a branch on a condition leaves with its value, or falls out of."""
    body = expressions.body
    body.open("block", (), (type_,), free=True)
    expressions.value(type_)
    expressions.condition()
    body.op("br_if", 0)
    if body.choices.chance(50):
        body.op("drop")
        expressions.statements.few(1)
        expressions.value(type_)
    body.end()


def _if(expressions: Expressions, type_: ValType) -> None:
    body = expressions.body
    expressions.condition()
    body.open("if", (), (type_,), free=True)
    expressions.value(type_)
    body.otherwise()
    expressions.value(type_)
    body.end()


def _select(expressions: Expressions, type_: ValType) -> None:
    expressions.value(type_)
    expressions.value(type_)
    expressions.condition()
    expressions.body.select(type_)


def _waiting(expressions: Expressions, type_: ValType) -> bool:
    """Let a local's earlier value wait on the stack while the local is redefined."""
    body = expressions.body
    places = [place for place in body.by_type.get(type_, []) if place >= len(body.params)]
    if not places or (type_.is_ref and not type_.nullable):
        return False
    place = body.choices.pick(places)
    body.get(place)
    expressions.value(type_)
    body.set(place)
    expressions.statements.few(1)
    if body.choices.chance(50):
        body.get(place)
        expressions.condition()
        body.select(type_)
    return True


def _alias(expressions: Expressions, type_: ValType) -> bool:
    """Give the same value by several names: locals, a block's result, a branch's operand."""
    body, choices = expressions.body, expressions.body.choices
    if type_.is_ref and not type_.nullable:
        return False
    first, second = body.new_local(type_), body.new_local(type_)
    expressions.value(type_)
    body.tee(first)
    body.set(second)
    kind = choices.below(3)
    if kind == 0:
        body.get(first)
        body.set(second)
    elif kind == 1:
        body.open("block", (), (type_,))
        body.get(first)
        body.end()
        body.set(second)
    else:
        body.open("block", (), (type_,))
        body.get(first)
        expressions.condition()
        body.op("br_if", 0)
        body.end()
        body.set(second)
    expressions.statements.few(1)
    expressions.statements.call()
    body.get(second)
    if choices.chance(60):
        expressions.statements.observe(type_)
        body.get(choices.pick((first, second)))
    return True


def _call(expressions: Expressions, type_: ValType) -> bool:
    return expressions.statements.call_for((type_,))


def _simple(expressions: Expressions, type_: ValType) -> None:
    numeric.simple(expressions, type_)


def _constant(expressions: Expressions, type_: ValType) -> None:
    numeric.constant(expressions.body, type_)


def _reinterpreted(expressions: Expressions, type_: ValType) -> None:
    """Take a vector as another: of floats from any bits, or bits from floats made canonical."""
    body = expressions.body
    if type_ == t.V128:
        source = body.choices.pick((FLOAT4, FLOAT2))
        expressions.value(source)
        body.canonical(source)
    else:
        expressions.value(t.V128)


def _shuffle(expressions: Expressions, type_: ValType) -> bool:
    if type_ != t.V128:
        return False
    body = expressions.body
    expressions.value(type_)
    expressions.value(type_)
    body.op("i8x16.shuffle")
    body.out += bytes(body.choices.below(32) for _ in range(16))
    return True


def _about_references(expressions: Expressions, type_: ValType) -> bool:
    return references.integer(expressions, type_)


COMMON: Final[list[tuple[str, int, Maker]]] = [
    ("leaf", 6, _leaf),
    ("block", 2, _block),
    ("branch-out", 2, _branch_out),
    ("if", 2, _if),
    ("select", 2, _select),
    ("fresh-local", 2, _fresh),
    ("waiting", 2, _waiting),
    ("alias", 1, _alias),
    ("call-value", 3, _call),
]
NUMERIC: Final[list[tuple[str, int, Maker]]] = [
    ("operator", 14, _simple),
    ("constant", 2, _constant),
]
INTEGER: Final[list[tuple[str, int, Maker]]] = [("about-references", 4, _about_references)]
VECTOR: Final[list[tuple[str, int, Maker]]] = [
    ("reinterpreted", 3, _reinterpreted),
    ("shuffle", 1, _shuffle),
]
