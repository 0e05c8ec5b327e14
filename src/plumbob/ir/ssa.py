"""SSA construction from variables.

The algorithm is that of Braun, Buchwald, Hack, Leißa, Mallon and Zwinkau, "Simple and
Efficient Construction of Static Single Assignment Form" (CC 2013), on blocks with
parameters, in Cranelift's variant: a parameter whose arguments turn out to be one value is
removed and becomes an *alias* of that value, instead of being replaced in its uses. So
aliases arise here as they do in Cranelift.

A merge asks nothing where the variable did not change since its dominator: `ssa_order.Order`
says how far up a question may go. So translation costs what changes, and not locals times
merges.

Assumed, and guaranteed by `builder.FunctionBuilder`: a block's predecessors are declared
before it is sealed, none after; a block is asked for a variable only after everything
before the question was defined.

Invariant: `definitions[var][block]` is the variable's value at the end of `block` so far.
Termination: every question either ends at a definition, moves to a predecessor along a
chain of blocks with one predecessor (each visited once), moves up to a dominator, or adds a
parameter, which is a definition. Nothing recurses, so chains of blocks may be as long as
memory allows.

The parameters' arguments are collected here and put into the branches by `finish`, in one
step for each branch: a br_table of n destinations would otherwise be copied n times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InternalError
from plumbob.ir.entities import BlockCall
from plumbob.ir.ssa_order import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import Block, Inst, Value
    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

Variable = int
_Finish = tuple["Block", "Value"]


class SSABuilder:
    """The state of SSA construction for one function.

    `zero` creates a value of a type at the head of a block; it stands for a variable in code
    that no path reaches.
    """

    def __init__(self, func: Function, zero: Callable[[Block, Type], Value]) -> None:
        self.func = func
        self.zero = zero
        self.types: list[Type] = []
        self.definitions: list[dict[Block, Value]] = []
        self.history: list[list[Value]] = []
        """Every value that each variable ever had, inserted parameters included.

        A parameter that became an alias is there as well, for the value it stands for.
        """
        self.predecessors: dict[Block, list[Inst]] = {}
        self.sealed: set[Block] = set()
        self.incomplete: dict[Block, list[tuple[Variable, Value]]] = {}
        """Parameters of unsealed blocks, whose arguments are not known yet."""
        self.arguments: dict[Inst, dict[Block, list[Value]]] = {}
        self.has_inserted: set[Block] = set()
        self.order = Order()

    def declare(self, ty: Type) -> Variable:
        """Create a variable."""
        self.types.append(ty)
        self.definitions.append({})
        self.history.append([])
        return len(self.types) - 1

    def define(self, var: Variable, block: Block, value: Value) -> None:
        """Give the variable a value from here to the end of the block."""
        self.order.define(var)
        self._set(var, block, value)

    def _set(self, var: Variable, block: Block, value: Value) -> None:
        self.definitions[var][block] = value
        self.history[var].append(value)

    def begin(self, block: Block) -> None:
        """Declare that the block's code begins: the one before has its terminator."""
        sources = [self.func.inst_block[each] for each in self.predecessors.get(block, ())]
        self.order.begin(block, sources, sealed=block in self.sealed)

    def use(self, var: Variable, block: Block) -> Value:
        """Return the variable's value at the end of the block so far."""
        value = self.definitions[var].get(block)
        return value if value is not None else self._run(var, [block])

    def add_predecessor(self, block: Block, branch: Inst) -> None:
        """Declare that `branch` leads to `block`."""
        if block in self.sealed:
            raise InternalError("a branch to a sealed block", found=f"block{block}")
        branches = self.predecessors.setdefault(block, [])
        if not branches or branches[-1] != branch:
            branches.append(branch)
            self.order.branch(block, self.func.inst_block[branch])

    def move_predecessor(self, branch: Inst, old: Block, new: Block) -> None:
        """Declare that `branch` leads to `new` in place of `old`."""
        if old in self.sealed:
            raise InternalError("a branch from a sealed block moves", found=f"block{old}")
        self.predecessors[old].remove(branch)
        self.add_predecessor(new, branch)

    def seal(self, block: Block) -> None:
        """Declare that the block has all its predecessors."""
        if block in self.sealed:
            return
        self.sealed.add(block)
        self.order.seal(block)
        for var, param in self.incomplete.pop(block, ()):
            self._run(var, self._complete(block, param))

    def finish(self) -> None:
        """Put the inserted parameters' arguments into the branches."""
        func = self.func
        for branch, by_block in self.arguments.items():
            func.inst_targets[branch] = tuple(
                BlockCall(target.block, (*target.args, *by_block[target.block]))
                if target.block in by_block
                else target
                for target in func.inst_targets[branch]
            )
        self.arguments.clear()

    # A question is a list of tasks, worked off from its end: a block asks for the variable
    # there; a (block, parameter) pair takes the answers for the block's predecessors, which
    # were asked in between, and settles the parameter.

    def _complete(self, block: Block, param: Value) -> list[Block | _Finish]:
        branches = self.predecessors.get(block, ())
        tasks: list[Block | _Finish] = [(block, param)]
        tasks.extend(self.func.inst_block[branch] for branch in reversed(branches))
        return tasks

    def _run(self, var: Variable, tasks: list[Block | _Finish]) -> Value:
        answers: list[Value] = []
        while tasks:
            task = tasks.pop()
            if isinstance(task, tuple):
                block, param = task
                count = len(self.predecessors.get(block, ()))
                values = answers[len(answers) - count :]
                del answers[len(answers) - count :]
                answers.append(self._settle(var, block, param, values))
            else:
                self._ask(var, task, tasks, answers)
        return answers[-1]

    def _ask(
        self, var: Variable, block: Block, tasks: list[Block | _Finish], answers: list[Value]
    ) -> None:
        definitions = self.definitions[var]
        passed: dict[Block, None] = {}
        while (value := definitions.get(block)) is None:
            above = self.order.topmost(var, block)
            if above != block:
                passed[block] = None
                block = above
                continue
            branches = self.predecessors.get(block, ())
            if block not in self.sealed or len(branches) != 1 or block in passed:
                break
            passed[block] = None
            block = self.func.inst_block[branches[0]]
        if value is not None:
            answers.append(value)
        else:
            value = self._insert_param(var, block)
            if block in self.sealed:
                tasks.extend(self._complete(block, value))
            else:
                self.incomplete.setdefault(block, []).append((var, value))
                answers.append(value)
        for other in passed:
            definitions.setdefault(other, value)

    def _insert_param(self, var: Variable, block: Block) -> Value:
        if self.func.layout and block == self.func.layout[0]:
            raise InternalError(
                "a variable is used before it is defined",
                found=f"variable {var} in the entry block",
                hint="define it there, and let no branch lead to the entry block",
            )
        param = self.func.append_param(block, self.types[var])
        self._set(var, block, param)
        return param

    def _settle(self, var: Variable, block: Block, param: Value, values: list[Value]) -> Value:
        """Keep the parameter if its arguments differ, else make it an alias."""
        func = self.func
        resolved = dict.fromkeys(map(func.resolve, values))
        resolved.pop(param, None)
        if len(resolved) > 1:
            for branch, value in zip(self.predecessors[block], values, strict=True):
                by_block = self.arguments.setdefault(branch, {})
                by_block.setdefault(block, []).append(value)
            self.has_inserted.add(block)
            return param
        if resolved:
            (value,) = resolved
        else:
            value = self.zero(block, self.types[var])
        func.remove_param(block, func.value_index[param])
        func.change_to_alias(param, value)
        if self.definitions[var].get(block) == param:
            self.definitions[var][block] = value
        return value
