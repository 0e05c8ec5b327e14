"""One function as Python source: the frame around it and its straight-line code.

The source of a function is

    def make():
        fuel = pinned = 0                # cells that all functions of a machine share
        def F(d, v0, v1):                # d: how many more frames may be entered
            nonlocal fuel
            fuel -= 12
            if fuel < 0 or d < 0: fuel = enter(fuel, d)
            …
        return F

Values are local variables `vN`. A pure operation whose one use is in the same block is
written into that use instead (`pending`), which is sound since values are never assigned
twice between the two: only the end of a block assigns parameters. With a trace hook every
value is assigned and reported, and nothing is fused.

Python's line table is the map from a raised trap to its instruction: `insts[line]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plumbob.exec.interp import source_calls, source_memory
from plumbob.exec.interp.fuel import flow_of
from plumbob.exec.interp.instructions import constant_of, semantics_of, unsupported
from plumbob.exec.interp.source_control import (
    DispatchControl,
    StructuredControl,
    TooDeepError,
    Writer,
)
from plumbob.exec.interp.source_frame import FrameSource
from plumbob.exec.interp.structure import dominator_depth, structure
from plumbob.semantics.expression import TERNARY, Expression, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from plumbob.exec.interp.program import Program
    from plumbob.exec.interp.source_frame import FaultPlace
    from plumbob.ir.entities import Block, Inst, Value
    from plumbob.ir.function import Function
    from plumbob.semantics.source_library import Fragment

_WORD: Final = re.compile(r"[^\W\d]\w*", re.ASCII)

MAX_FUSED = 160
"""Characters up to which a fused operation stays text."""
MAX_STRUCTURED_DEPTH = 800
"""Height of the dominator tree up to which code is structured; that recursion's bound."""


class Compiled(NamedTuple):
    """A function's source and code.

    `insts[line]` is the instruction of a line of `source` (lines count from 1), -1 for
    none; `extras` are the objects that its globals need besides the common ones. If
    `is_tail` the code takes its arguments as one tuple and may return a `Tail`.
    """

    symbol: str
    source: str
    code: CodeType
    insts: tuple[int, ...]
    extras: dict[str, Any]
    is_tail: bool


class FunctionSource:
    """Writes one function; used once."""

    def __init__(self, program: Program, symbol: str, func: Function, *, traced: bool) -> None:
        self.program = program
        self.library = program.library
        self.symbol = symbol
        self.func = func
        self.traced = traced
        self.number = program.function_number(symbol)
        self.flow = flow_of(func)
        self.frame = FrameSource(func, self.flow, program.layout.bits, traced=traced)
        self.extras: dict[str, Any] = {}
        self.cells: dict[str, None] = dict.fromkeys(("fuel", "pinned"))
        """The variables that the code shares with all functions; emitters add theirs."""
        self.faults: dict[Inst, FaultPlace] = {}
        self.tail_calls = any(
            func.inst_op[inst].is_call and func.inst_op[inst].is_return
            for block in self.flow.cfg.postorder
            for inst in func.block_insts[block]
        )
        self._count_uses()
        self._reset()

    def _reset(self) -> None:
        self.out = Writer(3 if self.frame.needs_try else 2)
        self.pending: dict[Value, Expression] = {}
        self.constants: dict[Value, int] = {}
        self.names: dict[Value, str] = {}
        self._fresh = 0

    def _count_uses(self) -> None:
        """Count uses in reachable code, and note where each value's last one seen is."""
        func = self.func
        self.uses: dict[Value, int] = {}
        self.use_block: dict[Value, Block] = {}
        for block in self.flow.cfg.postorder:
            for inst in func.block_insts[block]:
                for value in func.uses(inst):
                    value = func.resolve(value)  # noqa: PLW2901  # aliases end here
                    self.uses[value] = self.uses.get(value, 0) + 1
                    self.use_block[value] = block

    # Values

    def fresh(self) -> str:
        """Return a new local variable's name."""
        self._fresh += 1
        return f"t{self._fresh}"

    def operand(self, value: Value) -> str | Expression:
        """Return a value for use in a fragment; a fused one is used up by that."""
        value = self.func.resolve(value)
        constant = self.constants.get(value)
        if constant is not None:
            return literal(constant)
        if value in self.pending:
            return self.pending.pop(value)
        return self.names.get(value) or f"v{value}"

    def text(self, value: Value, level: int = TERNARY) -> str:
        """Return a value's source, in parentheses where its precedence is below `level`."""
        operand = self.operand(value)
        return operand if isinstance(operand, str) else operand.text(level)

    def atom(self, value: Value) -> str:
        """Return a name or literal for the value, assigning it first if it was fused."""
        operand = self.operand(value)
        if isinstance(operand, str):
            return operand
        name = self.fresh()
        self.out.line(f"{name} = {operand.text()}")
        return name

    def condition(self, value: Value, level: int = TERNARY) -> str:
        """Return source that is true where the value is not zero, as `text` does."""
        operand = self.operand(value)
        return operand if isinstance(operand, str) else operand.condition(level)

    def define(self, value: Value, result: Expression) -> None:
        """Make `result` the value: fused into its use, or assigned."""
        if result.value is not None:
            self.constants[value] = result.value
            return
        uses = self.uses.get(value, 0)
        if uses == 0 and not self.traced:
            return
        text = result.text()
        fusable = uses == 1 and self.use_block[value] == self.block and not self.traced
        if fusable and len(text) <= MAX_FUSED:
            self.pending[value] = result
            return
        self.out.line(f"v{value} = {text}")

    def write_fragment(self, fragment: Fragment) -> None:
        """Write what precedes a fragment's results."""
        for line in fragment.before:
            self.out.line(line)
        for test, code in fragment.traps:
            self.out.line(f"if {test}: raise trap({code!r})")
        for line in fragment.after:
            self.out.line(line)

    # Instructions

    def code(self, block: Block) -> None:
        """Write the block's instructions, its terminator too if it has no destinations."""
        self.block = block
        for inst in self.func.block_insts[block]:
            if not self.func.inst_targets[inst]:
                self.instruction(inst)

    def instruction(self, inst: Inst) -> None:
        """Write one instruction that is no branch."""
        func = self.func
        self.out.inst = inst
        results = func.inst_results[inst]
        name = func.inst_op[inst].name
        self.require_instance(name)
        constant = constant_of(func, inst)
        if constant is not None:
            self.constants[results[0]] = constant
        elif name in EMITTERS:
            EMITTERS[name](self, inst)
        else:
            self._pure(inst)
        if self.traced and results:
            self.trace(inst)

    def require_instance(self, name: str) -> None:
        """Refuse a high-level operation (its name has a dot) where there is no instance."""
        if "." in name and not self.program.has_instances:
            raise unsupported(name, "it acts on an instance of a module, and there is none")

    def trace(self, inst: Inst) -> None:
        """Write the report of the instruction's results."""
        results = self.func.inst_results[inst]
        values = ", ".join(self.text(v) for v in results)
        self.out.line(f"trace({self.symbol!r}, {inst}, ({values},))")

    def _pure(self, inst: Inst) -> None:
        func = self.func
        row = semantics_of(func, inst)
        if row is None:
            raise unsupported(func.inst_op[inst].name, "the executor does not know it")
        operation, site = row
        read = self.atom if func.inst_op[inst].can_trap else self.operand
        operands: Sequence[str | Expression] = [read(v) for v in func.inst_args[inst]]
        fragment = self.library.fragment(operation, site, operands, self.fresh)
        self.write_fragment(fragment)
        for value, result in zip(func.inst_results[inst], fragment.results, strict=True):
            self.define(value, result)

    # Branches

    def charge(self, block: Block) -> None:
        """Write what arriving at the block costs, if it costs anything."""
        cost = self.flow.charges.get(block)
        if cost is not None:
            self.out.inst = self.func.block_insts[block][0]
            self.out.line(f"fuel -= {cost}")
            self.out.line("if fuel < 0: fuel = refuel(fuel)")

    def selector(self, block: Block) -> str:
        """Write what precedes the branch and return the condition, or a number of an arm."""
        inst = self.func.block_insts[block][-1]
        self.out.inst = inst
        self.block = block
        name = self.func.inst_op[inst].name
        self.require_instance(name)
        return SELECTORS[name](self, inst)

    def give(self, block: Block, index: int) -> None:
        """Write the assignments of arguments to parameters for one destination.

        They happen at once: a parameter that another argument still reads is assigned later,
        and a cycle takes one assignment of tuples.
        """
        func = self.func
        inst = func.block_insts[block][-1]
        self.out.inst = inst
        target = func.inst_targets[inst][index]
        copies: list[tuple[str, str]] = []
        for parameter, argument in zip(func.block_params[target.block], target.args, strict=True):
            if argument < 0:
                number, is_exception = divmod(-1 - argument, 2)
                text = f"{'e' if is_exception else 'r'}{number}"
            else:
                text = self.text(argument)
            name = f"v{parameter}"
            if text != name and self.uses.get(parameter):
                copies.append((name, text))
        for line in parallel_assignment(copies):
            self.out.line(line)
        cost = self.flow.edges.get((block, index), 0)
        if cost:
            self.out.line(f"fuel {'-' if cost > 0 else '+'}= {abs(cost)}")

    # The whole

    def compile(self) -> Compiled:
        """Return the function's source, compiled."""
        uses_flag = self._write_body()
        lines, insts = self.frame.wrap(self, uses_flag=uses_flag)
        source = "\n".join(lines) + "\n"
        names: dict[str, Any] = {}
        exec(compile(source, f"<plumbob {self.symbol}>", "exec"), names)  # noqa: S102  # our own source
        code = names["make"]().__code__
        if self.frame.needs_faults:
            self.extras[f"faults{self.number}"] = (self.faults, tuple(insts))
        if self.frame.spec is not None:
            self.extras[f"slots{self.number}"] = self.frame.spec
        return Compiled(self.symbol, source, code, tuple(insts), self.extras, self.tail_calls)

    def _write_body(self) -> bool:
        if not self.flow.loops.irreducible and dominator_depth(self.flow) <= MAX_STRUCTURED_DEPTH:
            control = StructuredControl(self)
            try:
                control.write(structure(self.func, self.flow))
            except TooDeepError:
                self._reset()
            else:
                return control.uses_flag
        try:
            DispatchControl(self).write()
        except TooDeepError:
            self._reset()
            DispatchControl(self, max_inline=0).write()
        return False


def parallel_assignment(copies: list[tuple[str, str]]) -> list[str]:
    """Return statements that assign every text to its name as if at one moment.

    Names are distinct and are whole words wherever they occur in a text. Linear in the texts'
    length, as functions have hundreds of locals that a loop changes.
    """
    place = {name: index for index, (name, _) in enumerate(copies)}
    reads = [
        {place[word] for word in _WORD.findall(text) if word in place} - {index}
        for index, (_, text) in enumerate(copies)
    ]
    readers = [0] * len(copies)
    for others in reads:
        for other in others:
            readers[other] += 1
    ready = [index for index, count in enumerate(readers) if not count]
    for index in ready:
        for other in sorted(reads[index]):
            readers[other] -= 1
            if not readers[other]:
                ready.append(other)  # a list that grows is the queue
    lines = [f"{copies[index][0]} = {copies[index][1]}" for index in ready]
    done = frozenset(ready)
    if len(ready) < len(copies):
        names, texts = zip(*(c for i, c in enumerate(copies) if i not in done), strict=True)
        values = ", ".join(_grouped(text) for text in texts)
        lines.append(f"{', '.join(names)} = {values}")
    return lines


def _grouped(text: str) -> str:
    return f"({text})" if " if " in text else text


EMITTERS: dict[str, Callable[[FunctionSource, Inst], None]] = {
    **source_memory.EMITTERS,
    **source_calls.EMITTERS,
}
"""What writes an instruction that is no pure operation and no branch, by the opcode's name.

Whoever defines high-level operations adds theirs.
"""

SELECTORS: dict[str, Callable[[FunctionSource, Inst], str]] = dict(source_calls.SELECTORS)
"""What writes a branch up to the choice of its destination; see `FunctionSource.selector`."""
