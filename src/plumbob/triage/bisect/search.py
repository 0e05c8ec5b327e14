"""Which releases to try next, so that every boundary that shows is found exactly.

Releases are places 0 to count-1 in a list. A search asks for places in batches, gets their
results, and ends when it asks for no more.

**Exhaustive**: every place, at once.

**Sampled**: first the starts, then the middle of every open gap. A gap is a pair of tried
places i < j, neighbours among the tried, with untried ones between. Let k(i) be the kind of
the nearest place at or before i that could be tried, k(j) the same at or after j, and g(i),
g(j) those of the nearest judged ones (good or bad). The gap is open where k(i) and k(j)
differ, or g(i) and g(j) both exist and do; the second alone holds inside a run of unsupported
releases between a good and a bad one.

At the end no gap is open. So between two judged neighbours of different result, which are a
boundary of a range, everything was tried: their g differ in every gap between them. Hence a
reported boundary is never wrong. What a sample can miss is a fault that comes and goes
within one gap whose ends agree; what was not tried is reported. Each batch tries something
new, so it ends.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from plumbob.engines.spec import release_key
from plumbob.triage.bisect.judge import JUDGED, SKIPPED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEW_LINES = 4
"""With fewer major versions than this, each minor version is a line of its own."""

MAX_GAP = 16
"""Releases of a line from one start to the next, at most."""


def next_places(results: Mapping[int, str], count: int, starts: Iterable[int]) -> list[int]:
    """Return the places to try next, in order; none when the search is over.

    `results` has the result of each place tried, `starts` those that are tried in any case:
    all of them for an exhaustive search.
    """
    first = sorted({place for place in starts if place not in results})
    if first:
        return first
    return [(left + right) // 2 for left, right in open_gaps(results, count)]


def open_gaps(results: Mapping[int, str], count: int) -> list[tuple[int, int]]:
    """Return the pairs of tried places that something must be tried between."""
    tried = [place for place in range(count) if place in results]
    kinds: dict[int, tuple[str | None, str | None]] = {}
    kind = judged = None
    for place in tried:
        kind = kind if results[place] == SKIPPED else results[place]
        judged = results[place] if results[place] in JUDGED else judged
        kinds[place] = kind, judged
    gaps = []
    kind = judged = None
    for left, right in reversed(list(pairwise(tried))):
        kind = kind if results[right] == SKIPPED else results[right]
        judged = results[right] if results[right] in JUDGED else judged
        left_kind, left_judged = kinds[left]
        differ = left_kind != kind or (None not in (judged, left_judged) and judged != left_judged)
        if right - left > 1 and differ:
            gaps.append((left, right))
    return gaps[::-1]


def sample(versions: Sequence[str]) -> list[int]:
    """Return the places of releases to start with: the ends of every line, and some between.

    A line is a major version, or a minor one where there are few majors. Both ends, since
    lines are kept up side by side: a fault may be mended in 20.16 and 22.5 and live in 21.
    Versions are final ones (`spec.release_key`), the oldest first.
    """
    keys = [release_key(version) for version in versions]
    majors = len({key[:1] for key in keys})
    depth = 1 if majors >= FEW_LINES else 2
    starts: set[int] = set()
    for _, line in groupby(range(len(keys)), lambda place: keys[place][:depth]):
        places = list(line)
        steps = -(-(len(places) - 1) // MAX_GAP)
        starts.update((places[0], places[-1]))
        starts.update(places[0] + (len(places) - 1) * step // steps for step in range(1, steps))
    return sorted(starts)
