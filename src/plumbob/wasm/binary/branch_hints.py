"""Branch hints: the custom section `metadata.code.branch_hint`.

Source: the branch-hinting proposal and the appendix's Custom Sections. A hint says of a
`br_if` or `if` whether its condition is likely to hold. The section stands before the
code; functions ascend, and so do the hints of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plumbob.errors import InternalError
from plumbob.wasm.binary._reader import Reader
from plumbob.wasm.binary.leb import write_u32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plumbob.wasm.operators import Operator

SECTION = "metadata.code.branch_hint"

HINTED_RULES = ("br_if", "if")
"""Rules of the operators that a hint may stand for."""


class BranchHint(NamedTuple):
    """A hint; `offset` counts bytes from the start of the body, locals included."""

    offset: int
    likely: bool


class FunctionHints(NamedTuple):
    """The hints of a function; `function` counts imported ones too."""

    function: int
    hints: tuple[BranchHint, ...]


def may_be_hinted(operator: Operator) -> bool:
    """Return whether a hint may stand for this operator."""
    return operator.rule in HINTED_RULES


def decode_branch_hints(data: bytes | memoryview, base: int = 0) -> list[FunctionHints]:
    """Decode the contents of the section; `base` is their offset in the binary.

    Raises `MalformedError`, also for functions or offsets that do not ascend.
    """
    reader = Reader(data, base=base, section=SECTION)
    out: list[FunctionHints] = []
    last = -1
    for _ in range(reader.count("functions")):
        at = reader.offset
        function = reader.u32("a function index")
        if function <= last:
            reader.fail(
                "E0132", "functions out of order", at, f"an index above {last}", str(function)
            )
        last = function
        out.append(FunctionHints(function, _read_hints(reader)))
    if not reader.at_end:
        reader.fail("E0132", "bytes behind the hints", reader.offset, "the section's end")
    return out


def _read_hints(reader: Reader) -> tuple[BranchHint, ...]:
    hints: list[BranchHint] = []
    last = -1
    for _ in range(reader.count("hints")):
        at = reader.offset
        offset = reader.u32("an offset")
        if offset <= last:
            reader.fail("E0132", "hints out of order", at, f"an offset above {last}", str(offset))
        last = offset
        at = reader.offset
        size = reader.u32("the size of a hint")
        if size != 1:
            reader.fail("E0132", "malformed size of a hint", at, "1", str(size))
        at = reader.offset
        value = reader.u8("a hint")
        if value > 1:
            reader.fail("E0132", "malformed hint", at, "0 or 1", hex(value))
        hints.append(BranchHint(offset, bool(value)))
    return tuple(hints)


def encode_branch_hints(functions: Sequence[FunctionHints]) -> bytes:
    """Return the contents of the section. Functions and offsets must ascend."""
    out = bytearray()
    write_u32(out, len(functions))
    previous = -1
    for function, hints in functions:
        if function <= previous:
            raise InternalError(f"hints of function {function} behind those of {previous}")
        previous = function
        write_u32(out, function)
        write_u32(out, len(hints))
        last = -1
        for offset, likely in hints:
            if offset <= last:
                raise InternalError(f"hint at {offset} behind the one at {last}")
            last = offset
            write_u32(out, offset)
            out += b"\1\1" if likely else b"\1\0"
    return bytes(out)
