"""Why the reference is right: the sections of the specification that give its value.

The call in question is made once more, on the reference, and the operators of the program
that it executes are noted. Named are those that say most: of a trap those that can trap so,
of a value first those on references, tables and memories, then numbers, control last; of
each kind those that were executed last, which are nearest to the value. That shims and
stand-ins were executed too is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.request import OutcomeKind
from plumbob.triage.check.events import COMPILE, INSTANTIATE, NO_END, STATE, Difference
from plumbob.triage.check.executed import executed
from plumbob.triage.say.sections import (
    BINARY,
    CONTROL,
    INSTANTIATION,
    NONE,
    RESULTS,
    TRAPPING,
    VALIDATION,
    kind_of,
    section_of,
)

if TYPE_CHECKING:
    from plumbob.triage.check.check import Checked
    from plumbob.wasm.operators import Operator

GROUNDS: Final = 3
"""How many operators are named."""


class Ground(NamedTuple):
    """A reason: what is meant, and where the specification says what it does."""

    what: str
    """An operator, a kind of trap, or a step before any operator."""
    section: str
    url: str


def rationale(checked: Checked) -> tuple[Ground, ...]:
    """Return the sections that give the reference's value in the step that decides.

    Empty where nobody is wrong, and where no section is to the point.
    """
    difference = _deciding(checked)
    if difference is None:
        return ()
    place, expected = difference.place, difference.expected
    if place.step == COMPILE:
        return _of_module(checked)
    if place.step == INSTANTIATE:
        return (Ground("instantiation", *INSTANTIATION),)
    if expected.end in NO_END:
        return ()
    trap = expected.outcome.trap if expected.end == OutcomeKind.TRAP else None
    run = next((r for r in checked.plan.runs if place.call in r.session.places), None)
    if run is None or place.call is None:
        return ()
    module = checked.subject.module
    operators = executed(module, run, place.call, whole=place.step == STATE).operators
    wanted = trap or difference.found.outcome.trap
    grounds = [
        Ground(operator.mnemonic, *section_of(operator)) for operator in telling(operators, wanted)
    ]
    if trap is not None:
        grounds.append(Ground(f"trap: {trap}", *RESULTS))
    return tuple(dict.fromkeys(grounds))


def _deciding(checked: Checked) -> Difference | None:
    """Return the difference that the verdict's sentence is about."""
    verdict = checked.verdict
    for name in verdict.wrong:
        return verdict.decided[name]
    for place, names in verdict.undecided:
        for comparison in checked.comparisons:
            if comparison.engine == names[0]:
                return next(each for each in comparison.findings if each.place == place)
    return None


def _of_module(checked: Checked) -> tuple[Ground, ...]:
    if checked.subject.malformed:
        return (Ground("binary format", *BINARY),)
    return (Ground("validation", *VALIDATION),)


def telling(operators: dict[Operator, int], trap: str | None) -> list[Operator]:
    """Return the operators that say most, best first; `operators` has when each ran last.

    With a trap, the reference's or an engine's, those that can trap so come first.
    """
    kinds = TRAPPING.get(trap, ()) if trap is not None else ()

    def rank(operator: Operator) -> tuple[bool, int, bool, int]:
        kind = kind_of(operator)
        traps = kind in kinds and ("trap" in operator.effects or kind == CONTROL)
        reads = any(effect.startswith("read.") for effect in operator.effects)
        return not traps, kind, not reads, -operators[operator]

    return sorted((each for each in operators if kind_of(each) != NONE), key=rank)[:GROUNDS]
