"""The verifier, which says whether a function is well formed.

It reports every error it can find, each with the entity it stands at, instead of stopping
at the first. Two kinds of error make the rest of the function meaningless and end the
search: blocks that do not end where they should, and broken tables of values or blocks.

Dominance is only asked of code that the entry reaches, as in Cranelift's verifier, whose
messages' wording the fragments in test files quote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.errors import InternalError
from plumbob.ir.dominators import dominator_tree
from plumbob.ir.function import ALIAS, PARAM, RESULT
from plumbob.ir.printer import print_instruction, print_name
from plumbob.ir.types import I32, I64, Type
from plumbob.ir.verify_entities import verify_entities
from plumbob.ir.verify_instructions import instruction_checker, shape_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import Block, Inst, Value
    from plumbob.ir.function import Function

Entity = tuple[str, int]
"""A kind ("function", "block", "inst", "gv", "sig", …) and a number."""


class Target(NamedTuple):
    """What is known of the machine; None: unknown, and not checked.

    `pinned_reg` says whether the pinned register is enabled.
    """

    pointer_bits: int | None = None
    pinned_reg: bool | None = None

    @property
    def pointer_type(self) -> Type | None:
        """The integer type of an address."""
        if self.pointer_bits is None:
            return None
        return I32 if self.pointer_bits == 32 else I64


class VerifierError(NamedTuple):
    """One error: the entity it stands at, what is wrong, and the entity's text."""

    entity: Entity
    message: str
    context: str

    def __str__(self) -> str:
        kind, number = self.entity
        place = kind if kind == "function" else f"{kind}{number}"
        return f"{place} ({self.context}): {self.message}" if self.context else self.message


def verify(func: Function, target: Target | None = None) -> list[VerifierError]:
    """Return the function's errors in the order in which they were found; none is good."""
    return _Verifier(func, target or Target()).run()


def require_valid(func: Function, target: Target | None = None, *, after: str = "") -> None:
    """Raise InternalError if the function is malformed; `after` names who made it."""
    errors = verify(func, target)
    if errors:
        listed = "; ".join(map(str, errors[:10]))
        more = f"; and {len(errors) - 10} more" if len(errors) > 10 else ""
        subject = f"malformed IR after {after}" if after else "malformed IR"
        raise InternalError(f"{subject} in {print_name(func.name)}", found=listed + more)


class _Broken(Exception):  # noqa: N818  # ends the search; not an error of its own
    """The rest of the function cannot be judged."""


class _Verifier:
    def __init__(self, func: Function, target: Target) -> None:
        self.func = func
        self.target = target
        self.resolve = func.resolver()
        self.placed = bytearray(len(func.value_kind))
        """Which values are defined by what stands in the layout."""
        self.errors: list[VerifierError] = []

    def error(self, entity: Entity, message: str) -> None:
        kind, number = entity
        context = ""
        if kind == "inst":
            context = self.text(number)
        self.errors.append(VerifierError(entity, message, context))

    def text(self, inst: Inst) -> str:
        """Return the instruction's text, or at least its name if it cannot be printed."""
        if shape_error(self.func, inst) is None:
            try:
                return print_instruction(self.func, inst)
            except (InternalError, LookupError):
                pass  # an operand is not a value, or an alias of itself: an error of its own
        return self.func.inst_op[inst].name

    def run(self) -> list[VerifierError]:
        try:
            verify_entities(self.func, self.target.pointer_type, self.error)
            if not self.func.layout:
                return self.errors
            self.layout()
            self.values()
            self.instructions()
        except _Broken:
            pass  # what broke it has been reported
        return self.errors

    # Blocks

    def layout(self) -> None:
        func = self.func
        placed: dict[Inst, Block] = {}
        seen: set[Block] = set()
        broken = False
        for block in func.layout:
            if not 0 <= block < len(func.block_params) or block in seen:
                self.error(("block", block), "the layout names a block twice, or one unknown")
                raise _Broken
            seen.add(block)
            for inst in func.block_insts[block]:
                if inst in placed or func.inst_block[inst] != block:
                    self.error(("inst", inst), f"the instruction is not in block{block} alone")
                    broken = True
                placed[inst] = block
            broken |= self.terminators(block)
        self.entry_block()
        if broken:
            raise _Broken

    def terminators(self, block: Block) -> bool:
        func = self.func
        insts = func.block_insts[block]
        if not insts:
            self.error(("block", block), f"block{block} is empty; it must end in a terminator")
            return True
        for inst in insts[:-1]:
            if func.inst_op[inst].is_terminator:
                self.error(
                    ("inst", inst),
                    f"a terminator instruction was encountered before the end of block{block}",
                )
                return True
        if not func.inst_op[insts[-1]].is_terminator:
            self.error(("inst", insts[-1]), f"block{block} does not end in a terminator")
            return True
        return False

    def entry_block(self) -> None:
        func = self.func
        entry = func.layout[0]
        where = ("block", entry)
        if func.block_cold[entry]:
            self.error(where, "entry block cannot be marked as cold")
        params = func.block_params[entry]
        expected = func.signature.params
        if len(params) != len(expected):
            self.error(
                where,
                f"entry block parameters ({len(params)}) must match function signature "
                f"({len(expected)})",
            )
            return
        for index, (value, param) in enumerate(zip(params, expected, strict=True)):
            found = func.value_types[value]
            if found is not param.type:
                self.error(
                    where,
                    f"entry block parameter {index} expected to have type {param.type}, "
                    f"got {found}",
                )

    # Values

    def values(self) -> None:
        """Check that the tables of values and of their definitions say the same."""
        func = self.func
        for block in func.layout:
            for index, value in enumerate(func.block_params[block]):
                self.definition(value, PARAM, block, index, ("block", block))
            for inst in func.block_insts[block]:
                for index, value in enumerate(func.inst_results[inst]):
                    self.definition(value, RESULT, inst, index, ("inst", inst))
        aliases = [value for value, kind in enumerate(func.value_kind) if kind == ALIAS]
        for value in aliases:
            target = func.value_owner[value]
            if not 0 <= target < len(func.value_kind):
                self.error(
                    ("value", value), f"v{value} is an alias of v{target}, which is no value"
                )
                raise _Broken
        for value in aliases:
            self.alias(value)

    def definition(self, value: Value, kind: int, owner: int, index: int, at: Entity) -> None:
        func = self.func
        if not 0 <= value < len(func.value_kind):
            self.error(at, f"v{value} is not a value of this function")
            raise _Broken
        if (func.value_kind[value], func.value_owner[value], func.value_index[value]) != (
            kind,
            owner,
            index,
        ):
            self.error(at, f"v{value} is recorded as defined elsewhere")
            raise _Broken
        if func.value_types[value] is None:
            self.error(at, f"v{value} has no type")
            raise _Broken
        self.placed[value] = 1

    def alias(self, value: Value) -> None:
        func = self.func
        try:
            resolved = self.resolve(value)
        except InternalError:
            self.error(("value", value), f"v{value} is an alias of itself")
            raise _Broken from None
        if func.value_types[value] is not func.value_types[resolved]:
            self.error(
                ("value", value),
                f"v{value} has type {func.value_types[value]}, but stands for v{resolved} of "
                f"type {func.value_types[resolved]}",
            )

    # Instructions

    def instructions(self) -> None:
        func = self.func
        dominance = _Dominance(func, self.placed, self.error)
        check = instruction_checker(
            func, self.target.pointer_type, self.error, pinned_reg=self.target.pinned_reg
        )
        for block in func.layout:
            for inst in func.block_insts[block]:
                malformed = shape_error(func, inst)
                if malformed is not None:
                    self.error(("inst", inst), malformed)
                elif dominance.readable(inst, block):
                    check(inst)


class _Dominance:
    """Checks that what an instruction reads exists and dominates it."""

    def __init__(
        self, func: Function, placed: bytearray, error: Callable[[Entity, str], None]
    ) -> None:
        self.func = func
        self.error = error
        self.resolve = func.resolver()
        self.tree = dominator_tree(func)
        self.placed = placed
        self.position = [0] * len(func.inst_op)
        for block in func.layout:
            for index, inst in enumerate(func.block_insts[block]):
                self.position[inst] = index

    def readable(self, inst: Inst, block: Block) -> bool:
        """Check every value that the instruction reads; false if one has no definition."""
        good = True
        reachable = self.tree.is_reachable(block)
        for value in self.func.uses(inst):
            if not self.func.is_defined(value):
                self.error(("inst", inst), f"uses value v{value}, which has no definition")
                good = False
            elif not self.defined(value, inst):
                good = False
            elif reachable:
                self.dominates(value, inst, block)
        return good

    def defined(self, value: Value, inst: Inst) -> bool:
        func = self.func
        resolved = self.resolve(value)
        if func.value_kind[resolved] not in (PARAM, RESULT):
            self.error(
                ("inst", inst), f"uses value v{value}, an alias of v{resolved}, which is gone"
            )
            return False
        if not self.placed[resolved]:
            self.error(
                ("inst", inst), f"uses value v{value}, whose definition is not in the layout"
            )
            return False
        return True

    def dominates(self, value: Value, inst: Inst, block: Block) -> None:
        func = self.func
        resolved = self.resolve(value)
        owner = func.value_owner[resolved]
        if func.value_kind[resolved] == PARAM:
            if not self.tree.dominates(owner, block):
                self.error(
                    ("inst", inst),
                    f"uses value arg from non-dominating block{owner}: v{value}",
                )
            return
        if owner == inst:
            self.error(("inst", inst), f"uses value v{value} from itself")
            return
        home = func.inst_block[owner]
        if home == block:
            good = self.position[owner] < self.position[inst]
        else:
            good = self.tree.dominates(home, block)
        if not good:
            self.error(("inst", inst), f"uses value v{value} from non-dominating inst{owner}")
