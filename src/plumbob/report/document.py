"""A page of styled text, before anybody decided on colour.

What a page shows may come from a hostile input: names and source lines can hold escape
sequences and characters that turn the direction of writing. So every piece of text that
enters a document has them spelt out, and no terminal ever sees one.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Final, NamedTuple

STYLES = {
    "plain": "",
    "error": "bold red",
    "warning": "bold yellow",
    "strong": "bold",
    "place": "cyan",
    "gutter": "bright_blue",
    "dim": "dim",
    "help": "bold green",
    "note": "bold cyan",
    "bad": "red",
    "good": "green",
}
"""What a style is in the words of rich. Meaning never hangs on colour alone."""

TAB = "    "

_PLACE: Final = re.compile(r"\d+(?::\d+)*")
"""Lines and columns behind a file's name."""


class Piece(NamedTuple):
    """A stretch of text in one style."""

    text: str
    style: str = "plain"


Text = str | Piece


def visible(text: str) -> str:
    r"""Return `text` with what a terminal would obey, not show, spelt as `\u{1b}`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        TAB if char == "\t" else char if _shown(char) else f"\\u{{{ord(char):x}}}" for char in text
    )


def _shown(char: str) -> bool:
    """Whether a character shows as itself: no control, format, surrogate or separator."""
    category = unicodedata.category(char)
    return category[0] != "C" and category not in ("Zl", "Zp")


def cells(text: str) -> int:
    """Return how many terminal cells `text` (already `visible`) takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def clip(text: str, room: int) -> str:
    """Return `text` (already `visible`) cut to `room` cells, with an ellipsis if it was cut."""
    if cells(text) <= room:
        return text
    kept = []
    used = 1
    for char in text:
        used += cells(char)
        if used > room:
            break
        kept.append(char)
    return "".join(kept) + "…"


class Document:
    """Lines of pieces. `width` is in cells; prose is wrapped to it, other lines are not."""

    def __init__(self, width: int = 100) -> None:
        self.width = width
        self.lines: list[tuple[Piece, ...]] = []

    def line(self, *pieces: Text) -> None:
        """Add a line."""
        self.lines.append(
            tuple(
                Piece(visible(piece))
                if isinstance(piece, str)
                else Piece(visible(piece.text), piece.style)
                for piece in pieces
            )
        )

    def prose(self, label: Piece, text: str, *, indent: int = 0, style: str = "plain") -> None:
        """Add a paragraph behind a label, wrapped, its later lines under its first word.

        Behind a label of more than a third of the width the later lines are indented by 4.
        """
        start = indent + cells(visible(label.text))
        hang = start if start <= self.width // 3 else indent + 4
        wrapped = textwrap.wrap(
            visible(" ".join(text.split())),
            max(self.width, hang + 20),
            initial_indent=" " * start,
            subsequent_indent=" " * hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.line(" " * indent, label, Piece(wrapped[0][start:] if wrapped else "", style))
        for line in wrapped[1:]:
            self.line(" " * hang, Piece(line[hang:], style))

    def remark(self, file: str, line: int, reason: str, style: str) -> None:
        """Add why something in a file's line is wrong; a place that the reason begins with stands.

        It is at least as exact: it has a column.
        """
        own, colon, rest = reason.removeprefix(f"{file}:").partition(": ")
        if reason.startswith(f"{file}:") and colon and _PLACE.fullmatch(own):
            self.prose(Piece(f"{file}:{own}: ", style), rest)
        else:
            self.prose(Piece(f"{file}:{line}: ", style), reason)

    def table(
        self, rows: list[list[Piece]], *, indent: int = 0, gap: int = 2, right: tuple[int, ...] = ()
    ) -> None:
        """Add rows of cells in columns as wide as they need; columns in `right` align right."""
        if not rows:
            return
        shown = [[Piece(visible(cell.text), cell.style) for cell in row] for row in rows]
        widths = [
            max(cells(row[column].text) for row in shown if column < len(row))
            for column in range(max(map(len, shown)))
        ]
        for row in shown:
            pieces: list[Text] = [" " * indent]
            for column, cell in enumerate(row):
                padding = " " * (widths[column] - cells(cell.text))
                last = column == len(row) - 1
                if column in right:
                    pieces += [padding, cell]
                else:
                    pieces += [cell] if last else [cell, padding]
                if not last:
                    pieces.append(" " * gap)
            self.line(*pieces)

    def plain(self) -> str:
        """Return the page without colour, lines separated by newlines."""
        return "\n".join("".join(piece.text for piece in line).rstrip() for line in self.lines)
