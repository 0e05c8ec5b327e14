"""Which slots' addresses cannot outlive their frame, so that their ids may be used again.

Assumes the verifier. An address leaves a frame only through a value: stored to memory,
passed to a call, returned, kept in the pinned register. The equations, over the function's
values, as the least fixed point:

    derived(slot)  contains  every stack_addr of the slot,
                             every result of an operation with an operand in it that computes
                             its results from operand bits alone (semantics rows),
                             every block parameter that is given an argument in it.

A slot's address stays within the frame if no value of derived(slot) is an operand of any
other instruction than: a pure operation, a branch (as argument or condition), a trap
condition, or an access, there as the address alone. Whatever is loaded through such an
address is not derived: memory never held the address. Everything else counts as escaping.

Imprecise by intent: data flow through bits of comparisons counts as well. Linear in the
uses of derived values, once per slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.exec.interp.instructions import access_of
from plumbob.semantics import OPERATIONS

if TYPE_CHECKING:
    from plumbob.ir.entities import Inst, StackSlot, Value
    from plumbob.ir.function import Function

_HARMLESS = frozenset(("trapz", "trapnz", "brif", "br_table", "jump"))


def contained_slots(func: Function) -> frozenset[StackSlot]:
    """Return the slots of which no address outlives the frame."""
    roots: dict[StackSlot, list[Value]] = {}
    uses: dict[Value, list[Inst]] = {}
    for _, inst in func.insts():
        if func.inst_op[inst].name == "stack_addr":
            roots.setdefault(func.imm(inst, "slot"), []).extend(func.inst_results[inst])
        for value in func.uses(inst):
            uses.setdefault(func.resolve(value), []).append(inst)
    return frozenset(
        slot
        for slot, data in enumerate(func.stack_slots)
        if data is not None and _is_contained(func, roots.get(slot, []), uses)
    )


def _is_contained(func: Function, roots: list[Value], uses: dict[Value, list[Inst]]) -> bool:
    derived = set(roots)
    todo = list(roots)
    while todo:
        value = todo.pop()
        for inst in uses.get(value, ()):
            name = func.inst_op[inst].name
            reached: list[Value] = []
            if name in OPERATIONS and name != "atomic_rmw":
                reached = list(func.inst_results[inst])
            elif name in _HARMLESS:
                reached = _parameters_given(func, inst, value)
            elif not _is_only_address(func, inst, value):
                return False
            for new in reached:
                if new not in derived:
                    derived.add(new)
                    todo.append(new)
    return True


def _parameters_given(func: Function, inst: Inst, value: Value) -> list[Value]:
    """Return the block parameters for which the branch gives `value`."""
    return [
        parameter
        for target in func.inst_targets[inst]
        for parameter, argument in zip(func.block_params[target.block], target.args, strict=True)
        if argument >= 0 and func.resolve(argument) == value
    ]


def _is_only_address(func: Function, inst: Inst, value: Value) -> bool:
    """Whether the instruction is an access, with `value` as its address and nothing else."""
    name = func.inst_op[inst].name
    args = [func.resolve(v) for v in func.inst_args[inst]]
    if name in ("atomic_rmw", "atomic_cas"):
        return value not in args[1:]
    access = access_of(func, inst)
    if access is None:
        return False
    return access.stored is None or func.resolve(access.stored) != value
