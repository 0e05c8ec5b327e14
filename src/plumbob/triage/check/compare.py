"""The events of one engine beside those of the reference, step by step.

Compared are, in this order: whether the module is accepted, whether it can be instantiated,
then for each call how it ends, its values bit for bit, the imported functions that it
called with which arguments, and afterwards the state. Internal state is compared only
where both ran the same bytes.

**After a difference.** Later steps of the session are still compared after wrong values,
since most functions of a module know nothing of each other; the first difference is the
one that a verdict speaks of. They are not compared after a step whose end the
specification leaves open (`allowed.Rule.ends`), after a fault that took the engine's
process, or where the engine took no further step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.process import FaultKind
from plumbob.engines.request import OutcomeKind
from plumbob.triage.check.allowed import Case, anything_goes, permitting
from plumbob.triage.check.events import (
    ASSERTION,
    CALL,
    COMPILE,
    INSTANTIATE,
    LAST,
    NO_END,
    STATE,
    Comparison,
    Difference,
    Event,
    Missing,
    Place,
    what_differs,
)
from plumbob.triage.check.executed import executed
from plumbob.triage.shims import Probe
from plumbob.triage.standins import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plumbob.engines.request import Request
    from plumbob.triage.check.plan import Run
    from plumbob.triage.check.subject import Session

    Assertion = Callable[[Place, Event], str | None]


SMALL: Final = 1 << 16
"""Bytes of a module that any compiler is done with in time."""


def large(request: Request) -> bool:
    """Return whether a module may take longer than a compiler is given."""
    return len(request.module) > SMALL


class Sides(NamedTuple):
    """One session on both sides."""

    run: Run
    """As the reference ran it."""
    other: Session
    """As the engine ran it: the same, or over what an optimiser made."""
    found: Sequence[Event]


def compare(
    engine: str,
    sides: Sequence[Sides],
    *,
    across_optimiser: bool = False,
    assumed: frozenset[str] = frozenset(),
    module: bytes = b"",
    assertion: Assertion | None = None,
) -> Comparison:
    """Return what an engine did in all sessions that the reference did not.

    `assumed` is what an optimiser was told to believe of the program (`optimiser.assumptions`),
    `module` the program as it was given.
    """
    comparer = _Comparer(across_optimiser, assumed, module, assertion)
    for each in sides:
        comparer.session(each)
    return Comparison(
        engine,
        tuple(comparer.findings),
        tuple(comparer.allowed),
        tuple(comparer.unsupported),
        tuple(comparer.events),
        comparer.unjudged,
    )


class _Comparer:
    """Goes through sessions and notes what it sees."""

    def __init__(
        self,
        across_optimiser: bool,  # noqa: FBT001  # of this file alone
        assumed: frozenset[str],
        module: bytes,
        assertion: Assertion | None,
    ) -> None:
        self.across_optimiser = across_optimiser
        self.assumed = assumed
        self.module = module
        self.assertion = assertion
        self.findings: list[Difference] = []
        self.allowed: list[Difference] = []
        self.unsupported: list[Missing] = []
        self.events: list[tuple[Place, Event]] = []
        self.unjudged = ""

    def session(self, sides: Sides) -> None:
        """Compare one session, up to a step after which nothing can be compared."""
        for index, place in steps(sides.run.session):
            other = _counterpart(sides, index) if self.across_optimiser else index
            if other is not None and not self._step(sides, index, other, place):
                return

    def _step(self, sides: Sides, index: int, other: int, place: Place) -> bool:
        """Compare one step; return whether to go on."""
        expected, found = sides.run.events[index], sides.found[other]
        left, right = expected.end, found.end
        if OutcomeKind.SKIPPED in (left, right):
            return False
        if place.step == STATE and _unseen(expected, found):
            return True
        if right in (OutcomeKind.UNSUPPORTED, OutcomeKind.LINK):
            # Imports are stand-ins, made to fit: who refuses one cannot express it.
            if left != OutcomeKind.REJECTED:
                border = place.step == CALL and sides.run.session.world == HOST
                self.unsupported.append(Missing(place, found.outcome.message, border))
            return False
        if (
            right == FaultKind.TIMEOUT
            and place.step == COMPILE
            and large(sides.run.session.request)
        ):
            self.unsupported.append(Missing(place, "did not compile it in time"))
            return False
        refused = right == OutcomeKind.REJECTED and left != OutcomeKind.REJECTED
        if refused and not self.across_optimiser and sides.run.needs_proposal():
            self.unsupported.append(Missing(place, found.outcome.message))
            return False
        if left in (OutcomeKind.UNSUPPORTED, OutcomeKind.LINK):
            self.unjudged = f"the reference does not support it: {expected.outcome.message}"
            return False
        self.events.append((place, found))
        what = what_differs(expected, found, kinds=not self.across_optimiser)
        asserted = self._asserted(place, found if what or not self.across_optimiser else expected)
        if what is None and not asserted:
            return left not in LAST and not anything_goes(self.assumed, expected)
        case = Case(
            place, what or ASSERTION, expected, found, self.across_optimiser, self.assumed,
            lambda: sides.run.open_choices.explain(index), sides.run.growth_may_fail,
            lambda: executed(self.module, sides.run, place.call, whole=place.step == STATE),
        )  # fmt: skip
        rule = permitting(case)
        if asserted is None or (rule is not None and not rule.chosen):
            self._note(Difference(place, case.what, expected, found, rule.name if rule else ""))
        elif asserted:
            self._note(Difference(place, case.what, expected, found, asserted=asserted))
        return not ((rule is not None and rule.ends) or left in LAST or right in LAST)

    def _asserted(self, place: Place, event: Event) -> str | None:
        """Return what a script says of an event.

        Where an optimised program does what the original does, that is the original's: the
        kind of a trap may have changed.
        """
        return None if self.assertion is None else self.assertion(place, event)

    def _note(self, difference: Difference) -> None:
        (self.allowed if difference.rule else self.findings).append(difference)


def _unseen(expected: Event, found: Event) -> bool:
    """Return whether a look at the state met a limit of one side's, and shows nothing."""
    ends = (expected.end, found.end)
    return OutcomeKind.VALUES not in ends or not NO_END.isdisjoint(ends)


def steps(session: Session) -> Iterator[tuple[int, Place]]:
    """Yield each step's index into the events, and its place."""
    yield 0, Place(COMPILE)
    yield 1, Place(INSTANTIATE)
    first = next((call for call in session.places if call is not None), None)
    for index, (step, call) in enumerate(zip(session.steps, session.places, strict=True), 2):
        if call is not None:
            yield index, Place(CALL, call)
        elif isinstance(step, Probe):
            yield index, Place(STATE, first, step.what)


def _counterpart(sides: Sides, index: int) -> int | None:
    """Return the same step's index on the other side of an optimiser, None if there is none.

    State is known there by the name under which it is exported, calls by their place.
    """
    if index < 2:  # compiling and instantiating
        return index
    step, call = sides.run.session.steps[index - 2], sides.run.session.places[index - 2]
    if call is not None:
        return 2 + sides.other.places.index(call)
    assert isinstance(step, Probe)  # noqa: S101  # no call: a look at the state
    for other, theirs in enumerate(sides.other.steps, 2):
        if isinstance(theirs, Probe) and sides.other.places[other - 2] is None:
            same_kind = theirs.what.split()[0] == step.what.split()[0]
            if step.exported is not None and theirs.exported == step.exported and same_kind:
                return other
    return None
