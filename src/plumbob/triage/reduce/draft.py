"""A program on its way to a smaller one: a module and the calls made of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from plumbob.wasm.binary.encode import encode
from plumbob.wasm.binary.instructions import Body, Instruction, decode_body, encode_body
from plumbob.wasm.edit.drop import drop_unused
from plumbob.wasm.edit.spans import Scope, Span, spans
from plumbob.wasm.module import FUNC, Code, Module
from plumbob.wasm.opcodes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.check.subject import Invocation
    from plumbob.wasm.types import FuncType

CLOSING: Final = frozenset(("end", "else", "catch", "catch_all"))
"""Operators that only delimit: they do not count as instructions."""


def op(name: str, *immediates: object) -> Instruction:
    """Return an instruction by its operator's name."""
    return Instruction(BY_NAME[name], immediates)


@dataclass(frozen=True)
class Draft:
    """A module and calls of its exports. Immutable: an edit makes another draft."""

    module: Module
    invocations: tuple[Invocation, ...]
    bodies: dict[int, Body] = field(default_factory=dict, compare=False)
    """Decoded bodies by their place among the defined functions."""

    @cached_property
    def scope(self) -> Scope:
        """The types of the module's entities."""
        return Scope(self.module)

    @cached_property
    def imported(self) -> int:
        """How many functions are imported."""
        return len(self.module.imported(FUNC))

    @cached_property
    def binary(self) -> bytes:
        """The module in the binary format."""
        return encode(self.module)

    @cached_property
    def key(self) -> tuple[int, ...]:
        """How large the program is: what a reduction makes smaller, in this order."""
        module = self.module
        fields = sum(len(str(each.composite)) for each in module.types)
        return (
            self.instructions,
            self.computed,
            len(self.invocations) + sum(len(each.args) for each in self.invocations),
            len(module.types) + len(module.imports) + len(module.globals) + len(module.elements)
            + len(module.datas) + len(module.tables) + len(module.memories) + len(module.tags),
            sum(count for place in range(len(module.code)) for count, _ in self.body(place).locals),
            fields,
            len(self.binary),
            sum(self.binary),
        )  # fmt: skip

    @cached_property
    def instructions(self) -> int:
        """How many instructions the functions have, those that only delimit aside."""
        return sum(
            instruction.operator.name not in CLOSING
            for place in range(len(self.module.code))
            for instruction in self.body(place).instructions
        )

    @cached_property
    def computed(self) -> int:
        """How many of the instructions are no constants."""
        return sum(
            instruction.operator.name not in CLOSING
            and not instruction.operator.name.endswith((".const", ".null"))
            for place in range(len(self.module.code))
            for instruction in self.body(place).instructions
        )

    def body(self, place: int) -> Body:
        """Return the body of a defined function by its place."""
        found = self.bodies.get(place)
        if found is None:
            found = self.bodies[place] = decode_body(self.module.code[place].body)
        return found

    def type(self, place: int) -> FuncType:
        """Return the type of a defined function by its place."""
        return self.scope.function(self.module.functions[place])

    def spans(self, place: int) -> list[Span]:
        """Return the spans of a defined function's body."""
        return spans(self.scope, self.type(place), self.body(place))

    def largest_first(self) -> list[int]:
        """Return the places of the defined functions, the largest first."""
        sizes = [len(self.body(place).instructions) for place in range(len(self.module.code))]
        return sorted(range(len(sizes)), key=lambda place: (-sizes[place], place))

    # Edits.

    def with_body(self, place: int, body: Body) -> Draft:
        """Return the draft with another body of a function."""
        return self.with_bodies({place: body})

    def with_bodies(self, bodies: dict[int, Body]) -> Draft:
        """Return the draft with other bodies of some functions, by their places."""
        module = copy.copy(self.module)
        code = list(module.code)
        for place, body in bodies.items():
            code[place] = Code(encode_body(body))
        module.code = code
        return Draft(module, self.invocations, {**self.bodies, **bodies})

    def with_code(self, place: int, code: Sequence[Instruction]) -> Draft:
        """Return the draft with other instructions in a function."""
        return self.with_body(place, Body(self.body(place).locals, list(code)))

    def with_module(self, module: Module) -> Draft:
        """Return the draft with another module."""
        return Draft(module, self.invocations)

    def calling(self, invocations: Sequence[Invocation]) -> Draft:
        """Return the draft with other calls."""
        return replace(self, invocations=tuple(invocations))

    def tidied(self) -> Draft:
        """Return the draft without what nothing uses, exports that are not called included."""
        module = copy.copy(self.module)
        called = {each.export for each in self.invocations}
        module.exports = [each for each in module.exports if each.name in called]
        module.customs = []
        module.names = None
        return Draft(drop_unused(module), self.invocations)
