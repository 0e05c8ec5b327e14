"""Reports as SARIF 2.1.0, which code hosts and editors read.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, with the
section numbers below. Text inputs get lines and columns, binaries byte offsets (3.30.11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import plumbob
from plumbob.report.data import diagnostic_data
from plumbob.wasm.valid.codes import CATALOGUE
from plumbob.wasm.valid.diagnostics import WARNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.source import Span
    from plumbob.wasm.valid.diagnostics import Diagnostic, Report

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Data = dict[str, Any]


def log(reports: Sequence[Report], unreadable: Sequence[tuple[str, str]] = ()) -> Data:
    """Return the log file (3.13) of one run over several modules.

    `unreadable` names inputs that could not be judged, each with the reason.
    """
    codes = sorted({item.code for report in reports for item in report.diagnostics})
    places = {code: place for place, code in enumerate(codes)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "plumbob",
                        "semanticVersion": _semantic(plumbob.__version__),
                        "version": plumbob.__version__,
                        "rules": [rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not unreadable,
                        "toolExecutionNotifications": [
                            notification(name, reason) for name, reason in unreadable
                        ],
                    }
                ],
                "artifacts": [
                    {"location": {"uri": uri(report.name), "index": index}}
                    for index, report in enumerate(reports)
                ],
                "results": [
                    result(report.name, index, item, places[item.code])
                    for index, report in enumerate(reports)
                    for item in report.diagnostics
                ],
            }
        ],
    }


def notification(name: str, reason: str) -> Data:
    """Return a notification (3.58) that an input could not be judged."""
    return {
        "level": "error",
        "message": {"text": _sentence(reason)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(name)}}}],
    }


def rule(code: str) -> Data:
    """Return the descriptor (3.49) of a diagnostic code."""
    entry = CATALOGUE.get(code)
    title = code if entry is None else entry.title
    text = title if entry is None else entry.help
    words = "".join(char if char.isalnum() else " " for char in title).split()
    return {
        "id": code,
        "name": "".join(word[:1].upper() + word[1:] for word in words),
        "shortDescription": {"text": _sentence(title)},
        "fullDescription": {"text": _sentence(text)},
        "help": {"text": _sentence(text), "markdown": f"**{code}: {title}**\n\n{_sentence(text)}"},
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }


def result(name: str, artifact: int, diagnostic: Diagnostic, rule_index: int) -> Data:
    """Return one result (3.27)."""
    place: Data = {"physicalLocation": physical(name, artifact, diagnostic.offset, diagnostic.span)}
    if diagnostic.function is not None:
        place["logicalLocations"] = [
            {
                "name": diagnostic.function_name or str(diagnostic.function),
                "fullyQualifiedName": f"func[{diagnostic.function}]",
                "kind": "function",
            }
        ]
    text = diagnostic.message
    if diagnostic.hint:
        text = f"{_sentence(text)} {_sentence(diagnostic.hint)}"
    found: Data = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": "warning" if diagnostic.severity == WARNING else "error",
        "message": {"text": text},
        "locations": [place],
    }
    related = _related(name, artifact, diagnostic)
    if related:
        found["relatedLocations"] = related
    found["properties"] = diagnostic_data(diagnostic)
    return found


def _related(name: str, artifact: int, diagnostic: Diagnostic) -> list[Data]:
    """Return where the operands were pushed and where the code became dead (3.27.22)."""
    wanted = len(diagnostic.expected_stack or ())
    said = [
        (f"{operand.operator} pushes {operand.type}", operand.offset, operand.span)
        for operand in (diagnostic.stack or ())[-wanted:]
        if wanted and operand.operator is not None
    ]
    said += [
        (f"code is dead after {frame.dead_after}", frame.dead_since, frame.dead_span)
        for frame in diagnostic.frames
        if frame.dead_after is not None
    ]
    return [
        {
            "id": place,
            "message": {"text": message},
            "physicalLocation": physical(name, artifact, offset, span),
        }
        for place, (message, offset, span) in enumerate(said)
    ]


def physical(name: str, artifact: int, offset: int | None, span: Span | None) -> Data:
    """Return a physical location (3.29), with a region where the place is known."""
    place: Data = {"artifactLocation": {"uri": uri(name), "index": artifact}}
    if span is not None and span.source.text is not None:
        line, column = span.source.location(span.start)
        end_line, end_column = span.source.location(span.end)
        place["region"] = {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        }
        text = span.source.line_text(line)
        if len(text) <= 1000:
            place["region"]["snippet"] = {"text": text}
    elif offset is not None:
        place["region"] = {"byteOffset": offset, "byteLength": 1}
    return place


def uri(name: str) -> str:
    """Return a file's name as a URI reference: relative if it is, absolute if it is."""
    if name.startswith("<"):
        return quote(name.strip("<>"))
    if name.startswith("/"):
        return f"file://{quote(name)}"
    return quote(name)  # a colon too, which would read as a scheme (RFC 3986, 4.2)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _semantic(version: str) -> str:
    """Return a Python version as semantic versioning writes it: 0.1.0.dev0 is 0.1.0-dev0."""
    numbers = version.split(".")[:3]
    rest = version.split(".")[3:]
    return ".".join(numbers) + (f"-{'.'.join(rest)}" if rest else "")
