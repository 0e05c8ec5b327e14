"""The translation of one function: its state, and the loop over its operators.

What each operator becomes stands in the modules beside this one, in tables by the operator's
name; `operators.py` joins them. The manner is that of Cranelift's WebAssembly frontend, so
that values, block parameters and aliases arise as they do there: locals are variables of the
SSA builder; operands live on a stack of values; a block's results are parameters of the block
that follows it; the function's results go by way of an exit block.

Assumed, and guaranteed by validation: operands are of the right types and number, indices are
in range, and every block is closed.

Invariant: while `reachable` holds, the builder stands in a block without a terminator, and
the stack has the operands that validation says. Otherwise the builder's block is filled, and
nothing is translated until a block ends, an `else` or a `catch` begins that something leads
to: dead code leaves no trace, whatever policy accepted it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plumbob.frontend.environment import CALL_CONVENTION
from plumbob.frontend.parameters import RELAXED
from plumbob.ir.builder import FunctionBuilder
from plumbob.ir.entities import BlockCall, ExtFunc, Signature, memflags
from plumbob.ir.function import Function
from plumbob.ir.high_level import COLLECTED_TYPES
from plumbob.ir.operations import operation
from plumbob.ir.trap_codes import UNREACHABLE
from plumbob.ir.types import I8X16, I32, I64
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.instructions import decode_expression, decode_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plumbob.frontend.environment import ModuleEnvironment, Shape
    from plumbob.frontend.exceptions import Clause, TryPlan
    from plumbob.frontend.parameters import Relaxed
    from plumbob.ir.entities import Block, FuncRef, Inst, SigRef, Value
    from plumbob.ir.types import Type
    from plumbob.wasm import types as t
    from plumbob.wasm.binary.instructions import Instruction

    Translation = Callable[..., None]

LITTLE: Final = memflags(endian="little")
"""The flags of a bitcast between vectors: lane 0 stands first, as in WebAssembly's memory."""

BLOCK, LOOP, IF, TRY_TABLE, TRY = "block", "loop", "if", "try_table", "try"

_BITCAST: Final = operation("bitcast")
_ENDINGS: Final = frozenset(("end", "delegate"))


class Frame:
    """An open block.

    `target` is where a branch to its label goes, with `arity` arguments: `following`, the
    block behind it, or a loop's header. `height` is the stack's below the block's parameters.
    `is_branched_to` says that something leads to `following`.

    Of an if: `else_branch` is the branch that goes to `following` as long as there is no
    else, `else_block` an else's block that exists already. `handlers` are the
    clauses that an exception thrown in the block meets, in order. Of the blocks that catch
    (`exceptions.py`): `clauses`, and of a legacy try `catches`, how many of them were begun,
    and `caught`, the exception of the one that is open.
    """

    __slots__ = (
        "arity",
        "catches",
        "caught",
        "clauses",
        "else_block",
        "else_branch",
        "following",
        "handlers",
        "height",
        "is_branched_to",
        "kind",
        "location",
        "shape",
        "target",
    )

    def __init__(self, kind: str, shape: Shape, following: Block, height: int) -> None:
        self.kind = kind
        self.shape = shape
        self.following = following
        self.target = following
        self.arity = len(shape.results)
        self.height = height
        self.is_branched_to = False
        self.else_branch: Inst | None = None
        self.else_block: Block | None = None
        self.clauses: Sequence[Clause] = ()
        self.catches = 0
        self.caught: Value | None = None
        self.handlers: Sequence[Clause] = ()
        self.location = 0


class FunctionTranslator:
    """The state of one translation; `run` returns the function."""

    def __init__(
        self, environment: ModuleEnvironment, index: int, relaxed: Relaxed = RELAXED
    ) -> None:
        self.relaxed = relaxed
        self.environment = environment
        self.index = index
        self.body = environment.body(index)
        self.func = Function(
            environment.function_name(index), environment.function_signature(index)
        )
        self.builder = FunctionBuilder(self.func, _null)
        self.emit = self.builder.emit
        self.ins = self.builder.ins
        self.stack: list[Value] = []
        self.frames: list[Frame] = []
        self.reachable = True
        self.dead_blocks = 0
        """How many blocks are open that began in dead code."""
        self.try_plans: dict[int, TryPlan] | None = None
        """What closes each legacy `try`, by its offset; made when the first is met."""
        self.instructions: list[Instruction] = []
        self._types = self.func.value_types
        self._sig_refs: dict[int, SigRef] = {}
        self._func_refs: dict[int, FuncRef] = {}
        self._throw_signature: SigRef | None = None
        self._never: Block | None = None

    def run(self) -> Function:
        """Translate the function."""
        builder, environment, body = self.builder, self.environment, self.body
        reader = Reader(body.code, base=body.base, section="code")
        builder.location = reader.offset
        entry = builder.create_block()
        params = builder.append_function_params(entry)
        builder.switch_to_block(entry)
        builder.seal_block(entry)
        self._declare_locals(params, decode_locals(reader))
        shape = environment.shape(environment.functions[self.index])
        self.frames.append(Frame(BLOCK, shape, self.block_with(shape.results), 0))
        self.instructions = list(decode_expression(reader))
        self._operators()
        if self.reachable:
            builder.return_(self.stack)
        if self._never is not None:
            builder.switch_to_block(self._never)
            builder.seal_block(self._never)
            self.emit("trap", imms=(UNREACHABLE,))
        return self._finish()

    def _finish(self) -> Function:
        func = self.builder.finalize()
        # Not variables alone: an operand that lives across a call is a reference as well.
        func.stack_map_values.update(
            func.resolve(value)
            for value, ty in enumerate(func.value_types)
            if ty in COLLECTED_TYPES
        )
        return func

    def _operators(self) -> None:
        from plumbob.frontend.operators import BY_CODE  # noqa: PLC0415  # its rows import this

        builder = self.builder
        for operator, immediates, offset in self.instructions:
            if self.reachable:
                builder.location = offset
                BY_CODE[operator.code](self, *immediates)
            elif self.dead_blocks:
                if "blocktype" in operator.immediates:
                    self.dead_blocks += 1
                elif operator.rule in _ENDINGS:
                    self.dead_blocks -= 1
            elif "blocktype" in operator.immediates:
                self.dead_blocks = 1
            elif operator.name in REVIVING:
                builder.location = offset
                BY_CODE[operator.code](self, *immediates)

    def _declare_locals(
        self, params: Iterable[Value], runs: Iterable[tuple[int, t.ValType]]
    ) -> None:
        builder, environment = self.builder, self.environment
        for param in params:
            ty = self.func.value_type(param)
            var = builder.declare_var(ty, needs_stack_map=ty in COLLECTED_TYPES)
            builder.def_var(var, param)
        for count, type_ in runs:
            ty = environment.type_of(type_)
            zero = self.zero(ty) if count and type_.defaultable else None
            for _ in range(count):
                var = builder.declare_var(ty, needs_stack_map=ty in COLLECTED_TYPES)
                if zero is not None:
                    builder.def_var(var, zero)

    # Values

    def zero(self, ty: Type) -> Value:
        """Append the default value of a type."""
        if ty.is_ref:
            return self.ins("ref.null", ctrl=ty)
        if ty.is_int:
            return self.builder.iconst(ty, 0)
        if ty.is_vector:
            return self.ins("vconst", ctrl=ty, imms=(self.func.add_constant(bytes(ty.bytes)),))
        return self.ins(f"{ty.name}const", imms=(0,))

    def vector(self, value: Value, ty: Type) -> Value:
        """Return a vector with its lanes seen as `ty`'s."""
        if self._types[value] is ty:
            return value
        return self.ins(_BITCAST, value, ctrl=ty, imms=(LITTLE,))

    def canonical(self, value: Value) -> Value:
        """Return the value as it is where values meet: a vector as i8x16."""
        ty = self._types[value]
        if ty is I8X16 or ty is None or not ty.is_vector:
            return value
        return self.ins(_BITCAST, value, ctrl=I8X16, imms=(LITTLE,))

    def pop(self) -> Value:
        """Take the topmost operand."""
        return self.stack.pop()

    def pop_canonical(self) -> Value:
        """Take the topmost operand, as it is where values meet."""
        return self.canonical(self.stack.pop())

    def peek_many(self, count: int) -> tuple[Value, ...]:
        """Return the topmost operands, canonical; they stay."""
        return tuple(map(self.canonical, self.stack[-count:])) if count else ()

    def pop_many(self, count: int) -> tuple[Value, ...]:
        """Take the topmost operands, canonical."""
        values = self.peek_many(count)
        if count:
            del self.stack[-count:]
        return values

    def push(self, value: Value) -> None:
        """Put an operand on the stack."""
        self.stack.append(value)

    def push_bool(self, truth: Value) -> None:
        """Put an i8 truth value on the stack, as an i32."""
        self.stack.append(self.ins("uextend", truth, ctrl=I32))

    def address_type(self, *, is64: bool) -> Type:
        """Return the type of addresses."""
        return I64 if is64 else I32

    # Blocks

    def block_with(self, types: Iterable[Type]) -> Block:
        """Create a block with parameters of these types."""
        block = self.builder.create_block()
        for ty in types:
            self.builder.append_block_param(block, ty)
        return block

    def enter(self, block: Block) -> None:
        """Go on in a block that all branches to exist already."""
        self.builder.switch_to_block(block)
        self.builder.seal_block(block)

    def open(self, kind: str, shape: Shape) -> Frame:
        """Open a block whose parameters are on the stack."""
        frame = Frame(
            kind, shape, self.block_with(shape.results), len(self.stack) - len(shape.params)
        )
        frame.location = self.builder.location
        frame.handlers = self.frames[-1].handlers
        self.frames.append(frame)
        return frame

    def label(self, depth: int) -> Frame:
        """Return the frame that a label names, as the destination of a branch."""
        frame = self.frames[-1 - depth]
        frame.is_branched_to = True
        return frame

    def jump_to_label(self, depth: int, values: tuple[Value, ...]) -> None:
        """End the block with a branch to a label."""
        self.builder.jump(self.label(depth).target, values)

    # Entities

    def sig_ref(self, type_index: int) -> SigRef:
        """Return the function's number of a function type's signature."""
        ref = self._sig_refs.get(type_index)
        if ref is None:
            ref = self.func.add_signature(self.environment.signature(type_index))
            self._sig_refs[type_index] = ref
        return ref

    def func_ref(self, index: int) -> FuncRef:
        """Return the function's number of a function of the module."""
        ref = self._func_refs.get(index)
        if ref is None:
            environment = self.environment
            ref = self._func_refs[index] = self.func.add_ext_func(
                ExtFunc(
                    environment.function_name(index),
                    self.sig_ref(environment.functions[index]),
                    colocated=index in environment.defined,
                )
            )
        return ref

    def throw_signature(self) -> SigRef:
        """Return the number of the signature by which exceptions are thrown to handlers."""
        if self._throw_signature is None:
            self._throw_signature = self.func.add_signature(Signature((), (), CALL_CONVENTION))
        return self._throw_signature

    def never(self) -> BlockCall:
        """Return the destination of what does not return."""
        if self._never is None:
            self._never = self.builder.create_block()
        return BlockCall(self._never)

    def trap(self, code: str) -> None:
        """End the block with a trap."""
        self.emit("trap", imms=(code,))
        self.reachable = False


REVIVING: Final = frozenset(("end", "else", "catch", "catch_all", "delegate"))
"""Operators behind which dead code may end."""


def _null(builder: FunctionBuilder, ty: Type) -> Value:
    return builder.ins("ref.null", ctrl=ty)


def translate_function(
    environment: ModuleEnvironment, index: int, relaxed: Relaxed = RELAXED
) -> Function:
    """Return the function with this index as IR; `relaxed` says what relaxed operators are.

    Instructions carry the offset of their operator (`environment.FunctionBody.base`). Raises
    UsageError if the function has no body. The module must be valid.
    """
    return FunctionTranslator(environment, index, relaxed).run()
