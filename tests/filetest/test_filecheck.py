from __future__ import annotations

from textwrap import dedent

import pytest

from plumbob.errors import InputError
from plumbob.filetest.filecheck import Directive, filecheck, find_directive

TEXT = "one two\nthree four\n  five   v10 + v1\nsix $5 (seven)\n"


def run(directives: str, text: str = TEXT) -> list[str | None]:
    found = []
    for line, comment in enumerate(dedent(directives).strip().splitlines(), 1):
        directive = find_directive("; " + comment, line)
        assert directive is not None
        found.append(directive)
    return [result.reason for result in filecheck(found, text)]


def holds(directives: str, text: str = TEXT) -> bool:
    return all(reason is None for reason in run(directives, text))


def test_directives_are_found_in_comments() -> None:
    assert find_directive(";check: a b ", 3) == Directive("check", "a b", 3)
    assert find_directive("brif v0 ; unordered:  x", 1) == Directive("unordered", "x", 1)
    assert find_directive("; nextln:") == Directive("nextln", "", 0)
    for text in ("; recheck: no", "; check:no", "; dominates: block1", "; CHECK: no", ""):
        assert find_directive(text) is None


def test_check_goes_forward_and_may_stay_on_a_line() -> None:
    assert holds("check: one\ncheck: two\ncheck: six")
    assert not holds("check: two\ncheck: one")
    assert not holds("check: one\ncheck: one")


def test_sameln_and_nextln() -> None:
    assert holds("sameln: one\nsameln: two\nnextln: three\nsameln: four")
    assert not holds("check: one\nsameln: three")
    assert not holds("check: one\nnextln: five")
    assert not holds("check: seven\nnextln: one")
    assert holds("check: two\nnextln: four")


def test_unordered_matches_in_any_order() -> None:
    assert holds("unordered: six\nunordered: one\nunordered: three")
    assert holds("check: one\nunordered: four\nunordered: two\ncheck: five")
    assert not holds("check: three\nunordered: one")
    # What follows goes on after the last match, wherever it was.
    assert not holds("unordered: six\nunordered: one\ncheck: three")


def test_not_holds_between_its_neighbours() -> None:
    assert holds("check: one\nnot: five\ncheck: four")
    assert not holds("check: one\nnot: three\ncheck: five")
    assert holds("check: three\nnot: one")
    assert not holds("check: three\nnot: six")
    assert not holds("not: one")
    assert holds("not: three\ncheck: one")
    assert not holds("check: one\nnot: three\nnot: nothing\nnextln: four")


def test_words_end_where_the_pattern_does() -> None:
    assert holds("check: v1")
    assert not holds("check: v1 +")
    assert not holds("check: 1 +")
    assert holds("check: v10 + v1")
    assert not holds("check: fiv")
    assert holds("check: $()fiv$()")
    assert holds("check: (seven)")


def test_white_space_within_a_line_is_free() -> None:
    assert holds("check: five v10")
    assert not holds("check: two three")


def test_variables() -> None:
    assert holds(r"""
        regex: V=\bv\d+\b
        check: five $(first=$V) + $V
        """)
    assert not holds(r"""
        regex: V=\bv\d+\b
        check: five $(first=$V) + $first
        """)
    text = "a = b1\nc = b1\nd = b10\n"
    assert holds("check: a = $(x=b\\d)\nnextln: c = $x\n", text)
    assert holds("check: a = $(x=b\\d+)\ncheck: d = $(y=b\\d+)\nnot: $x", text)
    assert holds("check: a = $(=b(?:0|1))\n", text)
    assert holds("regex: B=b\\d+\ncheck: d = $(B)", text)
    # A match replaces what `regex` defined.
    text = "a = b1\nd = b2\n"
    assert holds("regex: x=b\\d\ncheck: a = $(y=b\\d)\ncheck: d = $x", text)
    assert not holds("regex: x=b\\d\ncheck: a = $(x=b\\d)\ncheck: d = $x", text)
    assert holds("check: six $$5")


def test_what_comes_after_a_failure_has_no_result() -> None:
    results = run("check: one\ncheck: nonsense\ncheck: six")
    assert len(results) == 2
    assert results[0] is None
    assert results[1] is not None
    assert "nonsense" in results[1]


@pytest.mark.parametrize(
    "directives",
    [
        "check: $undefined",
        "check: $(x=[)",
        "check: $(x",
        "check: $(x=a)$(x=b)",
        "check: $(1=a)",
        "check: cost $ 5",
        "regex: nothing",
        "regex: 1x=a",
        "regex: V=(",
        "check: $(x=$nope)",
    ],
)
def test_malformed_patterns(directives: str) -> None:
    with pytest.raises(InputError, match="malformed"):
        run(directives)


def test_patterns_need_no_escapes() -> None:
    assert holds("check: a[1].b* (c|d)", "a[1].b* (c|d)")
