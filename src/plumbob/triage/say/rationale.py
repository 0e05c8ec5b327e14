"""Why the reference is right: the sections of the specification that give its value.

The call in question is made once more, on the reference, and the operators of the program
that it executes are noted. Named are those that say most: of a trap those that can trap so,
of a value first those on references, tables and memories, then numbers, control last; of
each kind those that were executed last, which are nearest to the value. That shims and
stand-ins were executed too is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.request import OutcomeKind
from plumbob.frontend import ModuleEnvironment, translate_function
from plumbob.triage.check.events import COMPILE, INSTANTIATE, NO_END, STATE, Difference
from plumbob.triage.say.sections import (
    BINARY,
    CALL,
    CONTROL,
    INSTANTIATION,
    NONE,
    RESULTS,
    TRAPPING,
    VALIDATION,
    kind_of,
    section_of,
)
from plumbob.wasm import features as wasm_features
from plumbob.wasm.binary.decode import decode
from plumbob.wasm.binary.instructions import decode_body
from plumbob.wasm.module import FUNC

if TYPE_CHECKING:
    from plumbob.triage.check.check import Checked
    from plumbob.triage.check.plan import Run
    from plumbob.triage.check.reference import Reference
    from plumbob.wasm.operators import Operator

GROUNDS: Final = 3
"""How many operators are named."""

TRACED_FUEL: Final = 1_000_000
"""Operators after which the noting of operators ends; it costs a call each."""


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
    operators = executed(checked, run, place.call, whole=place.step == STATE)
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


def executed(checked: Checked, run: Run, call: int, *, whole: bool = False) -> dict[Operator, int]:
    """Return the operators of the program that a call executes, with when each did last.

    `whole`: those of all calls of the session. An operator without results, and one that calls
    or branches, is taken to run where the one before it does, in the order of the body.
    """
    reference = run.reference.deciding(run.reference.choices)
    reference.fuel = min(reference.fuel, TRACED_FUEL)
    count = len(run.session.steps) if whole else 1 + run.session.places.index(call)
    before = 0 if whole else _trace(reference, run, count - 1, {})
    seen: dict[tuple[int, int], int] = {}
    _trace(reference, run, count, seen, before)
    return _operators(checked, run, seen)


def _trace(
    reference: Reference, run: Run, calls: int, seen: dict[tuple[int, int], int], skip: int = 0
) -> int:
    """Run the first calls of a session; return how many results there were.

    Notes by function and instruction of its translation when there was one last, those of
    the first `skip` left out.
    """
    count = 0

    def note(symbol: str, inst: int, _values: tuple[int, ...]) -> None:
        nonlocal count
        count += 1
        if count > skip:
            seen[int(symbol.rpartition(":")[2]), inst] = count

    reference.trace = note
    reference.run(replace(run.session.request, calls=run.session.request.calls[:calls]))
    return count


def _operators(checked: Checked, run: Run, seen: dict[tuple[int, int], int]) -> dict[Operator, int]:
    """Return the operators of the program's own functions among what was noted."""
    original = decode(checked.subject.module, features=wasm_features.ALL)
    imported = len(original.imported(FUNC))
    own = range(imported, imported + len(original.functions))
    environment = ModuleEnvironment(decode(run.session.request.module, features=wasm_features.ALL))
    by_function: dict[int, dict[int, int]] = {}
    for (index, inst), when in seen.items():
        if index in own:
            by_function.setdefault(index, {})[inst] = when
    found: dict[Operator, int] = {}
    for index, instructions in by_function.items():
        locations = translate_function(environment, index).inst_location
        times: dict[int, int] = {}
        for inst, when in instructions.items():
            times[locations[inst]] = max(when, times.get(locations[inst], 0))
        body = environment.body(index)
        latest = 0
        for instruction in decode_body(body.code, body.base).instructions:
            latest = times.get(instruction.offset, latest)
            operator = instruction.operator
            silent = not operator.pushes or kind_of(operator) in (CALL, CONTROL)
            if latest and (silent or instruction.offset in times):
                found[operator] = max(latest, found.get(operator, 0))
    return found
