"""From results to ranges of bad releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.triage.bisect.judge import BAD, JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable


class Range(NamedTuple):
    """A run of bad releases, none of those tried between them good.

    A neighbour is None where no release tried on that side is good: the range reaches to
    the first or last release, or beyond it the program is not supported.
    """

    last_good_before: str | None
    first_bad: str
    last_bad: str
    first_good_after: str | None


def ranges_of(results: Iterable[tuple[str, str]]) -> list[Range]:
    """Return the ranges of (release, result) in the order of releases.

    Releases that are neither good nor bad are passed over: they neither end a range nor
    stand at its edge.
    """
    ranges: list[Range] = []
    good: str | None = None
    bad: list[str] = []
    for version, result in results:
        if result == BAD:
            bad.append(version)
        elif result in JUDGED:
            if bad:
                ranges.append(Range(good, bad[0], bad[-1], version))
            good, bad = version, []
    if bad:
        ranges.append(Range(good, bad[0], bad[-1], None))
    return ranges
