"""A bisection for people: releases in runs of equal results, then sentences."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from plumbob.report.document import Document, Piece, clip, visible
from plumbob.triage.bisect.judge import BAD, GOOD, SKIPPED, UNSUPPORTED
from plumbob.triage.bisect.passes import BEFORE, ORIGINAL
from plumbob.triage.check.machine import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.bisect.judge import Verdict
    from plumbob.triage.bisect.passes import FunctionName, PassSearch
    from plumbob.triage.bisect.ranges import Range
    from plumbob.triage.bisect.run import Found, Setting, Tried

VERSION = 1
"""Of the schema of `--json`; it grows when a key changes its meaning."""

WORDS = {GOOD: "good", BAD: "bad", UNSUPPORTED: "not supported", SKIPPED: "skipped"}
STYLES = {GOOD: "good", BAD: "bad", UNSUPPORTED: "dim", SKIPPED: "warning"}
SHOWN = 8
"""Passes of a prefix, and releases left out, that are named; `--json` names all."""


def data(found: Found, file: str) -> dict[str, Any]:
    """Return the result as docs/json.md describes it."""
    passes = found.passes
    here = machine()
    function = None if passes is None else passes.function
    return {
        "version": VERSION,
        "file": file,
        "engine": found.engine,
        "ranges": [one._asdict() for one in found.ranges],
        "pass": None if passes is None else passes.name,
        "function": None if function is None else {"index": function.index, "name": function.name},
        "releases": [
            {"version": one.version, **_verdict(one.verdict)} for one in _judged(found.releases)
        ],
        "skipped": [
            {"version": one.version, "reason": one.verdict.gave}
            for one in found.releases
            if one.verdict.result == SKIPPED
        ],
        "not_tried": list(found.not_tried),
        "options": [
            {
                "version": one.version,
                "option": one.option,
                "value": one.value,
                **_verdict(one.verdict),
            }
            for one in found.settings
        ],
        "prefix": None if passes is None else _prefix(passes),
        "notes": list(found.notes),
        "sentences": sentences(found) or [_none_bad(found)],
        "machine": {**here._asdict(), "flags": list(here.flags)},
    }


def _verdict(verdict: Verdict) -> dict[str, str | None]:
    return {
        "result": verdict.result,
        "where": verdict.where or None,
        "gave": verdict.gave or None,
        "expected": verdict.expected or None,
    }


def _judged(releases: Sequence[Tried]) -> list[Tried]:
    return [one for one in releases if one.verdict.result != SKIPPED]


def _prefix(passes: PassSearch) -> dict[str, Any]:
    first = next((flip for flip in passes.flips if flip.result == BAD), None)
    return {
        "version": passes.version,
        "passes": list(passes.passes),
        "flips": [
            {"length": flip.length, "pass": flip.name, "result": flip.result}
            for flip in passes.flips
        ],
        "length": None if first is None else first.length,
        "flags": list(passes.prefix) or None,
        "within": passes.within,
        "alone_on": passes.alone_on,
        "where": passes.where or None,
        "gave": passes.gave or None,
        "expected": passes.expected or None,
        "notes": list(passes.notes),
    }


def render(found: Found, *, width: int = 100) -> Document:
    """Return the runs of releases, the settings, and what follows from them."""
    document = Document(width)
    _releases(document, found)
    document.line()
    for sentence in sentences(found):
        document.prose(Piece(""), sentence, style="strong")
    if not found.bad:
        document.prose(Piece(""), _none_bad(found), style="strong")
    _settings(document, found.settings)
    if found.passes is not None:
        _passes(document, found.passes)
    for note in _notes(found):
        document.prose(Piece("note: ", "note"), note)
    return document


def _releases(document: Document, found: Found) -> None:
    """Add a row for each run of releases with the same result."""
    rows = []
    for (result, _, _), run in groupby(found.releases, key=lambda one: _row(one.verdict)):
        run_list = list(run)
        # The newest says best why it is not supported.
        rows.append((WORDS[result], STYLES[result], _span(run_list), len(run_list), run_list[-1]))
    label = max(len(word) for word, *_ in rows)
    spans = max(len(span) for _, _, span, *_ in rows)
    counts = max(len(str(count)) for *_, count, _ in rows)
    for word, style, span, count, last in rows:
        head = Piece(f"{word:<{label}}", style)
        told = _told(last.verdict)
        line = f"{span:<{spans}}  {count:>{counts}}"
        room = document.width - label - len(line) - 6
        document.line(head, "  ", line, "  ", Piece(_fit(told, room), "dim") if told else "")


def _row(verdict: Verdict) -> tuple[str, str, str]:
    """Return what releases of one row have in common.

    Bad ones are parted by what they gave, others are not: engines differ in their words.
    """
    if verdict.result == BAD:
        return verdict.result, verdict.where, verdict.gave
    return verdict.result, "", ""


def _span(run: Sequence[Tried]) -> str:
    first, last = run[0].version, run[-1].version
    return first if first == last else f"{first} to {last}"


def _told(verdict: Verdict) -> str:
    lines = [line.strip() for line in verdict.gave.splitlines() if line.strip(" )")]
    # Of a list of causes, which may be numbered, the last is the reason.
    gave = re.sub(r"^\d+: ", "", lines[-1]) if lines else ""
    told = f"{verdict.where}: {gave}" if verdict.where else gave
    return f"{told}, expected {verdict.expected}" if verdict.expected else told


def _fit(text: str, room: int) -> str:
    """Return text cut to a room of at least some words."""
    return clip(visible(text), max(room, 20))


def sentences(found: Found) -> list[str]:
    """Return one sentence for each range of bad releases."""
    return [_sentence(found.kind, one, found.releases) for one in found.ranges]


def _sentence(kind: str, one: Range, releases: Sequence[Tried]) -> str:
    versions = [each.version for each in releases]
    single = one.first_bad == one.last_bad
    them = "it" if single else "them"
    text = f"{kind} {one.first_bad} {'is' if single else f'to {one.last_bad} are'} bad"
    if len(versions) == 1:
        return f"{text}; no other release was tried."
    before = (
        f"the last good release before {them} is {one.last_good_before}"
        if one.last_good_before is not None
        else f"no release tried before {them} is good"
        if versions[0] != one.first_bad
        else "no older release was tried"
    )
    after = (
        f"the first good one after {them} {one.first_good_after}"
        if one.first_good_after is not None
        else f"none tried after {them} is good"
        if versions[-1] != one.last_bad
        else "no newer one was tried"
    )
    return f"{text}; {before}, {after}."


def _none_bad(found: Found) -> str:
    good = [one.version for one in found.releases if one.verdict.result == GOOD]
    if not good:
        return f"No release of {found.kind} that was tried could be judged on this program."
    if len(good) == 1:
        return f"{found.kind} {good[0]} is good; no other release that was tried supports this."
    return f"None of the {len(good)} releases of {found.kind} that support this program is bad."


def _settings(document: Document, settings: Sequence[Setting]) -> None:
    for version, group in groupby(settings, key=lambda one: one.version):
        by_result: dict[str, list[str]] = {}
        for one in group:
            by_result.setdefault(one.verdict.result, []).append(f"{one.option}={one.value}")
        told = "; ".join(
            f"{WORDS[result]} with {_listed(by_result[result])}"
            for result in (BAD, GOOD, UNSUPPORTED, SKIPPED)
            if result in by_result
        )
        document.prose(Piece(f"{version}: "), f"{told}.")


def _called(function: FunctionName) -> str:
    if function.name is None:
        return f"function {function.index}"
    return f"the function {function.name}"


_ALONE = {
    ORIGINAL: "That pass alone turns it, run on the program as it is.",
    BEFORE: "That pass alone turns it, run on the module that the passes before it make.",
}


def _listed(items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _passes(document: Document, passes: PassSearch) -> None:
    if passes.name is not None:
        where = f" in {_called(passes.function)}" if passes.function is not None else ""
        comma = "," if where else ""
        within = f", run by {passes.within}{comma}" if passes.within else ""
        first = next(flip for flip in passes.flips if flip.result == BAD)
        document.prose(
            Piece(""),
            f"In {passes.version} the pass that turns the result is {passes.name}{within}{where} "
            f"(pass {first.length} of {len(passes.passes)}).",
            style="strong",
        )
        if passes.alone_on is not None:
            document.prose(Piece(""), _ALONE[passes.alone_on])
        document.prose(Piece("flags: "), " ".join(passes.prefix))
    if len(passes.flips) > 1:
        flips = [f"{WORDS[flip.result]} from {flip.length} ({flip.name})" for flip in passes.flips]
        document.prose(Piece("prefixes: "), f"{_listed(flips)}.")
    for note in passes.notes:
        document.prose(Piece("note: ", "note"), note)


def _notes(found: Found) -> list[str]:
    notes = list(found.notes)
    if found.not_tried:
        count = len(found.not_tried)
        named = ", ".join(found.not_tried[:SHOWN]) + (" and others" if count > SHOWN else "")
        notes.append(
            f"a sample was tried; what comes and goes between two neighbours of equal result is "
            f"not seen. Not tried: {count} of {count + len(found.releases)} releases ({named}). "
            f"--all tries them too."
        )
    return notes
