"""What can be wrong with a module: malformed (its format) or invalid (its rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plumbob.errors import InputError

if TYPE_CHECKING:
    from plumbob.source import Span


class MalformedError(InputError):
    """An input that is not in the binary or text format.

    `code` is the stable code of the diagnostic; `offset` counts bytes from the start of
    a binary, None for text; `section` names the section of a binary.
    """

    def __init__(
        self,
        subject: str,
        *,
        code: str = "E0100",
        offset: int | None = None,
        section: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        hint: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(subject, expected=expected, found=found, hint=hint, span=span)
        self.code = code
        self.offset = offset
        self.section = section


class ComponentError(InputError):
    """The input is a component, which wraps core modules; Plumbob reads core modules."""
