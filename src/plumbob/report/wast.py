"""The results of .wast scripts for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.filetest.wast import report
from plumbob.report.document import Document, Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.filetest.wast import FileResult

COLUMNS = ("passed", "failed", "skipped")


def render(results: Sequence[FileResult], *, width: int = 100) -> Document:
    """Return failures one by one, skips by reason, and the counts by kind of command."""
    document = Document(width)
    data = report(results)
    for result in results:
        for line, reason in result.failures:
            document.remark(result.file, line, reason, "error")
    for (file, reason), count in _skips(results).items():
        document.prose(Piece(f"{file}: ", "warning"), f"skipped {count}: {reason}")
    if document.lines:
        document.line()
    rows = [[Piece(title, "dim") for title in ("command", *COLUMNS)]]
    rows += [
        [Piece(kind), *(Piece(f"{counts[column]:,}") for column in COLUMNS)]
        for kind, counts in data["kinds"].items()
    ]
    total = data["total"]
    rows.append(
        [
            Piece("total", "strong"),
            Piece(f"{total['passed']:,}", "good"),
            Piece(f"{total['failed']:,}", "bad" if total["failed"] else "plain"),
            Piece(f"{total['skipped']:,}", "warning" if total["skipped"] else "plain"),
        ]
    )
    document.table(rows, right=(1, 2, 3))
    return document


def _skips(results: Sequence[FileResult]) -> dict[tuple[str, str], int]:
    """Count skipped commands by file and reason, in the order of the files."""
    counts: dict[tuple[str, str], int] = {}
    for result in results:
        for remark in result.skips:
            key = (result.file, remark.reason)
            counts[key] = counts.get(key, 0) + 1
    return counts
