"""Inputs: reading them, and where things stand in them. Imports nothing of Plumbob."""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

MOST_BYTES: Final = 1 << 30
"""What an input may hold: the largest module of the WebAssembly JavaScript interface
(Implementation-defined Limits). A device may give bytes without end."""

_PIECE: Final = 1 << 20


def read_all(stream: BinaryIO) -> bytes:
    """Return all bytes of a stream. Raises OSError (EFBIG) where they are over MOST_BYTES.

    The size of a file is asked first; of what has none, such as a pipe, no more is read.
    """
    pieces: list[bytes] = []
    left = MOST_BYTES if _size(stream) <= MOST_BYTES else -1
    while left >= 0:
        piece = stream.read(_PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        left -= len(piece)
    raise OSError(errno.EFBIG, f"it has more than {MOST_BYTES:,} bytes")


def _size(stream: BinaryIO) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except (OSError, AttributeError):  # not a file of the system's
        return 0


class Source:
    """One input, text or binary, with the name a person knows it by.

    `text` is set for text inputs. Offsets into a text source count characters,
    offsets into a binary source count bytes. Lines and columns start at 1;
    columns count characters.
    """

    __slots__ = ("_line_starts", "name", "text")

    def __init__(self, name: str, text: str | None = None) -> None:
        self.name = name
        self.text = text
        self._line_starts: list[int] | None = None

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            starts = [0]
            text = self.text or ""
            position = text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = text.find("\n", position + 1)
            self._line_starts = starts
        return self._line_starts

    def location(self, offset: int) -> tuple[int, int]:
        """Return (line, column), both from 1, of a character offset in a text source."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """Return the text of a line (numbered from 1) without its line terminator."""
        starts = self._starts()
        text = self.text or ""
        end = starts[line] if line < len(starts) else len(text)
        return text[starts[line - 1] : end].rstrip("\r\n")

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


class Span(NamedTuple):
    """A half-open range `[start, end)` of a source: characters of text, bytes of a binary."""

    source: Source
    start: int
    end: int

    def __str__(self) -> str:
        if self.source.text is None:
            return f"{self.source.name}:{self.start:#x}"
        line, column = self.source.location(self.start)
        return f"{self.source.name}:{line}:{column}"
