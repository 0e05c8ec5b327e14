"""The reference's run of a subject: which calls share an instance, and what they come to.

Calls are made in one instance, in order. A call that the reference does not end (its stack
or its fuel is exhausted) leaves a state that nothing could be compared with: so the state is
looked at before that call, it is the last of its session, and the others go on in a fresh
instance.

Calls whose arguments Plumbob chose are tried with little fuel first. One that does not end
gets smaller arguments (`arguments.ending`), for most loops count what they are given. If no
arguments help, it has the full fuel once; where that is not enough it is left out, as are the
export's other calls that did not end: they say nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.process import FaultKind
from plumbob.errors import InputError
from plumbob.triage.check.arguments import ATTEMPTS, ending
from plumbob.triage.check.choices import OpenChoices
from plumbob.triage.check.events import NO_END, OVERFLOW, Event
from plumbob.triage.standins import PLAIN
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.module import MEMORY, TABLE
from plumbob.wasm.types import MemoryType, TableType
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.request import Answer
    from plumbob.triage.check.reference import Reference
    from plumbob.triage.check.subject import Invocation, Session, Subject
    from plumbob.wasm.module import Module

TRIAL_FUEL: Final = 200_000
"""The fuel with which chosen arguments are tried: about a tenth of a second."""

MORE_FUEL: Final = 10
"""Times the fuel with which a call that ran out of it is tried again."""

_INDEFINITE = NO_END | {OVERFLOW, FaultKind.MEMORY}


class Run(NamedTuple):
    """One session on the reference."""

    session: Session
    events: tuple[Event, ...]
    open_choices: OpenChoices
    reference: Reference
    """With the fuel that it had."""
    last: int | None = None
    """The call that it did not end, whose state is not looked at."""

    def needs_proposal(self) -> bool:
        """Return whether the module needs more than WebAssembly 3.0 has."""
        try:
            module = decode(self.session.request.module, features=wasm_features.WASM3)
        except InputError:
            return True
        return not validate(module, features=wasm_features.WASM3).ok

    def growth_may_fail(self) -> bool:
        """Return whether the reference's own limits may have made a `grow` fail.

        They cannot where no memory or table may by its declared maximum exceed them.
        """
        limits = self.reference.limits
        module = decode(self.session.request.module, features=wasm_features.ALL)
        memories = [t for t in _all(module, MEMORY, module.memories) if isinstance(t, MemoryType)]
        tables = [
            type_
            for type_ in _all(module, TABLE, [table.type for table in module.tables])
            if isinstance(type_, TableType)
        ]
        pages = [(1 << 64 if m.limits.maximum is None else m.limits.maximum << m.page_size_log2)
                 for m in memories]  # fmt: skip
        elements = [1 << 64 if t.limits.maximum is None else t.limits.maximum for t in tables]
        return sum(pages) > limits.memory or sum(elements) > limits.table_elements


def _all(module: Module, kind: int, defined: Sequence[object]) -> list[object]:
    return [*(item.type for item in module.imported(kind)), *defined]


class Plan(NamedTuple):
    """All sessions of a subject, and the calls that were left out."""

    subject: Subject
    """With the arguments that were settled on; calls keep their places."""
    runs: tuple[Run, ...]
    left_out: tuple[int, ...]
    """Places of calls with chosen arguments that the reference did not end."""
    unasked: tuple[int, ...] = ()
    """Places of calls with chosen arguments for which no time was left."""


def plan(subject: Subject, reference: Reference, budget: float | None = None) -> Plan:
    """Return the sessions of a subject with what the reference makes of them.

    `budget`: the seconds after which no further chosen call is begun.
    """
    return _Planner(subject, reference, budget).plan()


class _Planner:
    def __init__(self, subject: Subject, reference: Reference, budget: float | None) -> None:
        self.subject = subject
        self.reference = reference
        self.runs: list[Run] = []
        self.left_out: list[int] = []
        self.unasked: list[int] = []
        self.generous = False
        self._deadline = None if budget is None else time.monotonic() + budget
        self._tried: tuple[Session, Answer] | None = None
        """A session in which everything ended, with little fuel."""
        self._endless: list[int] = []
        """Places of chosen calls that no smaller arguments helped."""

    def plan(self) -> Plan:
        self._settle()
        by_world: dict[int, list[int]] = {}
        for place, invocation in enumerate(self.subject.invocations):
            by_world.setdefault(invocation.world, []).append(place)
        self._world(by_world.pop(PLAIN, []))
        for places in by_world.values():
            self._world(self._ending(places))
        left_out, unasked = sorted(self.left_out), sorted(self.unasked)
        return Plan(self.subject, tuple(self.runs), tuple(left_out), tuple(unasked))

    def _ending(self, places: list[int]) -> list[int]:
        """Return the calls of a world other than the plain one that end with little fuel.

        Those that end where imports only return may not where they call back: no arguments
        help, and more fuel is not worth its time.
        """
        trial = self._trial()
        while places and not self._late():
            session = self.subject.session(places)
            answer = trial.run(session.request)
            ends = [event.end for event in session.read(answer)[2 : 2 + len(places)]]
            broken = [place for place, end in zip(places, ends, strict=True) if end in NO_END]
            if not broken:
                self._tried = session, answer
                break
            self.left_out += broken
            places = [place for place in places if place not in set(broken)]
        return places

    def _trial(self) -> Reference:
        trial = self.reference.deciding(self.reference.choices)
        trial.fuel = min(trial.fuel, TRIAL_FUEL)
        return trial

    def _world(self, rest: Sequence[int]) -> None:
        """Run the calls of one world, in as many sessions as are needed."""
        while True:
            rest = self._in_time(rest)
            if not rest and self.runs:
                break
            run = self._run(self.subject.session(rest))
            broken = _first_indefinite(run)
            if broken is None:
                if rest or not self.runs:
                    self.runs.append(run)
                break
            rest = self._split(rest, broken, run)

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _in_time(self, rest: Sequence[int]) -> Sequence[int]:
        """Return the calls for which there is time: chosen ones may have none left."""
        if not self._late():
            return rest
        chosen = [place for place in rest if self.subject.invocations[place].chosen]
        self.unasked += chosen
        return [place for place in rest if place not in set(chosen)]

    def _settle(self) -> None:
        """Find arguments for chosen calls with which they end soon."""
        originals = self.subject.invocations
        if self.subject.invalid is not None or not any(each.chosen for each in originals):
            return
        trial = self._trial()
        plain = [place for place, each in enumerate(originals) if each.world == PLAIN]
        open_: list[int] = []
        for attempt in range(ATTEMPTS + 1):
            session = self.subject.session(plain)
            answer = trial.run(session.request)
            events = session.read(answer)
            ends = [event.end for event in events[2 : 2 + len(plain)]]
            open_ = [place for place, end in zip(plain, ends, strict=True) if end in NO_END]
            if not open_:
                self._tried = session, answer
                return
            open_ = [place for place in open_ if originals[place].chosen]
            if attempt == ATTEMPTS or not open_ or self._late():
                break
            calls = list(self.subject.invocations)
            for place in open_:
                args = ending(originals[place].args, attempt)
                for other in _twins(originals, place):
                    calls[other] = originals[other]._replace(args=args)
            self.subject = self.subject.calling(calls)
        calls = list(self.subject.invocations)
        for place in open_:
            for other in _twins(originals, place):
                calls[other] = originals[other]
        self._endless = open_
        self.subject = self.subject.calling(calls)

    def _split(self, rest: Sequence[int], broken: int, run: Run) -> Sequence[int]:
        """Note the calls up to one that did not end; return those that remain."""
        place = rest[broken]
        before = list(rest[:broken])
        if run.events[2 + broken].end in NO_END:
            if self.subject.invocations[place].chosen:
                out = {place, *self._alike(place)}
                self.left_out += [each for each in rest if each in out]
                return [each for each in rest if each not in out]
            if not self.generous:
                self.generous = True
                self.reference = self.reference.deciding(self.reference.choices)
                self.reference.fuel *= MORE_FUEL
                limits = self.reference.limits
                if limits.deadline is not None:
                    longer = limits._replace(deadline=limits.deadline * MORE_FUEL)
                    self.reference.limits = longer
                return rest
        self.runs.append(self._run(self.subject.session(before, last=place), place))
        return rest[broken + 1 :]

    def _alike(self, place: int) -> list[int]:
        """Return the calls of the same export that did not end with little fuel either."""
        export = self.subject.invocations[place].export
        return [each for each in self._endless if self.subject.invocations[each].export == export]

    def _run(self, session: Session, last: int | None = None) -> Run:
        if self._tried is not None and self._tried[0].request == session.request:
            answer = self._tried[1]
        else:
            answer = self.reference.run(session.request)
        events = session.read(answer)
        open_choices = OpenChoices(self.reference, session.request, answer)
        return Run(session, events, open_choices, self.reference, last)


def _twins(invocations: Sequence[Invocation], place: int) -> list[int]:
    """Return a call of the plain world and those that are the same in others."""
    own = invocations[place][:2]
    return [place] + [
        other for other, each in enumerate(invocations) if each.world != PLAIN and each[:2] == own
    ]


def _first_indefinite(run: Run) -> int | None:
    """Return which of a session's calls the reference did not end, None if it did all."""
    for index, place in enumerate(run.session.places):
        if place is not None and run.events[2 + index].end in _INDEFINITE:
            return index
    return None
