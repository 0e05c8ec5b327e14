"""A campaign: jobs in processes, what they find in the store, and what it comes to.

The store knows of each job how many programs it is done with, so that `resume` goes on
there; a finding is stored before the program counts as done. Causes are told apart when the
time is up: findings whose reduced programs have the same shape are one; of each shape one
is bisected, and shapes with the same first bad release and the same guilty pass are one.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import plumbob
from plumbob.errors import UsageError
from plumbob.hunt.store import Campaign, Finding, Store
from plumbob.hunt.worker import Order, work
from plumbob.triage.check.machine import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import Queue

SIZE: Final = 60
"""Operators of a program, about."""

SECONDS: Final = 5.0
"""How long an engine may take for a call."""

REDUCING: Final = 40.0
"""Seconds of one reduction."""

PATIENCE: Final = 30.0
"""Seconds that a job is given to end by itself, beyond a reduction's."""


@dataclass(frozen=True)
class Settings:
    """What a campaign is asked for."""

    engines: tuple[str, ...]
    seed: int = 0
    jobs: int = 1
    seconds: float | None = None
    count: int | None = None
    size: int = SIZE
    weights: Mapping[str, int] = field(default_factory=dict)
    timeout: float = SECONDS
    reduce_seconds: float = REDUCING

    def data(self) -> dict[str, Any]:
        """Return what a resumed campaign must have in common with the one before."""
        return {
            "engines": list(self.engines),
            "jobs": self.jobs,
            "size": self.size,
            "weights": dict(sorted(self.weights.items())),
            "version": plumbob.__version__,
            "cpu": machine().cpu,
        }


@dataclass(frozen=True)
class Told:
    """How a campaign stands: what progress shows."""

    modules: int
    seconds: float
    findings: int
    shapes: int


class Hunt:
    """Runs a campaign and keeps what it finds."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """Take what to do. Raises `UsageError` for settings that cannot be."""
        if not settings.engines:
            raise UsageError("a campaign without an engine", expected="--engine, once or more")
        self.settings = settings
        self.store = store
        self.campaign: Campaign
        self.faults: list[str] = []
        """What ended a job before its time."""
        self._before = 0.0

    def begin(self) -> None:
        """Begin a campaign."""
        self.campaign = self.store.begin(
            self.settings.seed, self.settings.data(), datetime.now(UTC)
        )

    def resume(self) -> None:
        """Go on with the last campaign. Raises `UsageError` where it was another's."""
        last = self.store.last()
        if last is None:
            raise UsageError("there is no campaign to go on with", expected="one that was begun")
        mine = self.settings.data()
        for name in ("engines", "jobs", "size", "weights", "version"):
            if last.settings.get(name) != mine[name]:
                raise UsageError(
                    f"the campaign has other {name}",
                    expected=str(last.settings.get(name)),
                    found=str(mine[name]),
                )
        if last.seed != self.settings.seed:
            raise UsageError(
                "the campaign has another seed",
                expected=str(last.seed),
                found=str(self.settings.seed),
            )
        self.campaign = last
        self._before = last.seconds

    def run(self, follow: Callable[[Told], None] | None = None) -> None:
        """Run the jobs to their end, or until this is interrupted, and keep what they find."""
        settings = self.settings
        context = multiprocessing.get_context("spawn")
        answers: Queue[tuple[Any, ...]] = context.Queue()
        start = time.monotonic()
        until = None if settings.seconds is None else start + settings.seconds
        processes = []
        for job in range(settings.jobs):
            order = self._order(job, start - self._before, until)
            process = context.Process(target=work, args=(order, answers), daemon=False)
            process.start()
            processes.append(process)
        try:
            self._take(answers, processes, start, until, follow)
        finally:
            _stop(processes)
            self.campaign.seconds = self._before + time.monotonic() - start
            self.store.save()

    def _order(self, job: int, start: float, until: float | None) -> Order:
        settings = self.settings
        count = None
        if settings.count is not None:
            count = (settings.count - job + settings.jobs - 1) // settings.jobs
        return Order(
            job,
            settings.jobs,
            settings.seed,
            self.store.progress(self.campaign, job).done,
            count,
            until,
            start,
            settings.engines,
            dict(settings.weights),
            settings.size,
            settings.timeout,
            settings.reduce_seconds,
        )

    def _take(
        self,
        answers: Queue[tuple[Any, ...]],
        processes: Sequence[BaseProcess],
        start: float,
        until: float | None,
        follow: Callable[[Told], None] | None,
    ) -> None:
        """Take what jobs send until all have ended."""
        running = set(range(len(processes)))
        last = 0.0
        while running:
            try:
                word, job, *rest = answers.get(timeout=0.5)
            except queue.Empty:
                for job in list(running):
                    if not processes[job].is_alive() and answers.empty():
                        self.faults.append(f"job {job} ended: {processes[job].exitcode}")
                        running.discard(job)
                late = self.settings.reduce_seconds + PATIENCE
                if until is not None and time.monotonic() > until + late:
                    return
                continue
            if word == "end":
                running.discard(job)
            else:
                self._answer(word, job, rest)
            if follow is not None and time.monotonic() - last > 0.1:
                last = time.monotonic()
                follow(self.told(self._before + last - start))

    def _answer(self, word: str, job: int, rest: Sequence[Any]) -> None:
        progress = self.store.progress(self.campaign, job)
        if word == "done":
            progress.done = rest[0]
        elif word == "invalid":
            progress.invalid += 1
        elif word == "finding":
            self.store.add(Finding(campaign_id=self.campaign.id, **rest[0]))
        elif word == "reduced":
            number, engine, told = rest
            for finding in self.store.findings(self.campaign):
                if (finding.number, finding.engine) == (number, engine):
                    for name, value in told.items():
                        setattr(finding, name, value)
                    finding.cause = told["shape"]
        else:
            self.faults.append(str(rest[0]))
        self.store.save()

    def told(self, seconds: float) -> Told:
        """Return how the campaign stands."""
        findings = self.store.findings(self.campaign)
        modules = sum(each.done for each in self.store.all_progress(self.campaign))
        shapes = len({(each.engine, each.cause) for each in findings if each.cause})
        return Told(modules, seconds, len(findings), shapes)

    def data(self) -> dict[str, Any]:
        """Return the campaign as plain data, ready for JSON."""
        progress = self.store.all_progress(self.campaign)
        distinct: dict[tuple[str, str], int] = {}
        findings = []
        for each in self.store.findings(self.campaign):
            cause = (each.engine, each.cause)
            if each.cause:
                distinct.setdefault(cause, len(distinct) + 1)
            findings.append(
                {
                    "engine": each.engine,
                    "kind": each.kind,
                    "distinct": distinct.get(cause) if each.cause else None,
                    "seconds": round(each.seconds, 3),
                    "number": each.number,
                    "expected": each.expected,
                    "found": each.found,
                    "instructions": each.instructions,
                    "first_bad": each.ranges[0]["first_bad"] if each.ranges else None,
                    "pass": each.guilty,
                }
            )
        return {
            "modules": sum(each.done for each in progress),
            "seconds": round(self.campaign.seconds, 3),
            "invalid": sum(each.invalid for each in progress),
            "seed": self.campaign.seed,
            "findings": findings,
            "faults": self.faults,
        }


def _stop(processes: Sequence[BaseProcess]) -> None:
    """End jobs that have not ended, and what they started."""
    for process in processes:
        process.join(0.2)
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGTERM)
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()
