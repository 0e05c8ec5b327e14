"""Operators and bodies as text.

How an operator is written follows from the immediates in its row of the operator table.
The text has no place for how an integer was encoded: what is printed is what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.wasm.binary.instructions import CATCH_NAMES, BlockType, Catch, Instruction, MemArg
from plumbob.wasm.opcodes import TABLE
from plumbob.wasm.text.identifiers import Identifiers, Scope
from plumbob.wasm.text.numbers import F32, F64, float_text
from plumbob.wasm.text.print_types import TypePrinter
from plumbob.wasm.text.scopes import Labels
from plumbob.wasm.types import FuncType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plumbob.wasm.operators import Operator
    from plumbob.wasm.types import SubType

_MAX_INDENT = 50
"""Nesting beyond this is not indented any further, or deep code would grow as its square."""


class CodePrinter:
    """Operators as text, with the names of a module and, in turn, of its functions."""

    def __init__(self, identifiers: Identifiers, types: list[SubType]) -> None:
        self.identifiers = identifiers
        self.types = TypePrinter(identifiers)
        self.subtypes = types
        self.locals = Scope({})
        self.labels = Scope({})
        self.scope = Labels()
        """The labels in scope, by what refers to them."""
        self.names_data = False
        """Whether an operator named a data segment."""
        self.forms = {
            kind: self._index(kind)
            for kind in ("func", "type", "table", "memory", "global", "tag", "elem", "data")
        } | {
            "blocktype": self.block_type,
            "local": lambda index: " " + self.locals.refer(index),
            "label": self.label,
            "labels": lambda labels: "".join(map(self.label, labels)),
            "heaptype": lambda heap: " " + self.types.heap(heap),
            "valtypes": lambda types: (
                f" (result{''.join(' ' + self.types.value(t) for t in types)})"
            ),
            "catches": lambda catches: "".join(map(self.catch, catches)),
            "f32": lambda bits: " " + float_text(bits, F32),
            "f64": lambda bits: " " + float_text(bits, F64),
            "v128": _vector,
            "lanes": lambda data: "".join(f" {lane}" for lane in data),
            "zero": lambda _: "",
        }
        self.special: dict[tuple[str, ...], Callable[[Operator, tuple[Any, ...]], str]] = {
            ("type", "table"): self._indirect,
            ("data", "memory"): self._initialise,
            ("elem", "table"): self._initialise,
            ("memory",): self._optional,
            ("memory", "memory"): self._optional,
            ("table",): self._optional,
            ("table", "table"): self._optional,
            ("memarg",): self._memory,
            ("memarg", "lane"): self._memory,
            ("heaptype",): self._heap,
            ("type", "field"): self._field,
            ("castflags", "label", "heaptype", "heaptype"): self._cast,
        }
        self.fields: dict[int, Scope] = {}

    # Immediates.

    def _index(self, kind: str) -> Callable[[int], str]:
        references = self.identifiers.spaces[kind].references
        return lambda index: " " + (references.get(index) or str(index))

    def label(self, depth: int) -> str:
        """Return a label, named if no inner label of the same name hides it."""
        stack = self.scope.stack
        if depth >= len(stack):
            return f" {depth}"
        name = stack[-1 - depth]
        if name is None:
            return f" {depth} (;@{len(stack) - depth};)"
        return f" {name}" if self.scope.depth(name) == depth else f" {depth}"

    def block_type(self, block: BlockType) -> str:
        """Return a block type; of a type index also what it stands for."""
        if block.type_index is None:
            return f" (result {self.types.value(block.result)})" if block.result else ""
        return self.type_use(block.type_index)

    def type_use(self, index: int) -> str:
        """Return ` (type x)` with parameters and results, where the type is a function's."""
        signature = ""
        if index < len(self.subtypes):
            composite = self.subtypes[index].composite
            if isinstance(composite, FuncType):
                signature = self.types.signature(composite)
        return f" (type {self.identifiers.refer('type', index)}){signature}"

    def catch(self, catch: Catch) -> str:
        """Return a catch clause."""
        tag = "" if catch.tag is None else f" {self.identifiers.refer('tag', catch.tag)}"
        return f" ({CATCH_NAMES[catch.kind]}{tag}{self.label(catch.label)})"

    def _indirect(self, _: Operator, immediates: tuple[Any, ...]) -> str:
        type_index, table = immediates
        return (self.forms["table"](table) if table else "") + self.type_use(type_index)

    def _initialise(self, operator: Operator, immediates: tuple[Any, ...]) -> str:
        kind, target_kind = operator.immediates
        segment, target = immediates
        before = self.forms[target_kind](target) if target else ""
        return before + self._plain_one(kind, segment)

    def _plain_one(self, kind: str, value: Any) -> str:
        self.names_data |= kind == "data"
        return self.forms[kind](value) if kind in self.forms else f" {value}"

    def _optional(self, operator: Operator, immediates: tuple[Any, ...]) -> str:
        if not any(immediates):
            return ""
        return "".join(map(self._plain_one, operator.immediates, immediates))

    def _memory(self, operator: Operator, immediates: tuple[Any, ...]) -> str:
        memarg: MemArg = immediates[0]
        text = self.forms["memory"](memarg.memory) if memarg.memory else ""
        if memarg.offset:
            text += f" offset={memarg.offset}"
        if memarg.align != operator.align:
            text += f" align={1 << memarg.align}"
        return text + "".join(f" {lane}" for lane in immediates[1:])

    def _heap(self, operator: Operator, immediates: tuple[Any, ...]) -> str:
        if operator.mnemonic in _VARIED:
            nullable = operator.name != operator.mnemonic
            return " " + self.types.reference(immediates[0], nullable=nullable)
        return " " + self.types.heap(immediates[0])

    def _field(self, _: Operator, immediates: tuple[Any, ...]) -> str:
        type_index, field = immediates
        scope = self.fields.get(type_index)
        if scope is None:
            scope = self.fields[type_index] = self.identifiers.scope("field", type_index)
        return f" {self.identifiers.refer('type', type_index)} {scope.refer(field)}"

    def _cast(self, _: Operator, immediates: tuple[Any, ...]) -> str:
        flags, label, source, target = immediates
        return (
            f"{self.label(label)} {self.types.reference(source, nullable=bool(flags & 1))}"
            f" {self.types.reference(target, nullable=bool(flags & 2))}"
        )

    def immediates(self, instruction: Instruction) -> str:
        """Return the immediates of an operator, a space before each."""
        operator, values, _ = instruction
        special = self.special.get(operator.immediates)
        if special is not None:
            return special(operator, values)
        return "".join(map(self._plain_one, operator.immediates, values))

    def operator(self, instruction: Instruction) -> str:
        """Return an operator with its immediates."""
        if not instruction.immediates:
            return instruction.operator.mnemonic
        return instruction.operator.mnemonic + self.immediates(instruction)

    # Expressions and bodies.

    def enter(self, function: int) -> None:
        """Turn to the locals and labels of the function with this index."""
        self.locals = self.identifiers.scope("local", function)
        self.labels = self.identifiers.scope("label", function)
        self.scope = Labels()

    def expression(self, instructions: Iterable[Instruction]) -> list[str]:
        """Return the operators of a constant expression without its `end`."""
        self.locals = self.labels = Scope({})
        self.scope = Labels()
        lines: list[str] = []
        self.body(instructions, lines)
        return [line.strip() for line in lines]

    def body(
        self,
        instructions: Iterable[Instruction],
        lines: list[str],
        indent: str = "",
        hints: dict[int, str] | None = None,
    ) -> None:
        """Append the lines of a body without its `end`.

        `hints` are put before the operators at their offsets.
        """
        hints = hints or {}
        scope = self.scope
        stack = scope.stack
        margins = [indent + "  " * depth for depth in range(_MAX_INDENT + 1)]
        margin = indent
        labels = 0
        for instruction in instructions:
            operator = instruction.operator
            text = operator.mnemonic
            hint = hints.get(instruction.offset, "")
            rule = operator.rule
            if rule in _BLOCKS:
                if not stack and rule == "end":
                    break
                if rule in _OPENERS:
                    name = self.identifiers.bind_in(self.labels, labels)
                    reference = self.labels.references.get(labels)
                    comment = "" if reference else f" ;; label = @{len(stack) + 1}"
                    text += f"{name}{self.immediates(instruction)}{comment}"
                    lines.append(f"{margin}{hint}{text}")
                    scope.push(reference)
                    labels += 1
                    margin = margins[min(len(stack), _MAX_INDENT)]
                    continue
                outer = margins[min(max(len(stack) - 1, 0), _MAX_INDENT)]
                if rule in _CLOSERS:
                    if stack:
                        scope.pop()
                    margin = outer
                lines.append(outer + text + self.immediates(instruction))
                continue
            if instruction.immediates:
                text += self.immediates(instruction)
            lines.append(f"{margin}{hint}{text}")


_VARIED = frozenset(operator.mnemonic for operator in TABLE if operator.name != operator.mnemonic)
"""Mnemonics of two opcodes: by a reference type's nullability, or its presence."""

_OPENERS = ("block", "loop", "if", "try", "try_table")
_CLOSERS = ("end", "delegate")
_BLOCKS = frozenset((*_OPENERS, *_CLOSERS, "else", "catch", "catch_all"))


def _vector(data: bytes) -> str:
    lanes = (int.from_bytes(data[at : at + 4], "little") for at in range(0, 16, 4))
    return " i32x4" + "".join(f" {lane:#010x}" for lane in lanes)
