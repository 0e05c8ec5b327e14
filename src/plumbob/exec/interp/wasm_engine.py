"""The executor of a store: what its instances share, and how a call from outside is made.

One engine has one account of fuel, of guest frames and of host crossings. It runs guests on
a guest thread (`threads.py`), by generated source or by walking the tree. Time is looked at
whenever a slice of fuel is used up, so a deadline is kept to about a tenth of a second.
"""

from __future__ import annotations

import time
from types import CellType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn
from weakref import WeakValueDictionary

from plumbob.exec.interp import wasm_emit  # noqa: F401  # it adds the high-level operations
from plumbob.exec.interp.limits import Limits
from plumbob.exec.interp.machine import (
    FRAMES_PER_CALL,
    FRAMES_PER_CROSSING,
    FUEL_SLICE,
)
from plumbob.exec.interp.memory import LAYOUTS, Memory
from plumbob.exec.interp.outcome import GuestException
from plumbob.exec.interp.threads import on_guest_thread, run_on_guest_thread
from plumbob.exec.interp.wasm_linker import Below, InstanceMachine, ModuleProgram
from plumbob.exec.interp.wasm_walk import InstanceWalker
from plumbob.frontend.parameters import RELAXED
from plumbob.ir.function import NO_LOCATION
from plumbob.runtime.traps import (
    DEADLINE,
    HOST_DEPTH,
    INTERRUPTED,
    OUT_OF_FUEL,
    GuestTrap,
    host_has_no_memory,
)
from plumbob.semantics import ConcreteDomain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.machine import Mode, Trace
    from plumbob.exec.interp.source_function import Compiled
    from plumbob.frontend.parameters import Relaxed
    from plumbob.ir.function import Function
    from plumbob.runtime.instance import Instance
    from plumbob.runtime.references import FuncRef
    from plumbob.runtime.store import Store
    from plumbob.runtime.traps import WasmFrame
    from plumbob.semantics.domain import NanRule

_PROGRAMS: Final[WeakValueDictionary[tuple[object, ...], ModuleProgram]] = WeakValueDictionary()
"""The code of each module by its environment's `id`, for every store, while it is used.

What the specification leaves open is decided in the code, so each way to decide has its own,
and so has each verifier, which is to see every function.

A program keeps its environment, so the number is nobody else's meanwhile.
"""


class HostFailure(Exception):  # noqa: N818  # it carries an error, and is none itself
    """An error of a host function on its way through guest frames to the embedder."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Registered(NamedTuple):
    """Code that runs in some instance; the code object is kept, so its id stays its own."""

    compiled: Compiled
    machine: InstanceMachine


class Engine:
    """The executor of one store.

    `mode` is "source" (generated Python) or "walk" (tree walking); the results are the same.
    `verify` is asked about every function before it runs for the first time. `nan_rule` and
    `relaxed` decide what the specification leaves open.
    """

    def __init__(
        self,
        store: Store,
        *,
        mode: Mode = "source",
        trace: Trace | None = None,
        verify: Callable[[Function], None] | None = None,
        nan_rule: NanRule = "first",
        relaxed: Relaxed = RELAXED,
    ) -> None:
        limits = store.limits
        self.limits = Limits(
            fuel=0,
            call_depth=limits.call_depth,
            host_depth=limits.host_depth,
            memory=limits.memory,
        )
        self.store_limits = limits
        self.mode = mode
        self.trace = trace
        self.verify = verify
        self.nan_rule: NanRule = nan_rule
        self.relaxed = relaxed
        self.domain = ConcreteDomain(nan_rule)
        self.memory = Memory(LAYOUTS[64], limits.memory)
        self.cells = {"fuel": CellType(0), "pinned": CellType(0), "room": store.objects.room}
        self.reserve = limits.fuel
        self.frames_left = limits.call_depth - 1
        self.crossings = 0
        self.interrupted = False
        self.deadline: float | None = None
        self.objects = store.objects
        self.walker = InstanceWalker(self)
        self.registry = store.registry
        self._below: dict[int, Below] = {}
        self._code: dict[int, _Registered] = {}

    # Executor

    def link(self, instance: Instance) -> None:
        """Make the instance's own functions callable."""
        environment = instance.environment
        key = id(environment), self.nan_rule, self.relaxed, self.verify
        program = _PROGRAMS.get(key)
        if program is None:
            program = ModuleProgram(environment, self.verify, self.nan_rule, self.relaxed)
            _PROGRAMS[key] = program
        machine = InstanceMachine(self, program, instance)
        for index in environment.defined:
            function = instance.functions[index]
            if self.mode == "walk":
                self._link_walked(function, machine)
            else:
                self._link_lazily(function, machine)

    def _link_walked(self, function: FuncRef, machine: InstanceMachine) -> None:
        self.walker.machines[function] = machine

        def call(depth: int, *arguments: Any) -> Any:
            return packed(self.walker.run_function(function, arguments, depth))

        function.call = call
        function.tail = lambda depth, arguments: call(depth, *arguments)

    def _link_lazily(self, function: FuncRef, machine: InstanceMachine) -> None:
        symbol = f"u0:{function.index}"

        def first_call(depth: int, *arguments: Any) -> Any:
            function.call = machine.linker.direct(symbol)
            return function.call(depth, *arguments)

        def first_tail(depth: int, arguments: tuple[Any, ...]) -> Any:
            function.tail = machine.linker.tail(symbol)
            return function.tail(depth, arguments)

        function.call = first_call
        function.tail = first_tail

    def link_host(self, function: FuncRef) -> None:
        """Make a function of the host callable from guests."""
        host = function.host
        assert host is not None  # noqa: S101  # it is the host's

        def call(depth: int, *arguments: Any) -> Any:
            if self.crossings >= self.limits.host_depth:
                raise GuestTrap(HOST_DEPTH, f"{self.crossings} host functions are on the stack")
            before = self.frames_left
            self.frames_left = depth
            self.crossings += 1
            try:
                return host(*arguments)
            except (GuestTrap, GuestException, HostFailure):
                raise
            except Exception as error:
                raise HostFailure(error) from error
            finally:
                self.crossings -= 1
                self.frames_left = before

        function.call = call
        function.tail = lambda depth, arguments: call(depth, *arguments)

    def invoke(self, function: FuncRef, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a function from outside, or from a host function.

        Raises what a host function raised, `GuestTrap`, and what a guest throws.
        """
        try:
            if on_guest_thread():
                return self._run(function, arguments)
            return self._enter(function, arguments)
        except HostFailure as failure:
            error = failure.error
        raise error

    def _enter(self, function: FuncRef, arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Call a function on a guest thread."""
        if self.store_limits.deadline is not None:
            self.deadline = time.monotonic() + self.store_limits.deadline
        frames = FRAMES_PER_CALL * self.limits.call_depth + FRAMES_PER_CROSSING * (
            self.limits.host_depth + 1
        )
        self.interrupted = False
        self.objects.host_was_there()
        result: tuple[Any, ...] = run_on_guest_thread(
            lambda: self._run(function, arguments),
            frames,
            self.limits.stack_bytes,
            self.interrupt,
        )
        return result

    def _run(self, function: FuncRef, arguments: Sequence[Any]) -> tuple[Any, ...]:
        depth, crossings = self.frames_left, self.crossings
        try:
            result = function.call(depth, *arguments)
        except GuestTrap as trap:
            self._complete(trap)
            raise
        except MemoryError as error:
            # A host function's travels as a HostFailure: this one is of what a guest asked for.
            short = host_has_no_memory().with_traceback(error.__traceback__)
            self._complete(short)
            raise short from None
        finally:
            self.frames_left, self.crossings = depth, crossings
        count = len(function.signature.results)
        if count == 1:
            return (result,)
        return () if result is None else tuple(result)

    # Fuel

    def fuel_left(self) -> int | None:
        """Return the fuel that is left, None where there is no limit."""
        # What follows a check is charged before the next one, so the cell may be below zero.
        return None if self.reserve is None else max(0, self.reserve + self._handed)

    @property
    def _handed(self) -> int:
        handed: int = self.cells["fuel"].cell_contents
        return handed + self.walker.fuel

    def refuel(self, fuel: int) -> int:
        """Return the fuel to go on with after it fell below zero; traps where none is left."""
        self.poll()
        if self.reserve is None:
            return FUEL_SLICE
        self.reserve += fuel
        if self.reserve < 0:
            self.reserve = 0
            self._stop(OUT_OF_FUEL, f"the limit is {self.store_limits.fuel}")
        handed = min(self.reserve, FUEL_SLICE)
        self.reserve -= handed
        return handed

    def poll(self) -> None:
        """Trap if the guest was interrupted or is out of time; a host that waits asks here, too."""
        if self.interrupted:
            self._stop(INTERRUPTED)
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self._stop(DEADLINE, f"after {self.store_limits.deadline} seconds")

    def _stop(self, kind: str, message: str = "") -> NoReturn:
        # The trap leaves before the cell is assigned; nothing is owed after it, or lost.
        if self.reserve is not None:
            self.reserve += max(0, self._handed)
        self.cells["fuel"].cell_contents = 0
        self.walker.fuel = 0
        raise GuestTrap(kind, message)

    def add_fuel(self, fuel: int) -> None:
        """Give the store more fuel, where it has a limit."""
        if self.reserve is not None:
            self.reserve += fuel

    def interrupt(self) -> None:
        """Make the guest trap soon; callable from any thread."""
        self.interrupted = True

    # Types

    def below(self, type_: int) -> Below:
        """Return which types are a type or below it, by canonical ids."""
        found = self._below.get(type_)
        if found is None:
            found = self._below[type_] = Below(type_, self.registry)
        return found

    # Where a trap happened

    def register(self, compiled: Compiled, machine: InstanceMachine) -> None:
        """Note whose function some code is."""
        self._code[id(compiled.code)] = _Registered(compiled, machine)

    def _complete(self, trap: GuestTrap) -> None:
        """Add the frames between a trap and here to its stack, innermost first."""
        frames: list[WasmFrame] = []
        traceback = trap.__traceback__
        last = -1
        innermost: _Registered | None = None
        while traceback is not None:
            found = self._code.get(id(traceback.tb_frame.f_code))
            if found is not None:
                last = found.compiled.insts[traceback.tb_lineno]
                innermost = found
                frames.append(frame_of(found.machine, found.compiled.symbol, last))
            traceback = traceback.tb_next
        if innermost is not None and last < 0 and not trap.stack:
            frames[-1] = frame_of(innermost.machine, innermost.compiled.symbol, trap.at)
        trap.stack = (*trap.stack, *reversed(frames))
        # A host function between passes it on: these frames are told then.
        trap.__traceback__ = None


def packed(values: tuple[Any, ...]) -> Any:
    """Return results as generated code does: None, one value, or a tuple."""
    return values if len(values) > 1 else values[0] if values else None


def frame_of(machine: InstanceMachine, symbol: str, inst: int) -> WasmFrame:
    """Return the place of an instruction in WebAssembly's terms."""
    index = int(symbol.rpartition(":")[2])
    function = machine.program.function(symbol)
    offset = -1
    if function is not None and inst >= 0:
        location = function.inst_location[inst]
        offset = -1 if location == NO_LOCATION else location
    return machine.instance.frame(index, offset)
