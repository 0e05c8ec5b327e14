"""Who is wrong: a verdict from the comparisons of several engines.

The reference decides, but for one case: where no engine agrees with it, and at least two
engines of different kinds agree with each other, it stands alone, and that step is
*undecided*. Engines of one kind (releases of wasmtime) share their faults, so they alone
never outvote it. What a script asserts outweighs both sides. Where the reference runs out of fuel
it has no value, and an engine that ends there is neither right nor wrong: undecided too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.spec import parse_spec
from plumbob.triage.check.events import (
    ASSERTION,
    NO_END,
    TERMINATION,
    Comparison,
    Difference,
    Event,
    Place,
    what_differs,
)
from plumbob.triage.check.pool import optimises

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AGREE: Final = "agree"
DISAGREE: Final = "disagree"
UNDECIDED: Final = "undecided"


class Contradiction(NamedTuple):
    """A call of which a script asserts something that the reference does not do."""

    place: Place
    event: Event
    asserted: str


class Verdict(NamedTuple):
    """Who is wrong in one subject."""

    verdict: str
    """`agree`, `disagree` or `undecided`."""
    wrong: tuple[str, ...] = ()
    """Engines in the order in which they were named; the reference first if it is one."""
    decided: Mapping[str, Difference] = {}
    """Of each wrong engine the first difference for which it is wrong."""
    undecided: tuple[tuple[Place, tuple[str, ...]], ...] = ()
    """Steps in which engines of different kinds agree against the reference, with these."""


def decide(
    comparisons: Sequence[Comparison],
    reference: str,
    contradictions: Sequence[Contradiction] = (),
) -> Verdict:
    """Return the verdict; `reference` is what the reference is called."""
    decided: dict[str, Difference] = {}
    undecided: list[tuple[Place, tuple[str, ...]]] = []
    for place in _places(comparisons):
        against = {
            comparison.engine: finding
            for comparison in comparisons
            for finding in comparison.findings
            if finding.place == place
        }
        agreed = _unended(against) or _outvoting(place, comparisons, against)
        if agreed:
            undecided.append((place, agreed))
        for engine, finding in against.items():
            if engine not in agreed:
                decided.setdefault(engine, finding)
    wrong = tuple(each.engine for each in comparisons if each.engine in decided)
    if contradictions:
        first = contradictions[0]
        wrong = (reference, *wrong)
        decided[reference] = Difference(
            first.place, ASSERTION, first.event, first.event, asserted=first.asserted
        )
    verdict = DISAGREE if wrong else UNDECIDED if undecided else AGREE
    return Verdict(verdict, wrong, decided, tuple(undecided))


def _places(comparisons: Sequence[Comparison]) -> Iterator[Place]:
    """Yield every step in which somebody differs, in the order of the steps."""
    differing = {each.place for comparison in comparisons for each in comparison.findings}
    done: set[Place] = set()
    for comparison in comparisons:
        for place, _ in comparison.events:
            if place in differing and place not in done:
                done.add(place)
                yield place


def _unended(against: Mapping[str, Difference]) -> tuple[str, ...]:
    """Return the engines that end a call for which the reference ran out of fuel.

    They may be right: a fast engine does in a second what takes the reference minutes. Of an
    optimiser both programs ran on the reference, and with fuel enough for a judgement.
    """
    return tuple(
        engine
        for engine, finding in against.items()
        if finding.what == TERMINATION and finding.expected.end in NO_END and not optimises(engine)
    )


def _outvoting(
    place: Place, comparisons: Sequence[Comparison], against: Mapping[str, Difference]
) -> tuple[str, ...]:
    """Return the engines that agree against a reference that stands alone, () if it does not."""
    if any(finding.asserted for finding in against.values()):
        return ()
    reached = {each.engine for each in comparisons if any(p == place for p, _ in each.events)}
    if reached - set(against):
        return ()
    for engine, finding in against.items():
        group = [
            other
            for other, theirs in against.items()
            if what_differs(finding.found, theirs.found, kinds=not _across(engine, other)) is None
        ]
        if len({parse_spec(name).kind for name in group}) > 1:
            return tuple(group)
    return ()


def _across(one: str, other: str) -> bool:
    """Return whether an optimiser stands between two engines."""
    return optimises(one) or optimises(other)
