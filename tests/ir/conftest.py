"""Sample functions: one for each operation and controlling type."""

from __future__ import annotations

from typing import Any

import pytest

import plumbob.ir.high_level  # noqa: F401  # adds rows
from plumbob.ir import types
from plumbob.ir.constraints import TYPE_SETS, TypeSet
from plumbob.ir.entities import (
    AbiParam,
    AliasRegionData,
    BlockCall,
    DynamicTypeData,
    ExceptionTable,
    ExtFunc,
    Handler,
    ScaleGlobal,
    Signature,
    StackSlotData,
    SymbolGlobal,
    SymbolName,
    exception_argument,
    memflags,
    return_argument,
)
from plumbob.ir.function import Function
from plumbob.ir.operations import OPERATIONS, Operation

CALLEE = Signature((AbiParam(types.I32),), (AbiParam(types.F64), AbiParam(types.I64)), "tail")
STABLE = types.named("i32x4")


def members(type_set: TypeSet) -> list[types.Type]:
    """Return the set's types in a stable order, one reference type included if any is."""
    found = [ty for ty in types.NUMERIC if ty in type_set]
    return [*found, types.reference("any")] if type_set.refs else found


def _immediate(func: Function, op: Operation, kind: str, ctrl: types.Type | None) -> Any:
    simple = {
        "offset": -8,
        "intcc": "ule",
        "floatcc": "ueq",
        "rmw": "nand",
        "trap": "user7",
        "imm64": ctrl.mask if ctrl is not None else 0,
        "index": 0,
        "lane": 1 if ctrl is not None and ctrl.is_vector else 0,
        "mask": bytes(range(16)),
        "f16": 0x7D01,
        "f32": 0xFFC00001,
        "f64": 0x0000000000000001,
        "gv": 1 if op.name == "tls_value" else 0,
        "func": 0,
        "sig": 0,
        "slot": 0,
        "dslot": 0,
        "blockref": 2,
        "uint": 0,
        "uoffset": 1 << 63,
        "name": "type3",
    }
    if kind == "flags":
        if op.name == "bitcast":
            return memflags(endian="big")
        return memflags(trap=None, aligned=True, endian="little", region=0)
    if kind == "const":
        return func.add_constant(bytes(range(1, (ctrl or types.F128).bytes + 1)))
    if kind == "handlers":
        return ExceptionTable(0, (Handler("tag", 3, 1), Handler("default", None, 2)))
    return simple[kind]


def operand_types(op: Operation, ctrl: types.Type | None) -> list[types.Type] | None:
    """Return types that the operands may have, or None if there are none."""
    found = []
    for constraint in op.types.operands:
        wanted = op.types.resolve(constraint, ctrl)
        if isinstance(wanted, TypeSet):
            options = members(wanted)
            if ctrl is not None and op.name == "bitcast":
                options = [ty for ty in options if ty.bits == ctrl.bits and not ty.is_dynamic]
            elif ctrl is not None and op.name.startswith("fcvt"):
                shape = (ctrl.lanes, ctrl.is_dynamic)
                options = [ty for ty in options if (ty.lanes, ty.is_dynamic) == shape]
            wanted = options[-1] if options else None
        if wanted is None:
            return None
        found.append(wanted)
    return found


def sample(op: Operation, ctrl: types.Type | None) -> Function:
    """Return a valid function around one instruction."""
    func = Function(SymbolName(op.name.replace(".", "_")))
    without_arguments = "handlers" in op.format.imm_slots and not op.format.has_values
    func.add_signature(CALLEE._replace(params=()) if without_arguments else CALLEE)
    func.add_ext_func(ExtFunc(SymbolName("callee"), 0, colocated=True))
    func.add_stack_slot(StackSlotData(64, 16, 9))
    func.add_alias_region(AliasRegionData(5, "heap"))
    func.add_global_value(SymbolGlobal(SymbolName("sym"), 8, colocated=True))
    func.add_global_value(SymbolGlobal(SymbolName("tls"), 0, tls=True))
    func.add_global_value(ScaleGlobal(STABLE))
    func.dynamic_types.append(DynamicTypeData(STABLE, 2))
    func.add_dynamic_slot(0)
    entry = func.append_block()
    args = [func.append_param(entry, ty) for ty in operand_types(op, ctrl) or ()]
    if op.format.has_values:
        args.append(func.append_param(entry, types.I32))
    conv = "tail" if "return_call" in op.name else "fast"
    func.signature = Signature(
        tuple(AbiParam(func.value_type(v)) for v in func.block_params[entry]), (), conv
    )
    if op.is_return:
        returns = CALLEE.returns if op.is_call else (AbiParam(types.I32),)
        func.signature = func.signature._replace(returns=returns)
    imms = tuple(_immediate(func, op, kind, ctrl) for kind in op.format.imm_kinds)
    targets: tuple[BlockCall, ...] = ()
    after = func.append_block()
    if op.is_branch:
        count = {"jump": 1, "brif": 2, "br_table": 3}.get(op.name, 0)
        targets = (BlockCall(after),) * count
        if "handlers" in op.format.imm_slots:
            normal, caught = func.append_block(), func.append_block()
            for ty in (types.I64, types.F64):
                func.append_param(normal, ty)
            func.append_param(caught, types.I64)
            for block in (normal, caught):
                func.append_inst(block, func.new_inst(OPERATIONS["trap"], imms=("user1",)))
            targets = (
                BlockCall(normal, (return_argument(1), return_argument(0))),
                BlockCall(caught, (exception_argument(1),)),
                BlockCall(after),
            )
    inst = func.new_inst(op, ctrl, tuple(args), imms, targets, location=0x12)
    func.append_inst(entry, inst)
    func.make_results(inst)
    if not op.is_terminator:
        func.append_inst(entry, func.new_inst(OPERATIONS["jump"], targets=(BlockCall(after),)))
    if op.name == "get_exception_handler_address":
        target = func.append_block()
        assert target == 2
        catcher = ExceptionTable(0, (Handler("default", None, 1),))
        value = func.append_param(target, types.I32)
        last = func.new_inst(
            OPERATIONS["try_call"], None, (value,), (0, catcher), (BlockCall(after),) * 2
        )
        func.append_inst(target, last)
    func.append_inst(after, func.new_inst(OPERATIONS["trap"], imms=("heap_oob",)))
    return func


def controlling_types(op: Operation) -> list[types.Type | None]:
    """Return the types that may control the operation and give it results."""
    if op.types.control is None:
        return [None]
    return [
        ty
        for ty in members(TYPE_SETS[op.types.control])
        if op.types.result_types(ty) is not None and operand_types(op, ty) is not None
    ]


@pytest.fixture(scope="session")
def samples() -> list[Function]:
    """Return a valid function for every operation with every controlling type."""
    return [sample(op, ctrl) for op in OPERATIONS.values() for ctrl in controlling_types(op)]
