"""Engines that are open: each is started when it is first asked for, all end together.

Different engines may be asked from different threads; one engine from one thread at a time.
"""

from __future__ import annotations

import contextlib
import os
import signal
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

from plumbob.engines.cache import Cache
from plumbob.engines.install import hold
from plumbob.engines.kinds import KINDS, REFERENCE
from plumbob.engines.opening import open_engine, open_optimiser, open_validator
from plumbob.engines.process import Limits
from plumbob.engines.spec import EngineSpec, parse_spec
from plumbob.engines.tool import TOOL, Tool
from plumbob.runtime.closing import Closing
from plumbob.triage.check.reference import FUEL, SECONDS, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.engines.optimiser import Optimised
    from plumbob.engines.request import Answer, Request


OPTIMISING: Final = 6
"""Times the limit of a call that an optimiser has for a module."""


class Opened(Protocol):
    """What engines, optimisers and the reference have in common."""

    spec: EngineSpec
    version: str
    about: dict[str, Any]

    def close(self) -> None:
        """End it."""


class Runs(Opened, Protocol):
    """An engine that runs modules."""

    def run(self, request: Request) -> Answer:
        """Return its first answer to a request."""

    def answers(self, request: Request) -> tuple[Answer, ...]:
        """Return every answer that it gives to a request: one, unless it cannot decide."""


class Optimises(Opened, Protocol):
    """An optimiser."""

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that its name brings."""

    def optimise(self, module: bytes) -> Optimised:
        """Return what it makes of a module."""


class Pool(Closing):
    """Opens engines by their names, and keeps them open until `close` or `release`."""

    def __init__(
        self,
        *,
        cache: Cache | None = None,
        limits: Limits | None = None,
        announce: Callable[[str], None] | None = None,
        fuel: int = FUEL,
        seconds: float = SECONDS,
        reference: str = REFERENCE,
        budget: float | None = None,
    ) -> None:
        """Take limits: `limits` of engines' workers, `fuel` and `seconds` of the reference.

        `budget`: the seconds after which the reference begins no further call of a program
        whose arguments were chosen.
        """
        self.cache = cache
        self.limits = limits
        self.announce = announce
        self.fuel = fuel
        self.seconds = seconds
        self.budget = budget
        self.reference = Reference(reference, fuel=fuel, seconds=seconds)
        self.stopping = False
        """Whether nothing more is to be asked of engines."""
        self._open: dict[str, Opened] = {}
        self._lock = Lock()

    def engine(self, name: str) -> Runs:
        """Return an engine that runs modules.

        Raises `UsageError`, `RegistryError`, `InstallError` and `StartError`.
        """
        return self._get(name, self._open_engine)  # type: ignore[return-value]  # made there

    def optimiser(self, name: str) -> Optimises:
        """Return an optimiser; raises as `engine` does."""
        return self._get(name, self._open_optimiser)  # type: ignore[return-value]  # made there

    def _get(self, name: str, make: Callable[[str], Opened]) -> Opened:
        with self._lock:
            found = self._open.get(name)
        if found is None:
            found = make(name)
            with self._lock:
                self._open[name] = found
        return found

    def _open_engine(self, name: str) -> Opened:
        if parse_spec(name).kind == REFERENCE:
            return Reference(name, fuel=self.fuel, seconds=self.seconds)
        if KINDS[parse_spec(name).kind].validates:
            return open_validator(parse_spec(name), self.cache, self.limits, self.announce)
        return open_engine(name, self.cache, self.limits, self.announce)

    def _open_optimiser(self, name: str) -> Opened:
        limits = Limits() if self.limits is None else self.limits
        longer = limits._replace(seconds=limits.seconds * OPTIMISING)
        if parse_spec(name).kind == TOOL:
            return Tool(parse_spec(name), longer)
        return open_optimiser(name, self.cache, longer, self.announce)

    def open(self, name: str) -> Opened:
        """Return an engine of any kind."""
        return self.optimiser(name) if optimises(name) else self.engine(name)

    def install(self, name: str) -> None:
        """Install an engine where it is missing; raises as `engine` does."""
        spec = parse_spec(name)
        if KINDS[spec.kind].registry is not None:
            cache = Cache() if self.cache is None else self.cache
            hold(spec, cache, self.announce)[1].close()

    def stop(self) -> None:
        """Kill the workers, whatever other threads ask of them; `stopping` tells those threads."""
        self.stopping = True
        with self._lock:
            numbers = [getattr(engine, "pid", None) for engine in self._open.values()]
        for number in numbers:
            if number is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(number, signal.SIGKILL)

    def release(self, name: str) -> None:
        """End one engine; it may be asked for again."""
        with self._lock:
            found = self._open.pop(name, None)
        if found is not None:
            found.close()

    def close(self) -> None:
        """End all engines."""
        with self._lock:
            found = list(self._open.values())
            self._open.clear()
        for engine in found:
            engine.close()


def with_reference(names: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the reference, and the other engines, each once, in order.

    The reference is the first of `names` that is Plumbob as it is, else `plumbob`. Raises
    `UsageError` for what names no engine.
    """
    names = list(dict.fromkeys(names))
    own = (name for name in names if parse_spec(name).kind == REFERENCE)
    reference = next((n for n in own if parse_spec(n).options in _PLAIN), REFERENCE)
    return reference, [name for name in names if name != reference]


_PLAIN = ((), (("tier", "interp"),))
"""Options that change nothing of the reference."""


def optimises(name: str) -> bool:
    """Return whether a name is an optimiser's. Raises `UsageError` for what names no engine."""
    return KINDS[parse_spec(name).kind].optimises
