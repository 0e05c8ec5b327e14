"""Control operators, parametric operators and locals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.exceptions import end_try_table
from plumbob.frontend.function import BLOCK, IF, LOOP, TRY_TABLE
from plumbob.ir.entities import BlockCall
from plumbob.ir.operations import operation
from plumbob.ir.trap_codes import UNREACHABLE

if TYPE_CHECKING:
    from plumbob.frontend.function import FunctionTranslator, Translation
    from plumbob.ir.entities import Block
    from plumbob.wasm.binary.instructions import BlockType

_SELECT: Final = operation("select")


def _unreachable(f: FunctionTranslator) -> None:
    f.trap(UNREACHABLE)


def _nop(f: FunctionTranslator) -> None:
    """Nothing: an operator without effect leaves no instruction."""


def _block(f: FunctionTranslator, block: BlockType) -> None:
    f.open(BLOCK, f.environment.block_shape(block))


def _loop(f: FunctionTranslator, block: BlockType) -> None:
    shape = f.environment.block_shape(block)
    header = f.block_with(shape.params)
    frame = f.open(LOOP, shape)
    frame.target = header
    frame.arity = len(shape.params)
    f.builder.jump(header, f.pop_many(frame.arity))
    f.builder.switch_to_block(header)  # sealed at the end, when all branches back exist
    f.stack += f.builder.block_params(header)


def _if(f: FunctionTranslator, block: BlockType) -> None:
    shape = f.environment.block_shape(block)
    condition = f.pop()
    consequent = f.builder.create_block()
    frame = f.open(IF, shape)
    params = f.stack[frame.height :]
    if shape.params == shape.results:
        # Without an else, the branch leads behind the block; with one, that is put right.
        frame.else_branch = f.builder.brif(
            condition, consequent, frame.following, (), f.peek_many(len(params))
        )
    else:
        frame.else_block = f.builder.create_block()
        f.builder.brif(condition, consequent, frame.else_block)
    f.enter(consequent)
    f.stack += params  # the else finds its own below


def _else(f: FunctionTranslator) -> None:
    frame = f.frames[-1]
    if f.reachable:
        f.builder.jump(frame.following, f.pop_many(frame.arity))
        frame.is_branched_to = True
    block = frame.else_block
    if block is None:
        block = f.builder.create_block()
        assert frame.else_branch is not None  # noqa: S101  # one of the two, as `_if` has it
        f.builder.change_destination(frame.else_branch, frame.following, BlockCall(block))
        frame.else_branch = None
    del f.stack[frame.height + len(frame.shape.params) :]
    f.reachable = True
    f.enter(block)


def end(f: FunctionTranslator) -> None:
    """Close the innermost block; go on behind it if anything leads there."""
    frame = f.frames.pop()
    if f.reachable:
        f.builder.jump(frame.following, f.peek_many(len(frame.shape.results)))
    goes_on = f.reachable or (frame.is_branched_to and frame.kind != LOOP)
    goes_on = goes_on or frame.else_branch is not None
    if frame.kind == LOOP:
        f.builder.seal_block(frame.target)
    elif frame.kind == TRY_TABLE:
        end_try_table(f, frame)
    # A catch clause of the block may have led to blocks around it, never to this one.
    del f.stack[frame.height :]
    f.reachable = goes_on
    if goes_on:
        f.enter(frame.following)
        f.stack += f.builder.block_params(frame.following)


def _br(f: FunctionTranslator, depth: int) -> None:
    f.jump_to_label(depth, f.peek_many(f.frames[-1 - depth].arity))
    f.reachable = False


def branch_if(f: FunctionTranslator, condition: int, depth: int, *, negated: bool = False) -> Block:
    """Branch to a label, with its operands from the stack, if the condition is not 0 (or is 0).

    Returns the block of the other case, in which translation goes on.
    """
    frame = f.label(depth)
    values = f.peek_many(frame.arity)
    other = f.builder.create_block()
    if negated:
        f.builder.brif(condition, other, frame.target, (), values)
    else:
        f.builder.brif(condition, frame.target, other, values)
    f.enter(other)
    return other


def _br_if(f: FunctionTranslator, depth: int) -> None:
    branch_if(f, f.pop(), depth)


def _br_table(f: FunctionTranslator, labels: tuple[int, ...]) -> None:
    index = f.pop()
    values = f.peek_many(f.frames[-1 - labels[-1]].arity)
    calls = {depth: BlockCall(f.label(depth).target, values) for depth in dict.fromkeys(labels)}
    *table, default = (calls[depth] for depth in labels)
    f.builder.br_table(index, default, table)
    f.reachable = False


def _return(f: FunctionTranslator) -> None:
    f.builder.return_(f.peek_many(f.frames[0].arity))
    f.reachable = False


def _drop(f: FunctionTranslator) -> None:
    f.stack.pop()


def _select(f: FunctionTranslator, _types: object = None) -> None:
    condition, other, chosen = f.pop(), f.pop_canonical(), f.pop_canonical()
    f.push(f.ins(_SELECT, condition, chosen, other))


def _local_get(f: FunctionTranslator, index: int) -> None:
    f.stack.append(f.builder.use_var(index))


def _local_set(f: FunctionTranslator, index: int) -> None:
    f.builder.def_var(index, f.pop_canonical())


def _local_tee(f: FunctionTranslator, index: int) -> None:
    f.builder.def_var(index, f.canonical(f.stack[-1]))


ROWS: Final[dict[str, Translation]] = {
    "unreachable": _unreachable,
    "nop": _nop,
    "block": _block,
    "loop": _loop,
    "if": _if,
    "else": _else,
    "end": end,
    "br": _br,
    "br_if": _br_if,
    "br_table": _br_table,
    "return": _return,
    "drop": _drop,
    "select": _select,
    "select t": _select,
    "local.get": _local_get,
    "local.set": _local_set,
    "local.tee": _local_tee,
}
