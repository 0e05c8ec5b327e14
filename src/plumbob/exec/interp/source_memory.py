"""Loads, stores, atomics and addresses as Python source.

An access is the look-up of the object in `M`, the dictionary of live objects by id, then a
`struct` function that reads or writes at the offset and checks the end against the
object's length; the offset is never negative. Where either says no, its exception leads to
`Memory.fault`, which knows what to say. So the check is the same as `Memory.access`, for
every size and kind of access, and costs nothing beyond the access.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plumbob.exec.interp.instructions import (
    DYNAMIC_SCALE,
    LOADS,
    MEANINGLESS,
    NOTHING,
    STORES,
    access_of,
    atomic_access,
    rmw_site,
)
from plumbob.exec.interp.source_frame import FaultPlace
from plumbob.ir.printer import print_name
from plumbob.semantics import CONCRETE, OPERATIONS, Site, ValueType
from plumbob.semantics.bits import swap_lane_bytes
from plumbob.semantics.expression import SUM, Expression
from plumbob.semantics.source_domain import SourceDomain

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.instructions import Access
    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst

    Emitter: TypeAlias = Callable[[FunctionSource, Inst], None]

_CODES: Final = {2: "H", 4: "I", 8: "Q"}
_WIDE: Final = (16, 32, 64)


def access_functions() -> dict[str, Any]:
    """Return the functions that the source calls: `L4`, `S4`, `LB4` for big-endian, and so on."""
    names: dict[str, Any] = {}
    for size, code in _CODES.items():
        for order, mark in (("<", ""), (">", "B")):
            packer = Struct(order + code)
            names[f"L{mark}{size}"] = packer.unpack_from
            names[f"S{mark}{size}"] = packer.pack_into
    for size in _WIDE:
        packer = Struct(f"{size}s")
        names[f"L{size}"] = packer.unpack_from
        names[f"S{size}"] = packer.pack_into
    return names


class _Place:
    """Source of an object's contents and of the position within it."""

    def __init__(self, contents: str, position: str) -> None:
        self.contents = contents
        self.position = position


def _place(fs: FunctionSource, inst: Inst, access: Access) -> _Place:
    static = fs.frame.static.get(inst)
    if static is not None:
        fs.operand(access.address)  # never pending: a stack_addr is not fused
        return _Place(f"m{static[0]}", str(static[1]))
    operand = fs.operand(access.address)
    if isinstance(operand, str) and access.offset == 0 and not operand[0].isdecimal():
        variable = operand
    else:
        variable = "a"
        text = operand if isinstance(operand, str) else operand.text(SUM)
        fs.out.line(f"a = {text}{_plus(access.offset)}")
    fs.faults[inst] = FaultPlace(variable, access.offset, access.size, access.trap)
    if access.aligned and access.size > 1:
        fs.out.line(
            f"if {variable} & {access.size - 1}: raise misaligned({variable}, {access.size})"
        )
    layout = fs.program.layout
    mask = hex(layout.offset_mask)
    return _Place(f"M[{variable} >> {layout.offset_bits}]", f"{variable} & {mask}")


def _plus(offset: int) -> str:
    return f" {'-' if offset < 0 else '+'} {abs(offset)}" if offset else ""


def _read(fs: FunctionSource, access: Access, place: _Place) -> str:
    """Return source of the bits in memory, in the value's own order."""
    size, memory = access.size, access.memory
    if size == 1:
        return f"{place.contents}[{place.position}]"
    swap = access.big_endian and memory.lane_bits > 8
    if size in _CODES and (not swap or memory.lanes == 1):
        return f"L{'B' if swap else ''}{size}({place.contents}, {place.position})[0]"
    raw = f"L{size}({place.contents}, {place.position})[0]"
    if size not in _CODES:
        raw = f"from_bytes({raw}, {'big' if swap and memory.lanes == 1 else 'little'!r})"
    return f"{_swapper(fs, memory)}({raw})" if swap and memory.lanes > 1 else raw


def _write(fs: FunctionSource, access: Access, place: _Place, value: str) -> str:
    """Return a statement that stores bits; `value` is an atom or call."""
    size, memory = access.size, access.memory
    if size == 1:
        return f"{place.contents}[{place.position}] = {value}"
    swap = access.big_endian and memory.lane_bits > 8
    if swap and memory.lanes > 1:
        value = f"{_swapper(fs, memory)}({value})"
        swap = False
    if size in _CODES:
        return f"S{'B' if swap else ''}{size}({place.contents}, {place.position}, {value})"
    order = "big" if swap else "little"
    return f"S{size}({place.contents}, {place.position}, ({value}).to_bytes({size}, {order!r}))"


def _swapper(fs: FunctionSource, kind: ValueType) -> str:
    name = f"swap_{kind}"
    fs.extras[name] = lambda bits: swap_lane_bytes(CONCRETE, kind, bits)
    return name


def _resize(fs: FunctionSource, operation: str, of: ValueType, to: ValueType, x: Any) -> Expression:
    fragment = fs.library.fragment(OPERATIONS[operation], Site((of,), (to,)), [x], fs.fresh)
    fs.write_fragment(fragment)
    return fragment.results[0]


def _load(fs: FunctionSource, inst: Inst) -> None:
    access = access_of(fs.func, inst)
    assert access is not None  # noqa: S101  # the opcodes that lead here are loads
    place = _place(fs, inst, access)
    raw = _read(fs, access, place)
    if access.memory != access.value:
        operation = "sextend" if access.signed else "uextend"
        call = SourceDomain().call(raw, access.memory.bits)
        raw = _resize(fs, operation, access.memory, access.value, call).text()
    fs.out.line(f"v{fs.func.inst_results[inst][0]} = {raw}")


def _store(fs: FunctionSource, inst: Inst) -> None:
    access = access_of(fs.func, inst)
    assert access is not None and access.stored is not None  # noqa: S101, PT018  # as above
    place = _place(fs, inst, access)
    operand = fs.operand(access.stored)
    if access.memory != access.value:
        operand = _resize(fs, "ireduce", access.value, access.memory, operand)
    value = operand if isinstance(operand, str) else operand.text()
    fs.out.line(_write(fs, access, place, value))


def _rmw(fs: FunctionSource, inst: Inst) -> None:
    access = atomic_access(fs.func, inst)
    assert access.stored is not None  # noqa: S101  # of an atomic there is one
    result = fs.func.inst_results[inst][0]
    operand = fs.atom(access.stored)
    place = _place(fs, inst, access)
    old = fs.fresh()
    fs.out.line(f"{old} = {_read(fs, access, place)}")
    site = rmw_site(fs.func, inst)
    fragment = fs.library.fragment(OPERATIONS["atomic_rmw"], site, [old, operand], fs.fresh)
    fs.write_fragment(fragment)
    fs.out.line(_write(fs, access, place, fragment.results[0].text()))
    fs.out.line(f"v{result} = {old}")


def _cas(fs: FunctionSource, inst: Inst) -> None:
    access = atomic_access(fs.func, inst)
    assert access.stored is not None  # noqa: S101  # of an atomic there is one
    result = fs.func.inst_results[inst][0]
    expected = fs.atom(fs.func.inst_args[inst][1])
    new = fs.atom(access.stored)
    place = _place(fs, inst, access)
    fs.out.line(f"v{result} = {_read(fs, access, place)}")
    fs.out.line(f"if v{result} == {expected}: {_write(fs, access, place, new)}")


# Addresses


def _mask_to(fs: FunctionSource, inst: Inst, *, in_range: bool) -> str:
    """Return what cuts an address to the result's type, where that changes anything."""
    result = fs.func.inst_results[inst][0]
    bits = fs.func.value_type(result).bits
    if in_range and bits >= fs.program.layout.bits:
        return ""
    return f" & {(1 << bits) - 1:#x}"


def _stack_addr(fs: FunctionSource, inst: Inst) -> None:
    result = fs.func.inst_results[inst][0]
    slot, offset = fs.func.imm(inst, "slot"), fs.func.imm(inst, "offset")
    if slot in fs.frame.local or (not fs.uses.get(result) and not fs.traced):
        return
    data = fs.func.stack_slots[slot]
    cut = _mask_to(fs, inst, in_range=data is not None and 0 <= offset <= data.size)
    if offset == 0 and not cut:
        fs.names[result] = f"b{slot}"
    else:
        fs.out.line(f"v{result} = b{slot}{_plus(offset)}{cut}")


def _dynamic_stack_addr(fs: FunctionSource, inst: Inst) -> None:
    result = fs.func.inst_results[inst][0]
    fs.out.line(f"v{result} = c{fs.func.imm(inst, 'dslot')}{_mask_to(fs, inst, in_range=True)}")


def _symbol(fs: FunctionSource, inst: Inst) -> None:
    result = fs.func.inst_results[inst][0]
    data = fs.func.global_values[fs.func.imm(inst, "gv")]
    symbol = print_name(data.name)
    offset = data.offset
    cut = _mask_to(fs, inst, in_range=False)
    fs.out.line(f"v{result} = symbol_address({symbol!r}){_plus(offset)}{cut}")


def _get_pinned(fs: FunctionSource, inst: Inst) -> None:
    result = fs.func.inst_results[inst][0]
    fs.out.line(f"v{result} = pinned{_mask_to(fs, inst, in_range=False)}")


def _set_pinned(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"pinned = {fs.text(fs.func.inst_args[inst][0])}")


# What only stops


def _nothing(fs: FunctionSource, inst: Inst) -> None:
    """Write nothing."""


def _meaningless(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"raise meaningless({fs.func.inst_op[inst].name!r})")
    for result in fs.func.inst_results[inst]:
        fs.constants[result] = 0  # the code behind is never reached, yet must be written


def _trap(fs: FunctionSource, inst: Inst) -> None:
    fs.out.line(f"raise trap({fs.func.imm(inst, 'trap')!r})")


def _trapnz(fs: FunctionSource, inst: Inst) -> None:
    condition = fs.condition(fs.func.inst_args[inst][0])
    fs.out.line(f"if {condition}: raise trap({fs.func.imm(inst, 'trap')!r})")


def _trapz(fs: FunctionSource, inst: Inst) -> None:
    condition = fs.condition(fs.func.inst_args[inst][0])
    fs.out.line(f"if not ({condition}): raise trap({fs.func.imm(inst, 'trap')!r})")


def _debugtrap(fs: FunctionSource, inst: Inst) -> None:  # noqa: ARG001  # an emitter's signature
    fs.out.line("raise trap('debugtrap')")


def _extract_vector(fs: FunctionSource, inst: Inst) -> None:
    lane = fs.func.imm(inst, "lane")
    result = fs.func.inst_results[inst][0]
    if lane >= DYNAMIC_SCALE:
        fs.out.line("raise meaningless('extract_vector')")
        fs.constants[result] = 0
    else:
        fs.out.line(f"v{result} = {fs.text(fs.func.inst_args[inst][0])}")


EMITTERS: Final[dict[str, Emitter]] = {
    **dict.fromkeys(LOADS, _load),
    **dict.fromkeys(STORES, _store),
    **dict.fromkeys(NOTHING, _nothing),
    **dict.fromkeys(MEANINGLESS, _meaningless),
    "atomic_rmw": _rmw,
    "atomic_cas": _cas,
    "stack_addr": _stack_addr,
    "dynamic_stack_addr": _dynamic_stack_addr,
    "symbol_value": _symbol,
    "tls_value": _symbol,
    "get_pinned_reg": _get_pinned,
    "set_pinned_reg": _set_pinned,
    "trap": _trap,
    "trapnz": _trapnz,
    "trapz": _trapz,
    "debugtrap": _debugtrap,
    "extract_vector": _extract_vector,
}
