"""Events, calls and places in words: what tables, sentences and JSON say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plumbob.engines.process import FaultKind
from plumbob.engines.request import OutcomeKind
from plumbob.triage.check.arguments import write, written
from plumbob.triage.check.events import CALL, EXCEPTION, OVERFLOW, STATE, Event, Place
from plumbob.triage.shims import Observation, Seen
from plumbob.triage.standins import WORLD_NAMES

if TYPE_CHECKING:
    from plumbob.triage.check.subject import Invocation, Subject
    from plumbob.triage.standins import LoggedCall


def value_text(seen: Seen) -> str:
    """Return a value in one word."""
    if seen.shape not in ("", "null", "i31") and seen.bits:
        return f"{seen.shape}#{seen.bits:x}"
    return written(seen.type, seen.bits, seen.shape)


def event_text(event: Event) -> str:
    """Return what a step came to, in few words: `48`, `trap: unreachable`, `crash: SIGSEGV`."""
    outcome, seen, end = event.outcome, event.seen, event.end
    if isinstance(seen, Seen):
        return value_text(seen)
    if isinstance(seen, Observation):
        values = ", ".join(map(value_text, seen.values))
        if seen.kind == EXCEPTION:
            tag = seen.tag or "of a foreign tag"
            return f"exception {tag}" + (f"({values})" if seen.values else "")
        return values if len(seen.values) == 1 else f"({values})" if seen.values else "nothing"
    if end == OutcomeKind.TRAP:
        return f"trap: {outcome.trap or first_line(outcome.message)}"
    words = _ENDS.get(end, end)
    detail = outcome.signal or ""
    if end in _TOLD and not detail:
        detail = first_line(outcome.message)
    return f"{words}: {detail}" if detail else words


_ENDS = {
    OutcomeKind.OK: "accepted",
    OutcomeKind.EXCEPTION: "an exception",
    OutcomeKind.FUEL: "no end: out of fuel",
    OutcomeKind.UNSUPPORTED: "not supported",
    OutcomeKind.REJECTED: "rejected",
    OutcomeKind.LINK: "not linked",
    OutcomeKind.SKIPPED: "not reached",
    OVERFLOW: "stack exhausted",
    FaultKind.CRASH: "crash",
    FaultKind.TIMEOUT: "no end in time",
    FaultKind.MEMORY: "out of memory",
    FaultKind.GARBAGE: "garbage",
}

_TOLD = (OutcomeKind.REJECTED, OutcomeKind.LINK, FaultKind.CRASH, FaultKind.GARBAGE)
"""Ends of which the engine's own words are worth repeating."""


def first_line(text: str, limit: int = 120) -> str:
    """Return the line of an engine's words that tells most, cut to a limit.

    That is the first, or of a chain of causes the last.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "Caused by:" in lines:
        line = _NUMBER.sub("", lines[-1])
    else:
        line = _CALLER.sub("", lines[0]) if lines else ""
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


_NUMBER = re.compile(r"\d+: ")
_CALLER = re.compile(
    r"WebAssembly\.(Module|Instance)\(\): |WebAssembly\.Module doesn't (?=validate)"
)


def call_text(invocation: Invocation) -> str:
    """Return a call as `name(1, null)`; of a global, its name."""
    name = invocation.export if invocation.export.isprintable() else ascii(invocation.export)
    if invocation.get:
        return f"global {name}"
    world = WORLD_NAMES[invocation.world]
    text = f"{name or ascii('')}({', '.join(map(write, invocation.args))})"
    return f"{text}, {world}" if world else text


def place_text(subject: Subject, place: Place) -> str:
    """Return a step as a table's first column has it."""
    if place.step == CALL and place.call is not None:
        return call_text(subject.invocations[place.call])
    return place.subject if place.step == STATE else place.step


def logged_text(call: LoggedCall) -> str:
    """Return a call of an imported function as `env.log(1)`."""
    args = [
        str(value.bits) if isinstance(value.bits, str) else written(value.type, value.bits)
        for value in call.args
    ]
    if call.returned is not None:
        got = ", ".join(args) or "nothing"
        return f"{call.module}.{call.name}, which calls {call.returned} back and gets {got}"
    text = "" if call.text is None else f" {call.text.decode(errors='replace')!a}"
    return f"{call.module}.{call.name}({', '.join(args)}){text}"


def log_text(event: Event, other: Event) -> str:
    """Return the first call of an imported function in which two logs differ."""
    for one, two in zip(event.log, other.log, strict=False):
        if one != two:
            return f"calls {logged_text(one)}"
    if len(event.log) > len(other.log):
        return f"calls {logged_text(event.log[len(other.log)])}"
    return f"calls {len(event.log)} imports"
