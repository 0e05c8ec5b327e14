"""What the API raises besides `UsageError` and `LinkError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.errors import ExitCode, InputError, PlumbobError
from plumbob.runtime.traps import HOST, message_of

if TYPE_CHECKING:
    from plumbob.runtime.references import Tag
    from plumbob.runtime.traps import WasmFrame
    from plumbob.wasm.diagnostics import Report


class InvalidModuleError(InputError):
    """A module is malformed or not valid; `report` has every diagnostic."""

    def __init__(self, report: Report) -> None:
        first = report.diagnostics[0]
        super().__init__(
            f"{report.name} is {report.verdict}: {first.message}",
            expected=first.expected,
            found=first.found,
            hint=first.hint,
            span=first.span,
        )
        self.report = report


class Trap(PlumbobError):  # noqa: N818  # WebAssembly's own name for it
    """The guest trapped; the next call works. A host function may raise one too.

    `kind` is the specification's message ("unreachable", "out of bounds memory access"),
    Plumbob's for a limit ("all fuel consumed"), or HOST; the text begins with it. `code` is
    the trap code in the IR, `detail` what is known of this one. `frames` is the guest's call
    stack, innermost first.
    """

    exit_code = ExitCode.FOUND

    def __init__(
        self,
        message: str,
        *,
        code: str = HOST,
        detail: str | None = None,
        frames: tuple[WasmFrame, ...] = (),
    ) -> None:
        super().__init__(message)
        self.detail = message if detail is None else detail
        self.code = code
        self.kind = message_of(code)
        self.frames = frames

    def backtrace(self) -> str:
        """Return the message and a line for each frame."""
        return "\n".join([self.message, *(f"    at {frame}" for frame in self.frames)])


class ThrownError(PlumbobError):
    """An exception of the guest's that no guest caught; a host function may raise one too.

    `values` are Python values, `tag` a `Tag` of the API.
    """

    exit_code = ExitCode.FOUND

    def __init__(self, tag: Any, values: tuple[Any, ...]) -> None:
        super().__init__("uncaught exception of the guest", found=str(values))
        self.tag = tag
        self.values = values


def tag_of(thrown: ThrownError) -> Tag:
    """Return the runtime's tag of an exception that a host function threw."""
    found: Tag = thrown.tag.runtime
    return found
