"""Excerpts keep the fault in view, whatever the input looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbob.report.document import Document, cells
from plumbob.report.excerpt import Line, Mark, disassembly, hexdump, source_lines
from plumbob.source import Source, Span


def lines_of(text: str, word: str, width: int = 80, label: str = "here") -> list[str]:
    document = Document(width)
    start = text.index(word)
    span = Span(Source("x.wat", text), start, start + len(word))
    source_lines(document, [Mark(span, label, primary=True)])
    return document.plain().split("\n")


def under_caret(lines: list[str]) -> str:
    """The source text above the carets."""
    place = next(number for number, line in enumerate(lines) if "^" in line)
    first, last = lines[place].index("^"), lines[place].rindex("^")
    return lines[place - 1][first : last + 1]


def test_the_caret_stands_under_the_word() -> None:
    lines = lines_of("one\ntwo\nthree four\nfive", "four")
    assert under_caret(lines) == "four"
    assert [line[:3] for line in lines if line[:1].isdigit()] == ["1 │", "2 │", "3 │"]


def test_tabs_do_not_move_the_caret() -> None:
    assert under_caret(lines_of("\t\ti32.const\ti32.add", "i32.add")) == "i32.add"


def test_a_long_line_is_cut_around_the_word() -> None:
    text = "x " * 5000 + "fault" + " y" * 5000
    lines = lines_of(text, "fault", 60)
    assert under_caret(lines) == "fault"
    assert all(cells(line) <= 60 for line in lines)
    assert "…x" in lines[1].replace(" ", "")


@given(
    st.text(st.characters(exclude_characters="\n\r§^"), max_size=200),
    st.text(st.characters(exclude_characters="\n\r§^"), max_size=200),
    st.integers(40, 120),
)
def test_the_word_is_always_in_view(before: str, after: str, width: int) -> None:
    lines = lines_of(f"{before}§{after}", "§", width)
    line = next(line for line in lines if "§" in line)
    caret = next(line for line in lines if "^" in line)
    assert cells(line[: line.index("§")]) == cells(caret[: caret.index("^")])
    assert all(cells(line) <= width for line in lines)


def test_the_label_goes_below_where_there_is_no_room() -> None:
    lines = lines_of("x" * 70 + " fault", "fault", 80, "a label of some length")
    place = next(number for number, line in enumerate(lines) if "^" in line)
    assert lines[place].endswith("^^^^^")
    assert lines[place + 1].endswith("a label of some length")


def test_lines_far_apart_are_separated() -> None:
    text = "\n".join(f"line{number}" for number in range(1, 30))
    source = Source("x.wat", text)
    marks = [
        Mark(Span(source, text.index(word), text.index(word) + 5), word, primary=word == "line2\n")
        for word in ("line2\n", "line25")
    ]
    document = Document()
    source_lines(document, marks)
    assert ".. │" in document.plain()


@pytest.mark.parametrize("offset", [0, 1, 15, 16, 31, 36, 40])
def test_the_mark_stands_under_the_byte(offset: int) -> None:
    data = bytes(range(0xA0, 0xA0 + 41))
    document = Document()
    hexdump(document, data, offset)
    lines = document.plain().split("\n")
    place = next(number for number, line in enumerate(lines) if "^^" in line)
    column = lines[place].index("^^")
    assert lines[place - 1][column : column + 2] == f"{data[offset]:02x}"


@pytest.mark.parametrize("data", [b"", b"\0asm", bytes(16), bytes(17)])
def test_behind_the_end(data: bytes) -> None:
    document = Document()
    hexdump(document, data, len(data))
    assert "the input ends here" in document.plain()


def test_a_disassembly_says_who_pushes_what() -> None:
    document = Document()
    lines = [Line(0x10, "block", 0), Line(0x12, "local.get 0", 1), Line(0x14, "i32.add", 1)]
    disassembly(document, lines, 0x14, {0x12: "pushes i64"}, "takes [i32 i32]")
    assert document.plain().split("\n")[1:-1] == [
        "0x10 │ block",
        "0x12 │   local.get 0  --- pushes i64",
        "0x14 │   i32.add      <-- takes [i32 i32]",
    ]
