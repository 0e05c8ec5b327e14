"""What an instruction is, for both ways of executing it: its semantics row, its access.

The tree-walking mode and the source generator share what this module says and nothing
else, so that they can check each other in everything that is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.exec.interp.outcome import UnsupportedOperationError
from plumbob.semantics import OPERATIONS, Operation, Site, ValueType, value_type

if TYPE_CHECKING:
    from plumbob.ir.entities import Inst, MemFlags, Value
    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

MEANINGLESS: Final = {
    "stack_switch": "there is no second stack to switch to",
    "get_frame_pointer": "frames have no addresses, their slots do",
    "get_stack_pointer": "there is no stack pointer",
    "get_return_address": "return addresses are not in memory",
    "get_exception_handler_address": "handlers have no addresses",
    "extract_vector": "the dynamic vector has no such part: it holds its base vector once",
}
"""Opcodes that mean nothing to an interpreter, and why. Executing one raises an error.

Of `extract_vector` that concerns parts beyond the first alone.
"""

NOTHING: Final = frozenset(("nop", "fence", "sequence_point"))
"""Opcodes without effect here: every access is sequentially consistent already."""

DYNAMIC_SCALE: Final = 1
"""How many times a dynamic vector holds its base vector: as on a target of 128-bit vectors."""


def unsupported(name: str, reason: str) -> UnsupportedOperationError:
    """Return the error of an instruction that cannot be executed."""
    return UnsupportedOperationError(f"cannot execute {name}", hint=reason)


def semantic_type(ty: Type) -> ValueType:
    """Return a type of the IR as the semantics sees it; dynamic vectors have scale 1."""
    if ty.is_ref:
        reason = "references are values of the runtime, and exist before lowering alone"
        raise unsupported(f"a value of type {ty}", reason)
    return value_type(ty.name.removesuffix("xN") if ty.is_dynamic else ty.name)


def _immediate(func: Function, inst: Inst, kind: str) -> int | str | bytes:
    """Return an immediate as `Site` holds it; the semantics names them as the formats do."""
    if kind == "byte_order":
        return func.imm(inst, "flags").endian or ""
    value: int | str | bytes = func.imm(inst, kind)
    return value


def semantics_of(func: Function, inst: Inst) -> tuple[Operation, Site] | None:
    """Return the operation that computes the instruction's results from its operands.

    None if the instruction is not a pure operation: an access, a call, a branch.
    """
    name = func.inst_op[inst].name
    operation = OPERATIONS.get(name)
    if operation is None or name == "atomic_rmw":
        return None
    return operation, Site(
        tuple(semantic_type(func.value_type(v)) for v in func.inst_args[inst]),
        tuple(semantic_type(func.value_type(v)) for v in func.inst_results[inst]),
        tuple(_immediate(func, inst, kind) for kind in operation.immediates),
    )


def constant_of(func: Function, inst: Inst) -> int | None:
    """Return the bits of a constant instruction's result, None for other instructions."""
    name = func.inst_op[inst].name
    match name:
        case "iconst" | "f16const" | "f32const" | "f64const":
            return int(func.inst_imms[inst][0])
        case "f128const" | "vconst":
            data = func.constants[func.imm(inst, "const")]
            return None if data is None else int.from_bytes(data, "little")
    return None


class Access(NamedTuple):
    """A load or store.

    `memory` is the type in memory; `value` that of the result or the stored operand.
    A load extends lane by lane (`signed` or not), a store keeps the low bits. `address` is
    the value operand that holds the address, `stored` the one to store. `aligned` says that
    the address must be a multiple of the size.
    """

    memory: ValueType
    value: ValueType
    signed: bool
    big_endian: bool
    address: Value
    offset: int
    stored: Value | None
    trap: str | None
    aligned: bool

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.memory.bits // 8


_EXTENDING: Final = {
    **{f"{sign}load{bits}": (sign == "s", f"i{bits}") for sign in "us" for bits in (8, 16, 32)},
    **{
        f"{sign}load{bits}x{lanes}": (sign == "s", f"i{bits}x{lanes}")
        for sign in "us"
        for bits, lanes in ((8, 8), (16, 4), (32, 2))
    },
}
_TRUNCATING: Final = {"istore8": "i8", "istore16": "i16", "istore32": "i32"}
LOADS: Final = frozenset(("load", "atomic_load", *_EXTENDING))
STORES: Final = frozenset(("store", "atomic_store", *_TRUNCATING))


def access_of(func: Function, inst: Inst) -> Access | None:
    """Return what a load or store does, None for other instructions."""
    op = func.inst_op[inst]
    if op.name not in LOADS and op.name not in STORES:
        return None
    args = func.inst_args[inst]
    flags: MemFlags = func.imm(inst, "flags")
    offset = func.imm(inst, "offset") if "offset" in op.format.imm_slots else 0
    signed, stored = False, None
    if op.name in LOADS:
        value = memory = semantic_type(func.value_type(func.inst_results[inst][0]))
        if op.name in _EXTENDING:
            signed, name = _EXTENDING[op.name]
            memory = value_type(name)
        address = args[0]
    else:
        stored, address = args
        value = memory = semantic_type(func.value_type(stored))
        if op.name in _TRUNCATING:
            memory = value_type(_TRUNCATING[op.name])
    aligned = flags.aligned or op.name.startswith("atomic")
    big = flags.endian == "big"
    return Access(memory, value, signed, big, address, offset, stored, flags.trap, aligned)


def atomic_access(func: Function, inst: Inst) -> Access:
    """Return the access of an atomic_rmw or atomic_cas; `stored` is its last operand."""
    args = func.inst_args[inst]
    flags: MemFlags = func.imm(inst, "flags")
    value = semantic_type(func.value_type(func.inst_results[inst][0]))
    big = flags.endian == "big"
    return Access(
        value, value, False, big, args[0], 0, args[-1], flags.trap, True
    )  # fields in order


def rmw_site(func: Function, inst: Inst) -> Site:
    """Return the site of the operation that an atomic_rmw applies to old value and operand."""
    value = semantic_type(func.value_type(func.inst_results[inst][0]))
    return Site((value, value), (value,), (str(func.imm(inst, "rmw")),))
