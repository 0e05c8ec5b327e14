"""An engine that takes modules in turn: one worker, restarted whenever it is gone.

A worker that fails on a module may have been spoilt by the modules before it. So a fault of
a worker that had served others is not believed: the module is tried once more, alone, in a
fresh worker, and that is the answer. A fresh worker reports every step when it is done, so
that a fault is put to the right one, and each step has the whole time limit. Others report
all steps together within one time limit, which is what makes many small modules fast.
"""

from __future__ import annotations

import contextlib
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self

from plumbob.engines.kinds import KINDS
from plumbob.engines.process import Command, Fault, FaultKind, Limits, Worker
from plumbob.engines.request import Answer, HostCall, Outcome, OutcomeKind, Request, Value
from plumbob.engines.traps import unfinished
from plumbob.runtime.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from plumbob.engines.cache import Held
    from plumbob.engines.spec import EngineSpec

    Judge = Callable[[str, str, str], tuple[str, str | None]]

_SKIPPED = Outcome(OutcomeKind.SKIPPED)
_OK = Outcome(OutcomeKind.OK)


class Served(Closing):
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
        self.about: dict[str, Any] = {
            **self._worker.about,
            **({"tier": spec.option("tier")} if "tier" in KINDS[spec.kind].options else {}),
            "flags": list(command.flags),
        }
        """What the engine is: its own `version`, its `tier` where it has several, `flags`
        that say how it compiles, and what else its harness tells."""

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


class _Ahead:
    """What was sent ahead to a worker, and what came back and nobody has taken."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.pending: deque[Request] = deque()
        self.size = 0
        """Bytes of the modules that are pending."""
        self.more = True
        """Whether there may be further requests."""
        self.answers: deque[Answer] = deque()


class Engine(Served):
    """An engine that runs modules.

    `judge` turns a harness's words into a kind of outcome and a kind of trap.
    """

    def __init__(
        self, spec: EngineSpec, version: str, command: Command, limits: Limits, judge: Judge
    ) -> None:
        super().__init__(spec, version, command, limits)
        self._judge = judge
        self._threads = KINDS[spec.kind].threads
        self._ahead: _Ahead | None = None

    def run(self, request: Request) -> Answer:
        """Return what the engine makes of a request; whatever it does is in the answer.

        Raises `StartError` where the engine died and does not start again.
        """
        self._settle()
        worker = self._ready()
        fresh = worker.served == 0
        answer = self._attempt(worker, request, stream=fresh)
        fault = next((step for step in answer.steps if step.kind in _FAULTS), None)
        if fault is None or fresh:
            return answer
        second = self._attempt(self._ready(), request, stream=True)
        return Answer(second.compiled, second.instantiated, second.results, fault)

    def answers(self, request: Request) -> tuple[Answer, ...]:
        """Return what the engine makes of a request, every answer that it gives, the first first.

        Kinds of engines that are known to be nondeterministic are asked several times, each
        time alone in a fresh worker; a fault ends that, since it is a finding whatever else
        there was. Raises as `run` does.
        """
        found = [self.run(request)]
        for _ in range(1, KINDS[self.spec.kind].runs):
            if any(step.kind in _FAULTS for step in found[-1].steps):
                break
            self._drop()
            again = self._attempt(self._ready(), request, stream=True)
            if all(again.steps != answer.steps for answer in found):
                found.append(again)
        return tuple(found)

    def run_many(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Yield the answer to each request, in order: those of `run`, `retried` aside.

        Requests are sent ahead of the answers, which is faster where modules are small: the
        worker finds the next one waiting. Where it fails, the next ones are run one by one
        for a while. Other requests may be made in between, and the rest be left.
        """
        source = iter(requests)
        alone = 1  # a fresh worker reports step by step
        while True:
            for request in islice(source, alone):
                yield self.run(request)
            pending = yield from self._run_ahead(source)
            if not pending:
                return
            source = chain(pending, source)
            alone = AFTER_FAULT

    def _run_ahead(self, source: Iterator[Request]) -> Generator[Answer, None, Sequence[Request]]:
        """Yield answers until there are no more requests, or the worker fails.

        Return those that were sent and not answered, and at least one where it was not in a
        state to begin.
        """
        ahead = self._ahead = _Ahead(self._ready())
        if ahead.worker.served == 0:
            return list(islice(source, 1))
        try:
            while ahead.worker is self._worker:
                half = len(ahead.pending) <= AHEAD // 2 and ahead.size <= AHEAD_BYTES // 2
                if ahead.more and half:
                    self._send_ahead(ahead, source)
                if not ahead.answers:
                    if not ahead.pending:
                        return ()
                    self._read_ahead(ahead)
                while ahead.answers:
                    yield ahead.answers.popleft()
        finally:
            self._settle()
        yield from ahead.answers
        return ahead.pending

    def _send_ahead(self, ahead: _Ahead, source: Iterator[Request]) -> None:
        batch: list[Request] = []
        while len(ahead.pending) + len(batch) < AHEAD and ahead.size < AHEAD_BYTES:
            request = next(source, None)
            if request is None:
                ahead.more = False
                break
            batch.append(request)
            ahead.size += len(request.module)
        ahead.pending += batch
        if batch:
            with self._whole():
                frames = [(request.wire(stream=False), request.module) for request in batch]
                if ahead.worker.send(frames, self.limits.seconds) is not None:
                    self._drop()

    def _read_ahead(self, ahead: _Ahead) -> None:
        """Take the next answer, or drop the worker where there is none."""
        request = ahead.pending[0]
        with self._whole():
            steps, fault = self._read(ahead.worker, request)
        if fault is not None:
            self._drop()
            return
        ahead.pending.popleft()
        ahead.size -= len(request.module)
        ahead.answers.append(_answer(steps, len(request.calls)))

    def _settle(self) -> None:
        """Take the answers to what was sent ahead, so that the next is the next request's."""
        ahead, self._ahead = self._ahead, None
        while ahead is not None and ahead.pending and ahead.worker is self._worker:
            self._read_ahead(ahead)

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Drop the worker where an exchange is broken off, as by Ctrl-C: what is left of its
        answer must not meet the next request.
        """  # noqa: D205  # one sentence
        try:
            yield
        except BaseException:
            self._drop()
            raise

    def _attempt(self, worker: Worker, request: Request, *, stream: bool) -> Answer:
        steps: list[Outcome] = []
        paced = stream and self._threads
        with self._whole():
            frame = (request.wire(stream=stream, paced=paced), request.module)
            fault = worker.send([frame], self.limits.seconds)
            if fault is None:
                steps, fault = self._read(worker, request, paced=paced)
            if fault is None and self._threads and not paced:
                fault = worker.quiet()
                if fault is not None:
                    steps.pop()
        if fault is not None:
            self._drop()
            steps.append(self._ended(fault))
        return _answer(steps, len(request.calls))

    def _ended(self, fault: Fault) -> Outcome:
        lacks = unfinished(self.spec.kind, fault.tail) if fault.signal == "SIGABRT" else None
        if lacks is not None:
            return Outcome(OutcomeKind.UNSUPPORTED, message=lacks)
        return Outcome(
            fault.kind, (), None, fault.message, (), fault.signal, fault.status, fault.tail
        )

    def _read(
        self, worker: Worker, request: Request, *, paced: bool = False
    ) -> tuple[list[Outcome], Fault | None]:
        """Return the steps of one request that were reported, and what broke them off.

        With `paced` each is let go on when the worker is quiet. If it ends before, the step
        that was reported is what ended it.
        """
        steps: list[Outcome] = []
        while len(steps) < 2 + len(request.calls):
            frame = worker.receive(self.limits.seconds + request.patience)
            if isinstance(frame, Fault):
                return steps, frame
            try:
                steps += map(self._outcome, frame[0]["steps"])
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                said = f"answered with {frame[0]!r:.200} ({error})"
                return steps, Fault(FaultKind.GARBAGE, said)
            if paced:
                fault = worker.quiet()
                if fault is not None:
                    return steps[:-1], fault
                fault = worker.proceed(self.limits.seconds)
                if fault is not None:
                    return steps[:-1], fault
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
            HostCall(int(place), tuple(map(Value.from_wire, args)), *map(str, returned))
            for place, args, *returned in data.get("log", ())
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


AHEAD = 1024
"""Requests that are under way at most; at half of them more are sent. On a busy machine the
worker has so much to do while this process waits for its turn."""

AHEAD_BYTES = 1 << 19
"""Bytes of modules at which no more is sent ahead."""

AFTER_FAULT = 128
"""Requests that are run one by one after a fault: more than a worker answers at once, so
that what broke it is among them."""

_FAULTS = (FaultKind.CRASH, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.GARBAGE)
