"""Judges generated programs: the engines beside each other and the reference, then `check`.

Where two engines of different kinds agree with each other, the reference is asked about a
sample only; every disagreement is put to it, and through the comparison of `check`, which
knows what may differ. What is left is a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.errors import EngineError
from plumbob.engines.spec import parse_spec
from plumbob.hunt.trial import differ, request_of, subject_of
from plumbob.triage.check.check import Checker
from plumbob.triage.check.events import NO_END
from plumbob.triage.check.pool import optimises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.engines.request import Answer
    from plumbob.hunt.generator.generate import Generated
    from plumbob.triage.check.events import Difference
    from plumbob.triage.check.pool import Pool

SAMPLE: Final = 16
"""Of so many programs on which engines of different kinds agree, one goes to the reference."""


class Wrong(NamedTuple):
    """An engine that disagrees with the reference on a program."""

    engine: str
    difference: Difference


class ProgramJudge:
    """Judges programs on engines that stay open in a pool."""

    def __init__(self, engines: Sequence[str], pool: Pool) -> None:
        self.pool = pool
        self.optimisers = [name for name in engines if optimises(name)]
        self.engines = [name for name in engines if not optimises(name)]
        self._kinds = {parse_spec(name).kind for name in self.engines}

    def judge(self, generated: Generated, number: int) -> list[Wrong]:
        """Return the engines that are wrong on a program, in the order of their names.

        Raises `InternalError` and whatever goes wrong in Plumbob itself.
        """
        request = request_of(generated)
        answers = {name: self.pool.engine(name).run(request) for name in self.engines}
        suspects = self._suspects(answers, number, generated)
        wrong = []
        if suspects or self.optimisers:
            checker = Checker(subject_of(generated), self.pool)
            if any(event.end in NO_END for run in checker.plan.runs for event in run.events):
                return []  # one that does not end within its fuel tells nothing
            for name in [*suspects, *self.optimisers]:
                difference = self._difference(checker, name)
                if difference is not None:
                    wrong.append(Wrong(name, difference))
        return wrong

    def _suspects(self, answers: dict[str, Answer], number: int, generated: Generated) -> list[str]:
        given = list(answers.values())
        agreed = len(self._kinds) > 1 and not any(differ(given[0], each) for each in given[1:])
        if not answers or (agreed and number % SAMPLE):
            return []
        right = self.pool.reference.run(request_of(generated))
        return [name for name, answer in answers.items() if differ(right, answer)]

    def _difference(self, checker: Checker, name: str) -> Difference | None:
        try:
            findings = checker.judge(name).findings
        except EngineError:
            return None
        return findings[0] if findings else None
