"""Stores: what instances share, with limits on what guests may take."""

from __future__ import annotations

import math
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, Final, TypeVar

from plumbob.api.checks import Unique, require, require_choice, require_integer, wrong
from plumbob.api.errors import ThrownError, Trap
from plumbob.api.values import from_guest_all, to_guest_all
from plumbob.api.views import view
from plumbob.errors import UsageError
from plumbob.exec.interp.wasm_engine import Engine
from plumbob.exec.interp.wasm_exceptions import WasmException
from plumbob.ir.verifier import require_valid
from plumbob.runtime import store as runtime
from plumbob.runtime.limits import DEFAULT_LIMITS, StoreLimits
from plumbob.runtime.references import ExnRef
from plumbob.runtime.traps import GuestTrap, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.machine import Mode
    from plumbob.ir.function import Function
    from plumbob.wasm.type_space import TypeRegistry

    Result = TypeVar("Result")

MODES: Final = ("source", "walk")

_MOST: Final = (1 << 63) - 1
_COUNTS: Final = {
    "memory": (0, _MOST),
    "table_elements": (0, _MOST),
    "call_depth": (1, 1_000_000),
    "host_depth": (0, 100),
}
"""The range of each limit that is a count. Deeper stacks than these the host does not have."""

_OPTIONAL: Final = ("fuel", "growth")
"""Limits that are counts, or None for none."""


class _Call:
    """A call from outside, and which thread may call the store meanwhile, if any.

    That is the guest's own thread while a host function runs there.
    """

    __slots__ = ("thread",)

    def __init__(self) -> None:
        self.thread: int | None = None


class Store(Unique):
    """Instances of one store may exchange functions, memories, tables and objects.

    `limits` bound what all of them take together. `mode` is "source" or "walk", two ways to
    interpret that give the same results. With `verify` every function is checked by the
    verifier of the IR once it is translated; `InternalError` names one that fails, and is a
    bug of Plumbob's.

    One thread at a time may call into a store: a call while a guest runs, save from a host
    function on the guest's own thread, raises UsageError. Threads share a memory that is
    declared as shared, by stores of their own. `interrupt` may come from any thread.

    Raises UsageError for limits that are out of range: `deadline` must be None or a finite
    number of seconds that is not negative, `fuel` and `growth` None or not negative, `call_depth`
    from 1 to 1,000,000, `host_depth` at most 100.
    """

    def __init__(
        self,
        limits: StoreLimits = DEFAULT_LIMITS,
        *,
        mode: Mode = "source",
        verify: bool = False,
    ) -> None:
        _require_limits(limits)
        require_choice(mode, MODES, "the mode of a store")
        require(verify, bool, "verify", "True or False")
        self.limits = limits
        self.verify = verify
        self._closed = False
        self._call: _Call | None = None
        self._lock = Lock()
        check: Callable[[Function], None] | None = require_valid if verify else None
        self._runtime = runtime.Store(lambda store: Engine(store, mode=mode, verify=check), limits)
        engine = self._runtime.executor
        assert isinstance(engine, Engine)  # noqa: S101  # made in the line above
        self._engine = engine

    @property
    def runtime(self) -> runtime.Store:
        """The runtime's store; raises UsageError if this one was closed."""
        self.require_open()
        return self._runtime

    @property
    def registry(self) -> TypeRegistry:
        """The canonical types, by their ids."""
        return self._runtime.registry

    @property
    def fuel(self) -> int | None:
        """The fuel that is left, None where there is no limit."""
        return self._engine.fuel_left()

    def add_fuel(self, fuel: int) -> None:
        """Give more fuel; UsageError where the store has no limit on it, or for less than 0."""
        self.require_open()
        more = require_integer(fuel, 0, _MOST, "the fuel to add")
        if self.limits.fuel is None:
            raise UsageError(
                "a store without a limit on fuel takes no more",
                expected="a Store with StoreLimits(fuel=...)",
            )
        self._engine.add_fuel(more)

    def interrupt(self) -> None:
        """Make the running guest trap soon, "interrupted"; from any thread.

        Nothing happens where none runs.
        """
        self._engine.interrupt()

    def poll(self) -> None:
        """For host functions that wait: end the guest if it was interrupted or is out of time.

        Raises the `Trap` that ends it, which the host function must let pass. Where no guest
        runs nothing happens.
        """
        if self._call is not None:
            try:
                self._engine.poll()
            except GuestTrap as trap:
                raise _trap(trap) from None

    def close(self) -> None:
        """Make every later use of what belongs to the store a UsageError.

        That is calls, instances, memories, tables, globals, tags, objects; names, `==` and
        `repr` still work, and so do memoryviews that were taken before. A guest that runs
        goes on until it next calls a host function. Closing twice is fine.
        """
        self._closed = True

    def require_open(self) -> None:
        """Raise UsageError if the store was closed."""
        if self._closed:
            raise UsageError(
                "the store was closed", expected="a store that is open", found="a closed one"
            )

    def guarded(self, run: Callable[[], Result]) -> Result:
        """Return what `run` does; raises `Trap` and `ThrownError` for what ends a guest.

        Raises UsageError where another thread runs a guest of this store.
        """
        self.require_open()
        before = self._enter()
        try:
            return run()
        except GuestTrap as trap:
            raise _trap(trap) from None
        except WasmException as thrown:
            raise self.thrown(thrown.exception) from None
        finally:
            self._call = before

    def _enter(self) -> _Call | None:
        """Begin a call; returns the call that it is nested in."""
        with self._lock:
            before = self._call
            if before is not None and before.thread != get_ident():
                raise UsageError(
                    "the store is in use",
                    expected="calls from one thread at a time",
                    found="a call while another thread runs a guest",
                )
            self._call = _Call()
            return before

    def thrown(self, exception: ExnRef) -> ThrownError:
        """Return a guest's exception as an error."""
        types = exception.tag.signature.params
        values = from_guest_all(exception.values, types, self)
        error = ThrownError(view(self, exception.tag), values)
        error.exception = view(self, exception)
        return error

    def hosted(self, run: Callable[[], Any]) -> Any:
        """Run a host function's body; its `Trap` and `ThrownError` become the guest's."""
        # Not `self._call` at the end: an abandoned guest must not touch the call of now.
        call = self._call
        if call is not None:
            call.thread = get_ident()
        try:
            return run()
        except Trap as trap:
            raise GuestTrap(trap.code, trap.detail, trap.frames) from trap
        except ThrownError as thrown:
            raise WasmException(self._exception(thrown)) from thrown
        finally:
            if call is not None:
                call.thread = None

    def _exception(self, thrown: ThrownError) -> ExnRef:
        """Return a host's exception as the guest's."""
        what = "the exception that a host function raised"
        thrown.tag.require_store(self, what)
        if thrown.exception is not None:
            return thrown.exception.runtime
        tag = thrown.tag.runtime
        return ExnRef(tag, tuple(to_guest_all(thrown.values, tag.signature.params, self, what)))


def _trap(trap: GuestTrap) -> Trap:
    """Return a guest's trap as an error."""
    return Trap(describe(trap), code=trap.kind, detail=trap.message, frames=trap.stack)


def _require_limits(limits: Any) -> None:
    """Raise UsageError for limits that cannot be kept."""
    require(limits, StoreLimits, "the limits of a store", "StoreLimits")
    for name, (least, most) in _COUNTS.items():
        require_integer(getattr(limits, name), least, most, f"StoreLimits.{name}")
    for name in _OPTIONAL:
        if getattr(limits, name) is not None:
            require_integer(getattr(limits, name), 0, _MOST, f"StoreLimits.{name}")
    require(limits.trap_on_grow_failure, bool, "StoreLimits.trap_on_grow_failure", "True or False")
    seconds = limits.deadline
    if seconds is None:
        return
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not 0 <= seconds <= _MOST or not math.isfinite(seconds):
        raise wrong("StoreLimits.deadline", "seconds from 0 on, finite, or None", seconds)
