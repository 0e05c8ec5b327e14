"""Build a function instruction by instruction, with variables turned into SSA values.

    builder = FunctionBuilder(Function(SymbolName("f"), signature))
    entry = builder.create_block()
    builder.append_function_params(entry)
    builder.switch_to_block(entry)
    builder.seal_block(entry)
    x = builder.declare_var(I32)
    builder.def_var(x, builder.block_params(entry)[0])
    ...
    builder.finalize()

A block is *filled* once it ends in a terminator and *sealed* once all branches to it exist.
Variables may be read in an unsealed block (a loop's header); `finalize` checks that in the
end everything is filled and sealed. The function is complete only after `finalize`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.errors import InternalError
from plumbob.ir.entities import BlockCall, memflags
from plumbob.ir.function import NO_LOCATION, Function
from plumbob.ir.operations import Operation, operation
from plumbob.ir.ssa import SSABuilder, Variable
from plumbob.ir.types import I64, I128

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plumbob.ir.entities import Block, FuncRef, Inst, MemFlags, SigRef, Value
    from plumbob.ir.types import Type

_PLAIN = memflags()


class FunctionBuilder:
    """Builds `func`, which must not have blocks yet.

    `zero_reference` creates a value of a reference type where only unreachable code reads a
    variable; without it such a read raises InternalError. It may use `emit`.
    """

    def __init__(
        self,
        func: Function,
        zero_reference: Callable[[FunctionBuilder, Type], Value] | None = None,
    ) -> None:
        self.func = func
        self.location = NO_LOCATION
        """The source location of the instructions that follow."""
        self._ssa = SSABuilder(func, self._zero_at_head)
        self._zero_reference = zero_reference
        self._block: Block | None = None
        self._filled: set[Block] = set()
        self._marked_variables: dict[Variable, None] = {}
        self._marked_values: dict[Value, None] = {}

    # Blocks

    def create_block(self) -> Block:
        """Create a block; it enters the layout when the builder first switches to it."""
        return self.func.new_block()

    def append_block_param(self, block: Block, ty: Type) -> Value:
        """Append a parameter, for which every branch to the block gives an argument itself."""
        if block in self._ssa.has_inserted or block in self._ssa.incomplete:
            raise InternalError(
                "a block's own parameters come before those of variables", found=f"block{block}"
            )
        return self.func.append_param(block, ty)

    def append_function_params(self, block: Block) -> list[Value]:
        """Give the entry block the parameters of the function's signature; returns them."""
        return [self.append_block_param(block, p.type) for p in self.func.signature.params]

    def block_params(self, block: Block) -> list[Value]:
        """Return the block's parameters so far."""
        return self.func.block_params[block]

    def switch_to_block(self, block: Block) -> None:
        """Append to this block from now on; the one before must be filled."""
        current = self._block
        if current is not None and current not in self._filled:
            raise InternalError("a block without a terminator", found=f"block{current}")
        if block in self._filled:
            raise InternalError("a block that already has a terminator", found=f"block{block}")
        self.func.append_block(block)
        self._block = block
        self._ssa.begin(block)

    @property
    def current_block(self) -> Block | None:
        """The block that instructions are appended to."""
        return self._block

    @property
    def is_filled(self) -> bool:
        """Whether the current block has its terminator, or there is no current block."""
        return self._block is None or self._block in self._filled

    def seal_block(self, block: Block) -> None:
        """Declare that every branch to the block exists."""
        self._ssa.seal(block)

    def seal_all_blocks(self) -> None:
        """Seal every block."""
        for block in range(len(self.func.block_params)):
            self._ssa.seal(block)

    def predecessors(self, block: Block) -> Sequence[Inst]:
        """Return the branches to the block so far."""
        return self._ssa.predecessors.get(block, ())

    # Variables

    def declare_var(self, ty: Type, *, needs_stack_map: bool = False) -> Variable:
        """Create a variable."""
        var = self._ssa.declare(ty)
        if needs_stack_map:
            self._marked_variables[var] = None
        return var

    def def_var(self, var: Variable, value: Value) -> None:
        """Assign to a variable in the current block."""
        expected, found = self._ssa.types[var], self.func.value_type(value)
        if expected is not found:
            raise InternalError(
                f"a value for variable {var}", expected=str(expected), found=f"v{value}: {found}"
            )
        self._ssa.define(var, self._current(), value)

    def use_var(self, var: Variable) -> Value:
        """Return the variable's value at this point of the current block."""
        return self._ssa.use(var, self._current())

    def declare_var_needs_stack_map(self, var: Variable) -> None:
        """Mark a variable: every value it had or will have needs a stack map."""
        self._marked_variables[var] = None

    def declare_value_needs_stack_map(self, value: Value) -> None:
        """Mark a single value."""
        self._marked_values[value] = None

    # Instructions

    def emit(
        self,
        op: Operation | str,
        args: Iterable[Value] = (),
        *,
        ctrl: Type | None = None,
        imms: tuple[Any, ...] = (),
        targets: tuple[BlockCall, ...] = (),
    ) -> Inst:
        """Append an instruction, and return it; its results are `func.inst_results`.

        `ctrl` may be left out where an operand's type determines it. Raises InternalError in
        a block that is filled.
        """
        row = op if isinstance(op, Operation) else operation(op)
        block = self._current()
        values = tuple(args)
        operand = row.types.control_operand
        if ctrl is None and operand is not None:
            ctrl = self.func.value_type(values[operand])
        inst = self.func.new_inst(row, ctrl, values, imms, targets, self.location)
        self.func.append_inst(block, inst)
        self.func.make_results(inst)
        for target in targets:
            self._ssa.add_predecessor(target.block, inst)
        if row.is_terminator:
            self._filled.add(block)
        return inst

    def ins(
        self,
        op: Operation | str,
        *args: Value,
        ctrl: Type | None = None,
        imms: tuple[Any, ...] = (),
    ) -> Value:
        """Append an instruction with one result, and return the result."""
        (result,) = self.func.inst_results[self.emit(op, args, ctrl=ctrl, imms=imms)]
        return result

    def iconst(self, ty: Type, value: int) -> Value:
        """Append an integer constant, cut to the type's width."""
        return self.ins("iconst", ctrl=ty, imms=(value & ty.mask,))

    def load(self, ty: Type, address: Value, offset: int = 0, flags: MemFlags = _PLAIN) -> Value:
        """Append a load."""
        return self.ins("load", address, ctrl=ty, imms=(flags, offset))

    def store(
        self, value: Value, address: Value, offset: int = 0, flags: MemFlags = _PLAIN
    ) -> None:
        """Append a store."""
        self.emit("store", (value, address), imms=(flags, offset))

    def change_destination(self, branch: Inst, old: Block, new: BlockCall) -> None:
        """Let a branch go to `new` wherever it went to `old`; neither may be sealed."""
        self.func.inst_targets[branch] = tuple(
            new if target.block == old else target for target in self.func.inst_targets[branch]
        )
        self._ssa.move_predecessor(branch, old, new.block)

    def jump(self, block: Block, args: Iterable[Value] = ()) -> Inst:
        """End the block with a jump."""
        return self.emit("jump", targets=(BlockCall(block, tuple(args)),))

    def brif(
        self,
        condition: Value,
        then: Block,
        otherwise: Block,
        then_args: Iterable[Value] = (),
        else_args: Iterable[Value] = (),
    ) -> Inst:
        """End the block with a branch: to `then` unless the condition is zero."""
        targets = (BlockCall(then, tuple(then_args)), BlockCall(otherwise, tuple(else_args)))
        return self.emit("brif", (condition,), targets=targets)

    def br_table(self, index: Value, default: BlockCall, table: Iterable[BlockCall]) -> Inst:
        """End the block with a jump table."""
        return self.emit("br_table", (index,), targets=(default, *table))

    def return_(self, values: Iterable[Value] = ()) -> Inst:
        """End the block by returning."""
        return self.emit("return", values)

    def call(self, callee: FuncRef, args: Iterable[Value]) -> tuple[Value, ...]:
        """Append a direct call, and return its results."""
        return self.func.inst_results[self.emit("call", args, imms=(callee,))]

    def call_indirect(
        self, signature: SigRef, callee: Value, args: Iterable[Value]
    ) -> tuple[Value, ...]:
        """Append an indirect call, and return its results."""
        inst = self.emit("call_indirect", (callee, *args), imms=(signature,))
        return self.func.inst_results[inst]

    # The end

    def finalize(self) -> Function:
        """Complete the function and return it.

        Raises InternalError if a block in the layout is not filled, or a block that variables
        were asked of is not sealed. `Function.stack_map_values` then holds the marked values
        and every value that a marked variable ever had, aliases resolved.
        """
        func = self.func
        for block in func.layout:
            if block not in self._filled:
                raise InternalError("a block without a terminator", found=f"block{block}")
        if self._ssa.incomplete:
            listed = ", ".join(f"block{block}" for block in self._ssa.incomplete)
            raise InternalError("blocks that were never sealed", found=listed)
        self._ssa.finish()
        for var in self._marked_variables:
            self._marked_values.update(dict.fromkeys(self._ssa.history[var]))
        func.stack_map_values.update(map(func.resolve, self._marked_values))
        return func

    def _current(self) -> Block:
        block = self._block
        if block is None or block in self._filled:
            raise InternalError("no block to append to: switch to one first")
        return block

    def _zero_at_head(self, block: Block, ty: Type) -> Value:
        """Create a zero before everything else in a block that may be filled already."""
        func = self.func
        before, saved, filled = func.block_insts[block], self._block, block in self._filled
        func.block_insts[block] = []
        self._block = block
        self._filled.discard(block)
        value = self._zero(ty)
        func.block_insts[block] += before
        self._block = saved
        if filled:
            self._filled.add(block)
        return value

    def _zero(self, ty: Type) -> Value:
        if ty.is_ref:
            if self._zero_reference is None:
                raise InternalError("a reference is read that no path defines", found=str(ty))
            return self._zero_reference(self, ty)
        if ty is I128:
            return self.ins("uextend", self.iconst(I64, 0), ctrl=I128)
        if ty.is_int:
            return self.iconst(ty, 0)
        if ty.is_vector or ty.bits == 128:
            name = "vconst" if ty.is_vector else "f128const"
            number = self.func.add_constant(bytes(ty.bytes))
            return self.ins(name, ctrl=ty if ty.is_vector else None, imms=(number,))
        return self.ins(f"{ty.name}const", imms=(0,))
