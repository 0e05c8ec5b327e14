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
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from plumbob.engines.cache import Held
    from plumbob.engines.spec import EngineSpec

    Judge = Callable[[str, str, str], tuple[str, str | None]]

_SKIPPED = Outcome(OutcomeKind.SKIPPED)
_OK = Outcome(OutcomeKind.OK)


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

    def run_many(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Yield the answer to each request, in order: those of `run`, `retried` aside.

        Requests are sent ahead of the answers, which is faster where modules are small.
        Where the worker fails, those under way are run one by one.
        """
        batch: list[Request] = []
        size = 0
        for request in requests:
            batch.append(request)
            size += len(request.module)
            if len(batch) == AHEAD or size > AHEAD_BYTES:
                yield from self._run_batch(batch)
                batch, size = [], 0
        if batch:
            yield from self._run_batch(batch)

    def _run_batch(self, batch: list[Request]) -> Iterator[Answer]:
        worker = self._ready()
        done = 0
        if worker.served == 0:
            yield self.run(batch[0])
            done = 1
            worker = self._ready()
        frames = [(request.wire(stream=False), request.module) for request in batch[done:]]
        answers: list[Answer] = []
        try:
            fault = worker.send(frames, self.limits.seconds) if frames else None
            while fault is None and done + len(answers) < len(batch):
                steps, fault = self._read(worker, batch[done + len(answers)])
                if fault is None:
                    answers.append(_answer(steps, len(batch[done + len(answers)].calls)))
        except BaseException:  # Ctrl-C: the rest of the answers must not meet the next request
            self._drop()
            raise
        if fault is not None:
            self._drop()
        yield from answers
        for request in batch[done + len(answers) :]:
            yield self.run(request)

    def _attempt(self, worker: Worker, request: Request, *, stream: bool) -> Answer:
        steps: list[Outcome] = []
        try:
            fault = worker.send(
                [(request.wire(stream=stream), request.module)], self.limits.seconds
            )
            if fault is None:
                steps, fault = self._read(worker, request)
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
        return _answer(steps, len(request.calls))

    def _read(self, worker: Worker, request: Request) -> tuple[list[Outcome], Fault | None]:
        """Return the steps of one request that were reported, and what broke them off."""
        steps: list[Outcome] = []
        while len(steps) < 2 + len(request.calls):
            frame = worker.receive(self.limits.seconds)
            if isinstance(frame, Fault):
                return steps, frame
            try:
                steps += map(self._outcome, frame[0]["steps"])
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                said = f"answered with {frame[0]!r:.200} ({error})"
                return steps, Fault(FaultKind.GARBAGE, said)
            if len(steps) <= 2 and steps[-1].kind != OutcomeKind.OK:
                break  # the harness stops there too
        if len(steps) > 2 + len(request.calls):
            return steps[:2], Fault(FaultKind.GARBAGE, f"answered {len(steps)} steps")
        return steps, None

    def _outcome(self, data: dict[str, Any]) -> Outcome:
        kind, message = data["kind"], data.get("message", "")
        if kind == OutcomeKind.OK and "log" not in data:
            return _OK
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


def _answer(steps: list[Outcome], calls: int) -> Answer:
    skipped = [_SKIPPED] * (2 + calls - len(steps))
    first, second, *rest = [*steps, *skipped]
    return Answer(first, second, tuple(rest))


AHEAD = 64
"""Requests that are sent before their answers are awaited."""

AHEAD_BYTES = 1 << 16
"""Bytes of modules at which no more is sent ahead: what a pipe takes without waiting."""

_FAULTS = (FaultKind.CRASH, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.GARBAGE)
