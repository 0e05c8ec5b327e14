"""The judge that bisections use: a comparison with the reference."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from plumbob.engines.process import Limits
from plumbob.engines.spec import parse_spec
from plumbob.triage.bisect.judge import BAD, GOOD, UNSUPPORTED, Verdict
from plumbob.triage.check import Checker, Ran
from plumbob.triage.events import CALL
from plumbob.triage.machine import machine
from plumbob.triage.sentence import expected_text, found_text
from plumbob.triage.wording import call_text, event_text, place_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plumbob.engines.optimiser import Optimised
    from plumbob.triage.events import Comparison
    from plumbob.triage.pool import Pool
    from plumbob.triage.subject import Subject


class CheckedJudge:
    """Judges engines on one program by comparing them with the reference.

    A release that supports a part of the program alone is UNSUPPORTED, unless it is wrong
    in that part: who looks for the first bad release must not take silence for right.
    """

    def __init__(self, subject: Subject, pool: Pool) -> None:
        self._subject = subject
        self._pool = pool
        self._checker = Checker(subject, pool)
        here = machine()
        self.identity: Mapping[str, object] = {
            "program": hashlib.sha256(subject.module).hexdigest(),
            "calls": [call_text(each) for each in subject.invocations],
            "seed": subject.seed,
            "limits": [*(pool.limits or Limits()), pool.fuel, pool.seconds],
            "machine": [here.cpu, here.architecture, *here.flags],
        }

    def prepare(self) -> None:
        """Run the reference, which serves one thread at a time."""
        self._checker.plan  # noqa: B018  # makes it

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
        closed = "--closed-world" in parse_spec(engine).option("passes").split()
        return self.compare(engine, Ran((), optimised, closed))

    def _verdict(self, comparison: Comparison) -> Verdict:
        if comparison.findings:
            first = comparison.findings[0]
            where = place_text(self._subject, first.place)
            return Verdict(BAD, where, found_text(first), expected_text(first))
        if comparison.unsupported:
            missing = comparison.unsupported[0]
            return Verdict(UNSUPPORTED, place_text(self._subject, missing.place), missing.message)
        if comparison.unjudged:
            return Verdict(UNSUPPORTED, "", comparison.unjudged)
        for place, event in comparison.events:
            if place.step == CALL:
                return Verdict(GOOD, place_text(self._subject, place), event_text(event))
        return Verdict(GOOD)
