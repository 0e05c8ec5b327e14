"""Generated code within a machine: making functions of it, linking them, placing traps."""

from __future__ import annotations

import re
import struct
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from plumbob.errors import InternalError
from plumbob.exec.interp.instructions import MEANINGLESS, unsupported
from plumbob.exec.interp.outcome import (
    STACK_OVERFLOW,
    Frame,
    GuestException,
    GuestTrap,
    LinkError,
    result_tuple,
)
from plumbob.exec.interp.source_memory import access_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.exec.interp.machine import Machine
    from plumbob.exec.interp.source_frame import FaultPlace
    from plumbob.exec.interp.source_function import Compiled
    from plumbob.ir.entities import ExceptionTable, Signature

FAULTS: Final = (KeyError, IndexError, struct.error)
_LINKED: Final = re.compile(r"([FTI])(\d+)")

_ACCESS_FUNCTIONS: Final = access_functions()


class Tail:
    """A tail call that is still to be made: `run(d, arguments)`."""

    __slots__ = ("arguments", "run")

    def __init__(self, run: Callable[[int, tuple[int, ...]], Any], arguments: Any) -> None:
        self.run = run
        self.arguments = arguments


class Linker:
    """The globals of a machine's generated functions, and what they call by name."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.cells = {"fuel": CellType(0), "pinned": CellType(0)}
        # By identity: equal functions of different names have equal code.
        self.registry: dict[int, Compiled] = {}
        self._direct: dict[str, Callable[..., Any]] = {}
        self._tail: dict[str, Callable[[int, tuple[int, ...]], Any]] = {}
        memory = machine.memory
        self.globals: dict[str, Any] = {
            **_ACCESS_FUNCTIONS,
            "FAULTS": FAULTS,
            "GuestException": GuestException,
            "M": memory.live,
            "Tail": Tail,
            "catch": catch,
            "contents": lambda address: memory.live[address >> memory.layout.offset_bits],
            "enter": self._enter,
            "fault": self._fault,
            "function_address": machine.function_address,
            "indirect": self._indirect,
            "indirect_tail": self._indirect_tail,
            "meaningless": lambda name: unsupported(name, MEANINGLESS[name]),
            "misaligned": memory.misaligned,
            "pop": memory.pop,
            "push": memory.push,
            "refuel": machine.refuel,
            "symbol_address": machine.symbol_address,
            "trace": machine.trace,
            "trap": GuestTrap,
        }

    def run(
        self, symbol: str, signature: Signature, arguments: Sequence[int], depth: int
    ) -> tuple[int, ...]:
        """Run a function of the program; raises GuestTrap and GuestException."""
        return result_tuple(signature, self.direct(symbol)(depth, *arguments))

    def _enter(self, fuel: int, depth: int) -> int:
        if depth < 0:
            limit = self.machine.limits.call_depth
            raise GuestTrap(STACK_OVERFLOW, f"the limit is {limit} calls")
        return self.machine.refuel(fuel)

    # Functions

    def direct(self, symbol: str) -> Callable[..., Any]:
        """Return the callable `f(d, *arguments)` of a function of the program or the host."""
        function = self._direct.get(symbol)
        if function is None:
            function = self._direct[symbol] = self._make_direct(symbol)
        return function

    def _make_direct(self, symbol: str) -> Callable[..., Any]:
        machine = self.machine
        if machine.program.signature(symbol) is None:
            return self._make_host(symbol)
        compiled = machine.program.compiled(symbol, traced=machine.trace is not None)
        if not compiled.is_tail:
            return self._function(compiled)
        self.tail(symbol)
        function = machine.program.function(symbol)
        assert function is not None  # noqa: S101  # it is compiled
        names = [f"v{i}" for i in range(len(function.signature.params))]
        packed = f"({', '.join(names)}{',' if len(names) == 1 else ''})"
        name = f"tail_{machine.program.function_number(symbol)}"
        self.globals[name] = self.tail(symbol)
        return self._define(
            symbol,
            f"def F({', '.join(['d', *names])}):\n"
            f"    result = {name}(d, {packed})\n"
            "    while type(result) is Tail:\n"
            "        result = result.run(d, result.arguments)\n"
            "    return result\n",
        )

    def _make_host(self, symbol: str) -> Callable[..., Any]:
        machine = self.machine
        host = machine.find_host(symbol)
        if host is None:
            raise LinkError("no such function", found=symbol)

        def call(depth: int, *arguments: int) -> Any:
            result = machine.call_host(host, depth, arguments)
            values = result_tuple(host.signature, result)
            return values[0] if len(values) == 1 else values

        return call

    def tail(self, symbol: str) -> Callable[[int, tuple[int, ...]], Any]:
        """Return the callable `t(d, arguments)`, which may return a Tail."""
        function = self._tail.get(symbol)
        if function is None:
            function = self._tail[symbol] = self._make_tail(symbol)
        return function

    def _make_tail(self, symbol: str) -> Callable[[int, tuple[int, ...]], Any]:
        machine = self.machine
        signature = machine.program.signature(symbol)
        if signature is not None:
            compiled = machine.program.compiled(symbol, traced=machine.trace is not None)
            if compiled.is_tail:
                return self._function(compiled)
        else:
            host = machine.find_host(symbol)
            if host is None:
                raise LinkError("no such function", found=symbol)
            signature = host.signature
        # A function without tail calls of its own: unpack and call it, in Python alone.
        names = [f"v{i}" for i in range(len(signature.params))]
        name = f"direct_{machine.program.function_number(symbol)}"
        self.globals[name] = self.direct(symbol)
        unpack = f"    {', '.join(names)}, = packed\n" if names else ""
        call = f"{name}({', '.join(['d', *names])})"
        return self._define(symbol, f"def F(d, packed):\n{unpack}    return {call}\n")

    def _define(self, symbol: str, source: str) -> Callable[..., Any]:
        names: dict[str, Any] = {}
        exec(compile(source, f"<plumbob shim {symbol}>", "exec"), names)  # noqa: S102  # our own source
        return FunctionType(names["F"].__code__, self.globals)

    def _function(self, compiled: Compiled) -> Callable[..., Any]:
        code = compiled.code
        self.registry[id(code)] = compiled
        self.globals.update(compiled.extras)
        helpers = self.machine.program.library.namespace
        for name in code.co_names:
            linked = _LINKED.fullmatch(name)
            if name in self.globals:
                continue
            if linked is not None:
                self._link(linked[1], int(linked[2]))
            elif name in helpers:
                self.globals[name] = helpers[name]
        closure = tuple(self.cells[name] for name in code.co_freevars)
        return FunctionType(code, self.globals, compiled.symbol, None, closure)

    # Linking

    def _link(self, kind: str, number: int) -> None:
        if kind == "I":
            self.globals[f"I{number}"] = {}
            return
        name = f"{kind}{number}"
        find = self.direct if kind == "F" else self.tail

        def first_call(depth: int, *arguments: Any) -> Any:
            reference = self.machine.program.references[number]
            self.machine.check_call(reference.symbol, reference.signature)
            function = find(reference.symbol)
            self.globals[name] = function
            return function(depth, *arguments)

        self.globals[name] = first_call

    def _indirect(self, address: int, number: int) -> Callable[..., Any]:
        function = self.direct(self._checked(address, number))
        self.globals[f"I{number}"][address] = function
        return function

    def _indirect_tail(self, address: int, number: int) -> Callable[..., Any]:
        return self.tail(self._checked(address, number))

    def _checked(self, address: int, number: int) -> str:
        symbol = self.machine.function_at(address)
        self.machine.check_call(symbol, self.machine.program.signatures[number])
        return symbol

    # Traps

    def _fault(
        self,
        error: Exception,
        variables: dict[str, Any],
        table: tuple[dict[int, FaultPlace], tuple[int, ...]],
    ) -> GuestTrap:
        """Return the trap of an access that failed in the calling frame.

        Raises InternalError if the error is no failed access: then it is our bug.
        """
        places, insts = table
        traceback = error.__traceback__
        if traceback is None or traceback.tb_next is not None:
            not_a_fault(error)
        inst = insts[traceback.tb_lineno]
        place = places.get(inst)
        if place is None:
            not_a_fault(error)
        memory = self.machine.memory
        effective = variables[place.variable]
        data = memory.live.get(effective >> memory.layout.offset_bits)
        position = effective & memory.layout.offset_mask
        if data is not None and position + place.size <= len(data):
            not_a_fault(error)
        trap = memory.fault(effective - place.offset, place.offset, place.size, place.trap)
        trap.at = inst
        return trap

    def stack_of(self, trap: GuestTrap) -> tuple[Frame, ...]:
        """Return the guest's call stack at a trap, innermost first, from Python's frames."""
        frames: list[Frame] = []
        traceback = trap.__traceback__
        last = -1
        while traceback is not None:
            compiled = self.registry.get(id(traceback.tb_frame.f_code))
            if compiled is not None:
                last = compiled.insts[traceback.tb_lineno]
                frames.append(Frame(compiled.symbol, last))
            traceback = traceback.tb_next
        if frames and last < 0:
            frames[-1] = Frame(frames[-1].function, trap.at)
        return (*trap.stack, *reversed(frames))


def not_a_fault(error: Exception) -> NoReturn:
    """Raise InternalError for an error of generated code that is no guest's failed access."""
    raise InternalError(
        "generated code failed", found=f"{type(error).__name__}: {error}"
    ) from error


def catch(
    thrown: GuestException, table: ExceptionTable, contexts: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    """Return the destination of the first handler that takes the exception, and the payload.

    Destination 0 (the normal return) if none does. A `context` applies to the handlers
    after it.
    """
    context: int | None = None
    remaining = iter(contexts)
    for handler in table.handlers:
        if handler.kind == "context":
            context = next(remaining)
            continue
        if handler.kind == "tag":
            same = context is None or thrown.context is None or thrown.context == context
            if handler.number != thrown.tag or not same:
                continue
        assert handler.target is not None  # noqa: S101  # tags and defaults have one
        return handler.target, thrown.payload
    return 0, ()
