"""The frame of a generated function: its slots, its prologue, its handlers.

A slot whose every use is a load or store at a place known to lie within it needs no object
of its own: its bytes are a `bytearray` that no address can reach (a *local* slot). All
others are pushed as objects; accesses at known places within them use the bytes directly
too, since their check was made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.exec.interp.escape import contained_slots
from plumbob.exec.interp.instructions import DYNAMIC_SCALE, access_of, atomic_access
from plumbob.exec.interp.memory import FrameSpec, ObjectInfo
from plumbob.ir.function import RESULT
from plumbob.ir.printer import print_name

if TYPE_CHECKING:
    from plumbob.exec.interp.fuel import Flow
    from plumbob.exec.interp.instructions import Access
    from plumbob.exec.interp.source_function import FunctionSource
    from plumbob.ir.entities import Inst, StackSlot, Value
    from plumbob.ir.function import Function

MAX_LOCAL_SLOT = 4096
"""Bytes up to which a slot may be local: those are not counted against the memory limit."""

FAULTING: set[str] = set()
"""Operations besides CLIF's loads and stores whose failed accesses `fault` explains.

Whoever defines high-level operations adds theirs.
"""


def frame_spec(func: Function) -> FrameSpec:
    """Return what a frame allocates: the slots, then the dynamic slots, in their order.

    Numbers that the function does not use take no part (`slot_positions`).
    """
    name = print_name(func.name)
    contained = contained_slots(func)
    infos, reusable = [], []
    for slot, data in enumerate(func.stack_slots):
        if data is not None:
            infos.append(ObjectInfo("slot", f"ss{slot} of {name}", data.size))
            reusable.append(slot in contained)
    for slot, ty in enumerate(func.dynamic_slots):
        dynamic = func.dynamic_types[ty] if ty is not None else None
        if dynamic is not None:
            size = dynamic.base.bytes * DYNAMIC_SCALE
            infos.append(ObjectInfo("dynamic slot", f"dss{slot} of {name}", size))
            reusable.append(False)
    return FrameSpec(tuple(infos), tuple(reusable), sum(info.size for info in infos))


def slot_positions(func: Function) -> dict[tuple[str, int], int]:
    """Return where ("slot", n) and ("dslot", n) stand in the function's `FrameSpec`."""
    keys = [("slot", n) for n, data in enumerate(func.stack_slots) if data is not None]
    keys += [("dslot", n) for n, ty in enumerate(func.dynamic_slots) if ty is not None]
    return {key: position for position, key in enumerate(keys)}


class FaultPlace(NamedTuple):
    """An access: the local variable with the effective address, and what the trap says."""

    variable: str
    offset: int
    size: int
    trap: str | None


class FrameSource:
    """What the frame of a function needs, decided before its code is written."""

    def __init__(self, func: Function, flow: Flow, pointer_bits: int, *, traced: bool) -> None:
        self.func = func
        self.flow = flow
        self.pointer_bits = pointer_bits
        self.traced = traced
        self.static: dict[Inst, tuple[StackSlot, int]] = {}
        """Accesses whose place is known: the slot and the position within it."""
        self.local: set[StackSlot] = set()
        self.direct: dict[StackSlot, None] = {}
        """Slots whose bytes the code uses directly, in the order of their first use."""
        self.needs_faults = False
        self._classify()
        self.positions = slot_positions(func)
        used = {key: p for key, p in self.positions.items() if key not in self._local_keys()}
        self.spec = self._spec(used)
        self.needs_try = self.needs_faults or self.spec is not None

    def _local_keys(self) -> set[tuple[str, int]]:
        return {("slot", slot) for slot in self.local}

    def _spec(self, used: dict[tuple[str, int], int]) -> FrameSpec | None:
        if not used:
            return None
        whole = frame_spec(self.func)
        self.positions = {key: new for new, key in enumerate(used)}
        infos = tuple(whole.infos[p] for p in used.values())
        reusable = tuple(whole.reusable[p] for p in used.values())
        return FrameSpec(infos, reusable, sum(info.size for info in infos))

    def _classify(self) -> None:
        func = self.func
        escaping: set[StackSlot] = set()
        accessed: dict[Inst, Access] = {}
        for block in self.flow.cfg.postorder:
            for inst in func.block_insts[block]:
                access = self._access(inst)
                if func.inst_op[inst].name in FAULTING:
                    self.needs_faults = True
                if access is not None:
                    accessed[inst] = access
        for inst, access in accessed.items():
            place = self._place(access)
            if place is None:
                self.needs_faults = True
            else:
                self.static[inst] = place
                self.direct[place[0]] = None
        for block in self.flow.cfg.postorder:
            for inst in func.block_insts[block]:
                for value in func.uses(inst):
                    slot = self._slot_of(value)
                    static = inst in self.static and self._only_address(accessed[inst], value)
                    if slot is not None and not static:
                        escaping.add(slot)
        for slot, data in enumerate(func.stack_slots):
            small = data is not None and data.size <= MAX_LOCAL_SLOT
            # A trace reports addresses, so there every slot has one.
            if small and slot not in escaping and not self.traced:
                self.local.add(slot)
        self.direct = dict.fromkeys(sorted(self.direct))

    def _access(self, inst: Inst) -> Access | None:
        if self.func.inst_op[inst].name in ("atomic_rmw", "atomic_cas"):
            return atomic_access(self.func, inst)
        return access_of(self.func, inst)

    def _only_address(self, access: Access, value: Value) -> bool:
        resolve = self.func.resolve
        return access.stored is None or resolve(access.stored) != resolve(value)

    def _slot_of(self, value: Value) -> StackSlot | None:
        """Return the slot whose address the value is, if a stack_addr defines it."""
        func = self.func
        value = func.resolve(value)
        if func.value_kind[value] != RESULT:
            return None
        inst = func.value_owner[value]
        if (
            func.inst_op[inst].name != "stack_addr"
            or func.value_type(value).bits < self.pointer_bits
        ):
            return None
        return int(func.imm(inst, "slot"))

    def _place(self, access: Access) -> tuple[StackSlot, int] | None:
        """Return slot and position of an access that is known to be fine, else None."""
        func = self.func
        slot = self._slot_of(access.address)
        data = None if slot is None else func.stack_slots[slot]
        if slot is None or data is None:
            return None
        inst = func.value_owner[func.resolve(access.address)]
        position = func.imm(inst, "offset") + access.offset
        within = position >= 0 and position + access.size <= data.size
        if not within or (access.aligned and position % access.size):
            return None
        return slot, position

    def wrap(self, source: FunctionSource, *, uses_flag: bool) -> tuple[list[str], list[int]]:
        """Return all lines of the function, and for each the instruction (index 0 unused)."""
        func, number = self.func, source.number
        params = [f"v{v}" for v in func.block_params[func.entry]]
        head = ["def make():", f"    {' = '.join(source.cells)} = 0"]
        if source.tail_calls:
            head.append("    def T(d, packed):")
        else:
            head.append(f"    def F({', '.join(['d', *params])}):")
        head.append(f"        nonlocal {', '.join(source.cells)}")
        if source.tail_calls and params:
            head.append(f"        {', '.join(params)}, = packed")
        head.append(f"        fuel -= {self.flow.entry_charge}")
        entering = len(head)
        head.append("        if fuel < 0 or d < 0: fuel = enter(fuel, d)")
        head += self._slots(number)
        if uses_flag:
            head.append("        x = 0")
        tail = []
        if self.needs_try:
            head.append("        try:")
        if self.needs_faults:
            tail.append("        except FAULTS as error:")
            tail.append(f"            raise fault(error, locals(), faults{number}) from None")
        if self.spec is not None:
            tail += ["        finally:", f"            pop(slots, slots{number})"]
        tail.append(f"    return {'T' if source.tail_calls else 'F'}")
        insts = [-1] * (len(head) + 1) + source.out.insts + [-1] * len(tail)
        insts[entering + 1] = func.block_insts[func.entry][0]
        for line in range(entering + 2, len(head) + 1):
            insts[line] = func.block_insts[func.entry][0]
        return head + source.out.lines + tail, insts

    def _slots(self, number: int) -> list[str]:
        lines = []
        if self.spec is not None:
            lines.append(f"        slots = push(slots{number})")
            names = [f"b{n}" if kind == "slot" else f"c{n}" for kind, n in self.positions]
            lines.append(f"        {', '.join(names)}, = slots")
        for slot in self.direct:
            data = self.func.stack_slots[slot]
            if slot in self.local and data is not None:
                lines.append(f"        m{slot} = bytearray({data.size})")
            else:
                lines.append(f"        m{slot} = contents(b{slot})")
        return lines
