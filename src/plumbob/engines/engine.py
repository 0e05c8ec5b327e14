"""An engine that takes modules in turn: one worker, restarted whenever it is gone.

A worker that fails on a module may have been spoilt by the modules before it. So a fault of
a worker that had served others is not believed: the module is tried once more, alone, in a
fresh worker, and that is the answer. A fresh worker reports every step when it is done, so
that a fault is put to the right one, and each step has the whole time limit. Others report
all steps together within one time limit, which is what makes many small modules fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from plumbob.engines.process import Command, Fault, FaultKind, Limits, Worker
from plumbob.engines.request import Answer, HostCall, Outcome, OutcomeKind, Request, Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from plumbob.engines.cache import Held
    from plumbob.engines.process import Frame
    from plumbob.engines.spec import EngineSpec

    Judge = Callable[[str, str, str], tuple[str, str | None]]

_SKIPPED = Outcome(OutcomeKind.SKIPPED)


class Served:
    """What engines and optimisers have in common: a worker at hand, and its end."""

    def __init__(self, spec: EngineSpec, version: str, command: Command, limits: Limits) -> None:
        self.spec = spec
        self.version = version
        """The release that runs, where the specification named none."""
        self.limits = limits
        self.restarts = 0
        """How often a worker was gone and another took its place."""
        self._command = command
        self._held: list[Held] = []
        self._worker: Worker | None = Worker(command, limits, spec.text)
        self.about = self._worker.about

    def keep(self, *held: Held) -> Self:
        """Keep folders of the cache from removal until `close`."""
        self._held.extend(held)
        return self

    def _ready(self) -> Worker:
        """Return a worker that lives. Raises `StartError` where none can be started."""
        if self._worker is None or not self._worker.alive():
            self._drop()
            self.restarts += 1
            self._worker = Worker(self._command, self.limits, self.spec.text)
        return self._worker

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    @property
    def pid(self) -> int | None:
        """The number of the worker's process, None where there is none."""
        return None if self._worker is None else self._worker.pid

    def close(self) -> None:
        """End the worker and let go of the cache's folders; further calls do nothing."""
        self._drop()
        while self._held:
            self._held.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Engine(Served):
    """An engine that runs modules.

    `judge` turns a harness's words into a kind of outcome and a kind of trap.
    """

    def __init__(
        self, spec: EngineSpec, version: str, command: Command, limits: Limits, judge: Judge
    ) -> None:
        super().__init__(spec, version, command, limits)
        self._judge = judge

    def run(self, request: Request) -> Answer:
        """Return what the engine makes of a request; whatever it does is in the answer.

        Raises `StartError` where the engine died and does not start again.
        """
        worker = self._ready()
        fresh = worker.served == 0
        answer = self._attempt(worker, request, stream=fresh)
        fault = next((step for step in answer.steps if step.kind in _FAULTS), None)
        if fault is None or fresh:
            return answer
        second = self._attempt(self._ready(), request, stream=True)
        return Answer(second.compiled, second.instantiated, second.results, fault)

    def _attempt(self, worker: Worker, request: Request, *, stream: bool) -> Answer:
        steps: list[Outcome] = []
        wanted = 2 + len(request.calls)
        try:
            fault = worker.send(request.wire(stream=stream), request.module, self.limits.seconds)
            while fault is None and len(steps) < wanted:
                frame = worker.receive(self.limits.seconds)
                if isinstance(frame, Fault):
                    fault = frame
                    break
                try:
                    steps.append(self._outcome(frame))
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    fault = Fault(FaultKind.GARBAGE, f"answered with {frame[0]!r:.200} ({error})")
                    break
                if len(steps) <= 2 and steps[-1].kind != OutcomeKind.OK:
                    break  # the harness stops there too
        except BaseException:  # Ctrl-C: the rest of the answer must not meet the next request
            self._drop()
            raise
        if fault is not None:
            self._drop()
            steps.append(
                Outcome(
                    fault.kind,
                    message=fault.message,
                    signal=fault.signal,
                    status=fault.status,
                    tail=fault.tail,
                )
            )
        steps += [_SKIPPED] * (wanted - len(steps))
        return Answer(steps[0], steps[1], tuple(steps[2:]))

    def _outcome(self, frame: Frame) -> Outcome:
        data: dict[str, Any] = frame[0]
        kind, message = data["kind"], data.get("message", "")
        calls = tuple(
            HostCall(int(place), tuple(map(Value.from_wire, args)))
            for place, args in data.get("log", ())
        )
        if kind == OutcomeKind.OK:
            return Outcome(kind, calls=calls)
        if kind == OutcomeKind.VALUES:
            return Outcome(kind, tuple(map(Value.from_wire, data["values"])), calls=calls)
        kind, trap = self._judge(kind, data.get("code", ""), message)
        return Outcome(kind, trap=trap, message=message, calls=calls)


_FAULTS = (FaultKind.CRASH, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.GARBAGE)
