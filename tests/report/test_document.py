"""Pages: wrapping, tables, and characters that a terminal would obey."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.report.color import ansi
from plumbob.report.document import STYLES, Document, Piece, cells, clip, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("a\tb", "a    b"),
        ("a\nb", "a\\u{a}b"),
        ("\u202eabc", "\\u{202e}abc"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("\ud800", "\\u{d800}"),
        ("\u2028", "\\u{2028}"),
        ("naïve 漢字", "naïve 漢字"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert all(unicodedata.category(char)[0] != "C" for char in visible(text))


@given(st.text())
def test_visible_twice_is_visible_once(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(("text", "count"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("│", 1)])
def test_cells(text: str, count: int) -> None:
    assert cells(text) == count


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=30).map(str.split))
def test_prose_keeps_its_words(words: list[str]) -> None:
    document = Document(40)
    document.prose(Piece("note: ", "note"), " ".join(words))
    assert document.plain().split() == ["note:", *words]


def test_prose_is_wrapped_under_its_first_word() -> None:
    document = Document(30)
    document.prose(Piece("help: ", "help"), "one two three four five six seven eight")
    first, *rest = document.plain().split("\n")
    assert first.startswith("help: one")
    assert rest
    assert all(line.startswith(" " * 6) and line[6] != " " for line in rest)
    assert all(len(line) <= 30 for line in [first, *rest])


def test_a_line_break_in_a_name_does_not_break_the_page() -> None:
    document = Document()
    document.line("function ", Piece("evil\nerror[E0201]: forged"))
    assert document.plain() == "function evil\\u{a}error[E0201]: forged"


def test_columns_align_by_cells() -> None:
    document = Document()
    document.table(
        [[Piece("漢字"), Piece("1"), Piece("x")], [Piece("a"), Piece("22"), Piece("y")]], right=(1,)
    )
    assert document.plain().split("\n") == ["漢字   1  x", "a     22  y"]


def test_an_empty_table_is_nothing() -> None:
    document = Document()
    document.table([])
    assert document.lines == []


def test_colour_changes_no_text() -> None:
    document = Document()
    document.line(*(Piece(name, name) for name in STYLES))
    colored = ansi(document)
    assert colored.count("\x1b[0m") == sum(1 for style in STYLES.values() if style)
    plain = colored
    for part in colored.split("\x1b[")[1:]:
        plain = plain.replace("\x1b[" + part.partition("m")[0] + "m", "")
    assert plain == document.plain()


@pytest.mark.parametrize(
    ("text", "room", "kept"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("漢字漢", 5, "漢字…"),
        ("漢字漢", 4, "漢…"),
        ("", 0, ""),
    ],
)
def test_clip(text: str, room: int, kept: str) -> None:
    assert clip(text, room) == kept
    assert cells(kept) <= max(room, 1)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("a reason", "a.wast:3: a reason"),
        ("a.wast:3:8: a reason: b", "a.wast:3:8: a reason: b"),
        ("a.wast:4:1:7: a reason", "a.wast:4:1:7: a reason"),
        ("b.wast:3:8: a reason", "a.wast:3: b.wast:3:8: a reason"),
        ("a.wast: a reason", "a.wast:3: a.wast: a reason"),
        ("a.wast:3", "a.wast:3: a.wast:3"),
        ("7: a reason", "a.wast:3: 7: a reason"),
    ],
)
def test_a_remark_says_its_place_once(reason: str, shown: str) -> None:
    document = Document(100)
    document.remark("a.wast", 3, reason, "error")
    assert document.plain() == shown
