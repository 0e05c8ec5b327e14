"""The judge that bisections use: a comparison with the reference."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.optimiser import assumptions
from plumbob.engines.process import Limits
from plumbob.engines.spec import parse_spec
from plumbob.errors import InputError
from plumbob.triage.bisect.judge import BAD, GOOD, UNDER, UNSUPPORTED, Verdict
from plumbob.triage.check.check import Checker, Ran
from plumbob.triage.check.events import CALL
from plumbob.triage.check.machine import machine
from plumbob.triage.check.pool import optimises
from plumbob.triage.check.script import read_script
from plumbob.triage.say.sentence import expected_text, found_text
from plumbob.triage.say.wording import call_text, event_text, place_text
from plumbob.triage.standins.plan import DEFAULT_INPUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plumbob.engines.optimiser import Optimised
    from plumbob.triage.check.compare import Assertion
    from plumbob.triage.check.events import Comparison, Place
    from plumbob.triage.check.pool import Pool
    from plumbob.triage.check.subject import Subject


class CheckedJudge:
    """Judges engines on one program by comparing them with the reference.

    The program is a module, or the modules of a script with what it asserts. A release that
    supports a part of it alone is UNSUPPORTED, unless it is wrong in that part: who looks
    for the first bad release must not take silence for right.
    """

    def __init__(self, jobs: Sequence[Job], pool: Pool) -> None:
        """Take what to judge, at least one job."""
        self._jobs = tuple(jobs)
        self._pool = pool
        self._checkers = [Checker(job.subject, pool, assertion=job.assertion) for job in jobs]
        self._focus = 0
        """The job whose module is put through passes."""
        here = machine()
        self.identity: Mapping[str, object] = {
            "program": [_identity(job) for job in jobs],
            "limits": [*(pool.limits or Limits()), pool.fuel, pool.seconds],
            "machine": [here.cpu, here.architecture, *here.flags],
        }

    def prepare(self) -> None:
        """Run the reference, which serves one thread at a time."""
        for checker in self._checkers:
            checker.plan  # noqa: B018  # makes it

    def run(self, engine: str) -> list[Ran]:
        """Return what an engine does, and end it. Different engines may run in threads."""
        try:
            return [self._checkers[place].run(engine) for place in self._places(engine)]
        finally:
            self._pool.release(engine)
            for checker in self._checkers:
                for setting in checker.settings(engine):
                    self._pool.release(setting.engine)

    def compare(self, engine: str, ran: Sequence[Ran]) -> Verdict:
        """Return the verdict on what an engine did: the worst of all modules."""
        verdicts = [
            (place, self._verdict(self._jobs[place], self._checkers[place].compare(engine, one)))
            for place, one in zip(self._places(engine), ran, strict=True)
        ]
        for result in (BAD, UNSUPPORTED):
            for place, verdict in verdicts:
                if verdict.result == result:
                    self._focus = place
                    return verdict
        return next((verdict for _, verdict in verdicts if verdict.where), verdicts[0][1])

    def _places(self, engine: str) -> list[int]:
        """Return the jobs that say something of an engine.

        An optimiser owes nothing to the modules of a script that are not valid.
        """
        places = list(range(len(self._jobs)))
        if optimises(engine):
            valid = [place for place in places if self._jobs[place].subject.invalid is None]
            return valid or places
        return places

    def focus(self, engine: str) -> bytes:
        """Return the module that an engine gets wrong, the first of a script's."""
        if len(self._jobs) > 1:
            self.prepare()
            self.compare(engine, self.run(engine))
        return self._jobs[self._focus].subject.module

    def judge_optimised(self, engine: str, optimised: Optimised) -> Verdict:
        """Return the verdict on what some passes of an optimiser made of the module."""
        assumed = assumptions(parse_spec(engine).option("passes").split())
        job, checker = self._jobs[self._focus], self._checkers[self._focus]
        return self._verdict(job, checker.compare(engine, Ran((), optimised, assumed)))

    def _verdict(self, job: Job, comparison: Comparison) -> Verdict:
        if comparison.findings:
            first = comparison.findings[0]
            expected = first.asserted or expected_text(first)
            where = self._where(job, first.place)
            under = f"{UNDER}{first.setting}" if first.setting else ""
            return Verdict(BAD, f"{where}{under}", found_text(first), expected)
        if comparison.lacking:
            missing = comparison.lacking[0]
            return Verdict(UNSUPPORTED, self._where(job, missing.place), missing.message)
        if comparison.unjudged:
            return Verdict(UNSUPPORTED, gave=comparison.unjudged)
        for place, event in comparison.events:
            if place.step == CALL:
                return Verdict(GOOD, self._where(job, place), event_text(event))
        return Verdict(GOOD)

    def _where(self, job: Job, place: Place) -> str:
        checker = self._checkers[next(i for i, one in enumerate(self._jobs) if one is job)]
        where = place_text(checker.subject, place)  # whose arguments the reference settled on
        return where if len(self._jobs) == 1 else f"module of line {job.line}, {where}"


def _identity(job: Job) -> list[object]:
    """Return what a job's verdicts rest on."""
    subject = job.subject
    calls = [call_text(each) for each in subject.invocations]
    identity = [hashlib.sha256(subject.module).hexdigest(), calls, subject.seed, job.script]
    if subject.given != DEFAULT_INPUT:
        identity.append(hashlib.sha256(repr(subject.given).encode()).hexdigest())
    return identity


class Job(NamedTuple):
    """One module with its calls."""

    subject: Subject
    assertion: Assertion | None = None
    """What a script asserts of it."""
    line: int | None = None
    """Of the script, where the module stands."""
    script: str = ""
    """Of the script, a hash: what it asserts is in it."""


def script_jobs(data: bytes, name: str, *, seed: int) -> list[Job]:
    """Return what there is to judge of a `.wast` script. Raises `InputError`."""
    digest = hashlib.sha256(data).hexdigest()
    found = read_script(data, name, seed=seed)
    if not found:
        raise InputError(f"{name}: no module in the script can be run")
    return [Job(one.subject, one.expected, one.line, digest) for one in found]
