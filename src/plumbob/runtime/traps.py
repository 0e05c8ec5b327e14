"""Traps of WebAssembly: their codes, and how they travel.

A trap is a value in the end (`Trap`); inside an executor it travels as `GuestTrap`. The
messages are those of the specification's test suite: a test expects a prefix of them.
"""

from __future__ import annotations

from typing import Any, Final


class TrapCode:
    """Trap codes by name; the strings stand in CLIF text too (`trap user…`)."""

    UNREACHABLE: Final = "unreachable"
    DIVIDE_BY_ZERO: Final = "int_divz"
    INTEGER_OVERFLOW: Final = "int_ovf"
    BAD_CONVERSION: Final = "bad_toint"
    MEMORY_OUT_OF_BOUNDS: Final = "heap_oob"
    UNALIGNED_ATOMIC: Final = "unaligned_atomic"
    EXPECTED_SHARED: Final = "expected_shared_memory"
    TABLE_OUT_OF_BOUNDS: Final = "table_oob"
    UNDEFINED_ELEMENT: Final = "undefined_element"
    UNINITIALIZED_ELEMENT: Final = "uninitialized_element"
    INDIRECT_CALL_MISMATCH: Final = "bad_sig"
    NULL_REFERENCE: Final = "null_reference"
    NULL_FUNCTION: Final = "null_function_reference"
    NULL_STRUCTURE: Final = "null_structure_reference"
    NULL_ARRAY: Final = "null_array_reference"
    NULL_I31: Final = "null_i31_reference"
    NULL_EXCEPTION: Final = "null_exception_reference"
    CAST_FAILURE: Final = "cast_failure"
    ARRAY_OUT_OF_BOUNDS: Final = "array_oob"
    STACK_OVERFLOW: Final = "stk_ovf"
    OUT_OF_FUEL: Final = "fuel"
    DEADLINE: Final = "deadline"
    MEMORY_LIMIT: Final = "memory_limit"


MESSAGES: Final[dict[str, str]] = {
    TrapCode.UNREACHABLE: "unreachable",
    TrapCode.DIVIDE_BY_ZERO: "integer divide by zero",
    TrapCode.INTEGER_OVERFLOW: "integer overflow",
    TrapCode.BAD_CONVERSION: "invalid conversion to integer",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    TrapCode.UNALIGNED_ATOMIC: "unaligned atomic",
    TrapCode.EXPECTED_SHARED: "expected shared memory",
    TrapCode.TABLE_OUT_OF_BOUNDS: "out of bounds table access",
    TrapCode.UNDEFINED_ELEMENT: "undefined element",
    TrapCode.UNINITIALIZED_ELEMENT: "uninitialized element",
    TrapCode.INDIRECT_CALL_MISMATCH: "indirect call type mismatch",
    TrapCode.NULL_REFERENCE: "null reference",
    TrapCode.NULL_FUNCTION: "null function reference",
    TrapCode.NULL_STRUCTURE: "null structure reference",
    TrapCode.NULL_ARRAY: "null array reference",
    TrapCode.NULL_I31: "null i31 reference",
    TrapCode.NULL_EXCEPTION: "null exception reference",
    TrapCode.CAST_FAILURE: "cast failure",
    TrapCode.ARRAY_OUT_OF_BOUNDS: "out of bounds array access",
    TrapCode.STACK_OVERFLOW: "call stack exhausted",
    TrapCode.OUT_OF_FUEL: "all fuel consumed",
    TrapCode.DEADLINE: "deadline reached",
    TrapCode.MEMORY_LIMIT: "memory limit reached",
}
"""What the specification's test suite calls each trap, and what Plumbob calls the rest."""


class GuestTrap(Exception):  # noqa: N818  # it is a trap, not an error of ours
    """A trap on its way up.

    `kind` is one of `TrapCode` or a trap code of CLIF; `message` is for people. `stack`
    holds the frames that are known already (of a run that the trapping host function had
    started); `at` is the instruction, where the innermost frame does not tell.
    """

    def __init__(self, kind: str, message: str = "", stack: tuple[Any, ...] = ()) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.stack = stack
        self.at = -1
