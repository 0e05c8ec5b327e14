"""One job of a campaign, in a process of its own: generates, judges, reduces, reports.

Programs are numbered; the program of a number is the same whatever job makes it. A job sends
what it found before it says that it is done with the program, so that an interrupt loses at
most the program at hand.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from plumbob.engines.process import Limits
from plumbob.errors import PlumbobError
from plumbob.hunt.choices import Choices
from plumbob.hunt.generator.generate import Generated, generate
from plumbob.hunt.judge import ProgramJudge, Wrong
from plumbob.hunt.trial import subject_of
from plumbob.triage.check.arguments import write
from plumbob.triage.check.pool import Pool
from plumbob.triage.reduce.files import annotated
from plumbob.triage.reduce.reducer import is_valid
from plumbob.triage.reduce.reduction import Reduced, reduce
from plumbob.triage.say.sentence import expected_text, found_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.queues import Queue

    from plumbob.triage.check.subject import Invocation

FUEL: Final = 2_000_000
"""Of the reference for a call: a generated program executes far less."""

INTERNAL: Final = "internal"
"""The kind of a finding that is a fault of Plumbob's own."""

REDUCING: Final = 0.3
"""The share of its time that a job may reduce."""


@dataclass(frozen=True)
class Order:
    """What a job is to do."""

    job: int
    jobs: int
    seed: int
    first: int
    """How many programs of its own it has done before."""
    count: int | None
    """How many programs of its own there are; None for no bound."""
    until: float | None
    """When to stop, by the monotonic clock, which processes share; None for never."""
    start: float
    """When the campaign began, by the same clock."""
    engines: tuple[str, ...]
    weights: Mapping[str, int]
    size: int
    timeout: float
    reduce_seconds: float


def program_of(seed: int, number: int, weights: Mapping[str, int], size: int) -> Generated:
    """Return the program of a number in a campaign."""
    digest = hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=8).digest()
    return generate(Choices(int.from_bytes(digest, "little")), weights, size=size)


def work(order: Order, answers: Queue[tuple[Any, ...]]) -> None:
    """Do a job, and put what comes of it on the queue: `finding`, `done`, `end`, `fault`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the campaign ends its jobs itself
    limits = Limits(seconds=order.timeout)
    try:
        with Pool(limits=limits, fuel=FUEL, seconds=order.timeout) as pool:
            _Job(order, answers, pool).run()
    except PlumbobError as error:
        answers.put(("fault", order.job, str(error)))
    answers.put(("end", order.job))


class _Job:
    def __init__(self, order: Order, answers: Queue[tuple[Any, ...]], pool: Pool) -> None:
        self.order = order
        self.answers = answers
        self.pool = pool
        self.judge = ProgramJudge(order.engines, pool)
        self.reducing = 0.0
        """Seconds spent on reductions."""
        self.begun = time.monotonic()

    def run(self) -> None:
        order = self.order
        done = order.first
        parent = multiprocessing.parent_process()
        while order.count is None or done < order.count:
            if order.until is not None and time.monotonic() > order.until:
                break
            if parent is not None and not parent.is_alive():
                break  # killed: nobody takes what would be found
            self.one(done * order.jobs + order.job)
            done += 1
            self.answers.put(("done", order.job, done))

    def one(self, number: int) -> None:
        order = self.order
        generated = program_of(order.seed, number, order.weights, order.size)
        if not is_valid(generated.module):
            self.answers.put(("invalid", order.job, number))
            return
        try:
            found = self.judge.judge(generated, number)
        except Exception as error:  # noqa: BLE001  # a fault of ours is a finding, and no end
            self.answers.put(("finding", order.job, self.ours(number, generated, error)))
            return
        for wrong in found:
            seconds = time.monotonic() - order.start
            told = _finding(number, generated, wrong, seconds, self.pool)
            self.answers.put(("finding", order.job, told))
            self.reduce(number, generated, wrong)

    def ours(self, number: int, generated: Generated, error: Exception) -> dict[str, Any]:
        """Return a fault of Plumbob's own on a program as a finding against the reference."""
        reference = self.pool.reference
        return {
            "number": number,
            "engine": reference.spec.text,
            "kind": INTERNAL,
            "expected": "an answer",
            "found": f"{type(error).__name__}: {error}",
            "seconds": time.monotonic() - self.order.start,
            "module": generated.module,
            "choices": generated.choices.tobytes(),
            "calls": calls_data(subject_of(generated).invocations),
            "versions": {"engine": reference.version, "reference": reference.version},
        }

    def reduce(self, number: int, generated: Generated, wrong: Wrong) -> None:
        """Reduce a finding, while reductions have not taken more than their share."""
        started = time.monotonic()
        elapsed = started - self.begun
        if self.reducing and self.reducing > REDUCING * elapsed:
            return
        fuel = self.pool.reference.fuel
        reduced = reduce(
            subject_of(generated), wrong.engine, self.pool, seconds=self.order.reduce_seconds
        )
        self.pool.reference.fuel = fuel
        self.reducing += time.monotonic() - started
        if reduced is not None:
            told = _reduction(reduced)
            self.answers.put(("reduced", self.order.job, number, wrong.engine, told))


def _finding(
    number: int, generated: Generated, wrong: Wrong, seconds: float, pool: Pool
) -> dict[str, Any]:
    difference = wrong.difference
    opened = pool.open(wrong.engine)
    return {
        "number": number,
        "engine": wrong.engine,
        "kind": difference.what,
        "expected": expected_text(difference),
        "found": found_text(difference),
        "seconds": seconds,
        "module": generated.module,
        "choices": generated.choices.tobytes(),
        "calls": calls_data(subject_of(generated).invocations),
        "versions": {"engine": opened.version, "reference": pool.reference.version},
    }


def calls_data(invocations: tuple[Invocation, ...]) -> list[list[str]]:
    """Return calls as plain data: the export, and its arguments as words."""
    return [[each.export, *map(write, each.args)] for each in invocations]


def _reduction(reduced: Reduced) -> dict[str, Any]:
    return {
        "reduced": reduced.draft.binary,
        "reduced_calls": calls_data(reduced.draft.invocations),
        "text": annotated(reduced, file="reduced.wat"),
        "instructions": reduced.after,
        "shape": shape_of(reduced),
        "expected": reduced.expected(),
        "found": reduced.found(),
    }


def shape_of(reduced: Reduced) -> str:
    """Return what a reduced program is made of: a digest of its operators in order."""
    draft = reduced.draft
    names = [
        instruction.operator.name
        for place in range(len(draft.module.code))
        for instruction in draft.body(place).instructions
    ]
    return hashlib.blake2b(" ".join(names).encode(), digest_size=8).hexdigest()
