"""What the validator says about a module: verdicts and diagnostics, as plain data.

All of it tuples: they cost a command that finds nothing less at start than data classes do.

`validate.py` makes them; `report/` renders them as text, JSON and SARIF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from plumbob.source import Span

VALID, INVALID, MALFORMED = "valid", "invalid", "malformed"
"""Verdicts. Malformed and invalid are different: a malformed input is not a module."""

ERROR, WARNING = "error", "warning"


class Operand(NamedTuple):
    """A value on the operand stack.

    `type` is as in the text format. `offset` is where the operator stands that pushed it
    (bytes from the start of the binary), None for the values a block starts with;
    `operator` is its mnemonic.
    """

    type: str
    offset: int | None = None
    operator: str | None = None
    span: Span | None = None


class Frame(NamedTuple):
    """An enclosing block, the function's own first.

    `label` lists the types a branch to it takes; `height` counts the operands below it;
    `dead_since` is where its code became dead, if it is.
    """

    kind: str
    offset: int | None
    label: tuple[str, ...]
    results: tuple[str, ...]
    height: int
    name: str | None = None
    span: Span | None = None
    dead_since: int | None = None
    dead_after: str | None = None
    dead_span: Span | None = None


class Diagnostic(NamedTuple):
    """One fault of a module."""

    code: str
    """Stable: E01xx malformed, E02xx invalid, W03xx warnings; `docs/diagnostics.md` lists all."""
    message: str
    """What is wrong, in one sentence."""
    verdict: str = INVALID
    severity: str = ERROR
    section: str | None = None
    offset: int | None = None
    """Bytes from the start of the binary (of the encoded module where the input was text)."""
    span: Span | None = None
    """Where it stands in the text, if the input was text."""
    expected: str | None = None
    found: str | None = None
    hint: str | None = None
    """What to do about it."""
    function: int | None = None
    """Function index, imports counted."""
    function_name: str | None = None
    operator: str | None = None
    """The operator with its immediates, as in the text format."""
    expected_stack: tuple[str, ...] | None = None
    """Types the operator takes, the top of the stack last."""
    stack: tuple[Operand, ...] | None = None
    """The whole operand stack found, the top last."""
    frames: tuple[Frame, ...] = ()
    """Enclosing blocks, the innermost last."""
    notes: tuple[str, ...] = ()


class Report:
    """The validator's answer for one module."""

    __slots__ = ("diagnostics", "name", "verdict")

    def __init__(
        self, name: str, verdict: str, diagnostics: list[Diagnostic] | None = None
    ) -> None:
        self.name = name
        self.verdict = verdict
        self.diagnostics = [] if diagnostics is None else diagnostics

    @property
    def ok(self) -> bool:
        """Whether the module is valid."""
        return self.verdict == VALID

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return (self.name, self.verdict, self.diagnostics) == (
            other.name,
            other.verdict,
            other.diagnostics,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Report({self.name!r}, {self.verdict!r}, {self.diagnostics!r})"
