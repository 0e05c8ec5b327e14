"""What the API raises besides `UsageError` and `LinkError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbob.api.checks import brief, require, wrong
from plumbob.errors import ExitCode, InputError, PlumbobError
from plumbob.runtime import references
from plumbob.runtime.traps import HOST, WasmFrame, message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.api.externs import Tag
    from plumbob.api.objects import ExnRef
    from plumbob.wasm.valid.diagnostics import Report


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

    def __reduce__(self) -> tuple[type[InvalidModuleError], tuple[Report]]:
        """Return how to make a copy, in another process too."""
        return type(self), (self.report,)


class Trap(PlumbobError):  # noqa: N818  # WebAssembly's own name for it
    """The guest trapped; the next call works. A host function may raise one too.

    `kind` is the specification's message ("unreachable", "out of bounds memory access"),
    Plumbob's for a limit ("all fuel consumed") or for `Store.interrupt` ("interrupted"), or
    "host"; the text begins with it, save of a trap that a host function raised, which has
    the host's message alone. `code` is the trap code in the IR, `detail` what is known of
    this one. `frames` is the guest's call stack, innermost first. Raises UsageError for texts
    that are no strings and frames that are no `WasmFrame`s.
    """

    exit_code = ExitCode.FOUND

    def __init__(
        self,
        message: str,
        *,
        code: str = HOST,
        detail: str | None = None,
        frames: Sequence[WasmFrame] = (),
    ) -> None:
        require(message, str, "the message of a trap", "a string")
        require(code, str, "the code of a trap", "a string")
        require(detail, (str, type(None)), "the detail of a trap", "a string or None")
        require(frames, (tuple, list), "the frames of a trap", "a tuple of WasmFrames")
        for frame in frames:
            require(frame, WasmFrame, "a frame of a trap", "a WasmFrame")
        super().__init__(message)
        self.detail = message if detail is None else detail
        self.code = code
        self.kind = message_of(code)
        self.frames = tuple(frames)

    def backtrace(self) -> str:
        """Return the message and a line for each frame, `    at MODULE!FUNCTION at PLACE`."""
        return "\n".join([self.message, *(f"    at {frame}" for frame in self.frames)])


class ThrownError(PlumbobError):
    """An exception of the guest's that no guest caught; a host function may raise one too.

    `tag` is a `Tag`, `values` a tuple of Python values, one for each of its types.
    `exception` is the exception as a reference, None of one that a host function makes;
    raised on by a host function, it is the same exception to the guest. Raises UsageError for
    what is no `Tag`, and for values that are no tuple or list; whether they are of the tag's
    types, and the tag of the store, is asked where the guest gets it.
    """

    exit_code = ExitCode.FOUND

    def __init__(self, tag: Tag, values: Sequence[Any] = ()) -> None:
        if getattr(type(tag), "KIND", None) is not references.Tag:
            raise wrong("the tag of an exception", "a Tag", tag)
        require(values, (tuple, list), "the values of an exception", "a tuple of values")
        carried = ", ".join(map(brief, values))
        super().__init__(
            "uncaught exception of the guest",
            found=f"{tag!r}{f' with {carried}' if carried else ''}",
        )
        self.tag = tag
        self.values = tuple(values)
        self.exception: ExnRef | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make a copy. No other process has its tag, so pickling fails there."""
        return type(self), (self.tag, self.values), {"exception": self.exception}
