"""A machine: a program that runs, with its memory, host functions, fuel and limits.

See the package's guide for how to use it. `Machine` is what both ways of executing share:
finding callees, addresses, limits and outcomes; `walk.py` and `linker.py` add how a
function is executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from plumbob.errors import UsageError
from plumbob.exec.interp.libcalls import libcalls
from plumbob.exec.interp.limits import DEFAULT_LIMITS, Limits
from plumbob.exec.interp.linker import Linker
from plumbob.exec.interp.memory import Memory, ObjectInfo
from plumbob.exec.interp.outcome import (
    BAD_SIGNATURE,
    HOST_DEPTH,
    INTERRUPTED,
    NOT_A_FUNCTION,
    OUT_OF_FUEL,
    GuestException,
    GuestTrap,
    LinkError,
    Outcome,
    Returned,
    Thrown,
    Trap,
)
from plumbob.exec.interp.program import Program, signature_key
from plumbob.exec.interp.threads import on_guest_thread, run_on_guest_thread
from plumbob.exec.interp.walk import Walker
from plumbob.semantics import ConcreteDomain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plumbob.ir.entities import Signature

FUEL_SLICE = 1 << 16
"""Fuel handed to running code at once: it stays a small integer, and between two slices the
machine can be stopped from outside. The slowest instructions take a few microseconds."""

FRAMES_PER_CALL = 2
"""Python frames that one guest call takes at most: a function that makes tail calls has two."""
FRAMES_PER_CROSSING = 40
"""Python frames of the executor's and a host function's own, for each crossing."""

Mode: TypeAlias = Literal["source", "walk"]
HostFunction: TypeAlias = "Callable[..., int | tuple[int, ...] | None]"
Trace: TypeAlias = "Callable[[str, int, tuple[int, ...]], None]"


class Host(NamedTuple):
    """A function of the host: called as `function(machine, *arguments)`, on bits.

    It returns None, one result, or a tuple of them; it may raise GuestTrap and
    GuestException, and may call back through `machine.call`.
    """

    signature: Signature
    function: HostFunction


class Machine:
    """One running instance of a program.

    `hosts` are functions of the host by name. `mode` is "source" (generated Python) or
    "walk" (tree walking); the results are the same. `trace(function, instruction, values)`
    is called after every instruction that has results. `seed` reorders stack slots in
    memory, which no result may depend on. Not for several threads at once.
    """

    def __init__(
        self,
        program: Program,
        *,
        hosts: Mapping[str, Host] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        mode: Mode = "source",
        trace: Trace | None = None,
        seed: int = 0,
    ) -> None:
        self.program = program
        self.hosts = dict(hosts or {})
        self.limits = limits
        self.mode = mode
        self.trace = trace
        self.memory = Memory(program.layout, limits.memory, seed)
        self.reserve = limits.fuel
        """Fuel that was not handed out yet."""
        self.frames_left = limits.call_depth - 1
        """How many frames the function that the host calls next may still enter."""
        self.crossings = 0
        self.interrupted = False
        self._libcalls = libcalls(program.layout.bits)
        self._symbols: dict[str, int] = {}
        self._functions: dict[str, int] = {}
        self._function_symbols: dict[int, str] = {}
        self.linker = Linker(self)
        self.domain = ConcreteDomain(program.library.nan_rule)
        self._walker = Walker(self)

    # Calling

    def call(self, symbol: str, arguments: Sequence[int] = ()) -> Outcome:
        """Call a function of the program with the bits of its arguments.

        Raises UsageError for a wrong name or arguments, UnsupportedOperationError where the
        guest executes what means nothing here, LinkError where it calls what nobody defines.
        """
        signature = self.program.require_signature(symbol)
        _check_arguments(symbol, signature, arguments)
        if on_guest_thread():
            return self._run(symbol, signature, arguments)
        frames = FRAMES_PER_CALL * self.limits.call_depth + FRAMES_PER_CROSSING * (
            self.limits.host_depth + 1
        )
        outcome: Outcome = run_on_guest_thread(
            lambda: self._run(symbol, signature, arguments),
            frames,
            self.limits.stack_bytes,
            self.interrupt,
        )
        return outcome

    def _run(self, symbol: str, signature: Signature, arguments: Sequence[int]) -> Outcome:
        depth, crossings = self.frames_left, self.crossings
        try:
            if self.mode == "walk":
                values = self._walker.run(symbol, arguments, depth)
            else:
                values = self.linker.run(symbol, signature, arguments, depth)
        except GuestTrap as trap:
            stack = trap.stack if self.mode == "walk" else self.linker.stack_of(trap)
            return Trap(trap.kind, trap.message, stack)
        except GuestException as thrown:
            return Thrown(thrown.tag, thrown.payload, thrown.context)
        finally:
            self.frames_left, self.crossings = depth, crossings
        return Returned(values)

    def call_host(self, host: Host, depth: int, arguments: tuple[int, ...]) -> Any:
        """Call a host function from the guest; `depth` is the callee's number of frames left."""
        if self.crossings >= self.limits.host_depth:
            message = f"{self.crossings} host functions are on the stack"
            raise GuestTrap(HOST_DEPTH, message)
        before = self.frames_left
        self.frames_left = depth
        self.crossings += 1
        try:
            return host.function(self, *arguments)
        finally:
            self.crossings -= 1
            self.frames_left = before

    # Fuel

    def refuel(self, fuel: int) -> int:
        """Return the fuel to go on with after it fell below zero; traps where none is left."""
        if self.interrupted:
            raise GuestTrap(INTERRUPTED)
        self.reserve += fuel
        if self.reserve < 0:
            raise GuestTrap(OUT_OF_FUEL, f"the limit is {self.limits.fuel}")
        handed = min(self.reserve, FUEL_SLICE)
        self.reserve -= handed
        return handed

    def interrupt(self) -> None:
        """Make the guest trap with INTERRUPTED soon; callable from any thread."""
        self.interrupted = True

    # Functions and data

    def find_host(self, symbol: str) -> Host | None:
        """Return the host's function of that name, or the runtime library's."""
        host = self.hosts.get(symbol)
        if host is None and symbol in self._libcalls:
            return Host(*self._libcalls[symbol])
        return host

    def check_call(self, symbol: str, expected: Signature) -> None:
        """Trap unless `symbol` is a function of that signature; LinkError if nobody defines it."""
        found = self.program.signature(symbol)
        if found is None:
            host = self.find_host(symbol)
            if host is None:
                raise LinkError("no such function", found=symbol)
            found = host.signature
        if signature_key(found) != signature_key(expected):
            message = f"{symbol} is {_described(found)}, called as {_described(expected)}"
            raise GuestTrap(BAD_SIGNATURE, message)

    def function_address(self, symbol: str) -> int:
        """Return the address of a function: an object of its own, without bytes."""
        address = self._functions.get(symbol)
        if address is None:
            address = self.memory.allocate(ObjectInfo("function", symbol, 0))
            self._functions[symbol] = address
            self._function_symbols[address] = symbol
        return address

    def function_at(self, address: int) -> str:
        """Return the name of the function at an address; traps if there is none."""
        symbol = self._function_symbols.get(address)
        if symbol is None:
            raise GuestTrap(NOT_A_FUNCTION, f"call of {address:#x}")
        return symbol

    def define_data(self, symbol: str, contents: bytes | bytearray) -> int:
        """Create a data object by the name that `symbol_value` uses; returns its address."""
        if symbol in self._symbols:
            raise UsageError("symbol defined twice", found=symbol)
        info = ObjectInfo("data", symbol, len(contents))
        self._symbols[symbol] = address = self.memory.allocate(info, contents)
        return address

    def symbol_address(self, symbol: str) -> int:
        """Return the address of data or a function.

        What nobody defines has an address too, of an object without bytes: comparing it is
        fine, accessing it traps.
        """
        if symbol in self._symbols:
            return self._symbols[symbol]
        if self.program.signature(symbol) is not None or self.find_host(symbol) is not None:
            return self.function_address(symbol)
        return self.define_data(symbol, b"")


def _described(signature: Signature) -> str:
    params, returns = signature_key(signature)
    return f"({', '.join(params)}) -> ({', '.join(returns)})"


def _check_arguments(symbol: str, signature: Signature, arguments: Sequence[int]) -> None:
    if len(arguments) != len(signature.params):
        raise UsageError(
            f"arguments of {symbol}",
            expected=str(len(signature.params)),
            found=str(len(arguments)),
        )
    for argument, param in zip(arguments, signature.params, strict=True):
        if not 0 <= argument < 1 << (param.type.bits or 64):
            raise UsageError(
                f"argument of {symbol}",
                expected=f"the bits of {param.type}, unsigned",
                found=str(argument),
            )
