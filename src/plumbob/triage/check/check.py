"""Checks one program on engines and optimisers against the reference.

`Checker` is the piece that others build on: one subject, one plan of the reference's, any
number of engines. An engine's own part (`run`) may be done in a thread of its own; what the
reference does (`compare`) may not.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from plumbob.engines.binaryen_encodings import older_form
from plumbob.engines.errors import EngineError
from plumbob.engines.kinds import KINDS
from plumbob.engines.optimiser import ZERO_FILLED, assumptions
from plumbob.engines.process import FaultKind, Limits
from plumbob.engines.request import Answer, Outcome, OutcomeKind
from plumbob.engines.spec import parse_spec
from plumbob.errors import InternalError
from plumbob.triage.check.compare import Sides, compare, large, steps
from plumbob.triage.check.events import (
    COMPILE,
    NO_END,
    TERMINATION,
    VALIDITY,
    Comparison,
    Difference,
    Event,
    Missing,
    Place,
    Tried,
)
from plumbob.triage.check.machine import Machine, machine
from plumbob.triage.check.plan import MORE_FUEL, Plan, Run, plan
from plumbob.triage.check.pool import Opened, Pool, optimises
from plumbob.triage.check.stress import (
    SMALL,
    Setting,
    further_settings,
    is_stressed,
    operators_of,
    stressed,
)
from plumbob.triage.check.verdict import AGREE, DISAGREE, UNDECIDED, Contradiction, Verdict, decide
from plumbob.wasm.module import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from plumbob.engines.optimiser import Optimised
    from plumbob.engines.spec import EngineSpec
    from plumbob.triage.check.compare import Assertion
    from plumbob.triage.check.reference import Reference
    from plumbob.triage.check.subject import Subject

Done = TypeVar("Done")

INVALID = "invalid"
"""The kind of an optimiser's outcome that it calls invalid itself."""


class Ran(NamedTuple):
    """What an engine did: answers to the plan's sessions, or a module."""

    answers: tuple[tuple[Answer, ...], ...] = ()
    """Of each session every answer that there was: one, unless the engine cannot decide."""
    optimised: Optimised | None = None
    assumed: frozenset[str] = frozenset()
    """What the optimiser was told to believe of the program."""
    further: tuple[tuple[Setting, Ran | EngineError], ...] = ()
    """What it did under other settings, or why it did nothing."""


class Checker:
    """Compares engines with the reference on one subject.

    Engines come from `pool` and stay open in it; without one it opens its own, which
    `close` ends.
    """

    def __init__(
        self, subject: Subject, pool: Pool | None = None, *, assertion: Assertion | None = None
    ) -> None:
        self.subject = subject
        self.pool = Pool() if pool is None else pool
        self._own = pool is None
        self.assertion = assertion
        self._plan: Plan | None = None
        self._operators: frozenset[str] = frozenset()
        """Those of a small module, once there is a plan."""

    @property
    def plan(self) -> Plan:
        """The sessions, and what the reference makes of them; run when first asked for."""
        if self._plan is None:
            self._plan = plan(self.subject, self.pool.reference, self.pool.budget)
            self.subject = self._plan.subject
            module = self.subject.module
            small = self.subject.invalid is None and len(module) <= SMALL
            self._operators = operators_of(module) if small else frozenset()
        return self._plan

    def judge(self, engine: str) -> Comparison:
        """Return how an engine or optimiser compares with the reference.

        Raises `UsageError` for what names no engine, and `EngineError` where it cannot be
        had or started.
        """
        return self.compare(engine, self.run(engine))

    def run(self, engine: str) -> Ran:
        """Return what an engine does; `plan` must have been asked for before in this thread
        or another, since the reference serves one at a time.
        """  # noqa: D205  # one sentence
        if optimises(engine):
            optimiser = self.pool.optimiser(engine)
            optimised = optimiser.optimise(self.subject.module)
            return Ran((), optimised, assumptions(optimiser.flags))
        ran = self._sessions(engine)
        further: list[tuple[Setting, Ran | EngineError]] = []
        for setting in self.settings(engine):
            try:
                further.append((setting, self._sessions(setting.engine)))
            except EngineError as error:
                if self.pool.stopping:
                    raise
                further.append((setting, error))
        return ran._replace(further=tuple(further))

    def settings(self, engine: str) -> list[Setting]:
        """Return the settings under which an engine is run as well."""
        return further_settings(parse_spec(engine), self._operators)

    def _sessions(self, engine: str) -> Ran:
        opened = self.pool.engine(engine)
        if KINDS[opened.spec.kind].validates:  # of the program as it is, and once
            skipped = [run.session.request for run in self.plan.runs]
            done = opened.answers(replace(skipped[0], module=self.subject.module))
            return Ran((done, *(done for _ in skipped[1:])))
        stress = is_stressed(opened.spec)
        answers = []
        for run in self.plan.runs:
            if self.pool.stopping:
                raise EngineError(f"{engine} was stopped")
            waited = max(event.outcome.waited for event in run.events)
            patience = min(waited, (self.pool.limits or Limits()).seconds)
            request = replace(run.session.request, patience=patience)
            valid = self.subject.invalid is None
            answers.append(opened.answers(stressed(request) if stress and valid else request))
        return Ran(tuple(answers))

    def compare(self, engine: str, ran: Ran) -> Comparison:
        """Return how what an engine did compares with the reference."""
        if ran.optimised is not None:
            told = self._compare_optimised(engine, ran.optimised, assumed=ran.assumed)
            older = older_form(engine, self.subject.module) if told.findings else None
            if older is None:
                return told
            missing = Missing(Place(COMPILE), f"knows only an older encoding of {older}")
            return Comparison(engine, unsupported=(missing,))
        plain = shown = self._compare(engine, ran, parse_spec(engine))
        tried = []
        for setting, done in ran.further:
            if isinstance(done, EngineError):
                tried.append(Tried(setting.option, None, str(done)))
                continue
            told = self._compare(engine, done, parse_spec(setting.engine))
            tried.append(Tried(setting.option, told.good, told.unjudged))
            if told.findings and not shown.findings:
                named = (each._replace(setting=setting.option) for each in told.findings)
                shown = replace(told, findings=tuple(named))
        return replace(shown, settings=tuple(tried)) if tried else plain

    def _compare(self, engine: str, ran: Ran, spec: EngineSpec) -> Comparison:
        """Return the comparison; of several answers to a session the first that is wrong."""
        told = self._compare_answers(engine, [answers[0] for answers in ran.answers])
        for place, answers in enumerate(ran.answers):
            for other in answers[1:]:
                if told.findings:
                    break
                chosen = [each[0] for each in ran.answers]
                chosen[place] = other
                told = self._compare_answers(engine, chosen)
        late = [each for each in told.findings if each.what == TERMINATION]
        if not late or not is_stressed(spec):
            return told
        rest = tuple(each for each in told.findings if each.what != TERMINATION)
        return replace(told, findings=rest, unjudged="not all ended in time, collecting so often")

    def _compare_answers(self, engine: str, answers: Sequence[Answer]) -> Comparison:
        sides = [
            Sides(run, run.session, run.session.read(answer))
            for run, answer in zip(self.plan.runs, answers, strict=True)
        ]
        return compare(engine, sides, assertion=self.assertion)

    def judge_optimised(
        self, engine: str, module: bytes, *, assumed: frozenset[str] = frozenset()
    ) -> Comparison:
        """Return how what an optimiser made of the subject's module compares with it.

        Both run on the reference; the result is put to `engine`.
        """
        if self.subject.invalid is not None:
            return Comparison(engine, unjudged="the module is not valid")
        other = self.subject.over(module)
        reason = other.invalid or other.missing()
        if reason is not None:
            kind = OutcomeKind.REJECTED if other.invalid else OutcomeKind.LINK
            return self._broken(engine, Outcome(kind, message=reason))
        if ZERO_FILLED in assumed and MEMORY not in self.subject.imported_kinds:
            assumed -= {ZERO_FILLED}  # it says nothing of memories of its own
        sides = []
        for run in self.plan.runs:
            places = [p for p in run.session.places if p is not None and p != run.last]
            session = other.session(places, last=run.last)
            found = session.read(_judgeable(run).run(session.request))
            sides.append(Sides(run, session, found))
        return compare(
            engine, sides, across_optimiser=True, assumed=assumed,
            module=self.subject.module, assertion=self.assertion,
        )  # fmt: skip

    def _compare_optimised(
        self, engine: str, optimised: Optimised, *, assumed: frozenset[str]
    ) -> Comparison:
        kind = optimised.kind
        if kind == OutcomeKind.OK:
            return self.judge_optimised(engine, optimised.module, assumed=assumed)
        valid = self.subject.invalid is None
        outcome = Outcome(
            kind, message=optimised.message, signal=optimised.signal, status=optimised.status,
            tail=optimised.tail,
        )  # fmt: skip
        if not valid:  # whatever it does with what is no module, it made none of it
            return Comparison(engine, events=((Place(COMPILE), Event(outcome)),))
        # An optimiser that refuses what is valid does not know some of it, and does no harm.
        if kind in (OutcomeKind.UNSUPPORTED, OutcomeKind.REJECTED, FaultKind.MEMORY):
            return Comparison(engine, unsupported=(Missing(Place(COMPILE), optimised.message),))
        if kind == FaultKind.TIMEOUT and large(self.subject.request):
            missing = Missing(Place(COMPILE), "did not optimise it in time")
            return Comparison(engine, unsupported=(missing,))
        if kind == INVALID:
            outcome = Outcome(OutcomeKind.REJECTED, message=optimised.message)
        return self._broken(engine, outcome)

    def _broken(self, engine: str, outcome: Outcome) -> Comparison:
        """Return the comparison of an optimiser that made nothing that could be run."""
        if not self.plan.runs:
            raise InternalError("a plan without sessions")
        expected, found = self.plan.runs[0].events[0], Event(outcome)
        what = VALIDITY if outcome.kind in (OutcomeKind.REJECTED, OutcomeKind.LINK) else "fault"
        difference = Difference(Place(COMPILE), what, expected, found)
        return Comparison(engine, (difference,), events=((Place(COMPILE), found),))

    def contradictions(self) -> list[Contradiction]:
        """Return the calls in which the reference contradicts what a script asserts."""
        if self.assertion is None:
            return []
        found = []
        for run in self.plan.runs:
            for index, place in steps(run.session):
                reason = self.assertion(place, run.events[index])
                if reason:
                    found.append(Contradiction(place, run.events[index], reason))
        return found

    def close(self) -> None:
        """End the engines that this checker opened."""
        if self._own:
            self.pool.close()


@dataclass(frozen=True)
class Checked:
    """The result of checking one subject."""

    subject: Subject
    plan: Plan
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    file: str
    line: int | None = None
    """Of a script: where the module stands."""


@dataclass(frozen=True)
class About:
    """An engine that took part."""

    name: str
    """As it was typed."""
    kind: str
    version: str
    """The release that ran."""
    options: tuple[tuple[str, str], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """What it says of itself."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: one or more subjects on the same engines."""

    parts: tuple[Checked, ...]
    engines: tuple[About, ...]
    """The reference first, then the others in the order in which they were named."""
    machine: Machine
    seed: int

    @property
    def verdict(self) -> str:
        """The gravest verdict of all subjects: disagree, undecided, agree."""
        verdicts = {part.verdict.verdict for part in self.parts}
        return next((word for word in (DISAGREE, UNDECIDED) if word in verdicts), AGREE)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Every engine that is wrong in a subject, in the order in which they were named."""
        wrong = {name for part in self.parts for name in part.verdict.wrong}
        return tuple(engine.name for engine in self.engines if engine.name in wrong)


def _judgeable(run: Run) -> Reference:
    """Return the reference on which an optimised program runs.

    Where the original ran out of fuel, the other gets a tenth: one that ends so much sooner
    was not made faster.
    """
    if run.last is None or run.events[-1].end not in NO_END:
        return run.reference
    other = run.reference.deciding(run.reference.choices)
    other.fuel //= MORE_FUEL
    return other


class Job(NamedTuple):
    """A subject to check, and where it comes from."""

    subject: Subject
    file: str
    line: int | None = None
    assertion: Assertion | None = None


def check(jobs: Iterable[Job], engines: Sequence[str], pool: Pool, *, seed: int = 0) -> CheckResult:
    """Check subjects on engines, which run concurrently.

    Raises `UsageError` for what names no engine, and `EngineError` where one cannot be had
    or started. Whatever an engine does with a program is in the result.
    """
    for name in engines:  # in this thread, where Ctrl-C ends the registry's client
        pool.install(name)
    with _Threads(pool, len(engines)) as threads:
        threads.each(pool.open, engines)
        parts = [_check_one(job, engines, pool, threads) for job in jobs]
    about = [_about(pool.reference), *(_about(pool.open(name)) for name in engines)]
    return CheckResult(tuple(parts), tuple(about), machine(), seed)


def _check_one(job: Job, engines: Sequence[str], pool: Pool, threads: _Threads) -> Checked:
    checker = Checker(job.subject, pool, assertion=job.assertion)
    plan = checker.plan  # before the threads: the reference serves one at a time
    comparisons = tuple(map(checker.compare, engines, threads.each(checker.run, engines)))
    verdict = decide(comparisons, pool.reference.spec.text, checker.contradictions())
    return Checked(plan.subject, plan, comparisons, verdict, job.file, job.line)


class _Threads:
    """A thread for each engine. If this thread is interrupted, workers are killed first."""

    def __init__(self, pool: Pool, count: int) -> None:
        self._pool = pool
        self._executor = ThreadPoolExecutor(max(1, count), "engine")
        self._futures: list[Future[Any]] = []

    def each(self, do: Callable[[str], Done], engines: Sequence[str]) -> list[Done]:
        """Return what `do` returns for each engine; raises what the first one raised."""
        futures = [self._executor.submit(do, engine) for engine in engines]
        self._futures = [*futures]
        return [future.result() for future in futures]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for future in self._futures:
                future.cancel()
            while wait(self._futures, PATIENCE).not_done:
                self._pool.stop()
        self._executor.shutdown()


PATIENCE = 0.05
"""Seconds between two attempts to end workers that others wait for."""


def _about(engine: Opened) -> About:
    spec = engine.spec
    return About(spec.text, spec.kind, engine.version, spec.options, dict(engine.about))
