"""Statements: code that leaves nothing on the stack and something to be seen.

`Statements` chooses among the strategies of `STATEMENTS`; what each writes stands in the
modules beside this one. What a program computes is gathered in the checksum, one number at
a time, so that a wrong value shows however late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.hunt.choices import Weighted
from plumbob.hunt.generator import bulk, calls, control, shapes, writes
from plumbob.hunt.generator.program import CHECKSUM
from plumbob.hunt.generator.references import shallow
from plumbob.hunt.generator.universe import FLOAT2, FLOAT4, NUMBERS
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plumbob.hunt.generator.expressions import Expressions
    from plumbob.wasm.types import ValType

    Maker = Callable[["Statements"], bool | None]

NESTING: Final = 4
"""How deep statements nest."""

MULTIPLIER: Final = 0x9E37_79B9_7F4A_7C15
"""Odd, so that the checksum keeps what it had."""


class Statements:
    """Writes statements into one body."""

    def __init__(self, expressions: Expressions, weights: Mapping[str, int]) -> None:
        self.expressions = expressions
        expressions.statements = self
        self.body = expressions.body
        self.choices = expressions.body.choices
        self.nesting = 0
        self._makers: Weighted[tuple[str, Maker]] = Weighted(
            [(weights.get(name, weight), (name, make)) for name, weight, make in STATEMENTS]
        )

    def few(self, most: int) -> None:
        """Write up to so many statements."""
        for _ in range(self.choices.below(most + 1)):
            if self.body.room:
                self.one()

    def one(self) -> None:
        """Write a statement; one that adds to the checksum where nothing else fits."""
        if self.nesting >= NESTING or not self.body.room:
            self.observe_any()
            return
        self.nesting += 1
        kept, self.expressions.depth = self.expressions.depth, max(1, self.expressions.depth - 1)
        name, make = self.choices.weighted(self._makers)
        if make(self) is False:
            self.observe_any()
        else:
            self.body.program.used.add(name)
        self.expressions.depth = kept
        self.nesting -= 1

    # The checksum.

    def observe_any(self) -> None:
        """Add a value to the checksum."""
        type_ = self.any_type()
        self.expressions.value(type_)
        self.observe(type_)

    def observe(self, type_: ValType) -> None:
        """Add the value on the stack to the checksum: its bits, or what a reference tells."""
        body = self.body
        if type_.is_ref:
            shallow(body, type_)
            type_ = t.I32
        if type_ in (t.F32, t.F64, FLOAT4, FLOAT2):
            body.canonical(type_)
        if type_ in (t.V128, FLOAT4, FLOAT2):
            kept = body.temporary(t.V128)
            body.tee(kept)
            body.op("i64x2.extract_lane")
            body.out.append(0)
            body.get(kept)
            body.op("i64x2.extract_lane")
            body.out.append(1)
            body.i64(13)
            body.op("i64.rotl")
            body.op("i64.xor")
        elif type_ == t.F32:
            body.op("i32.reinterpret_f32")
            body.op("i64.extend_i32_u")
        elif type_ == t.F64:
            body.op("i64.reinterpret_f64")
        elif type_ == t.I32:
            body.op("i64.extend_i32_u")
        body.op("global.get", CHECKSUM)
        body.op("i64.add")
        body.i64(MULTIPLIER)
        body.op("i64.mul")
        body.i64(29)
        body.op("i64.rotl")
        body.op("global.set", CHECKSUM)

    def any_type(self) -> ValType:
        """Return a type to make a value of."""
        choices, universe = self.choices, self.body.universe
        kinds = [*NUMBERS, t.I32, t.I64]
        if self.body.program.vectors:
            kinds += [t.V128, FLOAT4, FLOAT2] * 3
        if not universe.structs or choices.below(10) < (8 if self.body.program.vectors else 6):
            return choices.pick(kinds)
        return self.any_reference()

    def any_reference(self) -> ValType:
        """Return a reference type: mostly of a structure or an array."""
        choices, universe = self.choices, self.body.universe
        concrete = [*universe.structs, *universe.arrays]
        if concrete and choices.below(10) < 7:
            return t.ref(t.concrete(choices.pick(concrete)), nullable=True)
        heaps = (t.ANY, t.EQ, t.I31, t.STRUCT, t.ARRAY, t.EXTERN, t.FUNC)
        return t.ref(choices.pick(heaps), nullable=True)

    # Calls.

    def call(self) -> None:
        """Write a call of something, with its results observed; nothing where none fits."""
        calls.any_call(self)

    def call_for(self, results: tuple[ValType, ...]) -> bool:
        """Write a call that leaves values of these types; False where there is none."""
        return calls.call_for(self, results)


STATEMENTS: Final[list[tuple[str, int, Maker]]] = [
    ("observe", 6, lambda statements: statements.observe_any()),
    *writes.STATEMENTS,
    *bulk.STATEMENTS,
    *control.STATEMENTS,
    *calls.STATEMENTS,
    *shapes.STATEMENTS,
]
"""Every strategy for a statement: its name, its weight, and what writes it."""
