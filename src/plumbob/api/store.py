"""Stores: what instances share, with limits on what guests may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from plumbob.api.errors import ThrownError, Trap, tag_of
from plumbob.api.values import from_guest
from plumbob.errors import UsageError
from plumbob.exec.interp.wasm_engine import Engine
from plumbob.exec.interp.wasm_exceptions import WasmException
from plumbob.runtime import store as runtime
from plumbob.runtime.limits import DEFAULT_LIMITS, StoreLimits
from plumbob.runtime.references import ExnRef
from plumbob.runtime.traps import GuestTrap, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.exec.interp.machine import Mode

    Result = TypeVar("Result")


class Store:
    """Instances of one store may exchange functions, memories, tables and objects.

    `limits` bound what all of them take together. `mode` is "source" or "walk", two ways to
    interpret that give the same results. Not for several threads at once; `interrupt` is.
    """

    def __init__(self, limits: StoreLimits = DEFAULT_LIMITS, *, mode: Mode = "source") -> None:
        self.limits = limits
        self.runtime = runtime.Store(lambda store: Engine(store, mode=mode), limits)
        engine = self.runtime.executor
        assert isinstance(engine, Engine)  # noqa: S101  # made in the line above
        self._engine = engine
        self._closed = False

    @property
    def fuel(self) -> int | None:
        """The fuel that is left, None where there is no limit."""
        return self._engine.fuel_left()

    def add_fuel(self, fuel: int) -> None:
        """Give more fuel; UsageError where the store has no limit on it."""
        if self.limits.fuel is None:
            raise UsageError("a store without a limit on fuel takes no more")
        self._engine.add_fuel(fuel)

    def interrupt(self) -> None:
        """Make the running guest trap soon; from any thread."""
        self._engine.interrupt()

    def poll(self) -> None:
        """For host functions that wait: end the guest if it was interrupted or is out of time."""
        self._engine.poll()

    def close(self) -> None:
        """Make every later use of the store's instances a UsageError."""
        self._closed = True

    def require_open(self) -> None:
        """Raise UsageError if the store was closed."""
        if self._closed:
            raise UsageError("the store of this instance was closed")

    def guarded(self, run: Callable[[], Result]) -> Result:
        """Return what `run` does; raises `Trap` and `ThrownError` for what ends a guest."""
        self.require_open()
        try:
            return run()
        except GuestTrap as trap:
            raise Trap(
                describe(trap), code=trap.kind, detail=trap.message, frames=trap.stack
            ) from None
        except WasmException as thrown:
            raise self.thrown(thrown.exception) from None

    def thrown(self, exception: ExnRef) -> ThrownError:
        """Return a guest's exception as an error."""
        from plumbob.api.externs import Tag  # noqa: PLC0415  # a cycle: tags have a store

        types = exception.tag.signature.params
        values = zip(exception.values, types, strict=True)
        python = tuple(from_guest(value, type_, self) for value, type_ in values)
        return ThrownError(Tag(self, exception.tag), python)

    def hosted(self, run: Callable[[], Any]) -> Any:
        """Run a host function's body; its `Trap` and `ThrownError` become the guest's."""
        try:
            return run()
        except Trap as trap:
            raise GuestTrap(trap.code, trap.detail, trap.frames) from trap
        except ThrownError as thrown:
            tag = tag_of(thrown)
            raise WasmException(ExnRef(tag, self.guest_values(thrown))) from thrown

    def guest_values(self, thrown: ThrownError) -> tuple[Any, ...]:
        """Return the values of a host's exception as the guest's."""
        from plumbob.api.values import to_guest_all  # noqa: PLC0415  # beside its opposite

        types = tag_of(thrown).signature.params
        return tuple(to_guest_all(thrown.values, types, self, "the exception"))
