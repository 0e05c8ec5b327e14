"""What findings have in common: bisects one of each shape, and says which share a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.engines.errors import EngineError
from plumbob.engines.process import Limits
from plumbob.errors import InputError, UsageError
from plumbob.triage.bisect.checked import CheckedJudge, Job
from plumbob.triage.bisect.run import Bisection, Found
from plumbob.triage.check.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plumbob.engines.cache import Cache
    from plumbob.hunt.store import Finding, Store
    from plumbob.triage.check.pool import Pool


def find_causes(
    store: Store,
    findings: Iterable[Finding],
    pool: Pool,
    cache: Cache,
    announce: Callable[[str], None],
) -> None:
    """Bisect one finding of each engine and shape, and give each finding its cause."""
    done: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        if finding.reduced is None:
            continue
        key = (finding.engine, finding.shape)
        first = done.get(key)
        if first is None:
            done[key] = finding
            _bisect(finding, pool, cache, announce)
        else:
            finding.ranges, finding.guilty = first.ranges, first.guilty
        finding.cause = cause_of(finding)
        store.save()


def cause_of(finding: Finding) -> str:
    """Return what findings of one cause share: first bad release and pass, else the shape."""
    if finding.ranges:
        return f"{finding.ranges[0]['first_bad']} {finding.guilty or ''}".strip()
    return finding.shape


def _bisect(finding: Finding, pool: Pool, cache: Cache, announce: Callable[[str], None]) -> None:
    assert finding.reduced is not None  # noqa: S101  # asked of reduced ones alone
    calls = [(export, words) for export, *words in finding.reduced_calls or []]
    try:
        subject = Subject.prepare(finding.reduced, invocations=calls)
        judge = CheckedJudge([Job(subject)], pool)
        limits = pool.limits or Limits()
        bisection = Bisection(judge, cache, limits=limits, announce=announce)
        found = bisection.run(finding.engine)
    except (EngineError, InputError, UsageError) as error:
        announce(f"{finding.engine} cannot be bisected: {error}")
        return
    finding.ranges = _ranges(found)
    finding.guilty = _guilty(found)


def _ranges(found: Found) -> list[dict[str, Any]]:
    return [each._asdict() for each in found.ranges]


def _guilty(found: Found) -> str | None:
    return None if found.passes is None else found.passes.name
