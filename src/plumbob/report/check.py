"""The result of a check: as a table for people, and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plumbob.report.document import Document, Piece, cells, clip, visible
from plumbob.triage.check.allowed import SECTIONS
from plumbob.triage.check.arguments import write
from plumbob.triage.check.compare import steps
from plumbob.triage.check.events import CALL, STATE, Comparison, Event, Place
from plumbob.triage.check.verdict import AGREE
from plumbob.triage.say.rationale import rationale
from plumbob.triage.say.sentence import expected_text, found_text, sentence, summary
from plumbob.triage.say.wording import event_text, first_line, logged_text, place_text, value_text
from plumbob.triage.shims import Seen
from plumbob.triage.standins import WORLD_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plumbob.triage.check.check import Checked, CheckResult

VERSION = 1

SHOWN_CALLS = 12
"""Rows of a table that are shown; JSON has all."""
SHOWN_PARTS = 6
"""Modules of a script that are shown one by one."""
SHOWN_LINES = 6
"""Lines of a list that are shown."""
CELL = 34
"""Cells that a value may take: a vector's."""


def render(result: CheckResult, *, width: int = 100) -> Document:
    """Return the result for people: what differs, the verdict, what may differ."""
    document = Document(width)
    several = len(result.parts) > 1
    telling = [part for part in result.parts if _remarkable(part) or not several]
    for part in telling[:SHOWN_PARTS]:
        if several:
            document.line(Piece(_origin(part), "place"))
        _part(document, result, part)
        document.line()
    if len(telling) > SHOWN_PARTS:
        document.line(Piece(f"{len(telling) - SHOWN_PARTS} more modules differ", "dim"))
        document.line()
    _verdict(document, result)
    _remarks(document, result)
    _setting(document, result)
    return document


def _remarkable(part: Checked) -> bool:
    return part.verdict.verdict != AGREE or any(each.allowed for each in part.comparisons)


def _part(document: Document, result: CheckResult, part: Checked) -> None:
    rows = list(_rows(part))
    differing = [row for row in rows if row.differs]
    shown = (differing or rows)[:SHOWN_CALLS]
    names = [engine.name for engine in result.engines]
    _table(document, names, shown)
    more = len(differing) - len(shown) if differing else 0
    alike = len(rows) - len(differing) - (0 if differing else len(shown))
    if more > 0:
        document.line(Piece(f"{more} more that differ", "dim"))
    if alike > 0:
        document.line(Piece(f"{alike} more on which all agree", "dim"))


class Row(NamedTuple):
    """A step on every engine; the reference first."""

    label: str
    cells: tuple[Piece, ...]
    differs: bool


def _rows(part: Checked) -> Iterator[Row]:
    """Yield the steps: calls always, others where something differs."""
    columns = [_column(comparison) for comparison in part.comparisons]
    for place, event in reference_events(part):
        found = [column.get(place, _NOT_REACHED) for column in columns]
        differs = any(piece.style in _DIFFERS for piece in found)
        if place.step == CALL or differs:
            label = place_text(part.subject, place)
            yield Row(label, (Piece(event_text(event)), *found), differs)


_NOT_REACHED = Piece("-", "dim")
_DIFFERS = ("bad", "warning")


def _column(comparison: Comparison) -> dict[Place, Piece]:
    """Return the cells of one engine by step."""
    cells_ = {place: Piece(event_text(event)) for place, event in comparison.events}
    cells_.update((lack.place, Piece("not supported", "dim")) for lack in comparison.unsupported)
    for sign, style, differences in (
        ("~", "warning", comparison.allowed),
        ("✗", "bad", comparison.findings),
    ):
        for each in reversed(differences):  # of several in one place the first is told
            cells_[each.place] = Piece(f"{sign} {found_text(each)}", style)
    return cells_


def reference_events(part: Checked) -> Iterator[tuple[Place, Event]]:
    """Yield the reference's steps, each place once."""
    done: set[Place] = set()
    for run in part.plan.runs:
        for index, place in steps(run.session):
            if place not in done:
                done.add(place)
                yield place, run.events[index]


def _table(document: Document, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Add rows as a table if it fits, else as a list under each step."""
    if not rows:
        return
    grid = [[Piece("call", "dim"), *(Piece(name, "dim") for name in names)]]
    grid += [[Piece(row.label), *(_cut(cell, CELL) for cell in row.cells)] for row in rows]
    widths = [
        max(cells(visible(line[column].text)) for line in grid) for column in range(len(grid[0]))
    ]
    if sum(widths) + 2 * (len(widths) - 1) <= document.width:
        document.table(grid)
        return
    room = document.width - max(map(cells, names)) - 4
    for row in rows:
        document.line(Piece(clip(visible(row.label), document.width), "strong"))
        pairs = list(zip(names, row.cells, strict=True))
        if room >= CELL:
            document.table(
                [[Piece(name, "dim"), _cut(cell, room)] for name, cell in pairs], indent=2
            )
            continue
        for name, cell in pairs:
            document.line("  ", Piece(name, "dim"))
            document.line("    ", _cut(cell, document.width - 4))


def _cut(cell: Piece, room: int) -> Piece:
    return Piece(clip(visible(cell.text), room), cell.style)


def _origin(part: Checked) -> str:
    return part.file if part.line is None else f"{part.file}:{part.line}"


def _verdict(document: Document, result: CheckResult) -> None:
    reference = result.engines[0].name
    guilty = f": {', '.join(result.wrong)}" if result.wrong else ""
    style = "good" if result.verdict == AGREE else "error"
    document.line(Piece(f"{result.verdict}{guilty}", style))
    telling = _telling(result)
    if not telling:
        document.prose(Piece(""), summary(result.parts))
    for part in telling[:SHOWN_PARTS]:
        origin = f"{_origin(part)}: " if len(result.parts) > 1 else ""
        document.prose(Piece(origin, "place"), sentence(part, reference))
        grounds = rationale(part)
        if grounds:
            document.line(Piece("The reference's result rests on", "dim"))
        for ground in grounds:
            document.prose(Piece(f"{ground.what}: ", "strong"), ground.section, indent=2)


def _telling(result: CheckResult) -> list[Checked]:
    """Return the subjects that disagree; the only one in any case."""
    telling = [part for part in result.parts if part.verdict.verdict != AGREE]
    return telling or (list(result.parts) if len(result.parts) == 1 else [])


def _setting(document: Document, result: CheckResult) -> None:
    """Say which releases ran, where the names do not, and on what machine."""
    unsaid = [
        f"{engine.name} is {engine.version}"
        for engine in result.engines
        if engine.version not in engine.name
    ]
    machine = f"{result.machine.cpu}, {result.machine.os} {result.machine.architecture}"
    document.prose(Piece(""), "; ".join([*unsaid, machine]), style="dim")


def _remarks(document: Document, result: CheckResult) -> None:
    allowed: dict[str, None] = {}
    missing: dict[str, None] = {}
    for part in result.parts:
        for comparison in part.comparisons:
            for each in comparison.allowed:
                section = SECTIONS[each.rule]
                allowed[f"{comparison.engine}, {each.rule} ({section})"] = None
            for lack in comparison.unsupported:
                words = first_line(lack.message) or lack.place.step
                missing[f"{comparison.engine}: {words}"] = None
            for tried in comparison.settings:
                if tried.reason:
                    missing[f"{comparison.engine} with {tried.setting}: {tried.reason}"] = None
            if comparison.unjudged:
                missing[f"{comparison.engine}: {comparison.unjudged}"] = None
        for name, reason in part.subject.uncallable:
            missing[f"{name!r} is not called: {reason}"] = None
        for place in part.plan.left_out:
            label = place_text(part.subject, Place(CALL, place))
            missing[f"{label} is left out: the reference does not end within its fuel"] = None
        for place in part.plan.unasked:
            label = place_text(part.subject, Place(CALL, place))
            missing[f"{label} is left out: the time for chosen calls is spent"] = None
    for title, lines in (("allowed to differ", allowed), ("not supported", missing)):
        if not lines:
            continue
        document.line(Piece(f"{title}:", "dim"))
        for line in list(lines)[:SHOWN_LINES]:
            document.prose(Piece(""), line, indent=2, style="dim")
        if len(lines) > SHOWN_LINES:
            document.line(Piece(f"  and {len(lines) - SHOWN_LINES} more", "dim"))


def check_data(result: CheckResult) -> dict[str, Any]:
    """Return the result as data for JSON; docs/json.md documents the keys."""
    reference = result.engines[0].name
    telling = _telling(result)
    return {
        "version": VERSION,
        "verdict": result.verdict,
        "wrong": list(result.wrong),
        "sentence": sentence(telling[0], reference) if telling else summary(result.parts),
        "rationale": [ground._asdict() for part in telling[:1] for ground in rationale(part)],
        "allowed": [each for part in result.parts for each in _allowed_data(part)],
        "unsupported": [each for part in result.parts for each in _missing_data(part)],
        "calls": [each for part in result.parts for each in _calls_data(part, reference)],
        "state": [each for part in result.parts for each in _state_data(part, reference)],
        "modules": [_module_data(part, reference) for part in result.parts],
        "engines": [
            {"name": each.name, "kind": each.kind, "version": each.version,
             "options": dict(each.options), "about": dict(each.details)}
            for each in result.engines
        ],
        "machine": {**result.machine._asdict(), "flags": list(result.machine.flags)},
        "seed": result.seed,
    }  # fmt: skip


def _module_data(part: Checked, reference: str) -> dict[str, Any]:
    return {
        "file": part.file,
        "line": part.line,
        "verdict": part.verdict.verdict,
        "wrong": list(part.verdict.wrong),
        "sentence": sentence(part, reference),
        "settings": [
            {"engine": comparison.engine, **tried._asdict()}
            for comparison in part.comparisons
            for tried in comparison.settings
        ],
        "invalid": part.subject.invalid,
        "calls": len(part.subject.invocations),
        "left_out": len(part.plan.left_out) + len(part.plan.unasked),
    }


def _allowed_data(part: Checked) -> Iterator[dict[str, Any]]:
    for comparison in part.comparisons:
        for each in comparison.allowed:
            yield {
                **_place_data(part, each.place), "engine": comparison.engine, "rule": each.rule,
                "section": SECTIONS[each.rule], "expected": expected_text(each),
                "found": found_text(each),
            }  # fmt: skip


def _missing_data(part: Checked) -> Iterator[dict[str, Any]]:
    for comparison in part.comparisons:
        for each in comparison.unsupported:
            yield {
                **_place_data(part, each.place), "engine": comparison.engine,
                "message": each.message,
            }  # fmt: skip


def _place_data(part: Checked, place: Place) -> dict[str, Any]:
    return {
        "file": part.file, "line": part.line, "step": place.step, "call": place.call,
        "subject": place_text(part.subject, place),
    }  # fmt: skip


def _calls_data(part: Checked, reference: str) -> Iterator[dict[str, Any]]:
    sides = _sides(part, reference)
    reached = sides[reference]
    for number, invocation in enumerate(part.subject.invocations):
        place = Place(CALL, number)
        if place in reached:
            yield {
                "file": part.file,
                "line": part.line,
                "export": invocation.export,
                "args": list(map(write, invocation.args)),
                "imports": WORLD_NAMES[invocation.world],
                "results": _results(sides, place),
            }


def _state_data(part: Checked, reference: str) -> Iterator[dict[str, Any]]:
    sides = _sides(part, reference)
    for place in sides[reference]:
        if place.step == STATE:
            yield {
                "file": part.file, "line": part.line, "after": place.call,
                "what": place.subject, "results": _results(sides, place),
            }  # fmt: skip


def _sides(part: Checked, reference: str) -> dict[str, dict[Place, Event]]:
    """Return what each engine did, by step; the reference first."""
    sides = {reference: dict(reference_events(part))}
    for comparison in part.comparisons:
        sides[comparison.engine] = dict(reversed(comparison.events))
    return sides


def _results(sides: dict[str, dict[Place, Event]], place: Place) -> dict[str, Any]:
    """Return what each engine did at a step, null where it did not get there."""
    return {
        name: _event_data(events[place]) if place in events else None
        for name, events in sides.items()
    }


def _event_data(event: Event) -> dict[str, Any]:
    seen = event.seen
    values = () if seen is None else (seen,) if isinstance(seen, Seen) else seen.values
    return {
        "end": event.end,
        "values": [value_text(value) for value in values],
        "types": [value.type for value in values],
        "trap": event.outcome.trap,
        "tag": getattr(seen, "tag", None),
        "log": list(map(logged_text, event.log)),
        "message": event.outcome.message,
        "text": event_text(event),
    }
