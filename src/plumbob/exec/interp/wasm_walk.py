"""The tree-walking mode for WebAssembly: what high-level operations do, stated plainly.

Activations of all instances of a store share one stack, so a call or tail call across
instances is as any other. What an instance has is reached through its activation's
machine; whole ranges are the runtime's methods, the checks of single accesses are written
here, apart from those that generated source relies on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from plumbob.exec.interp.fuel import BULK
from plumbob.exec.interp.outcome import GuestException, GuestTrap
from plumbob.exec.interp.walk import (
    STEPS,
    Walker,
    _Activation,
    _Plan,
    _Run,
    plan_for,
)
from plumbob.exec.interp.wasm_exceptions import catch_in
from plumbob.exec.interp.wasm_steps import OPERATION_STEPS, At
from plumbob.exec.interp.wasm_steps_heap import HEAP_STEPS
from plumbob.runtime.traps import host_has_no_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.wasm_engine import Engine
    from plumbob.exec.interp.wasm_linker import InstanceMachine
    from plumbob.ir.entities import Inst
    from plumbob.runtime.references import (
        FuncRef,
    )


class InstanceWalker(Walker):
    """Executes functions of all instances of an engine's store."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(cast("InstanceMachine", engine))  # refuel, limits, memory: as a machine
        self.engine = engine
        self.machines: dict[FuncRef, InstanceMachine] = {}
        self._plans_of: dict[FuncRef, _Plan] = {}

    def plan_of(self, function: FuncRef) -> _Plan:
        """Return what is computed of a function once."""
        plan = self._plans_of.get(function)
        if plan is None:
            program = self.machines[function].program
            symbol = f"u0:{function.index}"
            plan = self._plans_of[function] = plan_for(program, symbol)
        return plan

    def run_function(
        self, function: FuncRef, arguments: Sequence[Any], depth: int
    ) -> tuple[Any, ...]:
        """Run a function to its end; raises GuestTrap and GuestException."""
        run = _InstanceRun(self)
        try:
            run.enter_function(function, arguments, depth)
            return run.to_the_end()
        except GuestTrap as trap:
            trap.stack = (*trap.stack, *run.places())
            raise
        except MemoryError:
            short = host_has_no_memory()
            short.stack = tuple(run.places())
            raise short from None
        finally:
            run.unwind()


class _InstanceActivation(_Activation):
    """A frame of a function of an instance."""

    __slots__ = ("function", "machine")

    def __init__(
        self, plan: _Plan, depth: int, function: FuncRef, machine: InstanceMachine
    ) -> None:
        super().__init__(plan, depth)
        self.function = function
        self.machine = machine


class _InstanceRun(_Run):
    """One run above a call from outside."""

    walker: InstanceWalker
    stack: list[_InstanceActivation]  # type: ignore[assignment]  # of this class alone

    def places(self) -> list[Any]:
        """Return where the activations stand, innermost first."""
        from plumbob.exec.interp.wasm_engine import frame_of  # noqa: PLC0415  # a cycle

        return [frame_of(a.machine, a.plan.symbol, a.inst) for a in reversed(self.stack)]

    def enter_function(self, function: FuncRef, arguments: Sequence[Any], depth: int) -> None:
        """Push an activation of a guest's function."""
        plan = self.walker.plan_of(function)
        machine = self.walker.machines[function]
        self.begin(_InstanceActivation(plan, depth, function, machine), arguments)

    def call_function(self, function: FuncRef, arguments: Sequence[Any]) -> None:
        """Call a function: a guest's is entered, one of the host returns."""
        depth = self.stack[-1].depth - 1
        if function.host is None:
            self.enter_function(function, arguments, depth)
        else:
            self.returned(unpacked(function, function.call(depth, *arguments)))

    def tail_call_function(self, function: FuncRef, arguments: Sequence[Any]) -> None:
        """Replace the activation by one of another function."""
        depth = self.stack[-1].depth
        self._pop()
        if function.host is None:
            self.enter_function(function, arguments, depth)
        else:
            self._leave(unpacked(function, function.call(depth, *arguments)))

    def _handle(self, thrown: GuestException) -> None:
        while self.stack:
            activation = self.stack[-1]
            func, inst = activation.plan.func, activation.inst
            if func.inst_op[inst].is_call and func.inst_op[inst].is_branch:
                find = catch_in(activation.machine.instance)
                target, payload = find(thrown, func.imm(inst, "handlers"), ())
                if target:
                    self.branch(activation, target, payload=payload)
                    return
            self._pop()
        raise thrown


def unpacked(function: FuncRef, result: Any) -> tuple[Any, ...]:
    """Return what a callable gave as a tuple of results."""
    if len(function.signature.results) == 1:
        return (result,)
    return () if result is None else tuple(result)


WASM_STEPS = {**OPERATION_STEPS, **HEAP_STEPS}
"""What a high-level operation does, by its name."""


def _step(do: Callable[[At], None]) -> Callable[[Any, Any, Inst], None]:
    return lambda run, activation, inst: do(At(run, activation, inst))


def _bulk_step(do: Callable[[At], None], shift: int) -> Callable[[Any, Any, Inst], None]:
    """Return the step of an operation whose size, the last operand, costs fuel."""

    def step(run: _InstanceRun, activation: _InstanceActivation, inst: Inst) -> None:
        at = At(run, activation, inst)
        size = at.args()[-1]
        do(at)
        run.walker.fuel -= size >> shift

    return step


_InstanceRun.steps = {
    **STEPS,
    **{name: _step(do) for name, do in WASM_STEPS.items()},
    **{name: _bulk_step(WASM_STEPS[name], shift) for name, shift in BULK.items()},
}
