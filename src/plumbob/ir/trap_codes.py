"""Trap codes of WebAssembly: which code stands for which of the specification's messages.

CLIF reserves five names; what WebAssembly has besides are `userN` codes, given out here and
nowhere else. The messages are those that the official suite expects a trap's text to begin
with. CLIF's own operations raise `int_divz`, `int_ovf` and `bad_toint` where WebAssembly's
do (`semantics/`), so those need no code of ours.
"""

from __future__ import annotations

from typing import Final

from plumbob.ir.entities import HEAP_OOB

UNREACHABLE: Final = "user1"
TABLE_OOB: Final = "user2"
UNDEFINED_ELEMENT: Final = "user3"
UNINITIALIZED_ELEMENT: Final = "user4"
SIGNATURE_MISMATCH: Final = "user5"
NULL_REFERENCE: Final = "user6"
NULL_FUNCTION: Final = "user7"
NULL_STRUCTURE: Final = "user8"
NULL_ARRAY: Final = "user9"
NULL_I31: Final = "user10"
NULL_EXCEPTION: Final = "user11"
CAST_FAILURE: Final = "user12"
ARRAY_OOB: Final = "user13"
UNALIGNED_ATOMIC: Final = "user14"
UNSHARED_WAIT: Final = "user15"

TRAP_MESSAGES: Final = {
    "stk_ovf": "call stack exhausted",
    "int_divz": "integer divide by zero",
    "int_ovf": "integer overflow",
    "bad_toint": "invalid conversion to integer",
    HEAP_OOB: "out of bounds memory access",
    UNREACHABLE: "unreachable",
    TABLE_OOB: "out of bounds table access",
    UNDEFINED_ELEMENT: "undefined element",
    UNINITIALIZED_ELEMENT: "uninitialized element",
    SIGNATURE_MISMATCH: "indirect call type mismatch",
    NULL_REFERENCE: "null reference",
    NULL_FUNCTION: "null function reference",
    NULL_STRUCTURE: "null structure reference",
    NULL_ARRAY: "null array reference",
    NULL_I31: "null i31 reference",
    NULL_EXCEPTION: "null exception reference",
    CAST_FAILURE: "cast failure",
    ARRAY_OOB: "out of bounds array access",
    UNALIGNED_ATOMIC: "unaligned atomic",
    UNSHARED_WAIT: "expected shared memory",
}
"""Trap code to the specification's message."""
