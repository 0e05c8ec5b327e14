"""Engines that are Plumbob itself with a fault: each spoils the reference's answer in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plumbob.engines.process import FaultKind
from plumbob.engines.request import Answer, Outcome, OutcomeKind, Request, Value
from plumbob.engines.spec import EngineSpec, parse_spec
from plumbob.triage.check.check import CheckResult, Job, check
from plumbob.triage.check.pool import Opened, Pool
from plumbob.triage.check.reference import Reference
from plumbob.triage.check.script import read_script
from plumbob.triage.check.subject import Subject
from plumbob.wasm.binary.encode import encode
from plumbob.wasm.features import ALL
from plumbob.wasm.text import parse_text

if TYPE_CHECKING:
    from plumbob.engines.optimiser import Optimised

Spoil = Callable[[Request, Answer], Answer]


def faithful(_request: Request, answer: Answer) -> Answer:
    return answer


@dataclass
class FakeEngine:
    """The reference under another name, whose answers are spoilt."""

    spec: EngineSpec
    spoil: Spoil = faithful
    version: str = "1.0"
    about: dict[str, Any] = field(default_factory=lambda: {"version": "fake 1.0"})
    closed: bool = False

    def run(self, request: Request) -> Answer:
        return self.spoil(request, Reference(fuel=100_000).run(request))

    def answers(self, request: Request) -> tuple[Answer, ...]:
        return (self.run(request),)

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeOptimiser:
    """An optimiser that turns a module into what it is told to."""

    spec: EngineSpec
    make: Callable[[bytes], Optimised]
    version: str = "1.0"
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(self.spec.option("passes").split())

    def optimise(self, module: bytes) -> Optimised:
        return self.make(module)

    def close(self) -> None:
        pass


class FakePool(Pool):
    """A pool that knows fakes by their names; other names are faithful engines."""

    def __init__(self, fakes: dict[str, Any] | None = None, fuel: int = 100_000) -> None:
        super().__init__(fuel=fuel, seconds=20.0)
        self.fakes = fakes or {}
        self.opened: list[FakeEngine] = []

    def install(self, name: str) -> None:
        parse_spec(name)

    def _open_engine(self, name: str) -> Opened:
        engine = FakeEngine(parse_spec(name), self.fakes.get(name, faithful))
        self.opened.append(engine)
        return engine

    def _open_optimiser(self, name: str) -> Opened:
        return FakeOptimiser(parse_spec(name), self.fakes[name])


def binary(text: str) -> bytes:
    return encode(parse_text(text, features=ALL))


def subject(
    text: str, *invocations: tuple[str, tuple[str, ...]], calls: int = 2, worlds: bool = False
) -> Subject:
    return Subject.prepare(binary(text), invocations=invocations, calls=calls, worlds=worlds)


def checked(
    text: str,
    fakes: dict[str, Any],
    *invocations: tuple[str, tuple[str, ...]],
    others: tuple[str, ...] = (),
    fuel: int = 100_000,
    worlds: bool = False,
) -> CheckResult:
    """Check a module on fakes and on others, which are faithful."""
    pool = FakePool(fakes, fuel)
    with pool:
        return check(
            [Job(subject(text, *invocations, worlds=worlds), "test.wat")], [*fakes, *others], pool
        )


def checked_script(text: str, fakes: dict[str, Any], name: str = "test.wast") -> CheckResult:
    jobs = [
        Job(each.subject, name, each.line, each.expected)
        for each in read_script(text.encode(), name)
    ]
    with FakePool(fakes) as pool:
        return check(jobs, list(fakes), pool)


# Faults


def _number(request: Request, call: int | str) -> int:
    """Return which call of a request is meant: by its place, or the first of an export."""
    if isinstance(call, int):
        return call
    exports = [each.export for each in request.calls]
    return exports.index(call) if call in exports else len(exports)


def on_call(call: int | str, change: Callable[[Outcome], Outcome]) -> Spoil:
    """Spoil the outcome of one call; the state's looks follow the calls."""

    def spoil(request: Request, answer: Answer) -> Answer:
        results = list(answer.results)
        number = _number(request, call)
        if number < len(results):
            results[number] = change(results[number])
        return replace(answer, results=tuple(results))

    return spoil


def flip(bit: int, value: int = 0) -> Callable[[Outcome], Outcome]:
    """Flip one bit of a value."""

    def change(outcome: Outcome) -> Outcome:
        values = list(outcome.values)
        old = values[value]
        assert isinstance(old.bits, int)
        values[value] = Value(old.type, old.bits ^ 1 << bit)
        return replace(outcome, values=tuple(values))

    return change


def becomes(kind: str, trap: str | None = None, **extra: Any) -> Callable[[Outcome], Outcome]:
    """Put another outcome in place of the right one."""
    return lambda outcome: Outcome(kind, trap=trap, calls=outcome.calls, **extra)


def dies(call: int | str, kind: str = FaultKind.CRASH, **extra: Any) -> Spoil:
    """End the engine's process in one call; nothing follows."""

    def spoil(request: Request, answer: Answer) -> Answer:
        skipped = Outcome(OutcomeKind.SKIPPED)
        number = _number(request, call)
        results = [
            outcome if place < number else Outcome(kind, **extra) if place == number else skipped
            for place, outcome in enumerate(answer.results)
        ]
        return replace(answer, results=tuple(results))

    return spoil


def compiling(kind: str, message: str = "") -> Spoil:
    """Refuse to compile."""

    def spoil(_request: Request, answer: Answer) -> Answer:
        skipped = Outcome(OutcomeKind.SKIPPED)
        return Answer(Outcome(kind, message=message), skipped, (skipped,) * len(answer.results))

    return spoil
