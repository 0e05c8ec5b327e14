"""What stands around a fault: lines of a text, operators of a body, bytes of a binary.

Excerpts are cut to the width of the document, so that a minified line of a megabyte and a
one-line body both leave the fault in view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.report.document import TAB, Document, Piece, cells, clip, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.source import Span

LINES_BEFORE = 2
BYTES_A_ROW = 16
ELLIPSIS = "…"


class Mark(NamedTuple):
    """A stretch of source to underline, and what to say about it."""

    span: Span
    label: str
    primary: bool


def gutter(number: int | str, width: int) -> Piece:
    """Return the left margin of a line of source."""
    return Piece(f"{number!s:>{width}} │ ", "gutter")


def source_lines(document: Document, marks: Sequence[Mark], before: int = LINES_BEFORE) -> None:
    """Add the lines of text that the marks stand on, each mark underlined.

    The primary mark's line comes with `before` lines before it. Lines that are not
    neighbours are separated by a row of dots.
    """
    source = marks[0].span.source
    places: dict[int, list[tuple[int, Mark]]] = {}
    for mark in marks:
        line, column = source.location(mark.span.start)
        places.setdefault(line, []).append((column, mark))
    primary = next(line for line, on in places.items() if any(mark.primary for _, mark in on))
    shown = set(places) | {line for line in range(primary - before, primary) if line >= 1}
    margin = len(str(max(shown)))
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))
    previous = 0
    for line in sorted(shown):
        if previous and line > previous + 1:
            document.line(Piece("." * margin + " │", "gutter"))
        previous = line
        _source_line(document, source.line_text(line), line, margin, places.get(line, []))
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))


def _source_line(
    document: Document, text: str, line: int, margin: int, on_line: list[tuple[int, Mark]]
) -> None:
    room = document.width - margin - 3
    focus = next((column for column, mark in on_line if mark.primary), None)
    if focus is None:
        focus = on_line[0][0] if on_line else 1
    start, end = _window(text, focus - 1, room)
    head = ELLIPSIS if start else ""
    tail = ELLIPSIS if end < len(text) else ""
    document.line(gutter(line, margin), head + visible(text[start:end]) + tail)
    # Rightmost first, as each label stands behind its underline.
    for column, mark in sorted(on_line, key=lambda item: (not item[1].primary, -item[0])):
        first = column - 1
        if not start <= first <= end:
            continue
        length = max(1, min(mark.span.end - mark.span.start, end - first))
        before = cells(head + visible(text[start:first]))
        under = max(1, cells(visible(text[first : first + length])))
        style = "error" if mark.primary else "note"
        underline = ("^" if mark.primary else "-") * under
        pad = " " * before
        if before + under + 1 + cells(mark.label) > room and before >= cells(mark.label):
            # No room behind: the label goes below, ending where the underline ends.
            document.line(gutter("", margin), pad, Piece(underline, style))
            shift = " " * max(0, before + under - cells(mark.label))
            document.line(gutter("", margin), shift, Piece(mark.label, style))
        else:
            document.line(gutter("", margin), pad, Piece(f"{underline} {mark.label}", style))


def _window(text: str, focus: int, room: int) -> tuple[int, int]:
    """Return which part of a line to show: whole where it fits, else around `focus`."""
    if cells(visible(text)) <= room:
        return 0, len(text)
    budget = room - 2
    start = end = min(focus, len(text))
    used = 0
    # Two thirds of the room before the fault, since that is where its causes stand.
    while start > 0 and used + cells(visible(text[start - 1])) <= budget * 2 // 3:
        start -= 1
        used += cells(visible(text[start]))
    while end < len(text) and used + cells(visible(text[end])) <= budget:
        used += cells(visible(text[end]))
        end += 1
    while start > 0 and used + cells(visible(text[start - 1])) <= budget:
        start -= 1
        used += cells(visible(text[start]))
    return start, end


def hexdump(document: Document, data: bytes, offset: int) -> None:
    """Add the row of bytes that holds `offset`, with its neighbours and a mark below the byte.

    An offset at or behind the end of the data points behind the last byte.
    """
    row = min(offset, len(data)) // BYTES_A_ROW * BYTES_A_ROW
    first = max(0, row - BYTES_A_ROW)
    last = min(len(data), row + 2 * BYTES_A_ROW)
    margin = max(6, len(f"{last:#x}"))
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))
    for start in range(first, max(last, row + 1), BYTES_A_ROW):
        chunk = data[start : min(start + BYTES_A_ROW, last)]
        digits = f"{chunk.hex(' '):<{BYTES_A_ROW * 3 - 1}}"
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
        document.line(gutter(f"{start:#x}", margin), digits, Piece(f"  {letters}", "dim"))
        if start == row:
            where = "the input ends here" if offset >= len(data) else f"offset {offset:#x}"
            pad = " " * (3 * min(offset - row, BYTES_A_ROW))
            document.line(gutter("", margin), pad, Piece(f"^^ {where}", "error"))
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))


class Line(NamedTuple):
    """An operator as a line of a disassembly."""

    offset: int
    text: str
    depth: int


def disassembly(
    document: Document, lines: Sequence[Line], fault: int, labels: dict[int, str], label: str
) -> None:
    """Add operators, the one at `fault` and those in `labels` with something said behind them."""
    margin = max(len(f"{line.offset:#x}") for line in lines)
    base = min(line.depth for line in lines)
    said = {**labels, fault: label}
    room = document.width - margin - 3
    behind = len("  <-- ")
    texts = [
        clip(
            visible(TAB[:2] * (line.depth - base) + line.text),
            max(room // 3, room - behind - cells(said[line.offset]))
            if line.offset in said
            else room,
        )
        for line in lines
    ]
    column = min(max(map(cells, texts)), max(10, document.width // 2))
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))
    for line, text in zip(lines, texts, strict=True):
        padding = " " * max(0, column - cells(text))
        if line.offset == fault:
            document.line(
                gutter(f"{line.offset:#x}", margin),
                Piece(text, "strong"),
                padding,
                Piece(f"  <-- {label}", "error"),
            )
        elif line.offset in labels:
            document.line(
                gutter(f"{line.offset:#x}", margin),
                text,
                padding,
                Piece(f"  --- {labels[line.offset]}", "note"),
            )
        else:
            document.line(gutter(f"{line.offset:#x}", margin), text)
    document.line(Piece(" " * (margin + 1) + "│", "gutter"))
