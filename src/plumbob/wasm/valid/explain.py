"""From the state in which the kernel stopped to a diagnostic that a person understands.

The sentences are in `sentences.py`; here are the operand stack with the operators that
pushed it, the enclosing blocks, where code became dead, and the places in the source.
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from plumbob.source import Span
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.instructions import Instruction, decode_locals, decode_operator
from plumbob.wasm.errors import MalformedError
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.types import BOT, CONCRETE, HEAP_MASK, INDEX_MASK, ValType
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, Diagnostic, Frame, Operand
from plumbob.wasm.valid.sentences import Facts, sentence

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator
    from plumbob.wasm.valid.bodies import BodyChecker

_NO_ORIGIN = 0xFFFFFFFF
_LAST_MALFORMED = 199
_CLOSERS = frozenset(("end", "else", "catch", "catch_all", "delegate"))


class _Failure(NamedTuple):
    """What `Checker.failure` returns."""

    error: int
    start: int
    position: int
    expected: int
    found: int
    row: int
    stack: list[tuple[int, int]]
    frames: list[tuple[str, int, int, int, list[int], list[int]]]
    hidden: tuple[int, int]


class Explainer:
    """Explains the checker's last failure in one body or constant expression.

    `key` says which, as in `SourceMap.operators`.
    """

    def __init__(self, bodies: BodyChecker, code: bytes, key: tuple[str | int, ...]) -> None:
        self.bodies = bodies
        self.module = bodies.module
        self.code = code
        self.key = key
        self.function: int | None = None
        if key[0] == "func" and isinstance(key[1], int):
            self.function = bodies.imported + key[1]
        self.names = bodies.names
        self.texts: dict[int, str | None] = {}
        self.base = bodies.base_of(key)

    # Places.

    def span(self, offset: int) -> Span | None:
        """Return where the operator at an offset of the code stands in the text."""
        source_map = self.module.source_map
        if source_map is None or self.key not in source_map.operators:
            return None
        offsets, positions = source_map.operators[self.key]
        place = bisect_right(offsets, offset) - 1
        if place < 0:
            field = (str(self.key[0]), int(self.key[1]))
            return source_map.fields.get(field)
        start = positions[place]
        return Span(source_map.source, start, _token_end(source_map.source.text or "", start))

    def instruction_at(self, offset: int) -> Instruction | None:
        """Return the operator at an offset of the code, None where there is none."""
        try:
            return decode_operator(Reader(self.code, offset))
        except MalformedError:
            return None

    def text_at(self, offset: int) -> str | None:
        """Return the operator at an offset with its immediates, as in the text format."""
        if offset not in self.texts:
            self.texts[offset] = self._text_at(offset)
        return self.texts[offset]

    def _text_at(self, offset: int) -> str | None:
        instruction = self.instruction_at(offset)
        if instruction is None:
            return None
        # A constant expression has no locals: any function's printer will do.
        return self.bodies.printer_of(self.function or 0).operator(instruction)

    def entity(self, space: str, index: int) -> str:
        """Return an index with the name it has, if it has one: `$f (3)` or `3`."""
        if space == "local":
            name = self.names.indirect["local"].get(self.function or 0, {}).get(index)
        else:
            name = self.names.name_of(space, index)
        return str(index) if name is None else f"${name} ({index})"

    @property
    def place(self) -> str:
        """What the code is called in a sentence: the function, or whose expression it is."""
        if self.function is not None:
            return "the function"
        field, index = str(self.key[0]), int(self.key[1])
        what = {
            "global": "the initialiser of global",
            "table": "the initialiser of table",
            "elem": "the offset of element segment",
            "data": "the offset of data segment",
        }[field]
        if len(self.key) > 2:
            what = f"element {self.key[2]} of segment"
        return f"{what} {index}"

    # Types.

    def show(self, type_: int) -> str:
        """Return a type of the kernel's as in the text format."""
        if type_ == BOT:
            return "any"
        if not type_ & CONCRETE:
            return str(ValType(type_))
        index = self.bodies.space.index_of(type_ & INDEX_MASK)
        name = self.names.name_of("type", index)
        if name is None:
            return str(ValType(type_ & ~HEAP_MASK | CONCRETE | index))
        nullable = "null " if ValType(type_).nullable else ""
        return f"(ref {nullable}${name})"

    def operand(self, entry: tuple[int, int]) -> Operand:
        """Return an entry of the operand stack with who pushed it."""
        type_, origin = entry
        if origin == _NO_ORIGIN:
            return Operand(self.show(type_))
        operator = self.text_at(origin)
        return Operand(self.show(type_), self.base + origin, operator, self.span(origin))

    def frame(self, entry: tuple[str, int, int, int, list[int], list[int]]) -> Frame:
        """Return an enclosing block."""
        kind, offset, height, dead_at, label, results = entry
        return Frame(
            kind,
            self.base + offset,
            tuple(map(self.show, label)),
            tuple(map(self.show, results)),
            height,
            name=self.labels.get(offset) if kind != "function" else None,
            span=self.span(offset) if kind != "function" else None,
            dead_since=None if dead_at < 0 else self.base + dead_at,
            dead_after=None if dead_at < 0 else self.text_at(dead_at),
            dead_span=None if dead_at < 0 else self.span(dead_at),
        )

    @cached_property
    def labels(self) -> dict[int, str]:
        """The names of the function's labels, with `$`, by where their blocks begin.

        The name section numbers labels in the order of their blocks. What comes behind a
        malformed operator has no name.
        """
        names = self.names.indirect["label"].get(-1 if self.function is None else self.function)
        if not names:
            return {}
        found: dict[int, str] = {}
        reader = Reader(self.code)
        count = 0
        with suppress(MalformedError):
            decode_locals(reader)
            while not reader.at_end:
                instruction = decode_operator(reader)
                if "blocktype" in instruction.operator.immediates:
                    if count in names:
                        found[instruction.offset] = f"${names[count]}"
                    count += 1
        return found

    # The diagnostic.

    def diagnostic(self) -> Diagnostic:
        """Return what the kernel found."""
        failure = _Failure(*self.bodies.checker.failure())
        malformed = failure.error <= _LAST_MALFORMED
        instruction = self.instruction_at(failure.start)
        operator = None if instruction is None else instruction.operator
        wants = None
        if not malformed and operator is not None:
            wants = self._wants(failure, operator)
        facts = Facts(
            self,
            failure.error,
            operator,
            TABLE[failure.row],
            failure.expected,
            failure.found,
            wants,
            failure.stack,
            failure.frames,
        )
        said = sentence(facts)
        at = failure.position if malformed else failure.start
        return Diagnostic(
            f"E{failure.error:04d}",
            said.message,
            verdict=MALFORMED if malformed else INVALID,
            section=str(self.key[0]) if self.function is None else "code",
            offset=self.base + at,
            span=self.span(failure.start),
            expected=said.expected,
            found=said.found,
            hint=said.hint,
            function=self.function,
            function_name=(
                None if self.function is None else self.names.name_of("func", self.function)
            ),
            operator=self.text_at(failure.start),
            expected_stack=None if wants is None else tuple(map(self.show, wants)),
            stack=None if malformed else tuple(map(self.operand, failure.stack)),
            frames=() if malformed else tuple(map(self.frame, failure.frames)),
            notes=(*said.notes, *_left_out(*failure.hidden)),
        )

    def _wants(self, failure: _Failure, operator: Operator) -> list[int] | None:
        """Return the types the operator takes, the top last, where they are known."""
        if operator.mnemonic in _CLOSERS:
            return failure.frames[-1][5] if failure.frames else None
        if failure.error in STACK_FAULTS:
            return self.bodies.checker.expected_operands()
        return None


STACK_FAULTS = frozenset((201, 202, 236, 241))
"""Faults found on the operand stack: immediates and checks were right by then."""


def _left_out(operands: int, frames: int) -> list[str]:
    """Say what a hostile function has too much of to be shown."""
    notes = []
    if operands:
        notes.append(f"{operands} more operands lie below those shown")
    if frames:
        notes.append(f"{frames} more blocks enclose those shown")
    return notes


def _token_end(text: str, start: int) -> int:
    """Return the end of the keyword that begins here."""
    end = start
    while end < len(text) and text[end] not in ' \t\r\n()";':
        end += 1
    return max(end, start + 1)
