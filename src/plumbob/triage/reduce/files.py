"""A reduced program as files: the text with what is right and what is wrong, and a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.triage.check.arguments import write, written
from plumbob.triage.check.events import CALL
from plumbob.triage.say.wording import call_text
from plumbob.wasm.text.printer import print_text

if TYPE_CHECKING:
    from plumbob.triage.check.subject import Invocation
    from plumbob.triage.reduce.draft import Draft
    from plumbob.triage.reduce.reduction import Reduced


def module_text(draft: Draft) -> str:
    """Return the module in the text format."""
    return print_text(draft.module)


def annotated(reduced: Reduced, *, file: str) -> str:
    """Return the module's text with a head that says what is expected and what the engine gave.

    `file` is the name that the command of the head speaks of.
    """
    lines = []
    if reduced.difference is not None:
        lines.append(f"{reduced.engine} is wrong here.")
        lines.append("")
        lines += [f"  {_called(each)}" for each in reduced.draft.invocations]
        lines += [
            "",
            f"At {reduced.where()}:",
            f"  expected: {reduced.expected()}",
            f"  found:    {reduced.found()}",
            "",
            f"  {command(reduced, file)}",
            "",
        ]
    size = f"{reduced.after} instructions, reduced from {reduced.before}."
    comment = "\n".join(f";; {line}".rstrip() for line in [*lines, size])
    return f"{comment}\n{module_text(reduced.draft)}"


def command(reduced: Reduced, file: str) -> str:
    """Return the command that shows the difference again."""
    words = [f"plumbob check {file} -e {reduced.engine}"]
    words += [f"--invoke {_invoked(each)}" for each in reduced.draft.invocations if not each.get]
    return " ".join(words)


def _invoked(call: Invocation) -> str:
    return " ".join([call.export, *map(write, call.args)])


def _called(call: Invocation) -> str:
    return call_text(call)


def script(reduced: Reduced) -> str:
    """Return a `.wast` script that asserts what the reference gives, as far as a script can."""
    out = [module_text(reduced.draft).rstrip()]
    wrong = reduced.difference
    for place, call in enumerate(reduced.draft.invocations):
        words = " ".join(
            f"({each.type}.const {write(each)})" if each.bits is not None and not each.shape
            else "(ref.null any)"
            for each in call.args
        )  # fmt: skip
        invoke = f'(invoke "{call.export}"{" " + words if words else ""})'
        asserted = invoke
        if wrong is not None and wrong.place.step == CALL and wrong.place.call == place:
            asserted = _assertion(reduced, invoke)
        out.append(asserted)
    return "\n".join(out) + "\n"


def _assertion(reduced: Reduced, invoke: str) -> str:
    assert reduced.difference is not None  # noqa: S101  # asked of a disagreement alone
    expected = reduced.difference.expected
    if expected.outcome.trap is not None:
        return f'(assert_trap {invoke} "{expected.outcome.trap}")'
    values = getattr(expected.seen, "values", None)
    if values is None or any(each.bits is None or each.shape for each in values):
        return f"{invoke}  ;; expected: {reduced.expected()}"
    results = " ".join(f"({each.type}.const {written(each.type, each.bits)})" for each in values)
    return f"(assert_return {invoke} {results})" if results else f"(assert_return {invoke})"


def data(reduced: Reduced, output: str | None) -> dict[str, Any]:
    """Return the result as plain data, ready for JSON."""
    told: dict[str, Any] = {
        "engine": reduced.engine or None,
        "instructions": {"before": reduced.before, "after": reduced.after},
        "attempts": reduced.tried,
        "calls": [
            {"export": each.export, "args": [write(argument) for argument in each.args]}
            for each in reduced.draft.invocations
        ],
        "file": output,
    }
    if reduced.difference is not None:
        told |= {"expected": reduced.expected(), "found": reduced.found()}
    return told
