"""What steps came to, how they end, and how two of them differ: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.process import FaultKind
from plumbob.engines.request import Outcome, OutcomeKind
from plumbob.engines.traps import T, same_class
from plumbob.triage.shims import Observation, Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.standins.model import LoggedCall

COMPILE: Final = "compile"
INSTANTIATE: Final = "instantiate"
CALL: Final = "call"
STATE: Final = "state"

VALUES: Final = "values"
EXCEPTION: Final = "exception"
TRAP: Final = "trap"
LOG: Final = "log"
TERMINATION: Final = "termination"
FAULT: Final = "fault"
VALIDITY: Final = "validity"
ASSERTION: Final = "assertion"

OVERFLOW: Final = "overflow"
"""The end of a step whose stack was exhausted."""

_TRAP_ENDS: Final = {
    T.STACK_OVERFLOW: OVERFLOW,
    T.OUT_OF_FUEL: OutcomeKind.FUEL,
    T.DEADLINE: FaultKind.TIMEOUT,
    T.MEMORY_LIMIT: FaultKind.MEMORY,
}
"""Traps that are none of the specification's, but limits of an engine's."""

NO_END: Final = frozenset((OutcomeKind.FUEL, FaultKind.TIMEOUT))
"""Ends that say only that there was no other within the limits."""

BROKEN: Final = frozenset((FaultKind.CRASH, FaultKind.GARBAGE))
"""Ends of an engine's process that no program may cause."""

LAST: Final = BROKEN | NO_END | {
    OVERFLOW, FaultKind.MEMORY, OutcomeKind.REJECTED, OutcomeKind.LINK,
}  # fmt: skip
"""Ends after which there is no instance, or none whose state could be compared."""


class Event(NamedTuple):
    """What one step came to, as far as it can be compared."""

    outcome: Outcome
    seen: Observation | Seen | None = None
    """None unless it ended with values, or with an exception that a shim caught."""
    log: tuple[LoggedCall, ...] = ()

    @property
    def end(self) -> str:
        """How the step ended: the outcome's kind, `overflow`, or a limit's.

        An exception that a shim caught is an `exception` too.
        """
        if self.outcome.kind == OutcomeKind.TRAP and self.outcome.trap is not None:
            return _TRAP_ENDS.get(self.outcome.trap, OutcomeKind.TRAP)
        if isinstance(self.seen, Observation) and self.seen.kind == EXCEPTION:
            return OutcomeKind.EXCEPTION
        return self.outcome.kind


class Place(NamedTuple):
    """A step, known across engines."""

    step: str
    """`compile`, `instantiate`, `call` or `state`."""
    call: int | None = None
    """Of a call, its place in the subject's invocations; of state, that of the first call of
    the session."""
    subject: str = ""
    """Of state: what was looked at."""


class Difference(NamedTuple):
    """One difference between an engine and the reference."""

    place: Place
    what: str
    """What differs: `values`, `exception`, `trap`, `log`, `termination`, `fault`, `validity`;
    or `assertion`, where both contradict what a script asserts."""
    expected: Event
    found: Event
    rule: str = ""
    """The rule of `allowed.py` that permits it; empty for a finding."""
    asserted: str = ""
    """What a script asserts that this contradicts."""
    setting: str = ""
    """The setting under which it shows, where it does not without: `gc=stress`."""


class Missing(NamedTuple):
    """A step that an engine does not support."""

    place: Place
    message: str
    border: bool = False
    """Whether it is what functions of this host's cannot do, where they call back. It is told,
    and says nothing of the engine's being good or not: the other worlds are judged."""


class Tried(NamedTuple):
    """A setting under which an engine was run as well."""

    setting: str
    good: bool | None
    """As `Comparison.good`."""
    reason: str = ""
    """Why nothing can be said, where that is so."""


@dataclass(frozen=True)
class Comparison:
    """What one engine did that the reference did not."""

    engine: str
    findings: tuple[Difference, ...] = ()
    allowed: tuple[Difference, ...] = ()
    unsupported: tuple[Missing, ...] = ()
    events: tuple[tuple[Place, Event], ...] = ()
    """What was compared, and what the engine did there."""
    unjudged: str = ""
    """Why the rest could not be judged, where that is so."""
    settings: tuple[Tried, ...] = ()
    """Other settings under which it was run too. Where only one of them shows a difference,
    the comparison is that one's."""

    @property
    def good(self) -> bool | None:
        """Whether the engine agrees with the reference; None where that cannot be told."""
        if self.findings:
            return False
        return None if self.unjudged or self.lacking else True

    @property
    def lacking(self) -> tuple[Missing, ...]:
        """What the engine lacks of what the program needs."""
        return tuple(each for each in self.unsupported if not each.border)


def what_differs(expected: Event, found: Event, *, kinds: bool) -> str | None:
    """Return what differs between two events of one step, None where nothing does.

    With `kinds`, traps must be of one class too.
    """
    left, right = expected.end, found.end
    if left in NO_END and right in NO_END:
        return None
    if right in BROKEN:
        return FAULT
    if left != right:
        if left in NO_END or right in NO_END:
            return TERMINATION
        if OutcomeKind.REJECTED in (left, right):
            return VALIDITY
        return next((word for word in (TRAP, EXCEPTION) if word in (left, right)), VALUES)
    if left == TRAP:
        if kinds and not same_class(expected.outcome.trap, found.outcome.trap):
            return TRAP
    elif not same_seen(expected.seen, found.seen):
        return EXCEPTION if left == EXCEPTION else VALUES
    return None if expected.log == found.log else LOG


def same_seen(left: Observation | Seen | None, right: Observation | Seen | None) -> bool:
    """Return whether two observations are the same, types' spelling aside.

    An exception that no shim caught tells nothing of itself. A tag is known by its name; one
    without a name is not compared.
    """
    if isinstance(left, Seen) and isinstance(right, Seen):
        return left[1:] == right[1:]
    if not isinstance(left, Observation) or not isinstance(right, Observation):
        return True
    if left.named and right.named and left.tag != right.tag:
        return False
    return same_values(left.values, right.values)


def same_values(left: Sequence[Seen], right: Sequence[Seen]) -> bool:
    """Return whether values are the same, bit for bit."""
    return len(left) == len(right) and all(a[1:] == b[1:] for a, b in zip(left, right, strict=True))
