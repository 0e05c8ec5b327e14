"""What may differ: one table of rules, each with the specification's section.

A rule looks at a difference and says whether it covers it. A difference that a rule covers
is no finding; reports list it as "allowed to differ", with the rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.optimiser import (
    CLOSED_WORLD,
    FAST_MATH,
    LOW_UNUSED,
    NEVER_TRAPS,
    NO_IMPLICIT_TRAPS,
    ZERO_FILLED,
)
from plumbob.engines.process import FaultKind
from plumbob.engines.request import NUMBERS, OutcomeKind
from plumbob.engines.traps import ARRAY_OR_LENGTH, T
from plumbob.triage.check.choices import FAILING_GROWTH, NAN_BITS, RELAXED_SIMD
from plumbob.triage.check.events import (
    BROKEN,
    CALL,
    FAULT,
    OVERFLOW,
    STATE,
    TERMINATION,
    TRAP,
    VALIDITY,
    VALUES,
    Event,
    Place,
)
from plumbob.triage.shims import Observation, Seen
from plumbob.wasm import types as t
from plumbob.wasm.text.numbers import F32, F64, FloatFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plumbob.engines.request import Value
    from plumbob.triage.check.choices import Explanation
    from plumbob.triage.check.executed import Executed


class Case(NamedTuple):
    """One difference, as rules look at it."""

    place: Place
    what: str
    expected: Event
    found: Event
    across_optimiser: bool
    assumed: frozenset[str]
    """What an optimiser was told to believe of the program."""
    explain: Callable[[], tuple[Explanation, ...]]
    """What of the reference's event rests on a choice; asked for only where it matters."""
    growth_may_fail: Callable[[], bool]
    """Whether a `grow` may have failed on the reference for want of memory."""
    executed: Callable[[], Executed]
    """What the step executes on the reference; asked for only where it matters."""


class Rule(NamedTuple):
    """A kind of difference that the specification permits."""

    name: str
    section: str
    """Where the specification says so."""
    covers: Callable[[Case], bool]
    ends: bool = False
    """Whether nothing that follows in the session can be compared."""
    chosen: bool = False
    """Whether it is about a choice of values, of which a script's assertion may say more."""


def permitting(case: Case) -> Rule | None:
    """Return the rule that covers a difference, None for a finding."""
    if case.found.end in BROKEN:
        return None
    return next((rule for rule in RULES if rule.covers(case)), None)


def _stack(case: Case) -> bool:
    return OVERFLOW in (case.expected.end, case.found.end)


def _memory(case: Case) -> bool:
    ends = (case.expected.end, case.found.end)
    traps = (case.expected.outcome.trap, case.found.outcome.trap)
    return FaultKind.MEMORY in ends or ARRAY_OR_LENGTH in traps


def _waits(case: Case) -> bool:
    """Return whether an engine does not end while the guest still has to wait.

    It was given the time that the guest waits on the reference's clock beside its own limit,
    yet not more than twice that limit.
    """
    return case.found.end == FaultKind.TIMEOUT and case.expected.outcome.waited > 0


_LIMIT = re.compile(
    r"implementation.{0,10} limit|exceed\w*.{0,40} (limit|maximum)|limit .{0,20}exceeded|too many"
)
"""What engines say of a module that is larger than they take."""


def _implementation_limit(case: Case) -> bool:
    """Return whether an engine refuses a valid module for its size, by its own words."""
    refuses = case.found.end in (OutcomeKind.REJECTED, OutcomeKind.LINK)
    valid = case.expected.end != OutcomeKind.REJECTED
    return refuses and valid and _LIMIT.search(case.found.outcome.message) is not None


def _which_bound(case: Case) -> bool:
    """Return whether one trapped at an array's bound, the other at a segment's.

    `array.new_data`, `array.init_elem` and the like check two ranges. Where both are
    exceeded, a trap is a trap: the specification gives it no kind.
    """
    kinds = {case.expected.outcome.trap, case.found.outcome.trap}
    return case.what == TRAP and kinds in (
        {T.ARRAY_OUT_OF_BOUNDS, T.TABLE_OUT_OF_BOUNDS},
        {T.ARRAY_OUT_OF_BOUNDS, T.MEMORY_OUT_OF_BOUNDS},
    )


def _grew(case: Case) -> bool:
    """Return whether all that differs is that `grow` failed on the reference and not there."""
    ours, theirs = case.expected.outcome.values, case.found.outcome.values
    if case.what != VALUES or case.place.step != CALL or len(ours) != len(theirs):
        return False
    differing = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    failed = all(one.bits == (1 << NUMBERS[one.type]) - 1 for one, _ in differing)
    return failed and case.growth_may_fail()


def _private_type(case: Case) -> bool:
    """Return whether only the contents of objects differ that an optimiser may lay out anew.

    Told that nobody else knows the module's types, it removes fields that nobody reads. An
    object of a type that the module's exports name keeps its own.
    """
    if CLOSED_WORLD not in case.assumed or case.what != VALUES:
        return False
    if case.place.step == STATE and case.place.subject.startswith("table"):
        return True
    values = [_values(event) for event in (case.expected, case.found)]
    differing = [pair for pair in zip(*values, strict=True) if pair[0][1:] != pair[1][1:]]
    return all(
        one.shape == other.shape and one.shape in _LAID_OUT and one.type in _ABSTRACT
        for one, other in differing
    )


_LAID_OUT = ("struct", "array", "extern")
_ABSTRACT = frozenset(
    str(t.ref(heap, nullable=nullable))
    for heap in (t.ANY, t.EQ, t.STRUCT, t.ARRAY, t.EXTERN)
    for nullable in (False, True)
)


def _values(event: Event) -> Sequence[Seen]:
    if isinstance(event.seen, Observation):
        return event.seen.values
    return () if event.seen is None else (event.seen,)


def anything_goes(assumed: frozenset[str], expected: Event) -> bool:
    """Return whether a step that ends so was assumed not to be: then all that follows is open."""
    if expected.end != OutcomeKind.TRAP:
        return False
    implicit = expected.outcome.trap != T.UNREACHABLE
    return NEVER_TRAPS in assumed or (NO_IMPLICIT_TRAPS in assumed and implicit)


def _never_traps(case: Case) -> bool:
    return anything_goes(case.assumed, case.expected)


def _ran(case: Case, names: re.Pattern[str]) -> bool:
    return any(names.fullmatch(each.name) for each in case.executed().operators)


def _fast_math(case: Case) -> bool:
    return FAST_MATH in case.assumed and case.what != VALIDITY and _ran(case, _FLOATING)


_FLOATING = re.compile(
    r"f(32|64)(x\d)?\.(?!const|load|store|reinterpret|splat|extract|replace|make).*"
    r"|i(32|64).*\.trunc_.*"
)
"""Operators that round, or look at what was rounded."""


def _low_memory(case: Case) -> bool:
    """Return whether an access below 1,024 that the program reached by an addition now traps.

    Told that it does not happen, an optimiser makes offsets of what is added, and an offset
    does not wrap.
    """
    trapped = case.found.outcome.trap == T.MEMORY_OUT_OF_BOUNDS
    if LOW_UNUSED not in case.assumed or not trapped or case.what != TRAP:
        return False
    adds = not _ADDING.isdisjoint(case.executed().low)
    return adds and _ran(case, _ACCESSES)


_ADDING = frozenset({"i32.add", "i64.add"})
_ACCESSES = re.compile(r".*\.(load|store|atomic).*|memory\.(copy|fill|init)")


def _zero_filled(case: Case) -> bool:
    """Return whether what differs may be what an imported memory held, which was not zero."""
    if ZERO_FILLED not in case.assumed or case.what in (VALIDITY, FAULT):
        return False
    if case.place.step == STATE:
        return case.place.subject.startswith("memory")
    return _ran(case, _ACCESSES)


def _rests_on(name: str) -> Callable[[Case], bool]:
    """Return what tells whether all that differs rests on the choice of that name."""

    def covers(case: Case) -> bool:
        if case.what in (TERMINATION, VALIDITY):
            return False
        return any(_explained(case, found) for found in case.explain() if found.rule.name == name)

    return covers


def _explained(case: Case, explanation: Explanation) -> bool:
    """Return whether an explanation covers every value that differs.

    Where the choice decides how the step ends or which imports it calls, everything may.
    """
    if explanation.places is None:
        return True
    ours, theirs = case.expected.outcome.values, case.found.outcome.values
    if case.what != VALUES or len(ours) != len(theirs):
        return False
    floats = _floats(case.found)
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one == other:
            continue
        if not explanation.covers(place):
            return False
        chosen = [one, *(outcome.values[place] for _, outcome in explanation.outcomes)]
        if place in floats and not _may_be(floats[place], other, chosen):
            return False
    return True


def _floats(event: Event) -> dict[int, FloatFormat]:
    """Return which words of an event's outcome are floats, by their place.

    Behind an outcome's first word, which tells exceptions apart, there may be words unused.
    """
    values = _values(event)
    widths = [2 if value.type == "v128" else 1 for value in values]
    place = 0 if sum(widths) == len(event.outcome.values) else 1
    found = {}
    for value, width in zip(values, widths, strict=True):
        if value.type in _FORMATS:
            found[place] = _FORMATS[value.type]
        place += width
    return found


def _may_be(form: FloatFormat, found: Value, chosen: list[Value]) -> bool:
    """Return whether a float may be what an engine gave, beside what one may choose.

    Where it is a NaN however one chooses, it must be one. An operator's NaN is arithmetic:
    the highest bit of its payload is set; where all are so, so must this be.
    """
    numbers = [int(value.bits or 0) for value in chosen]
    bits = int(found.bits or 0)
    if not all(is_nan(form, number) for number in numbers):
        return True
    quiet = 1 << form.mantissa - 1
    return is_nan(form, bits) and bool(bits & quiet or not all(n & quiet for n in numbers))


def is_nan(form: FloatFormat, bits: int) -> bool:
    """Return whether bits of a format are a NaN, of either sign."""
    return bits & (1 << form.bits - 1) - 1 > form.infinity


_FORMATS: Final = {"f32": F32, "f64": F64}

RULES: Final = (
    Rule(
        "stack depth",
        "WebAssembly 3.0, A.3 Implementation Limitations, Execution",
        _stack,
        ends=True,
    ),
    Rule(
        "out of memory",
        "WebAssembly 3.0, A.3 Implementation Limitations, Execution",
        _memory,
        ends=True,
    ),
    Rule(
        "waiting",
        "WebAssembly threads, 4.6 Instructions, memory.atomic.wait",
        _waits,
        ends=True,
    ),
    Rule(
        "implementation limit",
        "WebAssembly 3.0, A.3 Implementation Limitations, Syntactic Limits",
        _implementation_limit,
        ends=True,
    ),
    Rule(
        "which bound of two",
        "WebAssembly 3.0, 4.6 Instructions, array.init_data and array.init_elem",
        _which_bound,
    ),
    Rule(
        "private type",
        "the optimiser's --closed-world: types that no export names are its own",
        _private_type,
    ),
    Rule(
        NEVER_TRAPS,
        "the optimiser's --traps-never-happen and --ignore-implicit-traps",
        _never_traps,
        ends=True,
    ),
    Rule(FAST_MATH, "the optimiser's --fast-math: no NaN, no rounding", _fast_math),
    Rule(
        LOW_UNUSED,
        "the optimiser's --low-memory-unused: nobody accesses bytes below 1,024",
        _low_memory,
        ends=True,
    ),
    Rule(
        ZERO_FILLED,
        "the optimiser's --zero-filled-memory: imported memory holds zeros",
        _zero_filled,
    ),
    Rule(FAILING_GROWTH.name, FAILING_GROWTH.section, _grew, ends=True),
    *(
        Rule(choice.name, choice.section, _rests_on(choice.name), chosen=True)
        for choice in (NAN_BITS, RELAXED_SIMD, FAILING_GROWTH)
    ),
)

SECTIONS: Final = {rule.name: rule.section for rule in RULES}
"""Where the specification permits what a rule covers."""
