"""Traps of WebAssembly: how they travel, what they are called, where they happened.

A trap travels as `GuestTrap` through an executor and the runtime; the API hands it on as an
error of its own. Codes are CLIF's (`ir.trap_codes` gives them out) and, for limits that
Plumbob sets, this module's. A message begins as the specification's test suite expects.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from plumbob.ir.trap_codes import TRAP_MESSAGES, UNDEFINED_ELEMENT, UNINITIALIZED_ELEMENT
from plumbob.wasm.text.identifiers import identifier

OUT_OF_FUEL: Final = "fuel"
DEADLINE: Final = "deadline"
INTERRUPTED: Final = "interrupted"
"""The embedder asked the guest to stop."""
MEMORY_LIMIT: Final = "memory_limit"
GROWTH: Final = "growth"
"""A memory or a table cannot grow, where the embedder wants a trap rather than -1."""
HOST_DEPTH: Final = "host_depth"
HOST: Final = "host"
"""A trap that a host function raised on its own: the message is all there is to say."""

LIMIT_MESSAGES: Final[dict[str, str]] = {
    OUT_OF_FUEL: "all fuel consumed",
    DEADLINE: "deadline reached",
    INTERRUPTED: "interrupted",
    MEMORY_LIMIT: "memory limit reached",
    GROWTH: "growth failed",
    HOST_DEPTH: "call stack exhausted",
    HOST: "host",
}
"""Kinds of traps that no operation of a guest has: a limit was reached, or the host ends it."""


class WasmFrame(NamedTuple):
    """A place in a WebAssembly function.

    `name` comes from the module's names, None where it has none. In a binary `offset` is the
    operator's place in bytes; in a text `line` and `column` are, both from 1, columns in
    characters. What is not known, or does not apply, is -1 or 0.
    """

    module: str
    func_index: int
    name: str | None
    offset: int
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        # An identifier of the text format: names may hold anything, and a terminal obeys some.
        function = identifier(self.name) if self.name else f"func {self.func_index}"
        place = f" at {self.offset:#x}" if self.offset >= 0 else ""
        if self.line:
            place = f" at {self.line}:{self.column}"
        return f"{self.module}!{function}{place}"


class GuestTrap(Exception):  # noqa: N818  # it is a trap, not an error of ours
    """A trap on its way up.

    `kind` is a trap code; `message` adds what is known of this one. `stack` holds the frames
    that are known already (of a run that the trapping host function had started),
    innermost first; `at` is the instruction, where the innermost frame does not tell.
    """

    def __init__(self, kind: str, message: str = "", stack: tuple[Any, ...] = ()) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.stack = stack
        self.at = -1


def host_has_no_memory() -> GuestTrap:
    """Return the trap of an operation for which the host has no memory left."""
    return GuestTrap(MEMORY_LIMIT, "the host has no more memory")


_NUMBERED: Final = (UNDEFINED_ELEMENT, UNINITIALIZED_ELEMENT)
"""Traps whose `message` begins with the number of an element: "uninitialized element 2"."""


def message_of(kind: str) -> str:
    """Return what the specification's test suite calls a kind of trap, or what Plumbob does."""
    return TRAP_MESSAGES.get(kind) or LIMIT_MESSAGES.get(kind) or kind


def describe(trap: GuestTrap) -> str:
    """Return what a person reads: the specification's message, then what is known besides."""
    if trap.kind == HOST:
        return trap.message
    known = message_of(trap.kind)
    if not trap.message:
        return known
    return f"{known}{'' if trap.kind in _NUMBERED else ':'} {trap.message}"
