"""What the engines' words mean: kinds of traps, features that are missing, other ends.

Each family of engines has a table of fragments of its own messages. An engine may merge
kinds that the specification tells apart; then the table names the class, and `CLASSES` says
which kinds it covers.
"""

from __future__ import annotations

import re
from typing import Final

from plumbob.engines.request import OutcomeKind
from plumbob.ir import trap_codes
from plumbob.ir.entities import HEAP_OOB
from plumbob.ir.trap_codes import TRAP_MESSAGES
from plumbob.runtime.traps import DEADLINE, LIMIT_MESSAGES, MEMORY_LIMIT, OUT_OF_FUEL


class T:
    """Kinds of traps, each called what the specification's test suite calls it."""

    UNREACHABLE: Final = TRAP_MESSAGES[trap_codes.UNREACHABLE]
    DIVIDE_BY_ZERO: Final = TRAP_MESSAGES["int_divz"]
    INTEGER_OVERFLOW: Final = TRAP_MESSAGES["int_ovf"]
    BAD_CONVERSION: Final = TRAP_MESSAGES["bad_toint"]
    MEMORY_OUT_OF_BOUNDS: Final = TRAP_MESSAGES[HEAP_OOB]
    UNALIGNED_ATOMIC: Final = TRAP_MESSAGES[trap_codes.UNALIGNED_ATOMIC]
    EXPECTED_SHARED: Final = TRAP_MESSAGES[trap_codes.UNSHARED_WAIT]
    TABLE_OUT_OF_BOUNDS: Final = TRAP_MESSAGES[trap_codes.TABLE_OOB]
    UNDEFINED_ELEMENT: Final = TRAP_MESSAGES[trap_codes.UNDEFINED_ELEMENT]
    UNINITIALIZED_ELEMENT: Final = TRAP_MESSAGES[trap_codes.UNINITIALIZED_ELEMENT]
    INDIRECT_CALL_MISMATCH: Final = TRAP_MESSAGES[trap_codes.SIGNATURE_MISMATCH]
    NULL_REFERENCE: Final = TRAP_MESSAGES[trap_codes.NULL_REFERENCE]
    NULL_FUNCTION: Final = TRAP_MESSAGES[trap_codes.NULL_FUNCTION]
    NULL_STRUCTURE: Final = TRAP_MESSAGES[trap_codes.NULL_STRUCTURE]
    NULL_ARRAY: Final = TRAP_MESSAGES[trap_codes.NULL_ARRAY]
    NULL_I31: Final = TRAP_MESSAGES[trap_codes.NULL_I31]
    NULL_EXCEPTION: Final = TRAP_MESSAGES[trap_codes.NULL_EXCEPTION]
    CAST_FAILURE: Final = TRAP_MESSAGES[trap_codes.CAST_FAILURE]
    ARRAY_OUT_OF_BOUNDS: Final = TRAP_MESSAGES[trap_codes.ARRAY_OOB]
    STACK_OVERFLOW: Final = TRAP_MESSAGES["stk_ovf"]
    OUT_OF_FUEL: Final = LIMIT_MESSAGES[OUT_OF_FUEL]
    DEADLINE: Final = LIMIT_MESSAGES[DEADLINE]
    MEMORY_LIMIT: Final = LIMIT_MESSAGES[MEMORY_LIMIT]


BAD_INDIRECT: Final = "indirect call"
"""A call through a table to null or to another type."""
TRUNCATION: Final = "float conversion"
"""A float that is NaN, or too large for the integer."""
TABLE_BOUNDS: Final = "table bounds"
"""An index beyond a table, of an access or of a call."""
NO_ELEMENT: Final = "no table element"
"""A call through an index beyond a table, or beyond its last element that was initialized."""
ARRAY_OR_LENGTH: Final = "array too large"
"""An array that is too large to be made."""
ANY_BOUNDS: Final = "index out of bounds"
"""SpiderMonkey has one word for memories, tables and arrays."""
NULL_ACCESS: Final = "null access"
"""JavaScriptCore leaves null to the guard page: casts that read their operand end so too."""

NULLS: Final = frozenset(
    {T.NULL_REFERENCE, T.NULL_FUNCTION, T.NULL_STRUCTURE, T.NULL_ARRAY, T.NULL_I31,
     T.NULL_EXCEPTION}
)  # fmt: skip

CLASSES: Final[dict[str, frozenset[str]]] = {
    T.NULL_REFERENCE: NULLS,
    NULL_ACCESS: NULLS | {T.CAST_FAILURE},
    BAD_INDIRECT: frozenset({T.UNINITIALIZED_ELEMENT, T.INDIRECT_CALL_MISMATCH}),
    TRUNCATION: frozenset({T.BAD_CONVERSION, T.INTEGER_OVERFLOW}),
    TABLE_BOUNDS: frozenset({T.TABLE_OUT_OF_BOUNDS, T.UNDEFINED_ELEMENT}),
    ANY_BOUNDS: frozenset(
        {T.MEMORY_OUT_OF_BOUNDS, T.TABLE_OUT_OF_BOUNDS, T.UNDEFINED_ELEMENT, T.ARRAY_OUT_OF_BOUNDS}
    ),
    NO_ELEMENT: frozenset({T.UNDEFINED_ELEMENT, T.UNINITIALIZED_ELEMENT}),
}
"""Kinds that a class covers; a kind without an entry covers itself."""


def same_class(left: str | None, right: str | None) -> bool:
    """Return whether two kinds of traps may be one: either is unknown, or their classes meet."""
    if left is None or right is None:
        return True
    return not CLASSES.get(left, frozenset({left})).isdisjoint(
        CLASSES.get(right, frozenset({right}))
    )


_WASMTIME_CODES = {
    "STACK_OVERFLOW": T.STACK_OVERFLOW,
    "MEMORY_OUT_OF_BOUNDS": T.MEMORY_OUT_OF_BOUNDS,
    "HEAP_MISALIGNED": T.UNALIGNED_ATOMIC,
    "TABLE_OUT_OF_BOUNDS": TABLE_BOUNDS,
    "INDIRECT_CALL_TO_NULL": T.UNINITIALIZED_ELEMENT,
    "BAD_SIGNATURE": T.INDIRECT_CALL_MISMATCH,
    "INTEGER_OVERFLOW": T.INTEGER_OVERFLOW,
    "INTEGER_DIVISION_BY_ZERO": T.DIVIDE_BY_ZERO,
    "BAD_CONVERSION_TO_INTEGER": T.BAD_CONVERSION,
    "UNREACHABLE": T.UNREACHABLE,
    "INTERRUPT": T.DEADLINE,
    "OUT_OF_FUEL": T.OUT_OF_FUEL,
}
"""Names of the Python package's own enumeration; it stops short of the C interface's."""

_WASMTIME = (
    ("call stack exhausted", T.STACK_OVERFLOW),
    ("all fuel consumed", T.OUT_OF_FUEL),
    ("out of bounds memory access", T.MEMORY_OUT_OF_BOUNDS),
    ("unaligned atomic", T.UNALIGNED_ATOMIC),
    ("undefined element: out of bounds table access", TABLE_BOUNDS),
    ("out of bounds table access", TABLE_BOUNDS),
    ("undefined element", TABLE_BOUNDS),
    ("uninitialized element", T.UNINITIALIZED_ELEMENT),
    ("indirect call type mismatch", T.INDIRECT_CALL_MISMATCH),
    ("integer divide by zero", T.DIVIDE_BY_ZERO),
    ("integer overflow", T.INTEGER_OVERFLOW),
    ("invalid conversion to integer", T.BAD_CONVERSION),
    ("unreachable", T.UNREACHABLE),
    ("null reference", T.NULL_REFERENCE),
    ("null i31 reference", T.NULL_REFERENCE),
    ("out of bounds array access", T.ARRAY_OUT_OF_BOUNDS),
    ("cast failure", T.CAST_FAILURE),
    ("allocation size too large", ARRAY_OR_LENGTH),
    ("GC heap out of memory", T.MEMORY_LIMIT),
)

_V8 = (
    ("Maximum call stack size exceeded", T.STACK_OVERFLOW),
    ("memory access out of bounds", T.MEMORY_OUT_OF_BOUNDS),
    ("operation does not support unaligned accesses", T.UNALIGNED_ATOMIC),
    ("Atomics.wait cannot be called in this context", T.EXPECTED_SHARED),
    ("table index is out of bounds", TABLE_BOUNDS),
    ("table access out of bounds", TABLE_BOUNDS),
    ("element segment", T.TABLE_OUT_OF_BOUNDS),
    ("data segment", T.MEMORY_OUT_OF_BOUNDS),
    ("null function or function signature mismatch", BAD_INDIRECT),
    ("null function", T.UNINITIALIZED_ELEMENT),
    ("function signature mismatch", BAD_INDIRECT),
    ("rethrowing null value", T.NULL_EXCEPTION),
    ("dereferencing a null pointer", T.NULL_REFERENCE),
    ("illegal cast", T.CAST_FAILURE),
    ("array element access out of bounds", T.ARRAY_OUT_OF_BOUNDS),
    ("requested new array is too large", ARRAY_OR_LENGTH),
    ("divide by zero", T.DIVIDE_BY_ZERO),
    ("remainder by zero", T.DIVIDE_BY_ZERO),
    ("divide result unrepresentable", T.INTEGER_OVERFLOW),
    ("float unrepresentable in integer range", TRUNCATION),
    ("unreachable", T.UNREACHABLE),
)

_JSC = (
    ("Maximum call stack size exceeded", T.STACK_OVERFLOW),
    ("Out of bounds memory access", T.MEMORY_OUT_OF_BOUNDS),
    ("Unaligned memory access", T.UNALIGNED_ATOMIC),
    ("Out of bounds table access", T.TABLE_OUT_OF_BOUNDS),
    ("Out of bounds call_indirect", T.UNDEFINED_ELEMENT),
    ("call_indirect to a null table entry", T.UNINITIALIZED_ELEMENT),
    ("call_indirect to a signature that does not match", BAD_INDIRECT),
    ("Division by zero", T.DIVIDE_BY_ZERO),
    ("Integer overflow", T.INTEGER_OVERFLOW),
    ("Out of bounds Trunc", TRUNCATION),
    ("Out of bounds trunc", TRUNCATION),
    ("Unreachable code should not be executed", T.UNREACHABLE),
    ("access to a null reference", NULL_ACCESS),
    ("null reference", T.NULL_REFERENCE),
    ("Out of bounds array", T.ARRAY_OUT_OF_BOUNDS),
    ("cast", T.CAST_FAILURE),
    ("Failed to allocate new array", ARRAY_OR_LENGTH),
    ("out of bounds table index", T.TABLE_OUT_OF_BOUNDS),
    ("Invalid data segment", T.MEMORY_OUT_OF_BOUNDS),
)

_SPIDERMONKEY = (
    ("too much recursion", T.STACK_OVERFLOW),
    ("index out of bounds", ANY_BOUNDS),
    ("unaligned memory access", T.UNALIGNED_ATOMIC),
    ("indirect call to null", T.UNINITIALIZED_ELEMENT),
    ("indirect call signature mismatch", T.INDIRECT_CALL_MISMATCH),
    ("integer divide by zero", T.DIVIDE_BY_ZERO),
    ("integer overflow", T.INTEGER_OVERFLOW),
    ("invalid conversion to integer", T.BAD_CONVERSION),
    ("unreachable executed", T.UNREACHABLE),
    ("dereferencing null pointer", T.NULL_REFERENCE),
    ("bad cast", T.CAST_FAILURE),
    ("too many array elements", ARRAY_OR_LENGTH),
    ("too many table elements", T.MEMORY_LIMIT),
)

_WASM3 = (
    ("[trap] out of bounds memory access", T.MEMORY_OUT_OF_BOUNDS),
    ("[trap] integer divide by zero", T.DIVIDE_BY_ZERO),
    ("[trap] integer overflow", T.INTEGER_OVERFLOW),
    ("[trap] invalid conversion to integer", T.BAD_CONVERSION),
    ("[trap] indirect call type mismatch", T.INDIRECT_CALL_MISMATCH),
    # Its tables end behind the last element that a segment sets.
    ("[trap] undefined element", NO_ELEMENT),
    ("[trap] null table element", T.UNINITIALIZED_ELEMENT),
    ("[trap] unreachable", T.UNREACHABLE),
    ("data segment out of bounds", T.MEMORY_OUT_OF_BOUNDS),
    ("table index out of range", T.TABLE_OUT_OF_BOUNDS),
    ("[trap] stack overflow", T.STACK_OVERFLOW),
)

MESSAGES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "wasmtime": _WASMTIME,
    "deno": _V8,
    "node": _V8,
    "bun": _JSC,
    "spidermonkey": _SPIDERMONKEY,
    "wasm3": _WASM3,
    "pywasm": (
        ("unreachable", T.UNREACHABLE),
        ("ZeroDivisionError", T.DIVIDE_BY_ZERO),
        ("RecursionError", T.STACK_OVERFLOW),
        ("too many frames", T.STACK_OVERFLOW),
    ),
}
"""Fragments of messages by kind of engine; the first that occurs decides."""

_MISSING_V8 = (
    "enable with --",
    "experimental-wasm",
    "experimental flags",
    "invalid value type",
    "nvalid opcode",
    "nvalid prefixed opcode",
    "invalid numeric opcode",
    "limits flags",
    "unknown type form",
    "unknown import kind",
    "invalid table type",
    "exceeds internal limit of 1 @",
    "At most one memory",
    "At most one table",
    "SIMD unsupported",
    "not allowed in init",
    # Arithmetic in constant expressions, before it was on by default.
    "add is not allowed in constant",
    "sub is not allowed in constant",
    "mul is not allowed in constant",
    "non-imported globals cannot be used",
)

_MISSING_WASMPARSER = (
    "not enabled",
    "not implemented",
    "unimplemented",
    "nsupported",
    "not supported",
    "not yet supported",
    "requires the",
    "must be enabled",
    "to be enabled",
    "is disabled",
    "invalid leading byte",
    "nvalid type",
    "limits flags",
    "malformed reference type",
    "references required",
    "require the",
    "feature required",
    "element is not reference type",
    "invalid passive segment",
    "constant expression required",
    "supertype idxs",
    "mutability",
    "multiple memories",
    "nknown opcode",
    "subopcode",
    "unknown type",
    "invalid value type",
    "unexpected opcode",
    "illegal opcode",
)

_MISSING = {
    "wasmtime": _MISSING_WASMPARSER,
    "wasm-tools": _MISSING_WASMPARSER,
    "wabt": (
        "unexpected opcode",
        "expected valid",
        "invalid reference type",
        "unexpected type form",
        "not allowed",
        "only one memory block",
        "limits flag",
        "flags must be",
        "bad memory",
    ),
    "deno": _MISSING_V8,
    "node": _MISSING_V8,
    "spidermonkey": (
        "not enabled",
        "is disabled",
        "unrecognized opcode",
        "not supported",
        "unexpected memory flags",
        "unexpected bits set",
        "bad type",
    ),
    "bun": (
        "not enabled",
        "isn't supported",
        "not supported",
        "is disabled",
        "doesn't parse",  # it has decoded everything that it knows
    ),
    "wasm3": (
        "malformed Wasm",
        "unknown value_type",
        "restricted opcode",
        "only one memory per module",
        "out of order Wasm section",
        "unknown opcode",
        "not supported",
        "not implemented",
        "unsupported",
    ),
    "pywasm": (),
}
"""Fragments by which engines say, of a valid module, that they lack a feature."""


_ALLOCATION = re.compile(
    r"exceeds memory limits|overflow calculating \w+ allocation size|[Cc]annot allocate memory"
    r"|[Cc]ould not allocate|[Ff]ailed to allocate|[Oo]ut of memory|memory allocation failed"
    r"|mmap failed|MemoryError"
)
"""What engines say where they did not get the memory that a module asks for."""

_UNFINISHED = re.compile(r".*\bnot (?:yet )?(?:implemented|supported).*")


def unfinished(engine: str, printed: str) -> str | None:
    """Return the words by which an engine that aborted says that it lacks a feature, or None.

    wasmtime stops the process where its compiler, or its C interface, has nothing for what it
    meets (a reference of a kind, an exported tag, an exported shared memory).
    """
    found = _UNFINISHED.search(printed) if engine == "wasmtime" and "panicked" in printed else None
    return None if found is None else found[0].strip()


def judge(engine: str, kind: str, code: str, message: str) -> tuple[str, str | None]:
    """Return the kind of outcome and the kind of trap that a harness's words stand for.

    `kind` is the harness's own: an `OutcomeKind`, or `error` for what it cannot tell.
    Raises `ValueError` for any other word: the harness is broken then.
    """
    if kind == OutcomeKind.REJECTED:
        missing = any(words in message for words in _MISSING[engine])
        return (OutcomeKind.UNSUPPORTED if missing else kind), None
    if kind in ("trap", "error", "link"):
        return _judge_end(engine, kind, code, message)
    if kind in (OutcomeKind.UNSUPPORTED, OutcomeKind.EXCEPTION):
        return kind, None
    raise ValueError(f"kind {kind!r}")


def _judge_end(engine: str, kind: str, code: str, message: str) -> tuple[str, str | None]:
    if "uncaught" in message or "thrown Wasm exception" in message:
        return OutcomeKind.EXCEPTION, None
    trap = _WASMTIME_CODES.get(code) if engine == "wasmtime" else None
    if trap is None:
        # A backtrace holds the guest's own names; what it says stands outside of them.
        cause = message.rpartition("Caused by:")[2] or message
        trap = next((name for words, name in MESSAGES[engine] if words in cause), None)
    if trap is None and _ALLOCATION.search(message):
        trap = T.MEMORY_LIMIT
    if trap == T.OUT_OF_FUEL:
        return OutcomeKind.FUEL, None
    if kind == "link" and trap is None:
        return OutcomeKind.LINK, None
    if kind == "error" and trap is None:
        return OutcomeKind.UNSUPPORTED, None
    return OutcomeKind.TRAP, trap
