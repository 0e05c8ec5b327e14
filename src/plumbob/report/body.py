"""The operators around a fault in a binary, written as in the text format.

The binary has just failed validation, so it may be anything: whatever cannot be decoded
ends the excerpt, and a fault outside of function bodies has none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

from plumbob.report.excerpt import Line
from plumbob.wasm import features
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_locals, decode_operator
from plumbob.wasm.errors import ComponentError, MalformedError
from plumbob.wasm.module import FUNC, BodySequence
from plumbob.wasm.text.identifiers import Identifiers, readable_names
from plumbob.wasm.text.print_code import CodePrinter

if TYPE_CHECKING:
    from plumbob.wasm.binary.instructions import Instruction
    from plumbob.wasm.module import Module

BEFORE, AFTER = 5, 2
"""Operators shown before and after the one at fault."""

BYTES_SHOWN = 8
"""Bytes shown of an operator that cannot be decoded."""

_REOPENS = frozenset(("else", "catch", "catch_all"))
_CLOSES = frozenset(("end", "delegate")) | _REOPENS


class Bodies:
    """The function bodies of a binary, decoded when a fault lies in one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._module: Module | None = None
        self._decoded = False
        self._operators: CodePrinter | None = None

    def _decode(self) -> None:
        self._decoded = True
        try:
            self._module = decode(
                self.data, "module", features=features.ALL, allow_unreachable_type=True
            )
        except (MalformedError, ComponentError):
            return

    def around(self, offset: int) -> list[Line]:
        """Return the operators around the one that stands at a byte offset of the binary.

        Empty where no operator of a function body begins there.
        """
        if not self._decoded:
            self._decode()
        module = self._module
        if module is None or not isinstance(module.code, BodySequence):
            return []
        place = bisect_right(module.code.starts, offset) - 1
        if place < 0 or offset >= module.code.ends[place]:
            return []
        return self._lines(module, place, offset)

    def _printer(self, module: Module) -> CodePrinter:
        if self._operators is None:  # made once, for a module's names may be many
            self._operators = CodePrinter(Identifiers(readable_names(module)), module.types)
        return self._operators

    def _lines(self, module: Module, place: int, fault: int) -> list[Line]:
        code = module.code
        assert isinstance(code, BodySequence)  # noqa: S101  # as the caller has asked
        reader = Reader(self.data, code.starts[place], code.ends[place])
        # Only the last few are written as text: a body may hold a million.
        found: deque[tuple[Instruction, int]] = deque(maxlen=BEFORE + 1 + AFTER)
        rest = None
        depth = after = at = 0
        try:
            decode_locals(reader)
            while after < AFTER and not reader.at_end:
                at = reader.offset
                instruction = decode_operator(reader)
                if instruction.operator.mnemonic in _CLOSES:
                    depth = max(0, depth - 1)
                found.append((instruction, depth))
                if _opens(instruction):
                    depth += 1
                after += at > fault
        except MalformedError:
            end = min(code.ends[place], at + BYTES_SHOWN)
            rest = Line(at, f"bytes {self.data[at:end].hex(' ')}", depth)
        printer = self._printer(module)
        printer.enter(len(module.imported(FUNC)) + place)
        lines = [
            Line(instruction.offset, printer.operator(instruction), inside)
            for instruction, inside in found
        ]
        if rest is not None:
            lines.append(rest)
        return lines if any(line.offset == fault for line in lines) else []


def _opens(instruction: Instruction) -> bool:
    operator = instruction.operator
    return "blocktype" in operator.immediates or operator.mnemonic in _REOPENS
