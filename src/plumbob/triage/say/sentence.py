"""The verdict in one sentence: who differs, in which call, what they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.engines.process import FaultKind
from plumbob.engines.request import OutcomeKind
from plumbob.triage.check.events import (
    CALL,
    LOG,
    NO_END,
    OVERFLOW,
    STATE,
    TERMINATION,
    VALIDITY,
    Comparison,
    Difference,
    Place,
)
from plumbob.triage.check.verdict import DISAGREE, UNDECIDED
from plumbob.triage.say.wording import event_text, first_line, log_text, place_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.check.check import Checked
    from plumbob.triage.check.subject import Subject


def sentence(checked: Checked, reference: str) -> str:
    """Return the verdict on one subject in one sentence, or two where one is undecided too."""
    verdict = checked.verdict
    if verdict.verdict == DISAGREE:
        return _wrong(checked, reference)
    if verdict.verdict == UNDECIDED:
        return _undecided(checked, reference)
    return _agreed(checked, reference)


def summary(parts: Sequence[Checked]) -> str:
    """Return the verdict on several subjects on which nobody differs, in one sentence."""
    modules = _count(len(parts), "module")
    calls = _count(sum(len(part.subject.invocations) for part in parts), "call")
    names = dict.fromkeys(each.engine for part in parts for each in part.comparisons if each.events)
    if not names:
        return f"Only the reference ran {modules} and {calls}; nothing was compared."
    agree = "agree" if len(names) > 1 else "agrees"
    return f"{_list(list(names))} {agree} with the reference on {modules} and {calls}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def found_text(difference: Difference) -> str:
    """Return what an engine did there."""
    if difference.what == LOG:
        return log_text(difference.found, difference.expected)
    return event_text(difference.found)


def expected_text(difference: Difference) -> str:
    """Return what the reference did there."""
    if difference.what == LOG:
        return log_text(difference.expected, difference.found)
    return event_text(difference.expected)


def _wrong(checked: Checked, reference: str) -> str:
    verdict = checked.verdict
    groups: dict[tuple[Place, str, str], list[str]] = {}
    for name in verdict.wrong:
        finding = verdict.decided[name]
        groups.setdefault((finding.place, found_text(finding), finding.setting), []).append(name)
    parts = []
    for (place, _, setting), names in groups.items():
        finding = verdict.decided[names[0]]
        under = f" with {setting}" if setting else ""
        differ = "differ" if len(names) > 1 else "differs"
        if finding.asserted:
            where = _where(checked.subject, place)
            contradict = "contradict" if len(names) > 1 else "contradicts"
            parts.append(
                f"{_list(names)}{under} {contradict} the script: {where} {_does(finding)}, "
                f"{finding.asserted}"
            )
            continue
        others = _agreeing(place, checked.comparisons)
        majority = f" and from the majority ({_list(others)})" if others else ""
        parts.append(
            f"{_list(names)}{under} {differ} from the reference{majority}: "
            f"{_difference(checked.subject, finding, len(names))}"
        )
    text = "; ".join(parts) + "."
    return f"{text} {_undecided(checked, reference)}" if verdict.undecided else text


def _undecided(checked: Checked, reference: str) -> str:
    place, names = checked.verdict.undecided[0]
    finding = next(
        each
        for comparison in checked.comparisons
        if comparison.engine == names[0]
        for each in comparison.findings
        if each.place == place
    )
    if finding.what == TERMINATION and finding.expected.end in NO_END:
        verb = "end" if len(names) > 1 else "ends"
        return (
            f"{_where(checked.subject, place)} does not end on the reference ({reference}) within "
            f"its fuel, and {_list(names)} {verb} it ({found_text(finding)}): nobody can be said "
            "to be wrong; more fuel (--fuel) may tell."
        )
    return (
        f"The reference ({reference}) stands alone: {_list(names)} agree that "
        f"{_where(checked.subject, place)} {_does(finding)}, where it has "
        f"{_noun(expected_text(finding))}; either all of them are wrong, or Plumbob is."
    )


def _agreed(checked: Checked, reference: str) -> str:
    compared = [each.engine for each in checked.comparisons if _compared(each)]
    if not checked.comparisons:
        return f"Only the reference ({reference}) ran; nothing was compared."
    if not compared:
        return "Nothing could be compared: no engine supports what the module needs."
    agree = "agree" if len(compared) > 1 else "agrees"
    calls = len({p.call for each in checked.comparisons for p, _ in each.events if p.step == CALL})
    if checked.subject.invalid is not None:
        return f"{_list(compared)} {agree} with the reference that the module is not valid."
    count = _count(calls, "call") if calls else "the module"
    return f"{_list(compared)} {agree} with the reference on {count}."


def _compared(comparison: Comparison) -> bool:
    return bool(comparison.events) and not (len(comparison.events) == 1 and comparison.unsupported)


def _where(subject: Subject, place: Place) -> str:
    if place.step == STATE:
        calls = "call" if len(subject.invocations) == 1 else "calls"
        return f"after the {calls}, {place_text(subject, place)}"
    if place.step == CALL:
        return place_text(subject, place)
    return {"compile": "the module", "instantiate": "instantiation"}[place.step]


def _difference(subject: Subject, finding: Difference, engines: int) -> str:
    """Return what differs, as a clause about a number of engines."""
    if finding.what == VALIDITY:
        who, s = ("they", "") if engines > 1 else ("it", "s")
        if finding.found.end == OutcomeKind.LINK:
            return f"what {who} make{s} lacks an export ({finding.found.outcome.message})"
        if finding.expected.end != OutcomeKind.REJECTED:
            what = "a valid module" if finding.found.outcome.message else "it"
            return f"{who} reject{s} {what} ({first_line(finding.found.outcome.message)})"
        return f"{who} accept{s} a module that is not valid ({subject.invalid})"
    where = _where(subject, finding.place)
    return f"{where} {_does(finding)} instead of {_noun(expected_text(finding))}"


def _does(finding: Difference) -> str:
    """Return what an engine did, as a predicate of the step."""
    if finding.what == LOG:
        return found_text(finding)
    detail = finding.found.outcome.signal or first_line(finding.found.outcome.message)
    detail = f" ({detail})" if detail else ""
    match finding.found.end:
        case OutcomeKind.TRAP:
            return f"traps ({found_text(finding).removeprefix(_TRAP)})"
        case FaultKind.CRASH:
            return f"crashes it{detail}"
        case FaultKind.GARBAGE:
            return f"makes it answer garbage{detail}"
        case FaultKind.TIMEOUT | OutcomeKind.FUEL:
            return "does not end"
        case FaultKind.MEMORY:
            return "runs out of memory"
        case _ if finding.found.end == OVERFLOW:
            return "exhausts the stack"
        case OutcomeKind.OK | OutcomeKind.REJECTED:
            return f"is {found_text(finding)}"
        case _:
            verb = "is" if finding.place.step == STATE else "gives"
            return f"{verb} {found_text(finding)}"


def _noun(text: str) -> str:
    """Return what a step came to, as the object of a sentence."""
    return f"a trap ({text.removeprefix(_TRAP)})" if text.startswith(_TRAP) else text


_TRAP = "trap: "


def _agreeing(place: Place, comparisons: Sequence[Comparison]) -> list[str]:
    """Return the engines that did at a step what the reference did."""
    return [
        each.engine
        for each in comparisons
        if any(p == place for p, _ in each.events)
        and all(difference.place != place for difference in (*each.findings, *each.allowed))
    ]


def _list(names: Sequence[str]) -> str:
    if len(names) < 2:  # one name stands alone
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
