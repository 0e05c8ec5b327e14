"""The reference's run of a subject: which calls share an instance, and what they come to.

Calls are made in one instance, in order. A call that the reference does not end (its stack
or its fuel is exhausted) leaves a state that nothing could be compared with: so the state is
looked at before that call, it is the last of its session, and the others go on in a fresh
instance. Calls whose arguments Plumbob chose, and for which the reference ran out of fuel,
are left out: they say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.process import FaultKind
from plumbob.errors import InputError
from plumbob.triage.check.choices import OpenChoices
from plumbob.triage.check.events import NO_END, OVERFLOW, Event
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.module import MEMORY, TABLE
from plumbob.wasm.types import MemoryType, TableType
from plumbob.wasm.valid.validate import validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.check.reference import Reference
    from plumbob.triage.check.subject import Session, Subject
    from plumbob.wasm.module import Module

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

    runs: tuple[Run, ...]
    left_out: tuple[int, ...]
    """Places of calls with chosen arguments that the reference did not end."""


def plan(subject: Subject, reference: Reference) -> Plan:
    """Return the sessions of a subject with what the reference makes of them."""
    return _Planner(subject, reference).plan()


class _Planner:
    def __init__(self, subject: Subject, reference: Reference) -> None:
        self.subject = subject
        self.reference = reference
        self.runs: list[Run] = []
        self.left_out: list[int] = []
        self.generous = False

    def plan(self) -> Plan:
        rest: Sequence[int] = range(len(self.subject.invocations))
        while True:
            run = self._run(self.subject.session(rest))
            broken = _first_indefinite(run)
            if broken is None:
                if rest or not self.runs:
                    self.runs.append(run)
                break
            rest = self._split(rest, broken, run)
        return Plan(tuple(self.runs), tuple(self.left_out))

    def _split(self, rest: Sequence[int], broken: int, run: Run) -> Sequence[int]:
        """Note the calls up to one that did not end; return those that remain."""
        place = rest[broken]
        before = list(rest[:broken])
        if run.events[2 + broken].end in NO_END:
            if self.subject.invocations[place].chosen:
                self.left_out.append(place)
                return [*before, *rest[broken + 1 :]]
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

    def _run(self, session: Session, last: int | None = None) -> Run:
        answer = self.reference.run(session.request)
        events = session.read(answer)
        open_choices = OpenChoices(self.reference, session.request, answer)
        return Run(session, events, open_choices, self.reference, last)


def _first_indefinite(run: Run) -> int | None:
    """Return which of a session's calls the reference did not end, None if it did all."""
    for index, place in enumerate(run.session.places):
        if place is not None and run.events[2 + index].end in _INDEFINITE:
            return index
    return None
