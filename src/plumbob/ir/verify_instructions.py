"""What the verifier asks of each instruction: types, immediates, destinations, calls.

Types follow from the operation's row alone. What a row cannot say (two operands' sizes that
must agree, a lane within its vector, a call's signature) has a rule here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.errors import InternalError
from plumbob.ir.constraints import TYPE_SETS, TypeSet
from plumbob.ir.entities import (
    ATOMIC_RMW_OPS,
    EXCEPTION_PAYLOADS,
    FLOAT_CONDITIONS,
    INT_CONDITIONS,
    TAIL_CALL_CONVENTIONS,
    BlockCall,
    ExceptionTable,
    MemFlags,
    SymbolGlobal,
    block_argument_name,
    exception_argument,
    is_trap_code,
)
from plumbob.ir.printer import print_instruction
from plumbob.ir.types import F128, I64, Type, reference
from plumbob.ir.verify_entities import global_value_type, memory_flag_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.ir.entities import Inst, Signature
    from plumbob.ir.function import Function

_SAME_LANES = frozenset(
    ("fcvt_to_uint_sat", "fcvt_to_sint_sat", "fcvt_from_uint", "fcvt_from_sint")
)
"""Conversions whose operand's type is free, yet must have as many lanes as the result."""

_MAX_SHUFFLE_LANE = 31

_TABLES = {
    "const": ("constants", "const"),
    "gv": ("global_values", "gv"),
    "func": ("ext_funcs", "fn"),
    "sig": ("signatures", "sig"),
    "slot": ("stack_slots", "ss"),
    "dslot": ("dynamic_slots", "dss"),
}
_EXCEPTION = reference("exn")
_EXN0 = exception_argument(0)
_UNSIGNED_BITS = {"uint": 32, "uoffset": 64}
_WORDS = {"intcc": INT_CONDITIONS, "floatcc": FLOAT_CONDITIONS, "rmw": ATOMIC_RMW_OPS}


def _exists(table: Sequence[object], number: int) -> bool:
    return 0 <= number < len(table) and table[number] is not None


def instruction_checker(
    func: Function,
    pointer: Type | None,
    error: Callable[[tuple[str, int], str], None],
    *,
    pinned_reg: bool | None,
) -> Callable[[Inst], None]:
    """Return a function that reports every error of an instruction by `error`.

    The instruction must have no `shape_error`, and its operands must be defined. `pointer`
    is the type of an address, `pinned_reg` whether the pinned register is enabled; None means
    unknown.
    """
    return _Rules(func, pointer, pinned_reg, error).check


_IMMEDIATE_CLASSES: dict[str, type] = {
    "flags": MemFlags,
    "handlers": ExceptionTable,
    "mask": bytes,
    **dict.fromkeys(("intcc", "floatcc", "rmw", "trap", "name"), str),
}
"""The classes of immediates that are not integers."""


def shape_error(func: Function, inst: Inst) -> str | None:
    """Return what is wrong with the numbers and kinds of operands, None if nothing is.

    Without such an error, the instruction can be printed and its immediates can be read.
    """
    op = func.inst_op[inst]
    fmt = op.format
    args = len(func.inst_args[inst])
    if args < fmt.fixed_values or (args > fmt.fixed_values and not fmt.has_values):
        return f"{op.name} has {args} operands, expected {fmt.fixed_values}"
    imms = func.inst_imms[inst]
    if len(imms) != len(fmt.imm_kinds) or not all(
        isinstance(imm, _IMMEDIATE_CLASSES.get(kind, int))
        for kind, imm in zip(fmt.imm_kinds, imms, strict=True)
    ):
        return f"{op.name} has the wrong immediates, expected: {', '.join(fmt.imm_slots)}"
    fixed = [kind for kind, _ in fmt.pieces if kind == "block"]
    targets = len(func.inst_targets[inst])
    if targets < 1 if fmt.has_targets and not fixed else targets != len(fixed):
        return f"{op.name} has {targets} destinations"
    if "handlers" in fmt.imm_slots:
        handlers = imms[fmt.imm_slots["handlers"]].handlers
        used = sorted(h.target for h in handlers if h.target is not None)
        if used != list(range(1, targets)):
            return "the exception table does not fit the destinations"
    if (func.inst_type[inst] is None) == op.is_polymorphic:
        return f"{op.name} has the controlling type {func.inst_type[inst]}"
    return None


class _Rules:
    """Checks single instructions of good shape whose operands are defined."""

    def __init__(
        self,
        func: Function,
        pointer: Type | None,
        pinned_reg: bool | None,  # noqa: FBT001  # three states, passed by name
        error: Callable[[tuple[str, int], str], None],
    ) -> None:
        self.func = func
        self.pointer = pointer
        self.pinned_reg = pinned_reg
        self._error = error
        self.blocks = frozenset(func.layout)
        self.inst: Inst = -1
        self.special: dict[str, Callable[[], None]] = {
            "bitcast": self.bitcast,
            "insertlane": self.lane,
            "extractlane": self.lane,
            "shuffle": self.shuffle,
            "vconst": self.constant_size,
            "f128const": self.constant_size,
            "symbol_value": self.symbol,
            "tls_value": self.symbol,
            "get_pinned_reg": self.pinned,
            "set_pinned_reg": self.pinned,
            "return": self.return_values,
            "get_exception_handler_address": self.handler_address,
        }

    def error(self, message: str) -> None:
        """Report an error of the current instruction."""
        self._error(("inst", self.inst), message)

    def check(self, inst: Inst) -> None:
        """Report every error of the instruction."""
        func = self.func
        self.inst = inst
        op = func.inst_op[inst]
        if not self.entities() or not self.types():
            return
        if op.format.imm_kinds:
            self.immediates()
        special = self.special.get(op.name)
        if special is not None:
            special()
        if op.name in _SAME_LANES:
            self.same_lanes()
        if op.can_load or op.can_store:
            self.address()
        if op.is_call:
            self.call()
        for target in func.inst_targets[inst]:
            if "handlers" not in op.format.imm_slots:
                self.destination(target, {})
        if inst in func.debug_tags and not op.is_call and op.name != "sequence_point":
            self.error("debug tags present on non-call, non-sequence point instruction")
        if inst in func.stack_maps:
            self.stack_map()
        if op.check is not None:
            for message in op.check(func, inst):
                self.error(message)

    def entities(self) -> bool:
        """Check that every entity named by an immediate exists."""
        func, inst = self.func, self.inst
        imms = func.inst_imms[inst]
        good = True
        for slot, kind in enumerate(func.inst_op[inst].format.imm_kinds):
            entry = _TABLES.get(kind)
            if entry is None:
                continue
            name, prefix = entry
            table: list[Any] = getattr(func, name)
            number = imms[slot]
            if not _exists(table, number):
                self.error(f"undefined reference {prefix}{number}")
                good = False
            elif kind == "func" and not _exists(func.signatures, table[number].signature):
                self.error(f"undefined signature sig{table[number].signature}")
                good = False
        handlers = func.inst_op[inst].format.imm_slots.get("handlers")
        if handlers is not None:
            number = imms[handlers].signature
            if not _exists(func.signatures, number):
                self.error(f"undefined reference sig{number}")
                good = False
        return good

    # Types

    def types(self) -> bool:
        func, inst = self.func, self.inst
        op = func.inst_op[inst]
        row = op.types
        ctrl = func.inst_type[inst]
        if row.control is not None and (ctrl is None or ctrl not in TYPE_SETS[row.control]):
            self.error(f"{ctrl} is not a valid controlling type of {op.name} ({row.control})")
            return False
        good = True
        args = func.inst_args[inst]
        for index, constraint in enumerate(row.operands):
            value = args[index]
            found = func.value_type(value)
            wanted = row.resolve(constraint, ctrl)
            if isinstance(wanted, TypeSet):
                if found not in wanted:
                    good = False
                    self.error(
                        f"arg {index} (v{value}) with type {found} failed to satisfy type set "
                        f"{wanted}"
                    )
            elif found is not wanted:
                good = False
                self.error(f"arg {index} (v{value}) has type {found}, expected {wanted}")
        return self.results() and good

    def results(self) -> bool:
        func, inst = self.func, self.inst
        try:
            expected = func.result_types(inst)
        except InternalError as error:
            self.error(str(error))
            return False
        found = func.inst_results[inst]
        if len(found) != len(expected):
            self.error(
                f"has {len(found)} results, expected {len(expected)}: "
                f"{', '.join(map(str, expected))}"
            )
            return False
        for value, ty in zip(found, expected, strict=True):
            if func.value_types[value] is not ty:
                self.error(f"expected v{value} to have type {ty}, got {func.value_types[value]}")
                return False
        return True

    def same_lanes(self) -> None:
        ctrl = self.func.inst_type[self.inst]
        value = self.func.inst_args[self.inst][0]
        found = self.func.value_type(value)
        if ctrl is not None and (found.lanes, found.is_dynamic) != (ctrl.lanes, ctrl.is_dynamic):
            self.error(f"arg 0 (v{value}) has type {found}, expected as many lanes as {ctrl}")

    # Immediates

    def immediates(self) -> None:
        func, inst = self.func, self.inst
        imms = func.inst_imms[inst]
        op = func.inst_op[inst]
        for kind, imm in zip(op.format.imm_kinds, imms, strict=True):
            if kind == "flags":
                for message in memory_flag_errors(func, imm):
                    self.error(message)
                if imm.readonly and op.can_store:
                    self.error("A store instruction cannot have the `readonly` MemFlag")
            elif kind in _WORDS and imm not in _WORDS[kind]:
                self.error(f"unknown condition or operation `{imm}`")
            elif kind == "trap" and not is_trap_code(imm):
                self.error(f"unknown trap code `{imm}`")
            elif kind == "imm64":
                ctrl = func.inst_type[inst] or I64
                if not 0 <= imm <= ctrl.mask:
                    self.error(f"immediate {imm} does not fit the type {ctrl}")
            elif kind == "offset" and not -(1 << 31) <= imm < 1 << 31:
                self.error(f"offset {imm} does not fit 32 bits")
            elif kind in _UNSIGNED_BITS and not 0 <= imm < 1 << _UNSIGNED_BITS[kind]:
                self.error(f"immediate {imm} does not fit {_UNSIGNED_BITS[kind]} bits, unsigned")
            elif kind in ("f16", "f32", "f64") and not 0 <= imm < 1 << int(kind[1:]):
                self.error(f"{imm:#x} is not a bit pattern of {kind}")

    def bitcast(self) -> None:
        func, inst = self.func, self.inst
        flags = func.imm(inst, "flags")
        if flags.trap != "heap_oob" or any(flags[1:4]) or flags.region is not None:
            self.error("The bitcast instruction only accepts the `big` or `little` memory flags")
            return
        value = func.inst_args[inst][0]
        found, wanted = func.value_type(value), func.inst_type[inst]
        if wanted is None:
            return
        if found.bits != wanted.bits:
            self.error(
                f"The bitcast argument v{value} has a type of {found.bits} bits, which doesn't "
                f"match an expected type of {wanted.bits} bits"
            )
        elif found.lanes != wanted.lanes and flags.endian is None:
            self.error("Byte order specifier required for bitcast instruction changing lane count")

    def lane(self) -> None:
        lane = self.func.imm(self.inst, "lane")
        ctrl = self.func.inst_type[self.inst]
        if ctrl is not None and not 0 <= lane < ctrl.lanes:
            self.error(f"The lane {lane} does not index into the type {ctrl}")

    def shuffle(self) -> None:
        mask = self.func.imm(self.inst, "mask")
        if len(mask) != 16:
            self.error(f"a shuffle mask has 16 bytes, not {len(mask)}")
        for lane in mask:
            if lane > _MAX_SHUFFLE_LANE:
                self.error(
                    f"shuffle immediate index {lane} is larger than the maximum {_MAX_SHUFFLE_LANE}"
                )

    def constant_size(self) -> None:
        func, inst = self.func, self.inst
        number = func.imm(inst, "const")
        data = func.constants[number] or b""
        size = (func.inst_type[inst] or F128).bytes
        if len(data) != size:
            self.error(
                f"The instruction expects const{number} to have a size of {size} bytes but it "
                f"has {len(data)}"
            )

    def symbol(self) -> None:
        func, inst = self.func, self.inst
        number = func.imm(inst, "gv")
        data = func.global_values[number]
        name = func.inst_op[inst].name
        if not isinstance(data, SymbolGlobal):
            self.error(f"{name} refers to gv{number}, which is not a symbol")
            return
        if data.tls != (name == "tls_value"):
            kind = "a thread-local" if data.tls else "an ordinary"
            self.error(f"{name} refers to gv{number}, {kind} symbol")
        wanted, found = global_value_type(data, self.pointer), func.inst_type[inst]
        if wanted is not None and found is not wanted:
            self.error(
                f"global_value instruction with type {found} references global value with type "
                f"{wanted}"
            )

    def pinned(self) -> None:
        if self.pinned_reg is False:
            self.error("the pinned register is not enabled")
        ctrl = self.func.inst_type[self.inst]
        if self.pointer is not None and ctrl is not self.pointer:
            self.error(f"the pinned register has type {self.pointer}, not {ctrl}")

    def address(self) -> None:
        """Check the width of a memory access's address."""
        func, inst = self.func, self.inst
        op = func.inst_op[inst]
        if self.pointer is None or "flags" not in op.format.imm_slots:
            return
        for index, constraint in enumerate(op.types.operands):
            if constraint.variable == "iAddr":
                value = func.inst_args[inst][index]
                found = func.value_type(value)
                if found is not self.pointer:
                    self.error(
                        f"invalid pointer width (got {found.bits}, expected "
                        f"{self.pointer.bits}) encountered v{value}"
                    )

    # Control flow

    def destination(self, target: BlockCall, special: dict[int, Type | None]) -> None:
        """Check a destination; `special` gives the types of `retN` and `exnN` arguments."""
        func = self.func
        if target.block not in self.blocks:
            self.error(f"invalid block reference block{target.block}")
            return
        params = func.block_params[target.block]
        if len(params) != len(target.args):
            self.error(
                f"mismatched argument count for block{target.block}: got {len(target.args)}, "
                f"expected {len(params)}"
            )
            return
        for param, argument in zip(params, target.args, strict=True):
            found = func.value_types[argument] if argument >= 0 else special.get(argument)
            if argument < 0 and argument not in special:
                self.misplaced(argument)
                continue
            wanted = func.value_types[param]
            if found is not None and found is not wanted:
                name = block_argument_name(argument)
                self.error(f"arg {name} has type {found}, expected {wanted}")

    def misplaced(self, argument: int) -> None:
        kind = block_argument_name(argument)[:3]
        self.error(f"`{kind}N` block argument used outside normal-return target of `try_call`")

    def return_values(self) -> None:
        self.returned(
            [self.func.value_type(value) for value in self.func.inst_args[self.inst]],
            "arguments of return must match function signature",
        )

    def returned(self, found: Sequence[Type], count_message: str) -> None:
        returns = self.func.signature.returns
        if len(found) != len(returns):
            self.error(f"{count_message}: got {len(found)}, expected {len(returns)}")
            return
        for index, (ty, param) in enumerate(zip(found, returns, strict=True)):
            if ty is not param.type:
                self.error(
                    f"result {index} has type {ty}, must match function signature of {param.type}"
                )

    def handler_address(self) -> None:
        func, inst = self.func, self.inst
        block, index = func.imm(inst, "blockref"), func.imm(inst, "index")
        if block not in self.blocks:
            self.error(f"invalid block reference block{block}")
            return
        last = func.block_insts[block][-1]
        if "handlers" not in func.inst_op[last].format.imm_slots:
            self.error(f"referenced block block{block} does not end in a try_call")
            return
        handlers = [h for h in func.imm(last, "handlers").handlers if h.target is not None]
        if index < 0:
            self.error(f"exception handler index {index} cannot be negative")
        elif index >= len(handlers):
            self.error(f"exception handler index {index} is out-of-range")

    # Calls

    def call(self) -> None:
        func, inst = self.func, self.inst
        op = func.inst_op[inst]
        sig_ref = func.call_signature(inst)
        signature = None if sig_ref is None else func.signatures[sig_ref]
        if signature is None:
            return  # stack_switch, which calls no function
        if "handlers" in op.format.imm_slots and not self.try_call(signature):
            return
        args = func.inst_args[inst][op.format.fixed_values :]
        if len(args) != len(signature.params):
            self.error(
                f"mismatched argument count for `{print_instruction(func, inst)}`: got "
                f"{len(args)}, expected {len(signature.params)}"
            )
        else:
            for index, (value, param) in enumerate(zip(args, signature.params, strict=True)):
                found = func.value_type(value)
                if found is not param.type:
                    self.error(f"arg {index} (v{value}) has type {found}, expected {param.type}")
        if op.is_return:
            self.tail_call(signature)
        if "func" in op.format.imm_slots:
            self.patchable()

    def tail_call(self, callee: Signature) -> None:
        caller = self.func.signature
        if callee.call_conv not in TAIL_CALL_CONVENTIONS:
            self.error(f"calling convention `{callee.call_conv}` does not support tail calls")
        if callee.call_conv != caller.call_conv:
            self.error("callee's calling convention must match caller")
        self.returned(
            [param.type for param in callee.returns], "results of callee must match caller"
        )

    def patchable(self) -> None:
        callee = self.func.ext_funcs[self.func.imm(self.inst, "func")]
        if callee is None or not callee.patchable:
            return
        if not callee.colocated:
            self.error("patchable call to non-colocated function")
        signature = self.func.signatures[callee.signature]
        if signature is not None and signature.returns:
            self.error("patchable call cannot occur to a function with return values")

    def try_call(self, signature: Signature) -> bool:
        """Check the exception table; false if it belongs to another signature."""
        func, inst = self.func, self.inst
        table = func.imm(inst, "handlers")
        if "func" in func.inst_op[inst].format.imm_slots:
            number = func.imm(inst, "func")
            callee = func.ext_funcs[number]
            if (
                callee is not None
                and func.signatures[callee.signature] != func.signatures[table.signature]
            ):
                self.error(
                    f"exception table signature sig{table.signature} did not match function "
                    f"fn{number}'s signature sig{callee.signature}"
                )
                return False
        payloads = EXCEPTION_PAYLOADS.get(signature.call_conv)
        if payloads is None:
            self.error(
                f"calling convention `{signature.call_conv}` of callee does not support exceptions"
            )
            return True
        targets = func.inst_targets[inst]
        returned = {-1 - 2 * n: param.type for n, param in enumerate(signature.returns)}
        self.exceptional_destination(targets[0], dict(returned), len(signature.returns), "ret")
        for target in targets[1:]:
            self.exceptional_destination(
                target, self.payload_types(target, payloads), payloads, "exn"
            )
        return True

    def payload_types(self, target: BlockCall, payloads: int) -> dict[int, Type | None]:
        """Return what a handler's `exnN` are: addresses, or, before lowering, `ref.exn` for `exn0`.

        Which of the two the handler's parameter says.
        """
        func = self.func
        thrown = {-2 - 2 * n: self.pointer for n in range(payloads)}
        params = func.block_params[target.block] if target.block in self.blocks else []
        for param, argument in zip(params, target.args, strict=False):
            if argument == _EXN0 and func.value_types[param] is _EXCEPTION:
                thrown[_EXN0] = _EXCEPTION
        return thrown

    def exceptional_destination(
        self, target: BlockCall, special: dict[int, Type | None], count: int, kind: str
    ) -> None:
        """Check a destination of a try_call, at which `count` arguments of `kind` exist."""
        for argument in target.args:
            if argument < 0 and argument not in special:
                if block_argument_name(argument).startswith(kind):
                    self.error(f"out-of-bounds `{kind}N` block argument: {count} exist")
                else:
                    self.misplaced(argument)
                special[argument] = None  # reported; its type is unknown
        self.destination(target, special)

    def stack_map(self) -> None:
        func, inst = self.func, self.inst
        op = func.inst_op[inst]
        if not op.is_call or op.is_return:
            self.error("a stack map on an instruction that is no call, or a tail call")
            return
        for entry in func.stack_maps[inst]:
            slot = func.stack_slots[entry.slot] if entry.slot < len(func.stack_slots) else None
            if slot is None:
                self.error(f"stack map names ss{entry.slot}, which does not exist")
            elif entry.offset < 0 or entry.offset + entry.type.bytes > slot.size:
                self.error(
                    f"stack map entry {entry.type} at offset {entry.offset} exceeds "
                    f"ss{entry.slot} of {slot.size} bytes"
                )
