"""Reducing a subject that an engine gets wrong, from the first check to what is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.errors import UsageError
from plumbob.triage.check.check import Checker
from plumbob.triage.check.events import CALL, NO_END
from plumbob.triage.check.subject import Subject
from plumbob.triage.reduce.draft import Draft
from plumbob.triage.reduce.interesting import Disagreement, Kind
from plumbob.triage.reduce.passes import PASSES
from plumbob.triage.reduce.reducer import ATTEMPTS, Reducer
from plumbob.triage.say.sentence import expected_text, found_text
from plumbob.triage.say.wording import place_text
from plumbob.wasm import features
from plumbob.wasm.binary.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from plumbob.triage.check.events import Difference
    from plumbob.triage.check.pool import Pool

FUELS: Final = (20_000, 200_000, 2_000_000)
"""What the reference is given for a call, the first that is enough; ten times that at most."""

SECONDS: Final = 300.0
"""How long a reduction takes at most, where nobody says otherwise."""


class Reduced(NamedTuple):
    """What a reduction came to."""

    draft: Draft
    engine: str
    before: int
    """Instructions of the program as it was given."""
    tried: int
    """How often the program was put to the test."""
    difference: Difference | None
    """What the engine does; None where the user's own test decided."""

    @property
    def after(self) -> int:
        """Instructions of the reduced program."""
        return self.draft.instructions

    @property
    def subject(self) -> Subject:
        """The reduced program as a subject."""
        return Subject.bare(self.draft.binary).calling(self.draft.invocations)

    def where(self) -> str:
        """Return what is called, in words."""
        assert self.difference is not None  # noqa: S101  # asked of a disagreement alone
        place = self.difference.place
        return place_text(self.subject, place) if place.step == CALL else place.step

    def expected(self) -> str:
        """Return what the reference gives, in words."""
        assert self.difference is not None  # noqa: S101  # asked of a disagreement alone
        return expected_text(self.difference)

    def found(self) -> str:
        """Return what the engine gives, in words."""
        assert self.difference is not None  # noqa: S101  # asked of a disagreement alone
        return found_text(self.difference)


def draft_of(subject: Subject) -> Draft:
    """Return a subject as a draft. Raises `UsageError` for one that is not valid."""
    if subject.invalid is not None:
        raise UsageError(
            f"the module is not valid ({subject.invalid})",
            expected="a valid one, whose behaviour can be reduced",
        )
    return Draft(decode(subject.module, features=features.ALL), subject.invocations)


def reduce(
    subject: Subject,
    engine: str,
    pool: Pool,
    *,
    attempts: int = ATTEMPTS,
    seconds: float | None = SECONDS,
    keep: Callable[[Draft], None] | None = None,
) -> Reduced | None:
    """Return the smallest program found on which an engine disagrees as on the subject.

    None where it agrees. `keep` is given each better draft. Raises `UsageError` for what
    names no engine or is not valid, and `EngineError` where the engine cannot be had.
    """
    draft = draft_of(subject)
    _fuel_enough(subject, pool)
    findings = Checker(subject, pool).judge(engine).findings
    if not findings:
        return None
    predicate = Disagreement(engine, pool, Kind.of(findings[0]), subject.seed)
    reducer = Reducer(draft, predicate, attempts=attempts, seconds=seconds, keep=keep)
    best = reducer.run(PASSES)
    last = predicate.differences(best) or findings
    return Reduced(best, engine, draft.instructions, reducer.tried, last[0])


def _fuel_enough(subject: Subject, pool: Pool) -> None:
    """Give the reference little more fuel than the program takes.

    Half of what a reduction tries never ends: it should be known soon.
    """
    for fuel in FUELS:
        pool.reference.fuel = fuel
        runs = Checker(subject, pool).plan.runs
        if not any(event.end in NO_END for run in runs for event in run.events):
            return


def reduce_by(
    draft: Draft,
    test: Callable[[Draft], bool],
    *,
    attempts: int = ATTEMPTS,
    seconds: float | None = SECONDS,
    keep: Callable[[Draft], None] | None = None,
) -> Reduced | None:
    """Return the smallest program that passes a test; None where the given one does not."""
    if not test(draft):
        return None
    reducer = Reducer(draft, test, attempts=attempts, seconds=seconds, keep=keep)
    best = reducer.run(PASSES)
    return Reduced(best, "", draft.instructions, reducer.tried, None)
