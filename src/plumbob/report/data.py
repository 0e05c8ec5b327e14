"""Reports as plain data: the schema of `--json`, which docs/json.md documents.

Keys are stable: a key may be added, none is renamed or removed. Every key is always
there; what a diagnostic does not know is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import INVALID, MALFORMED, VALID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.source import Span
    from plumbob.wasm.valid.diagnostics import Diagnostic, Frame, Operand, Report

VERSION = 1
"""Of the schema; it grows when a key changes its meaning."""

Data = dict[str, Any]


def reports_data(reports: Sequence[Report]) -> Data:
    """Return the reports on several modules."""
    total = dict.fromkeys((VALID, INVALID, MALFORMED), 0)
    for report in reports:
        total[report.verdict] += 1
    return {
        "version": VERSION,
        "total": {"modules": len(reports), **total},
        "modules": [report_data(report) for report in reports],
    }


def report_data(report: Report) -> Data:
    """Return the report on one module."""
    return {
        "file": report.name,
        "verdict": report.verdict,
        "diagnostics": [diagnostic_data(diagnostic) for diagnostic in report.diagnostics],
    }


def diagnostic_data(diagnostic: Diagnostic) -> Data:
    """Return one diagnostic."""
    entry = CATALOGUE.get(diagnostic.code)
    function = None
    if diagnostic.function is not None:
        function = {"index": diagnostic.function, "name": diagnostic.function_name}
    return {
        "code": diagnostic.code,
        "title": None if entry is None else entry.title,
        "severity": diagnostic.severity,
        "verdict": diagnostic.verdict,
        "message": diagnostic.message,
        "expected": diagnostic.expected,
        "found": diagnostic.found,
        "hint": diagnostic.hint,
        "section": diagnostic.section,
        "function": function,
        "operator": diagnostic.operator,
        **place_data(diagnostic.offset, diagnostic.span),
        "expected_stack": _list(diagnostic.expected_stack),
        "stack": None
        if diagnostic.stack is None
        else [operand_data(operand) for operand in diagnostic.stack],
        "frames": [frame_data(frame) for frame in diagnostic.frames],
        "notes": list(diagnostic.notes),
    }


def place_data(offset: int | None, span: Span | None) -> Data:
    """Return a place: bytes from the start of the binary, line and column from 1 of a text."""
    line = column = end_line = end_column = source_line = None
    if span is not None and span.source.text is not None:
        line, column = span.source.location(span.start)
        end_line, end_column = span.source.location(max(span.end, span.start))
        source_line = span.source.line_text(line)
    return {
        "offset": offset,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "source_line": source_line,
    }


def operand_data(operand: Operand) -> Data:
    """Return an operand with who pushed it."""
    return {
        "type": operand.type,
        "operator": operand.operator,
        **place_data(operand.offset, operand.span),
    }


def frame_data(frame: Frame) -> Data:
    """Return an enclosing block."""
    dead = None
    if frame.dead_since is not None or frame.dead_after is not None:
        dead = {"after": frame.dead_after, **place_data(frame.dead_since, frame.dead_span)}
    return {
        "kind": frame.kind,
        "name": frame.name,
        **place_data(frame.offset, frame.span),
        "label": list(frame.label),
        "results": list(frame.results),
        "height": frame.height,
        "dead": dead,
    }


def _list(items: tuple[str, ...] | None) -> list[str] | None:
    return None if items is None else list(items)
