"""The runner of `test interpret`: `; run:` and `; print:` lines, each on a fresh machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plumbob.errors import PlumbobError
from plumbob.exec.interp import Host, Machine, Program, Returned
from plumbob.exec.interp.limits import DEFAULT_LIMITS
from plumbob.filetest.clif_run_values import (
    Invocation,
    format_values,
    parse_invocation,
    parse_values,
    split_results,
)
from plumbob.filetest.verdict import FAILED, Verdict
from plumbob.ir.verifier import Target, verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from plumbob.exec.interp import Limits, Mode, Outcome
    from plumbob.filetest.clif_file import ClifFile
    from plumbob.ir.entities import Signature

DIRECTIVES: Final = ("run", "print")


class FileRunner:
    """Runs calls of one test file's functions.

    `mode`, `seed` and `limits` are those of `Machine`; `hosts` what the functions may call
    besides each other.
    """

    def __init__(
        self,
        file: ClifFile,
        *,
        mode: Mode = "source",
        seed: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        hosts: Mapping[str, Host] | None = None,
    ) -> None:
        self.file = file
        self.options: dict[str, Any] = {"mode": mode, "seed": seed, "limits": limits}
        self.options["hosts"] = hosts
        functions = [parsed.function for parsed in file.functions]
        self.program = Program(functions, file.pointer_bits())

    def judge(self) -> Iterator[Verdict]:
        """Judge every directive; in a file whose functions are wrong, those alone."""
        wrong = list(refused(self.file))
        if wrong:
            yield from wrong
            return
        comments = [c for parsed in self.file.functions for c in parsed.comments]
        lines = iter((*self.file.comments, *comments))
        for comment in lines:
            kind, colon, text = comment.text.lstrip("; \t").partition(":")
            if colon and kind in DIRECTIVES:
                while _is_open(text) and (more := next(lines, None)) is not None:
                    text += " " + more.text.lstrip("; \t")
                reason = self._judge(kind, text)
                yield Verdict(kind, comment.line, FAILED if reason else "passed", reason)

    def _judge(self, kind: str, text: str) -> str:
        """Return why a directive fails; empty if it holds."""
        try:
            invocation = parse_invocation(text.partition(";")[0].strip())  # a remark may follow
            signature, outcome = self.run(invocation)
            if kind == "print" and isinstance(outcome, Returned):
                return ""
            return judge(invocation, signature, outcome)
        except PlumbobError as error:
            return str(error)

    def run(self, invocation: Invocation) -> tuple[Signature, Outcome]:
        """Make the call; returns the function's signature and the outcome."""
        machine = Machine(self.program, **self.options)
        return call(machine, invocation)


def _is_open(text: str) -> bool:
    """Return whether a directive goes on in the next comment: a bracket is still open."""
    return any(text.count(left) > text.count(right) for left, right in ("()", "[]"))


def refused(file: ClifFile) -> Iterator[Verdict]:
    """Yield a verdict for each function that the verifier refuses: it has no one meaning.

    The width of pointers is a target's, and an interpreter has none: an address may be of
    any integer type that holds it (decision 123).
    """
    target = Target()
    for parsed in file.functions:
        errors = verify(parsed.function, target)
        if errors:
            yield Verdict("verifier", parsed.line, FAILED, "; ".join(map(str, errors)))


def call(machine: Machine, invocation: Invocation) -> tuple[Signature, Outcome]:
    """Make a call given as text; returns the function's signature and the outcome.

    Raises InputError for arguments that do not fit, UsageError for an unknown function.
    """
    signature = machine.program.require_signature(invocation.symbol)
    types = [param.type for param in signature.params]
    arguments = parse_values(invocation.arguments, types, f"arguments of {invocation.symbol}")
    return signature, machine.call(invocation.symbol, arguments)


def judge(invocation: Invocation, signature: Signature, outcome: Outcome) -> str:
    """Return why the outcome of a call is not what it expects; empty if it is."""
    if isinstance(outcome, Returned):
        return compare(invocation, signature, outcome.values)
    return str(outcome)


def compare(invocation: Invocation, signature: Signature, values: tuple[int, ...]) -> str:
    """Return why results are not what the call expects; empty if they are. Bit for bit."""
    if invocation.comparison is None:
        return "nothing to compare with: write `== VALUE` or `!= VALUE`"
    types = [result.type for result in signature.returns]
    texts = split_results(invocation.expected, len(types))
    expected = parse_values(texts, types, f"results of {invocation.symbol}")
    if (values == expected) == (invocation.comparison == "=="):
        return ""
    wanted = f"{invocation.comparison} {format_values(expected, types)}"
    return f"expected {wanted}, found {format_values(values, types)}"


def run_interpret(file: ClifFile) -> Iterator[Verdict]:
    """Judge a file's `; run:` and `; print:` lines with generated source."""
    return FileRunner(file).judge()
