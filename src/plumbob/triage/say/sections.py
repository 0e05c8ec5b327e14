"""Where the specification says what an operator does, and when it traps.

The chapter follows from the operator's row in the operator table: what it affects and the
types that its name begins with. Nothing here knows an operator by heart but the names by
which the specification's own anchors differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from plumbob.engines.traps import (
    ANY_BOUNDS,
    ARRAY_OR_LENGTH,
    BAD_INDIRECT,
    NO_ELEMENT,
    NULL_ACCESS,
    NULLS,
    TABLE_BOUNDS,
    TRUNCATION,
    T,
)
from plumbob.wasm import features as f

if TYPE_CHECKING:
    from plumbob.wasm.operators import Operator

SPECIFICATION: Final = "WebAssembly 3.0"
_SITE: Final = "https://webassembly.github.io/spec/core"
_NUMERICS: Final = f"{_SITE}/exec/numerics.html"
_INSTRUCTIONS: Final = f"{_SITE}/exec/instructions.html"

AGGREGATE, TABLE, MEMORY, CALL, VECTOR, FLOAT, CONVERSION, INTEGER, CONTROL, VARIABLE, NONE = range(
    11
)
"""Kinds of operators, those first that say most of a wrong value."""


class Section(NamedTuple):
    """A section of the specification."""

    title: str
    """`WebAssembly 3.0, 4.3.3 Floating-Point Operations, fcopysign`."""
    url: str


_CONVERSION = re.compile(r"wrap_|extend_i32|trunc_|convert_|demote_|promote_|reinterpret_")
_NUMBER = re.compile(r"([if])(?:32|64)\.(\w+)")
_CHAPTERS: Final = {
    "i": ("4.3.2 Integer Operations", "int-ops"),
    "f": ("4.3.3 Floating-Point Operations", "float-ops"),
}


def kind_of(operator: Operator) -> int:
    """Return the kind of an operator; NONE for those that only hold a value or a place."""
    effects = operator.effects
    if any(effect.endswith(".heap") for effect in effects) or "alloc" in effects:
        return AGGREGATE
    for suffix, kind in ((".table", TABLE), (".memory", MEMORY), (".global", VARIABLE)):
        if any(effect.endswith(suffix) for effect in effects):
            return kind
    if "call" in effects or "throw" in effects:
        return CALL
    if operator.mnemonic.startswith(("ref.", "i31.", "any.", "extern.", "br_on_")):
        return AGGREGATE
    if "const" in operator.mnemonic or "local" in operator.mnemonic:
        return NONE
    if "v128" in (*operator.pops, *operator.pushes):
        return VECTOR
    number = _NUMBER.fullmatch(operator.mnemonic)
    if number is None:
        branches = "branch" in effects or operator.mnemonic in ("select", "unreachable", "if")
        return CONTROL if branches else NONE
    if _CONVERSION.match(number[2]):
        return CONVERSION
    return FLOAT if number[1] == "f" else INTEGER


def section_of(operator: Operator) -> Section:
    """Return the section that defines what an operator does."""
    if operator.feature in _PROPOSALS:
        return Section(*_PROPOSALS[operator.feature])
    kind, name = kind_of(operator), operator.mnemonic
    if kind == CONVERSION:
        anchor = "convert-ops"
        return Section(f"{SPECIFICATION}, 4.3.4 Conversions, {name}", f"{_NUMERICS}#{anchor}")
    number = _NUMBER.fullmatch(name)
    if kind in (INTEGER, FLOAT) and number is not None:
        chapter, anchor = _CHAPTERS[number[1]]
        operation = f"{number[1]}{number[2]}"
        return Section(f"{SPECIFICATION}, {chapter}, {operation}", f"{_NUMERICS}#{anchor}")
    return Section(
        f"{SPECIFICATION}, 4.6 Instructions, {name}", f"{_INSTRUCTIONS}#{_anchor(name, kind)}"
    )


def _anchor(name: str, kind: int) -> str:
    if kind == VECTOR:
        return "exec-instr-vec"
    if kind == MEMORY and "load" in name:
        return "exec-load-val"
    if kind == MEMORY and "store" in name:
        return "exec-store-val"
    return "exec-" + re.sub(r"[._]", "-", re.sub(r"_[su]$", "", name))


_PROPOSALS: Final = {
    f.THREADS: (
        "Threads proposal, Execution, Atomic Memory Instructions",
        "https://webassembly.github.io/threads/core/exec/instructions.html",
    ),
    f.WIDE_ARITHMETIC: (
        "Wide arithmetic proposal, Overview",
        "https://github.com/WebAssembly/wide-arithmetic/blob/main/proposals/wide-arithmetic/Overview.md",
    ),
    f.LEGACY_EXCEPTIONS: (
        "Exception handling proposal, Legacy Exceptions",
        "https://github.com/WebAssembly/exception-handling/blob/main/proposals/exception-handling/legacy/Exceptions.md",
    ),
}
"""Operators that WebAssembly 3.0 does not have, by their feature."""

TRAPPING: Final[dict[str, tuple[int, ...]]] = {
    T.UNREACHABLE: (CONTROL,),
    T.DIVIDE_BY_ZERO: (INTEGER,),
    T.INTEGER_OVERFLOW: (INTEGER, CONVERSION),
    T.BAD_CONVERSION: (CONVERSION,),
    TRUNCATION: (CONVERSION,),
    T.MEMORY_OUT_OF_BOUNDS: (MEMORY,),
    T.UNALIGNED_ATOMIC: (MEMORY,),
    T.EXPECTED_SHARED: (MEMORY,),
    T.TABLE_OUT_OF_BOUNDS: (TABLE,),
    T.UNDEFINED_ELEMENT: (TABLE, CALL),
    T.UNINITIALIZED_ELEMENT: (CALL, TABLE),
    T.INDIRECT_CALL_MISMATCH: (CALL, TABLE),
    BAD_INDIRECT: (CALL, TABLE),
    NO_ELEMENT: (CALL, TABLE),
    NULL_ACCESS: (AGGREGATE, CALL),
    TABLE_BOUNDS: (TABLE, CALL),
    ANY_BOUNDS: (MEMORY, TABLE, AGGREGATE, CALL),
    T.CAST_FAILURE: (AGGREGATE,),
    T.ARRAY_OUT_OF_BOUNDS: (AGGREGATE,),
    ARRAY_OR_LENGTH: (AGGREGATE,),
    **dict.fromkeys(sorted(NULLS), (AGGREGATE, CALL)),
}
"""By the kind of a trap, the kinds of operators that trap so."""

RESULTS: Final = Section(
    f"{SPECIFICATION}, 4.2 Runtime Structure, Results", f"{_SITE}/exec/runtime.html#results"
)
"""What a trap is."""

VALIDATION: Final = Section(f"{SPECIFICATION}, 3 Validation", f"{_SITE}/valid/index.html")
BINARY: Final = Section(f"{SPECIFICATION}, 5 Binary Format", f"{_SITE}/binary/index.html")
INSTANTIATION: Final = Section(
    f"{SPECIFICATION}, 4.7 Modules, Instantiation", f"{_SITE}/exec/modules.html#instantiation"
)
