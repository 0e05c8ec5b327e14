"""What the verifier asks of a function's signatures, slots, global values and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.ir.entities import (
    CALL_CONVENTIONS,
    AddGlobal,
    LoadGlobal,
    ScaleGlobal,
    SymbolGlobal,
    VMContextGlobal,
    is_trap_code,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.ir.entities import GlobalValue, GlobalValueData, MemFlags, Signature
    from plumbob.ir.function import Function
    from plumbob.ir.types import Type

    Report = Callable[[tuple[str, int], str], None]

_EXTENSION_NAMES = {"uext": "Uext", "sext": "Sext"}


def verify_entities(func: Function, pointer: Type | None, error: Report) -> None:
    """Report the errors of everything but blocks and instructions."""
    _signature(func.signature, ("function", 0), error)
    for number, signature in enumerate(func.signatures):
        if signature is not None:
            _signature(signature, ("sig", number), error)
    for number, callee in enumerate(func.ext_funcs):
        if callee is not None and not _exists(func.signatures, callee.signature):
            error(("fn", number), f"undefined signature sig{callee.signature}")
    _regions(func, error)
    _slots(func, error)
    _global_values(func, pointer, error)


def global_value_type(data: GlobalValueData, pointer: Type | None) -> Type | None:
    """Return the type of a global value; None if it is an unknown target's pointer."""
    return data.type if isinstance(data, LoadGlobal | AddGlobal) else pointer


def _exists(table: list[object] | list[Signature | None], number: int) -> bool:
    return 0 <= number < len(table) and table[number] is not None


def _signature(signature: Signature, where: tuple[str, int], error: Report) -> None:
    if signature.call_conv not in CALL_CONVENTIONS:
        error(where, f"unknown calling convention `{signature.call_conv}`")
    for kind, params in (
        ("Parameter", signature.params),
        ("Return value", signature.returns),
    ):
        for position, param in enumerate(params):
            if param.extension is not None and not param.type.is_int:
                name = _EXTENSION_NAMES.get(param.extension, param.extension)
                error(where, f"{kind} at position {position} has invalid extension {name}")
    if signature.call_conv == "preserve_all" and signature.returns:
        error(where, "Signature with `preserve_all` ABI cannot have return values")


def _regions(func: Function, error: Report) -> None:
    known: set[int] = set()
    for number, region in enumerate(func.alias_regions):
        if region is None:
            continue
        if region.user_id in known:
            error(("region", number), f"duplicate alias region user_id {region.user_id}")
        known.add(region.user_id)


def _slots(func: Function, error: Report) -> None:
    for number, slot in enumerate(func.stack_slots):
        if slot is not None and (slot.size < 0 or slot.align < 1 or slot.align & (slot.align - 1)):
            error(("ss", number), "a stack slot's alignment must be a power of two")
    for number, data in enumerate(func.dynamic_types):
        if data is None:
            continue
        scale = func.global_values[data.scale] if _has_global(func, data.scale) else None
        if not isinstance(scale, ScaleGlobal):
            error(("dt", number), f"gv{data.scale} is not a dyn_scale_target_const")
    for number, ty in enumerate(func.dynamic_slots):
        if ty is not None and not (ty < len(func.dynamic_types) and func.dynamic_types[ty]):
            error(("dss", number), f"undefined dynamic type dt{ty}")


def _has_global(func: Function, number: GlobalValue) -> bool:
    return 0 <= number < len(func.global_values) and func.global_values[number] is not None


def _global_values(func: Function, pointer: Type | None, error: Report) -> None:
    cyclic = _report_cycles(func, error)
    for number, data in enumerate(func.global_values):
        if data is not None and number not in cyclic:
            _global_value(func, number, data, pointer, error)
    limit = func.stack_limit
    if limit is not None and not _has_global(func, limit):
        error(("stack_limit", 0), f"undefined global value gv{limit}")


def _report_cycles(func: Function, error: Report) -> set[GlobalValue]:
    """Report each cycle of global values once, at its lowest number; return the members."""
    cyclic: set[GlobalValue] = set()
    done: set[GlobalValue] = set()
    for number in range(len(func.global_values)):
        path: dict[GlobalValue, None] = {}
        current = number
        while current not in done and current not in path:
            path[current] = None
            data = func.global_values[current] if _has_global(func, current) else None
            if not isinstance(data, LoadGlobal | AddGlobal):
                break
            current = data.base
        if current in path and current not in done and _leads_on(func, current):
            chain = list(path)
            chain = chain[chain.index(current) :]
            lowest = chain.index(min(chain))
            chain = chain[lowest:] + chain[:lowest]
            listed = ", ".join(f"gv{link}" for link in chain)
            error(("gv", chain[0]), f"global value cycle: [{listed}]")
            cyclic.update(chain)
        done.update(path)
    return cyclic


def _leads_on(func: Function, number: GlobalValue) -> bool:
    return _has_global(func, number) and isinstance(
        func.global_values[number], LoadGlobal | AddGlobal
    )


def _global_value(
    func: Function, number: GlobalValue, data: GlobalValueData, pointer: Type | None, error: Report
) -> None:
    where = ("gv", number)
    match data:
        case VMContextGlobal():
            if func.signature.special_param("vmctx") is None:
                error(where, "undeclared vmctx reference: no parameter has that purpose")
        case LoadGlobal(base, _, _, flags):
            base_type = _base_type(func, base, pointer, where, error)
            if pointer is not None and base_type not in (None, pointer):
                error(
                    where,
                    f"base gv{base} has type {base_type}, which is not the pointer type {pointer}",
                )
            for message in memory_flag_errors(func, flags):
                error(where, message)
        case AddGlobal(base, _, ty):
            base_type = _base_type(func, base, pointer, where, error)
            if not ty.is_int:
                error(where, f"iadd_imm needs an integer type, not {ty}")
            elif base_type not in (None, ty):
                error(where, f"base gv{base} has type {base_type}, expected {ty}")
        case ScaleGlobal(ty):
            if not ty.is_vector:
                error(where, f"dyn_scale_target_const needs a vector type, not {ty}")
        case SymbolGlobal():
            pass


def _base_type(
    func: Function,
    base: GlobalValue,
    pointer: Type | None,
    where: tuple[str, int],
    error: Report,
) -> Type | None:
    data = func.global_values[base] if _has_global(func, base) else None
    if data is None:
        error(where, f"undefined global value gv{base}")
        return None
    return global_value_type(data, pointer)


def memory_flag_errors(func: Function, flags: MemFlags) -> list[str]:
    """Return what is wrong with memory flags by themselves."""
    errors = []
    region = flags.region
    if region is not None and not (
        region < len(func.alias_regions) and func.alias_regions[region] is not None
    ):
        errors.append(f"undefined alias region region{region}")
    if flags.trap is not None and not is_trap_code(flags.trap):
        errors.append(f"unknown trap code `{flags.trap}`")
    if flags.endian not in (None, "little", "big"):
        errors.append(f"unknown byte order `{flags.endian}`")
    return errors
