"""What the specification leaves open, each way of deciding it, and what rests on it.

The reference decides; `ALTERNATIVES` are runs that decide otherwise, as the specification
allows. Where a run's own result changes with the choice, an engine's may differ there and be
right: `OpenChoices` runs the alternatives, of the rules that a module has operators for, and
only once somebody asks.

What is not here cannot be decided by the reference: stack depth, memory that runs out, time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.process import FaultKind
from plumbob.frontend.parameters import OPTIONS, RELAXED, Relaxed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plumbob.engines.request import Answer, Outcome, Request
    from plumbob.semantics.domain import NanRule
    from plumbob.triage.check.reference import Reference


class Choices(NamedTuple):
    """How a run decides what the specification leaves open. The defaults are the reference's."""

    nan: NanRule = "first"
    """Which NaN an operation results in."""
    relaxed: Relaxed = RELAXED
    """Which strict operator each relaxed one is."""
    grow: int | None = None
    """The most pages or elements that memory.grow and table.grow give; None: whatever the
    declared maximum and the limits allow."""


DEFAULT_CHOICES: Final = Choices()


class Rule(NamedTuple):
    """Something that the specification leaves open."""

    name: str
    section: str
    """Where the specification says so."""
    alternatives: tuple[Choices, ...]
    """Ways to decide it otherwise than the reference does."""
    operators: re.Pattern[str]
    """Matches the names of the operators that it is about."""


def _turned(steps: int) -> Relaxed:
    """Return the parameters, each moved on by some steps in its row of alternatives."""
    moved = ((own + steps) % count for own, count in zip(RELAXED, OPTIONS, strict=True))
    return Relaxed(*moved)


NAN_BITS: Final = Rule(
    "NaN bits",
    "WebAssembly 3.0, 4.3.3 Floating-Point Operations, NaN Propagation",
    tuple(Choices(nan=rule) for rule in ("canonical", "negative", "last", "ones")),
    re.compile(
        r"f(32|64|32x4|64x2)\.(add|sub|mul|div|sqrt|min|max|ceil|floor|trunc|nearest"
        r"|demote_.*|promote_.*|relaxed_.*)"
    ),
)
"""The sign and payload of a NaN that an operation results in."""

RELAXED_SIMD: Final = Rule(
    "relaxed SIMD",
    "WebAssembly 3.0, 4.3 Numerics, Relaxed Operations",
    tuple(Choices(relaxed=_turned(steps)) for steps in range(1, max(OPTIONS))),
    re.compile(r".*\.relaxed_.*"),
)
"""Every parameter takes every of its values in one of the runs."""

FAILING_GROWTH: Final = Rule(
    "failure of grow",
    "WebAssembly 3.0, 4.6 Instructions, memory.grow and table.grow",
    (Choices(grow=0), Choices(grow=1024)),
    re.compile(r"(memory|table)\.grow"),
)
"""Growth may fail for lack of resources: always, or beyond 64 MiB or 1,024 elements."""

RULES: Final = (NAN_BITS, RELAXED_SIMD, FAILING_GROWTH)

ALTERNATIVES: Final = tuple(choices for rule in RULES for choices in rule.alternatives)
"""Runs that show whether a result rests on something left open."""


HOST_LIMITS: Final = frozenset((FaultKind.TIMEOUT, FaultKind.MEMORY))
"""How runs end that the host, not a choice, may have ended."""


class Explanation(NamedTuple):
    """A rule on which a step's outcome rests."""

    rule: Rule
    outcomes: tuple[tuple[Choices, Outcome], ...]
    """What becomes of the step under those alternatives that change it."""
    places: frozenset[int] | None
    """Which of the step's values change; None where more does: how it ends, or the calls of
    imported functions."""

    def covers(self, place: int) -> bool:
        """Return whether the value at that place may differ by this rule."""
        return self.places is None or place in self.places


class OpenChoices:
    """What of one request's answer rests on something left open."""

    def __init__(
        self, reference: Reference, request: Request, answer: Answer | None = None
    ) -> None:
        """Take the reference's own answer, run now where it is not given. Nothing else is run."""
        self._reference = reference
        self._request = request
        self._answer = reference.run(request) if answer is None else answer
        self._names: frozenset[str] | None = None
        self._runs: dict[Choices, Answer] = {}

    def explain(self, step: int) -> tuple[Explanation, ...]:
        """Return the rules on which a step rests; `step` counts in `Answer.steps`."""
        explanations = (self._explain(rule, step) for rule in RULES)
        return tuple(found for found in explanations if found is not None)

    def _explain(self, rule: Rule, step: int) -> Explanation | None:
        if not self._concerns(rule):
            return None
        before = self._answer.steps[step]
        outcomes = []
        places: frozenset[int] | None = frozenset()
        for choices in rule.alternatives:
            steps = self._run(choices).steps[: step + 1]
            if any(earlier.kind in HOST_LIMITS for earlier in steps):
                continue  # another time the host may be quicker
            after = steps[-1]
            some = changed_values(before, after)
            if some is None or some:
                outcomes.append((choices, after))
                places = None if places is None or some is None else places | some
        return Explanation(rule, tuple(outcomes), places) if outcomes else None

    def _concerns(self, rule: Rule) -> bool:
        if self._names is None:
            self._names = self._reference.operators(self._request.module)
        return any(rule.operators.fullmatch(name) for name in self._names)

    def _run(self, choices: Choices) -> Answer:
        answer = self._runs.get(choices)
        if answer is None:
            answer = self._reference.deciding(choices).run(self._request)
            self._runs[choices] = answer
        return answer


def changed_values(before: Outcome, after: Outcome) -> frozenset[int] | None:
    """Return which values two outcomes differ in; None if they differ otherwise."""
    if (before.kind, before.trap, before.calls) != (after.kind, after.trap, after.calls):
        return None
    if len(before.values) != len(after.values):
        return None
    pairs: Iterable[tuple[object, object]] = zip(before.values, after.values, strict=True)
    return frozenset(place for place, (one, other) in enumerate(pairs) if one != other)


def rests_on_choice(
    reference: Reference, request: Request, step: int, answer: Answer | None = None
) -> tuple[Explanation, ...]:
    """Return the rules on which a step of a request rests, () if on none.

    Whoever asks about several steps of one request keeps an `OpenChoices`, which runs each
    alternative once.
    """
    return OpenChoices(reference, request, answer).explain(step)
