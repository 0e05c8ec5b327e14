"""The verdict in one sentence: who differs, in which call, what they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.triage.events import (
    CALL,
    LOG,
    NO_END,
    STATE,
    TERMINATION,
    Comparison,
    Difference,
    Place,
)
from plumbob.triage.verdict import DISAGREE, UNDECIDED
from plumbob.triage.wording import event_text, log_text, place_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.triage.check import Checked
    from plumbob.triage.subject import Subject


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
    groups: dict[tuple[Place, str], list[str]] = {}
    for name in verdict.wrong:
        finding = verdict.decided[name]
        groups.setdefault((finding.place, found_text(finding)), []).append(name)
    parts = []
    for (place, found), names in groups.items():
        finding = verdict.decided[names[0]]
        differ = "differ" if len(names) > 1 else "differs"
        where = _where(checked.subject, place)
        if finding.asserted:
            contradict = "contradict" if len(names) > 1 else "contradicts"
            parts.append(
                f"{_list(names)} {contradict} the script: {where} {_gives(place, found)}, "
                f"{finding.asserted}"
            )
            continue
        others = _agreeing(place, checked.comparisons)
        majority = f" and from the majority ({_list(others)})" if others else ""
        instead = _noun(expected_text(finding))
        parts.append(
            f"{_list(names)} {differ} from the reference{majority}: {where} "
            f"{_gives(place, found)} instead of {instead}"
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
            "to be wrong; more fuel may tell."
        )
    return (
        f"The reference ({reference}) stands alone: {_list(names)} agree that "
        f"{_where(checked.subject, place)} {_gives(place, found_text(finding))}, where it has "
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


def _gives(place: Place, found: str) -> str:
    if found.startswith(_TRAP):
        return f"traps ({found.removeprefix(_TRAP)})"
    verb = {STATE: "is", CALL: "gives"}.get(place.step, "is")
    return found if found.startswith(("calls ",)) else f"{verb} {found}"


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
