"""The root of Plumbob's exceptions, and the exit codes. Imports nothing of Plumbob.

A guest's trap is a value, not an exception. Bad input is an `InputError`; a broken
invariant of Plumbob's own is an `InternalError` and is reported as our bug.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plumbob.source import Span


class ExitCode(IntEnum):
    """What every command's exit status means."""

    OK = 0
    FOUND = 1
    """The command found something: an invalid module, a disagreement, a failing test."""
    USAGE = 2
    """Bad usage, or an input that cannot be read."""
    INTERNAL = 3
    """A bug of Plumbob's own."""


class PlumbobError(Exception):
    """Root of every exception that Plumbob raises on purpose.

    `subject` says what went wrong with what; `expected`, `found` and `hint` (what to
    do about it) complete it where they apply; `span` says where.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(
        self,
        subject: str,
        *,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(subject)
        self.subject = subject
        self.expected = expected
        self.found = found
        self.hint = hint
        self.span = span

    @property
    def message(self) -> str:
        """The error in one line, without its place."""
        parts = [self.subject]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.found is not None:
            parts.append(f"found {self.found}")
        text = ": ".join(parts[:1]) + (": " + ", ".join(parts[1:]) if parts[1:] else "")
        return f"{text} ({self.hint})" if self.hint else text

    def __str__(self) -> str:
        return f"{self.span}: {self.message}" if self.span is not None else self.message


class UsageError(PlumbobError):
    """The caller asked for something that cannot be: an option, a name, an argument."""

    exit_code = ExitCode.USAGE


class InputError(PlumbobError):
    """An input is not what it should be."""

    exit_code = ExitCode.USAGE


class InternalError(PlumbobError):
    """A broken invariant of Plumbob's own: always our bug, never the input's fault."""

    exit_code = ExitCode.INTERNAL
