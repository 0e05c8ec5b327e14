"""The judge that bisections use: a comparison with the reference, told in a phrase."""

from __future__ import annotations

import hashlib
from functools import cache as cached
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING, Final, Self

from plumbob.engines.process import FaultKind, Limits
from plumbob.engines.request import OutcomeKind
from plumbob.engines.spec import parse_spec
from plumbob.triage.arguments import write, written
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict
from plumbob.triage.check import Checker, Ran
from plumbob.triage.events import CALL, LOG, NO_END, OVERFLOW
from plumbob.triage.pool import Pool
from plumbob.triage.reference import FUEL, SECONDS
from plumbob.triage.shims import Observation
from plumbob.triage.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from plumbob.engines.cache import Cache
    from plumbob.engines.optimiser import Optimised
    from plumbob.triage.events import Comparison, Difference, Event, Place

CLOSED_WORLD: Final = "--closed-world"


class CheckedJudge:
    """Judges engines on one program by comparing them with the reference.

    A release that supports a part of the program alone is UNSUPPORTED, unless it is wrong
    in that part: who looks for the first bad release must not take silence for right.
    """

    def __init__(
        self,
        module: bytes,
        *,
        invocations: Sequence[tuple[str, Sequence[str]]],
        seed: int,
        calls: int,
        cache: Cache,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare the program. Raises `UsageError` for an invocation it does not permit."""
        limits = Limits()
        self._subject = Subject.prepare(module, invocations=invocations, seed=seed, calls=calls)
        self._pool = Pool(cache=cache, limits=limits, announce=announce)
        self._checker = Checker(self._subject, self._pool)
        self.identity: Mapping[str, object] = {
            "program": hashlib.sha256(module).hexdigest(),
            "invocations": [[name, *words] for name, words in invocations],
            "seed": seed,
            "calls": calls,
            "limits": [*limits, FUEL, SECONDS],
            "machine": processor(),
        }

    def prepare(self) -> None:
        """Run the reference, which serves one thread at a time."""
        _ = self._checker.plan

    def run(self, engine: str) -> Ran:
        """Return what an engine does, and end it. Different engines may run in threads."""
        try:
            return self._checker.run(engine)
        finally:
            self._pool.release(engine)

    def compare(self, engine: str, ran: Ran) -> Verdict:
        """Return the verdict on what an engine did."""
        return self._verdict(self._checker.compare(engine, ran))

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        """Return the verdict on what some passes of an optimiser made of the program."""
        closed = CLOSED_WORLD in parse_spec(engine).option("passes").split()
        return self.compare(engine, Ran((), optimised, closed))

    def _verdict(self, comparison: Comparison) -> Verdict:
        if comparison.findings:
            return self._bad(comparison.findings[0])
        if comparison.unsupported:
            missing = comparison.unsupported[0]
            return Verdict(UNSUPPORTED, f"{self._place(missing.place)}: {missing.message}")
        if comparison.unjudged:
            return Verdict(UNSUPPORTED, comparison.unjudged)
        last = [event for place, event in comparison.events if place.step == CALL][:1]
        place = next((place for place, _ in comparison.events if place.step == CALL), None)
        if place is None or not last:
            return Verdict(GOOD)
        return Verdict(GOOD, f"{self._place(place)} {phrase(last[0])}")

    def _bad(self, difference: Difference) -> Verdict:
        place = self._place(difference.place)
        if difference.what == LOG:
            return Verdict(BAD, f"{place} calls imported functions otherwise")
        gave, expected = phrase(difference.found), phrase(difference.expected)
        return Verdict(BAD, f"{place} {gave}", expected)

    def _place(self, place: Place) -> str:
        if place.step == CALL and place.call is not None:
            invocation = self._subject.invocations[place.call]
            return f"{invocation.export}({', '.join(map(write, invocation.args))})"
        return place.subject or place.step

    def close(self) -> None:
        """End all engines."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def phrase(event: Event) -> str:
    """Return how a step ended, as the rest of a sentence that begins with the step."""
    outcome, seen, end = event.outcome, event.seen, event.end
    if end == OutcomeKind.TRAP:
        return f"traps: {outcome.trap or outcome.message}"
    if end == OutcomeKind.EXCEPTION:
        tag = seen.tag if isinstance(seen, Observation) else None
        return f"throws {tag or 'an exception'}"
    if end in NO_END:
        return "does not end"
    if end == OVERFLOW:
        return "exhausts the stack"
    if end in (FaultKind.CRASH, FaultKind.GARBAGE, FaultKind.MEMORY):
        return f"ends in {end}: {outcome.signal or outcome.message}"
    if isinstance(seen, Observation):
        values = ", ".join(written(*value) for value in seen.values)
        return f"returns {values}" if values else "returns"
    if seen is not None:
        return f"is {written(*seen)}"
    return f"{end}: {outcome.message}" if outcome.message else f"is {end}"


@cached
def processor() -> str:
    """Return what code that engines make depends on: the model and flags of the processor."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return machine()
    first = text.partition("\n\n")[0].splitlines()
    told = [line for line in first if line.startswith(("model name", "flags", "Features"))]
    return f"{machine()} {hashlib.sha256(chr(10).join(told).encode()).hexdigest()[:16]}"
