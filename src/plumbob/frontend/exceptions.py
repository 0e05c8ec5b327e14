"""Exceptions: try_table, throw, and the legacy operators on the same mechanism.

A call within a block that catches becomes a try_call whose exception table lists, innermost
first, the clauses of all the blocks around it; what follows the call goes into a block of its
own, whose parameters are the results. A clause is a handler block with one parameter, the
exception. A try_table's handler blocks are made when it ends, since all that lead to them
then exist, and only those that something leads to: they take the exception apart and branch
to their labels. A legacy catch's handler block is the catch's body itself.

`throw` makes an exception and throws it; within a block that catches, it does so to the same
exception table.

A legacy `try` names its clauses only behind its body, whose calls need them. So the first
one that is met makes a plan of all the function's, in one pass over its operators. A `try`
with `delegate` passes on what its body throws to the block that its label names, and so on
outward: blocks in between are left out of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.frontend.function import TRY, TRY_TABLE
from plumbob.ir.entities import (
    BlockCall,
    ExceptionTable,
    Handler,
    exception_argument,
    return_argument,
)
from plumbob.ir.high_level import REF_EXN
from plumbob.ir.operations import operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.frontend.function import Frame, FunctionTranslator, Translation
    from plumbob.ir.entities import Block, SigRef, Value
    from plumbob.wasm.binary.instructions import BlockType, Catch, Instruction

_CAUGHT: Final = (exception_argument(0),)
_WITH_REFERENCE: Final = (1, 3)
"""The kinds of catch clauses that hand on the exception itself."""

_EXN_NEW: Final = operation("exn.new")
_EXN_GET: Final = operation("exn.get")


class TryPlan(NamedTuple):
    """What closes a legacy try: the tags of its clauses (None: all), or a delegate's label."""

    tags: tuple[int | None, ...]
    delegate: int | None = None


class Clause:
    """A clause that may catch: its tag (None: every exception), and its block once needed."""

    __slots__ = ("block", "catch", "tag")

    def __init__(self, tag: int | None, catch: Catch | None = None) -> None:
        self.tag = tag
        self.catch = catch
        self.block: Block | None = None


def _before(clauses: Sequence[Clause], outer: Sequence[Clause]) -> tuple[Clause, ...]:
    """Return what an exception meets within a block: its clauses, then those around it.

    One that an earlier clause for the same tag shadows is left out, so there are never more
    than the module has tags, however deep blocks are nested.
    """
    found: dict[int | None, Clause] = {}
    for clause in (*clauses, *outer):
        found.setdefault(clause.tag, clause)
        if clause.tag is None:
            break
    return tuple(found.values())


def exception_table(
    f: FunctionTranslator, clauses: Sequence[Clause], signature: SigRef, normal: BlockCall
) -> tuple[ExceptionTable, tuple[BlockCall, ...]]:
    """Return the exception table of clauses, and the destinations of the instruction."""
    handlers = []
    targets = [normal]
    for clause in clauses:
        if clause.block is None:
            clause.block = f.block_with((REF_EXN,))
        kind = "default" if clause.tag is None else "tag"
        handlers.append(Handler(kind, clause.tag, len(targets)))
        targets.append(BlockCall(clause.block, _CAUGHT))
    return ExceptionTable(signature, tuple(handlers)), tuple(targets)


def emit_call(
    f: FunctionTranslator,
    namespace: str,
    immediates: tuple[int, ...],
    type_index: int,
    operands: tuple[Value, ...],
) -> None:
    """Append a call, within handlers where there are any, and push its results.

    `namespace` is empty for a direct call, "table" or "ref" for an indirect one, whose
    callee is the first operand.
    """
    shape = f.environment.shape(type_index)
    signature = f.sig_ref(type_index)
    prefix = f"{namespace}." if namespace else ""
    clauses = f.frames[-1].handlers
    if not clauses:
        all_immediates = (*immediates, signature) if namespace else immediates
        call = f.emit(f"{prefix}call", operands, imms=all_immediates)
        f.stack += f.func.inst_results[call]
        return
    after = f.block_with(shape.results)
    normal = BlockCall(after, tuple(map(return_argument, range(len(shape.results)))))
    table, targets = exception_table(f, clauses, signature, normal)
    f.emit(f"{prefix}try_call", operands, imms=(*immediates, table), targets=targets)
    f.enter(after)
    f.stack += f.builder.block_params(after)


def throw_reference(f: FunctionTranslator, exception: Value) -> None:
    """Throw an exception that exists, or trap if it is null."""
    clauses = f.frames[-1].handlers
    if clauses:
        table, targets = exception_table(f, clauses, f.throw_signature(), f.never())
        f.emit("exn.try_throw", (exception,), imms=(table,), targets=targets)
    else:
        f.emit("exn.throw", (exception,))
    f.reachable = False


def _payload(f: FunctionTranslator, tag: int, exception: Value) -> tuple[Value, ...]:
    """Take an exception with this tag apart."""
    types = f.environment.shape(f.environment.tags[tag]).params
    return tuple(
        f.ins(_EXN_GET, exception, ctrl=ty, imms=(tag, field)) for field, ty in enumerate(types)
    )


def _throw(f: FunctionTranslator, tag: int) -> None:
    type_index = f.environment.tags[tag]
    values = f.pop_many(len(f.environment.shape(type_index).params))
    signature = f.sig_ref(type_index)
    inst = f.emit(_EXN_NEW, values, imms=(tag, signature))
    throw_reference(f, f.func.inst_results[inst][0])


def _throw_ref(f: FunctionTranslator) -> None:
    throw_reference(f, f.pop())


def _try_table(f: FunctionTranslator, block: BlockType, catches: tuple[Catch, ...]) -> None:
    frame = f.open(TRY_TABLE, f.environment.block_shape(block))
    frame.clauses = [Clause(catch.tag, catch) for catch in catches]
    frame.handlers = _before(frame.clauses, frame.handlers)


def end_try_table(f: FunctionTranslator, frame: Frame) -> None:
    """Make the handler blocks of a try_table that has been closed."""
    location, f.builder.location = f.builder.location, frame.location
    for clause in frame.clauses:
        catch = clause.catch
        if clause.block is None or catch is None:
            continue
        f.enter(clause.block)
        (exception,) = f.builder.block_params(clause.block)
        values = () if catch.tag is None else _payload(f, catch.tag, exception)
        if catch.kind in _WITH_REFERENCE:
            values = (*values, exception)
        f.jump_to_label(catch.label, values)
    f.builder.location = location


# Legacy exceptions


def _plans(instructions: Sequence[Instruction]) -> dict[int, TryPlan]:
    """Return what closes each legacy try, by the offset of the `try`."""
    plans: dict[int, TryPlan] = {}
    opened: list[tuple[int, list[int | None]]] = []
    for operator, immediates, offset in instructions:
        if "blocktype" in operator.immediates:
            opened.append((offset, []))
        elif operator.rule in ("catch", "catch_all"):
            opened[-1][1].append(immediates[0] if immediates else None)
        elif operator.rule == "delegate":
            plans[opened.pop()[0]] = TryPlan((), immediates[0])
        elif operator.rule == "end" and opened:
            start, tags = opened.pop()
            plans[start] = TryPlan(tuple(tags))
    return plans


def _try(f: FunctionTranslator, block: BlockType) -> None:
    if f.try_plans is None:
        f.try_plans = _plans(f.instructions)
    frame = f.open(TRY, f.environment.block_shape(block))
    plan = f.try_plans[frame.location]
    frame.clauses = [Clause(tag) for tag in plan.tags]
    frame.handlers = _before(frame.clauses, frame.handlers)
    if plan.delegate is not None:
        frame.handlers = f.frames[-2 - plan.delegate].handlers


def _catch(f: FunctionTranslator, tag: int | None = None) -> None:
    """End the body, or the clause before, and go on in this clause's handler block."""
    frame = f.frames[-1]
    if f.reachable:
        f.builder.jump(frame.following, f.peek_many(frame.arity))
        frame.is_branched_to = True
    clause = frame.clauses[frame.catches]
    frame.catches += 1
    frame.handlers = f.frames[-2].handlers
    del f.stack[frame.height :]
    f.reachable = clause.block is not None
    if clause.block is None:
        return
    f.enter(clause.block)
    (exception,) = f.builder.block_params(clause.block)
    frame.caught = exception
    if tag is not None:
        f.stack += _payload(f, tag, exception)


def _delegate(f: FunctionTranslator, _depth: int) -> None:
    from plumbob.frontend.control import end  # noqa: PLC0415  # it imports this module

    end(f)


def _rethrow(f: FunctionTranslator, depth: int) -> None:
    exception = f.frames[-1 - depth].caught
    assert exception is not None  # noqa: S101  # the label is a catch's, as validated
    throw_reference(f, exception)


ROWS: Final[dict[str, Translation]] = {
    "throw": _throw,
    "throw_ref": _throw_ref,
    "try_table": _try_table,
    "try": _try,
    "catch": _catch,
    "catch_all": _catch,
    "delegate": _delegate,
    "rethrow": _rethrow,
}
