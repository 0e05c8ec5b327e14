"""Generates a module: valid, terminating, deterministic, by construction.

*Valid*: each piece of code is written for the types that it leaves. *Terminating*: loops
have counters that nothing else writes, functions call finished ones alone or themselves
with a falling depth, and every body adds up what it executes at most. *Deterministic*: NaNs
are canonical before their bits can show, results of relaxed operators are dropped, memories
and tables have room to grow.

A module exports `run`, which computes and returns the checksum, and `state`, which digests
what was left in memories, globals and tables: it is asked for after a trap as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.hunt.generator import numeric, setting
from plumbob.hunt.generator.body import Body
from plumbob.hunt.generator.expressions import Expressions
from plumbob.hunt.generator.program import CHECKSUM, Function, Program
from plumbob.hunt.generator.shapes import look
from plumbob.hunt.generator.state import digest
from plumbob.hunt.generator.statements import Statements
from plumbob.hunt.generator.universe import Universe, scalars
from plumbob.wasm import module as m
from plumbob.wasm import types as t

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence

    from plumbob.hunt.choices import Choices
    from plumbob.wasm.types import ValType

RUN, STATE = "run", "state"
"""The exports, in the order in which they are called."""

COST: Final = 20_000
"""How many operators a call of `run` executes at most."""

PARAMS: Final = (t.I32, t.I64, t.F32, t.F64)
"""What `run` takes."""

DEPTH: Final = 5
"""How deep a function calls itself."""


class Generated(NamedTuple):
    """A generated program."""

    module: bytes
    arguments: tuple[tuple[int, ...], ...]
    """Of each call of `run`, the bits of its arguments."""
    choices: array[int]
    """The choices that make it again: `generate(Choices(given=choices))`."""
    strategies: frozenset[str]
    """What it is made of."""
    imports: tuple[tuple[str, str], ...] = ()
    """What it imports: module and name."""


def generate(
    choices: Choices, weights: Mapping[str, int] | None = None, *, size: int = 100
) -> Generated:
    """Return the module that choices make.

    `weights` changes the weights of strategies by name, 0 switches one off; `size` is about
    how many operators the module has.
    """
    weights = {} if weights is None else weights
    references = choices.below(10) < 8
    vectors = choices.below(10) < 4
    universe = Universe(choices, references=references, vectors=vectors)
    program = Program(choices, universe, vectors, relaxed=vectors and choices.chance(30))
    setting.imports(program)
    setting.storage(program)
    _Functions(program, weights, size * 3).write()
    return Generated(
        program.finish(),
        _arguments(choices),
        choices.made,
        frozenset(program.used),
        tuple((each.module, each.name) for each in program.module.imports),
    )


class _Functions:
    """Writes the functions, each of which may call those before it."""

    def __init__(self, program: Program, weights: Mapping[str, int], size: int) -> None:
        self.program = program
        self.choices = program.choices
        self.weights = weights
        self.size = size

    def write(self) -> None:
        """Write all functions, and export two."""
        choices = self.choices
        count = choices.between(1, 4)
        share = self.size // 2 // count
        for place in range(count):
            if place == 1:
                setting.function_table(self.program)
            if self.program.universe.structs and choices.below(3) == 0:
                self._reader()
            elif place and choices.chance(20):
                self._recursive(share)
            else:
                self._helper(share)
        run = self._run(self.size - self.size // 2)
        state = digest(self.program)
        exports = self.program.module.exports
        exports.append(m.Export(RUN, m.FUNC, run.index))
        exports.append(m.Export(STATE, m.FUNC, state.index))

    def _start(
        self, params: tuple[ValType, ...], results: tuple[ValType, ...], size: int, budget: int
    ) -> Statements:
        body = Body(self.program, params, results, budget, size)
        return Statements(Expressions(body, self.weights), self.weights)

    def _any_type(self) -> ValType:
        choices, universe = self.choices, self.program.universe
        if universe.structs and choices.below(10) < 6:
            index = choices.pick((*universe.structs, *universe.arrays))
            return t.ref(t.concrete(index), nullable=choices.below(10) < 8)
        if choices.below(10) == 0 and universe.structs:
            return t.ref(choices.pick((t.ANY, t.EQ, t.EXTERN)), nullable=True)
        return choices.pick(scalars(vectors=self.program.vectors))

    def _helper(self, size: int) -> None:
        choices, universe = self.choices, self.program.universe
        params = tuple(self._any_type() for _ in range(choices.between(0, 3)))
        results = tuple(self._any_type() for _ in range(choices.pick((1, 0, 1, 1, 2))))
        above: tuple[int, ...] = ()
        if results and results[0].is_ref and choices.chance(40):
            wide = t.ref(t.ANY, nullable=True)
            if universe.matches(results[0], wide):
                above = (universe.function(params, (wide, *results[1:]), final=False),)
        type_index = universe.function(params, results, above)
        statements = self._start(params, results, size, COST // 40)
        self._fill(statements, choices.between(0, 3))
        body = statements.body
        for result in results:
            statements.expressions.value(result)
        self.program.add_function(
            type_index, params, results, body.finish(), body.cost, throws=body.throws
        )

    def _reader(self) -> None:
        """Write a small function that looks at one object, or does nothing with it."""
        choices, universe = self.choices, self.program.universe
        index = choices.pick((*universe.structs, *universe.arrays))
        params = (t.ref(t.concrete(index), nullable=True),)
        results = (t.I64,) if choices.below(3) else ()
        statements = self._start(params, results, 400, COST)
        body = statements.body
        if results:
            look(statements, 0, index)
            body.op("global.get", CHECKSUM)
        self.program.add_function(
            universe.function(params, results), params, results, body.finish(), body.cost
        )

    def _recursive(self, size: int) -> None:
        """Write a function that calls itself with its first parameter less one, down to zero."""
        choices, universe = self.choices, self.program.universe
        params = (t.I32, *(self._any_type() for _ in range(choices.between(0, 2))))
        result = self._any_type()
        statements = self._start(params, (result,), size, COST // 200)
        body, expressions = statements.body, statements.expressions
        body.withhold(0)
        index = self.program.imported(m.FUNC) + len(self.program.module.functions)
        body.get(0)
        body.op("i32.eqz")
        body.open("if")
        expressions.value(result)
        body.op("return")
        body.end()
        self._fill(statements, 1)
        body.get(0)
        body.i32(1)
        body.op("i32.sub")
        for param in params[1:]:
            expressions.value(param)
        body.op("call", index)
        if choices.chance(50):
            statements.observe(result)
            expressions.value(result)
        code, cost, throws = body.finish(), body.cost * (DEPTH + 1), body.throws
        type_index = universe.function(params, (result,))
        self.program.add_function(type_index, params, (result,), code, cost, throws=throws)
        inner = self.program.functions.pop()
        # Others call it by way of one that chooses the depth.
        outer = self._start(params[1:], (result,), size, cost + 50)
        outer.body.i32(choices.between(1, DEPTH))
        for place in range(len(params) - 1):
            outer.body.get(place)
        outer.body.op("call", inner.index)
        self.program.add_function(
            universe.function(params[1:], (result,)), params[1:], (result,),
            outer.body.finish(), cost + 10, throws=throws,
        )  # fmt: skip

    def _fill(self, statements: Statements, least: int) -> None:
        """Write statements until the body is about as large as it should be."""
        for _ in range(least):
            statements.one()
        while statements.body.room and self.choices.below(8):
            statements.one()

    def _run(self, size: int) -> Function:
        statements = self._start(PARAMS, (t.I64,), size, COST)
        body = statements.body
        body.i64(1)
        body.op("global.set", CHECKSUM)
        while body.room and self.choices.below(12):
            statements.one()
        for type_ in dict.fromkeys(body.locals[len(PARAMS) :]):
            if type_ in body.by_type:
                body.get(self.choices.pick(body.by_type[type_]))
                statements.observe(type_)
        body.op("global.get", CHECKSUM)
        type_index = self.program.universe.function(PARAMS, (t.I64,))
        return self.program.add_function(type_index, PARAMS, (t.I64,), body.finish(), body.cost)


def _arguments(choices: Choices) -> tuple[tuple[int, ...], ...]:
    """Return arguments for two calls of `run`; floats are no NaNs."""
    return tuple(
        tuple(_argument(choices, numeric.EDGES[type_], type_) for type_ in PARAMS) for _ in range(2)
    )


def _argument(choices: Choices, edges: Sequence[int], type_: ValType) -> int:
    if choices.below(3) == 0 and type_ in (t.I32, t.I64):
        return choices.bits(numeric.WIDTHS[type_])
    bits = choices.pick(edges)
    return 0 if bits in (0x7FC0_0000, 0x7FF8 << 48) else bits
