"""The tree-walking mode: the plain statement of what instructions do.

It keeps its own stack of activations, so guest recursion takes no Python recursion, and
executes one instruction after the other over a dictionary of values, on the concrete
domain. It shares with generated source what an instruction is (`instructions.py`), memory,
and what execution costs (`fuel.py`); everything else is written twice on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.exec.interp.fuel import flow_of
from plumbob.exec.interp.instructions import (
    DYNAMIC_SCALE,
    LOADS,
    MEANINGLESS,
    NOTHING,
    STORES,
    access_of,
    atomic_access,
    constant_of,
    rmw_site,
    semantics_of,
    unsupported,
)
from plumbob.exec.interp.linker import catch
from plumbob.exec.interp.outcome import (
    DEBUG,
    STACK_OVERFLOW,
    Frame,
    GuestException,
    GuestTrap,
    result_tuple,
)
from plumbob.exec.interp.source_frame import frame_spec, slot_positions
from plumbob.ir.printer import print_name
from plumbob.semantics import CONCRETE, OPERATIONS, ConcreteDomain, Operation, Site, ValueType
from plumbob.semantics.bits import swap_lane_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.instructions import Access
    from plumbob.exec.interp.machine import Machine
    from plumbob.exec.interp.memory import FrameSpec
    from plumbob.exec.interp.program import Program
    from plumbob.ir.entities import Block, Inst, Value
    from plumbob.ir.function import Function


class _Plan(NamedTuple):
    """What is computed of a function once."""

    symbol: str
    func: Function
    entry_charge: int
    charges: dict[Block, int]
    edges: dict[tuple[Block, int], int]
    spec: FrameSpec
    positions: dict[tuple[str, int], int]


class _Activation:
    """A frame: where it stands, its values, its slots, and how many more frames may follow."""

    __slots__ = ("block", "depth", "index", "plan", "slots", "values")

    def __init__(self, plan: _Plan, depth: int) -> None:
        self.plan = plan
        self.depth = depth
        self.block: Block = plan.func.entry
        self.index = 0
        self.values: dict[Value, int] = {}
        self.slots: list[int] = []

    @property
    def inst(self) -> Inst:
        """The instruction that it executes."""
        return self.plan.func.block_insts[self.block][self.index]

    def value(self, value: Value) -> int:
        """Return a value's bits."""
        return self.values[self.plan.func.resolve(value)]

    def args(self, inst: Inst) -> list[int]:
        """Return the bits of an instruction's operands."""
        return [self.value(v) for v in self.plan.func.inst_args[inst]]


def compute(
    operation: Operation, site: Site, values: Sequence[int], domain: ConcreteDomain = CONCRETE
) -> tuple[int, ...]:
    """Return what an operation computes; raises GuestTrap for the first trap that holds."""
    outcome = operation.outcome(domain, site, values)
    for condition, code in outcome.traps:
        if condition:
            raise GuestTrap(code)
    return outcome.results


def plan_for(program: Program, symbol: str) -> _Plan:
    """Return the plan of a program's function."""
    func = program.function(symbol)
    assert func is not None  # noqa: S101  # the callers looked it up
    flow = flow_of(func)
    return _Plan(
        symbol,
        func,
        flow.entry_charge,
        flow.charges,
        flow.edges,
        frame_spec(func),
        slot_positions(func),
    )


class Walker:
    """Executes functions of a machine's program."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.fuel = 0
        self.pinned = 0
        self._plans: dict[str, _Plan] = {}

    def _plan(self, symbol: str) -> _Plan:
        plan = self._plans.get(symbol)
        if plan is None:
            plan = self._plans[symbol] = plan_for(self.machine.program, symbol)
        return plan

    def run(self, symbol: str, arguments: Sequence[int], depth: int) -> tuple[int, ...]:
        """Run a function to its end; raises GuestTrap and GuestException."""
        run = _Run(self)
        try:
            run.enter(symbol, arguments, depth)
            return run.to_the_end()
        except GuestTrap as trap:
            trap.stack = (*trap.stack, *run.frames())
            raise
        finally:
            run.unwind()


class _Run:
    """One run: a stack of activations above a call from the host."""

    steps: dict[str, Callable[[Any, _Activation, Inst], None]]
    """What instructions do: `STEPS`, and in a subclass more."""

    def __init__(self, walker: Walker) -> None:
        self.walker = walker
        self.machine = walker.machine
        self.memory = walker.machine.memory
        self.stack: list[_Activation] = []
        self.result: tuple[int, ...] | None = None

    def frames(self) -> list[Frame]:
        """Return where the activations stand, innermost first."""
        return [Frame(a.plan.symbol, a.inst) for a in reversed(self.stack)]

    def unwind(self) -> None:
        """Release what is left of the stack."""
        while self.stack:
            self._pop()

    def _pop(self) -> None:
        activation = self.stack.pop()
        if activation.slots:
            self.memory.pop(activation.slots, activation.plan.spec)

    # Calls

    def enter(self, symbol: str, arguments: Sequence[int], depth: int) -> None:
        """Push an activation of a function of the program."""
        plan = self.walker._plan(symbol)  # noqa: SLF001  # two halves of one thing
        self.begin(_Activation(plan, depth), arguments)

    def begin(self, activation: _Activation, arguments: Sequence[int]) -> None:
        """Push an activation and give it its arguments."""
        plan = activation.plan
        self.stack.append(activation)
        if activation.depth < 0:
            limit = self.machine.limits.call_depth
            raise GuestTrap(STACK_OVERFLOW, f"the limit is {limit} calls")
        self._charge(plan.entry_charge)
        activation.slots = self.memory.push(plan.spec)
        parameters = plan.func.block_params[plan.func.entry]
        activation.values.update(zip(parameters, arguments, strict=True))
        self._arrive(activation, plan.func.entry)

    def _charge(self, cost: int) -> None:
        self.walker.fuel -= cost
        if self.walker.fuel < 0:
            self.walker.fuel = self.machine.refuel(self.walker.fuel)

    def _arrive(self, activation: _Activation, block: Block) -> None:
        activation.block = block
        activation.index = 0
        cost = activation.plan.charges.get(block)
        if cost is not None:
            self._charge(cost)

    def call(self, symbol: str, arguments: Sequence[int]) -> None:
        """Call a function of the program (it is entered) or of the host (it returns)."""
        depth = self.stack[-1].depth - 1
        if self.machine.program.signature(symbol) is not None:
            self.enter(symbol, arguments, depth)
            return
        self.returned(self._host(symbol, arguments, depth))

    def _host(self, symbol: str, arguments: Sequence[int], depth: int) -> tuple[int, ...]:
        host = self.machine.find_host(symbol)
        assert host is not None  # noqa: S101  # `check_call` found it
        result = self.machine.call_host(host, depth, tuple(arguments))
        return result_tuple(host.signature, result)

    def tail_call(self, symbol: str, arguments: Sequence[int]) -> None:
        """Replace the activation by one of another function."""
        depth = self.stack[-1].depth
        self._pop()
        if self.machine.program.signature(symbol) is not None:
            self.enter(symbol, arguments, depth)
        else:
            self._leave(self._host(symbol, arguments, depth))

    def _leave(self, results: tuple[int, ...]) -> None:
        """Hand results to the activation below, whose call is done, or to the host."""
        if self.stack:
            self.returned(results)
        else:
            self.result = results

    def returned(self, results: Sequence[int]) -> None:
        """Finish the current call instruction."""
        activation = self.stack[-1]
        func, inst = activation.plan.func, activation.inst
        if func.inst_targets[inst]:
            self.branch(activation, 0, returned=results)
        else:
            self.finish(activation, inst, results)

    def finish(self, activation: _Activation, inst: Inst, results: Sequence[int]) -> None:
        """Give an instruction its results and go on to the next."""
        values = activation.plan.func.inst_results[inst]
        activation.values.update(zip(values, results, strict=True))
        if values and self.machine.trace is not None:
            self.machine.trace(activation.plan.symbol, inst, tuple(results))
        activation.index += 1

    def branch(
        self,
        activation: _Activation,
        index: int,
        returned: Sequence[int] = (),
        payload: Sequence[int] = (),
    ) -> None:
        """Go to a destination of the current instruction; its arguments are read first."""
        func = activation.plan.func
        target = func.inst_targets[activation.inst][index]
        arguments = []
        for argument in target.args:
            if argument >= 0:
                arguments.append(activation.value(argument))
            else:
                number, is_exception = divmod(-1 - argument, 2)
                arguments.append(payload[number] if is_exception else returned[number])
        parameters = func.block_params[target.block]
        activation.values.update(zip(parameters, arguments, strict=True))
        self.walker.fuel -= activation.plan.edges.get((activation.block, index), 0)
        self._arrive(activation, target.block)

    # Running

    def to_the_end(self) -> tuple[int, ...]:
        """Execute until the outermost activation returns."""
        while self.result is None:
            try:
                while self.result is None:
                    self._step(self.stack[-1])
            except GuestException as thrown:
                self._handle(thrown)
        return self.result

    def _handle(self, thrown: GuestException) -> None:
        """Unwind to a handler that takes the exception; raises it if there is none."""
        while self.stack:
            activation = self.stack[-1]
            func, inst = activation.plan.func, activation.inst
            if func.inst_op[inst].is_call and func.inst_op[inst].is_branch:
                table = func.imm(inst, "handlers")
                contexts = [
                    activation.value(h.number) for h in table.handlers if h.kind == "context"
                ]
                target, payload = catch(thrown, table, tuple(contexts))
                if target:
                    self.branch(activation, target, payload=payload)
                    return
            self._pop()
        raise thrown

    def _step(self, activation: _Activation) -> None:
        func, inst = activation.plan.func, activation.inst
        name = func.inst_op[inst].name
        constant = constant_of(func, inst)
        if constant is not None:
            self.finish(activation, inst, (constant,))
        elif name in self.steps:
            self.steps[name](self, activation, inst)
        else:
            row = semantics_of(func, inst)
            if row is None:
                raise unsupported(name, "the executor does not know it")
            operation, site = row
            values = compute(operation, site, activation.args(inst), self.machine.domain)
            self.finish(activation, inst, values)


# Memory


def _load_bits(data: bytearray, position: int, access: Access) -> int:
    bits = int.from_bytes(data[position : position + access.size], "little")
    return _swapped(bits, access)


def _swapped(bits: int, access: Access) -> int:
    if not access.big_endian:
        return bits
    swapped: int = swap_lane_bytes(CONCRETE, access.memory, bits)
    return swapped


def _store_bits(data: bytearray, position: int, access: Access, bits: int) -> None:
    image = _swapped(bits, access).to_bytes(access.size, "little")
    data[position : position + access.size] = image


def _resized(operation: str, of: ValueType, to: ValueType, bits: int) -> int:
    return compute(OPERATIONS[operation], Site((of,), (to,)), (bits,))[0] if of != to else bits


def _resolve(run: _Run, activation: _Activation, access: Access) -> tuple[bytearray, int]:
    address = activation.value(access.address)
    return run.memory.access(
        address, access.offset, access.size, access.trap, aligned=access.aligned
    )


def _load(run: _Run, activation: _Activation, inst: Inst) -> None:
    access = access_of(activation.plan.func, inst)
    assert access is not None  # noqa: S101  # the opcodes that lead here are loads
    data, position = _resolve(run, activation, access)
    bits = _load_bits(data, position, access)
    operation = "sextend" if access.signed else "uextend"
    run.finish(activation, inst, (_resized(operation, access.memory, access.value, bits),))


def _store(run: _Run, activation: _Activation, inst: Inst) -> None:
    access = access_of(activation.plan.func, inst)
    assert access is not None and access.stored is not None  # noqa: S101, PT018  # as above
    data, position = _resolve(run, activation, access)
    bits = _resized("ireduce", access.value, access.memory, activation.value(access.stored))
    _store_bits(data, position, access, bits)
    run.finish(activation, inst, ())


def _atomic_rmw(run: _Run, activation: _Activation, inst: Inst) -> None:
    access = atomic_access(activation.plan.func, inst)
    assert access.stored is not None  # noqa: S101  # of an atomic there is one
    data, position = _resolve(run, activation, access)
    old = _load_bits(data, position, access)
    site = rmw_site(activation.plan.func, inst)
    (new,) = compute(OPERATIONS["atomic_rmw"], site, (old, activation.value(access.stored)))
    _store_bits(data, position, access, new)
    run.finish(activation, inst, (old,))


def _atomic_cas(run: _Run, activation: _Activation, inst: Inst) -> None:
    access = atomic_access(activation.plan.func, inst)
    _, expected, new = activation.args(inst)
    data, position = _resolve(run, activation, access)
    old = _load_bits(data, position, access)
    if old == expected:
        _store_bits(data, position, access, new)
    run.finish(activation, inst, (old,))


def _finish_address(run: _Run, activation: _Activation, inst: Inst, address: int) -> None:
    """Finish with an address, cut to the width of the result."""
    func = activation.plan.func
    mask = func.value_type(func.inst_results[inst][0]).mask
    run.finish(activation, inst, (address & mask,))


def _stack_addr(run: _Run, activation: _Activation, inst: Inst) -> None:
    func = activation.plan.func
    base = activation.slots[activation.plan.positions["slot", func.imm(inst, "slot")]]
    _finish_address(run, activation, inst, base + func.imm(inst, "offset"))


def _dynamic_stack_addr(run: _Run, activation: _Activation, inst: Inst) -> None:
    key = "dslot", activation.plan.func.imm(inst, "dslot")
    _finish_address(run, activation, inst, activation.slots[activation.plan.positions[key]])


def _symbol_value(run: _Run, activation: _Activation, inst: Inst) -> None:
    func = activation.plan.func
    data = func.global_values[func.imm(inst, "gv")]
    base = run.machine.symbol_address(print_name(data.name))
    _finish_address(run, activation, inst, base + data.offset)


def _get_pinned_reg(run: _Run, activation: _Activation, inst: Inst) -> None:
    _finish_address(run, activation, inst, run.walker.pinned)


def _set_pinned_reg(run: _Run, activation: _Activation, inst: Inst) -> None:
    (run.walker.pinned,) = activation.args(inst)
    run.finish(activation, inst, ())


# Calls


def _callee(run: _Run, activation: _Activation, inst: Inst) -> tuple[str, list[int]]:
    """Return the name and arguments of a call, whose signature is checked here."""
    func = activation.plan.func
    arguments = activation.args(inst)
    number = func.call_signature(inst)
    signature = None if number is None else func.signatures[number]
    assert signature is not None  # noqa: S101  # the verifier's
    if "func" in func.inst_op[inst].format.imm_slots:
        symbol = _external_name(func, inst)
    else:
        symbol = run.machine.function_at(arguments.pop(0))
    run.machine.check_call(symbol, signature)
    return symbol, arguments


def _external_name(func: Function, inst: Inst) -> str:
    callee = func.ext_funcs[func.imm(inst, "func")]
    assert callee is not None  # noqa: S101  # the verifier's
    return print_name(callee.name)


def _call(run: _Run, activation: _Activation, inst: Inst) -> None:
    run.call(*_callee(run, activation, inst))


def _return_call(run: _Run, activation: _Activation, inst: Inst) -> None:
    run.tail_call(*_callee(run, activation, inst))


def _return(run: _Run, activation: _Activation, inst: Inst) -> None:
    results = tuple(activation.args(inst))
    run._pop()  # noqa: SLF001  # the steps are this class's, spread out
    run._leave(results)  # noqa: SLF001  # as above


def _func_addr(run: _Run, activation: _Activation, inst: Inst) -> None:
    symbol = _external_name(activation.plan.func, inst)
    _finish_address(run, activation, inst, run.machine.function_address(symbol))


# Branches and traps


def _jump(run: _Run, activation: _Activation, inst: Inst) -> None:  # noqa: ARG001  # a step's signature
    run.branch(activation, 0)


def _brif(run: _Run, activation: _Activation, inst: Inst) -> None:
    (condition,) = activation.args(inst)
    run.branch(activation, 0 if condition else 1)


def _br_table(run: _Run, activation: _Activation, inst: Inst) -> None:
    (index,) = activation.args(inst)
    entries = len(activation.plan.func.inst_targets[inst]) - 1
    run.branch(activation, index + 1 if index < entries else 0)


def _trap(run: _Run, activation: _Activation, inst: Inst) -> None:  # noqa: ARG001  # a step's signature
    raise GuestTrap(activation.plan.func.imm(inst, "trap"))


def _trapz(run: _Run, activation: _Activation, inst: Inst) -> None:
    if not activation.args(inst)[0]:
        raise GuestTrap(activation.plan.func.imm(inst, "trap"))
    run.finish(activation, inst, ())


def _trapnz(run: _Run, activation: _Activation, inst: Inst) -> None:
    if activation.args(inst)[0]:
        raise GuestTrap(activation.plan.func.imm(inst, "trap"))
    run.finish(activation, inst, ())


def _debugtrap(run: _Run, activation: _Activation, inst: Inst) -> None:  # noqa: ARG001  # a step's signature
    raise GuestTrap(DEBUG)


def _nothing(run: _Run, activation: _Activation, inst: Inst) -> None:
    run.finish(activation, inst, ())


def _meaningless(run: _Run, activation: _Activation, inst: Inst) -> None:  # noqa: ARG001  # a step's signature
    name = activation.plan.func.inst_op[inst].name
    raise unsupported(name, MEANINGLESS[name])


def _extract_vector(run: _Run, activation: _Activation, inst: Inst) -> None:
    if activation.plan.func.imm(inst, "lane") >= DYNAMIC_SCALE:
        _meaningless(run, activation, inst)
    run.finish(activation, inst, activation.args(inst))


STEPS: dict[str, Callable[[_Run, _Activation, Inst], None]] = {
    **dict.fromkeys(LOADS, _load),
    **dict.fromkeys(STORES, _store),
    **dict.fromkeys(NOTHING, _nothing),
    **dict.fromkeys(MEANINGLESS, _meaningless),
    "atomic_rmw": _atomic_rmw,
    "atomic_cas": _atomic_cas,
    "stack_addr": _stack_addr,
    "dynamic_stack_addr": _dynamic_stack_addr,
    "symbol_value": _symbol_value,
    "tls_value": _symbol_value,
    "get_pinned_reg": _get_pinned_reg,
    "set_pinned_reg": _set_pinned_reg,
    "call": _call,
    "call_indirect": _call,
    "try_call": _call,
    "try_call_indirect": _call,
    "return_call": _return_call,
    "return_call_indirect": _return_call,
    "return": _return,
    "func_addr": _func_addr,
    "jump": _jump,
    "brif": _brif,
    "br_table": _br_table,
    "trap": _trap,
    "trapz": _trapz,
    "trapnz": _trapnz,
    "debugtrap": _debugtrap,
    "extract_vector": _extract_vector,
}
"""What an instruction that is no pure operation does, by the opcode's name.

Whoever defines high-level operations adds theirs.
"""

_Run.steps = STEPS
