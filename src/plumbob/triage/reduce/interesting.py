"""What a reduction must keep: this disagreement, and no other.

The same engine differs from the reference in the same call and in the same way: values that
both sides computed, or the same two ends. A draft that the engine cannot run, that differs
for an allowed reason, or in which another difference comes first, is not the program asked
for. A difference that does not come again when it is asked for again is no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.engines.errors import EngineError
from plumbob.errors import UsageError
from plumbob.triage.check.check import Checker
from plumbob.triage.check.events import NO_END, TERMINATION
from plumbob.triage.check.subject import Subject

if TYPE_CHECKING:
    from plumbob.triage.check.events import Difference
    from plumbob.triage.check.pool import Pool
    from plumbob.triage.reduce.draft import Draft


class Kind(NamedTuple):
    """What a difference is, as far as it must stay the same."""

    step: str
    what: str
    expected: str
    found: str
    trap: str | None = None
    """The reference's trap, where that is how the call ends."""

    @staticmethod
    def of(difference: Difference) -> Kind:
        """Return the kind of a difference."""
        return Kind(
            difference.place.step,
            difference.what,
            difference.expected.end,
            difference.found.end,
            difference.expected.outcome.trap,
        )


class Disagreement:
    """The predicate: an engine still disagrees with the reference as it did."""

    def __init__(self, engine: str, pool: Pool, kind: Kind, seed: int = 0) -> None:
        self.engine = engine
        self.kind = kind
        self._pool = pool
        self._seed = seed

    def differences(self, draft: Draft) -> tuple[Difference, ...]:
        """Return how the engine differs on a draft; nothing where it cannot be judged."""
        try:
            subject = Subject.bare(draft.binary, self._seed).calling(draft.invocations)
            if subject.missing() is not None:
                return ()
            checker = Checker(subject, self._pool)
            if not self._ends(checker):
                return ()
            return checker.judge(self.engine).findings
        except (UsageError, EngineError):
            return ()

    def _ends(self, checker: Checker) -> bool:
        """Return whether the reference came to an end: an engine is not asked to loop.

        A difference in termination is about that itself.
        """
        return self.kind.what == TERMINATION or not any(
            event.end in NO_END for run in checker.plan.runs for event in run.events
        )

    def __call__(self, draft: Draft) -> bool:
        """Return whether the first difference is of the kind that was asked for, twice."""
        return all(self._once(draft) for _ in range(2))

    def _once(self, draft: Draft) -> bool:
        found = self.differences(draft)
        return bool(found) and Kind.of(found[0]) == self.kind
