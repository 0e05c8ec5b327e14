"""Which releases a search tries, and the boundaries that follow."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.triage.bisect.judge import BAD, GOOD, JUDGED, SKIPPED, UNSUPPORTED
from plumbob.triage.bisect.ranges import Range, ranges_of
from plumbob.triage.bisect.search import MAX_GAP, next_places, open_gaps, sample

LETTERS = {"g": GOOD, "b": BAD, "u": UNSUPPORTED, "s": SKIPPED}

patterns = st.text("gbus", min_size=1, max_size=60)
runs = st.lists(st.tuples(st.sampled_from("gbus"), st.integers(1, 25)), min_size=1, max_size=7).map(
    lambda parts: "".join(letter * count for letter, count in parts)
)
"""Patterns in which results come in runs, as those of real faults do."""


def search(pattern: str, starts: list[int]) -> dict[int, str]:
    """What a search has tried when it ends."""
    results: dict[int, str] = {}
    rounds = 0
    while batch := next_places(results, len(pattern), starts):
        assert not set(batch) & results.keys()
        assert batch == sorted(set(batch))
        results.update((place, LETTERS[pattern[place]]) for place in batch)
        rounds += 1
        assert rounds <= len(pattern) + 1
    return results


def ranges(results: dict[int, str]) -> list[Range]:
    return ranges_of((str(place), results[place]) for place in sorted(results))


def boundaries(pattern: str) -> list[tuple[int | None, int, int, int | None]]:
    """The ranges by their definition: maximal runs of bad ones among the judged."""
    judged = [place for place, letter in enumerate(pattern) if letter in "gb"]
    found = []
    for at, place in enumerate(judged):
        if pattern[place] == "b" and (at == 0 or pattern[judged[at - 1]] == "g"):
            end = at
            while end + 1 < len(judged) and pattern[judged[end + 1]] == "b":
                end += 1
            found.append(
                (
                    judged[at - 1] if at else None,
                    place,
                    judged[end],
                    judged[end + 1] if end + 1 < len(judged) else None,
                )
            )
    return found


def numbers(found: list[Range]) -> list[tuple[int | None, int, int, int | None]]:
    return [
        (
            None if one.last_good_before is None else int(one.last_good_before),
            int(one.first_bad),
            int(one.last_bad),
            None if one.first_good_after is None else int(one.first_good_after),
        )
        for one in found
    ]


@given(patterns)
def test_an_exhaustive_search_reports_exactly_the_boundaries(pattern: str) -> None:
    results = search(pattern, list(range(len(pattern))))
    assert len(results) == len(pattern)
    assert numbers(ranges(results)) == boundaries(pattern)


@given(patterns | runs, st.data())
def test_a_sample_never_reports_a_wrong_boundary(pattern: str, data: st.DataObject) -> None:
    places = st.integers(0, len(pattern) - 1)
    starts = sorted(data.draw(st.sets(places, min_size=1)))
    results = search(pattern, starts)
    assert not open_gaps(results, len(pattern))
    for before, first, last, after in numbers(ranges(results)):
        assert pattern[first] == pattern[last] == "b"
        if before is not None:
            assert pattern[before] == "g"
            assert not set(pattern[before + 1 : first]) & set("gb")
        if after is not None:
            assert pattern[after] == "g"
            assert not set(pattern[last + 1 : after]) & set("gb")


@given(runs)
def test_a_sample_that_meets_every_run_finds_every_boundary(pattern: str) -> None:
    starts = [p for p in range(len(pattern)) if p == 0 or pattern[p] != pattern[p - 1]]
    starts.append(len(pattern) - 1)
    results = search(pattern, starts)
    assert numbers(ranges(results)) == boundaries(pattern)


def test_closing_in_takes_few_steps() -> None:
    pattern = "g" * 500 + "b" * 123 + "g" * 377
    results = search(pattern, [0, 550, 999])
    assert numbers(ranges(results)) == [(499, 500, 622, 623)]
    assert len(results) <= 3 + 10 + 10


def test_a_gap_of_unsupported_releases_between_good_and_bad_is_tried_whole() -> None:
    pattern = "g" + "u" * 20 + "b"
    assert len(search(pattern, [0, 21])) == 22
    assert len(search("g" + "u" * 20 + "g", [0, 21])) == 2
    assert len(search("u" * 20 + "g", [0, 10, 20])) < 10


def test_skipped_releases_hide_no_boundary() -> None:
    results = search("gggsssbbb", [0, 4, 8])
    assert numbers(ranges(results)) == [(2, 6, 8, None)]


def test_ranges_come_and_go() -> None:
    results = [("1", BAD), ("2", GOOD), ("3", UNSUPPORTED), ("4", BAD), ("5", BAD), ("6", GOOD)]
    assert ranges_of(results) == [Range(None, "1", "1", "2"), Range("2", "4", "5", "6")]
    assert ranges_of([("1", UNSUPPORTED), ("2", BAD), ("3", UNSUPPORTED)]) == [
        Range(None, "2", "2", None)
    ]
    assert ranges_of([("1", GOOD)]) == []


def versions(major: int, minor: int, patches: int) -> list[str]:
    return [f"{major}.{minor}.{patch}" for patch in range(patches)]


def test_samples_have_both_ends_of_every_line() -> None:
    many = [v for major in range(16, 27) for minor in range(3) for v in versions(major, minor, 2)]
    chosen = [many[place] for place in sample(many)]
    assert chosen == [v for major in range(16, 27) for v in (f"{major}.0.0", f"{major}.2.1")]
    few = [v for minor in range(5) for v in versions(1, minor, 4)]
    assert [few[p] for p in sample(few)] == [
        v for minor in range(5) for v in (f"1.{minor}.0", f"1.{minor}.3")
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 16, 17, 18, 40, 100])
def test_no_gap_of_a_sample_is_long(count: int) -> None:
    places = sample(versions(1, 0, count))
    assert places[0] == 0
    assert places[-1] == count - 1
    assert all(0 < b - a <= MAX_GAP for a, b in pairwise(places))
    assert all(judged in (GOOD, BAD) for judged in JUDGED)


def test_a_fault_that_was_mended_in_two_lines_is_found_in_both() -> None:
    many = [
        v for major in (18, 20, 21, 22, 23) for minor in range(8) for v in versions(major, minor, 2)
    ]
    bad = {v for v in many if v.startswith(("20.", "21.", "22.")) and v < "20.6"}
    bad |= {v for v in many if v.startswith("21.")}
    bad |= {v for v in many if v.startswith("22.") and v < "22.5"}
    pattern = "".join("b" if v in bad else "g" for v in many)
    results = search(pattern, sample(many))
    found = ranges_of((many[place], results[place]) for place in sorted(results))
    assert found == [
        Range("18.7.1", "20.0.0", "20.5.1", "20.6.0"),
        Range("20.7.1", "21.0.0", "22.4.1", "22.5.0"),
    ]
    assert len(results) < len(many) / 2
